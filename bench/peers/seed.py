"""The classroom chatroom that hamhame grew from, on FastAPI: parse, stamp, send to each in the room.

Without its join notices and presence lists, so that all peers do the same work.
"""
import json
import socket
import sys
from datetime import datetime, timezone

import uvicorn
from fastapi import FastAPI, WebSocket, WebSocketDisconnect

app = FastAPI()
rooms: dict[str, list[WebSocket]] = {}


@app.websocket("/ws/{room_id}/{client_id}")
async def room(websocket: WebSocket, room_id: str, client_id: str):
    await websocket.accept()
    members = rooms.setdefault(room_id, [])
    members.append(websocket)
    try:
        while True:
            data = json.loads(await websocket.receive_text())
            event = {
                "type": "message",
                "room_id": room_id,
                "client_id": client_id,
                "content": str(data.get("content", "")).strip(),
                "timestamp": datetime.now(timezone.utc).isoformat(),
            }
            for member in list(members):
                try:
                    await member.send_json(event)
                except RuntimeError:  # it left in the meantime
                    pass
    except WebSocketDisconnect:
        pass
    finally:
        members.remove(websocket)


if __name__ == "__main__":
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", int(sys.argv[1]) if len(sys.argv) > 1 else 0))
    listener.listen(4096)
    print(f"listening on http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
    config = uvicorn.Config(
        app, loop="uvloop", ws="websockets", log_level="error", ws_per_message_deflate=False
    )
    uvicorn.Server(config).run(sockets=[listener])
