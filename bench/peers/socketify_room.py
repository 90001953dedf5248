"""The chatroom on socketify, uWebSockets with Python callbacks: parse, stamp, publish to the room."""
import json
import sys
from datetime import datetime, timezone

from socketify import App, OpCode


def upgrade(response, request, context):
    key = request.get_header("sec-websocket-key")
    protocol = request.get_header("sec-websocket-protocol")
    extensions = request.get_header("sec-websocket-extensions")
    place = (request.get_parameter(0), request.get_parameter(1))
    response.upgrade(key, protocol, extensions, context, place)


def join(socket):
    socket.subscribe(socket.get_user_data()[0])


def message(socket, text, opcode):
    room, client = socket.get_user_data()
    event = {
        "type": "message",
        "room_id": room,
        "client_id": client,
        "content": str(json.loads(text)["content"]),
        "timestamp": datetime.now(timezone.utc).isoformat(),
    }
    app.publish(room, json.dumps(event, separators=(",", ":")), OpCode.TEXT)


app = App()
app.ws(
    "/ws/:room/:client",
    {"compression": 0, "upgrade": upgrade, "open": join, "message": message, "idle_timeout": 960},
)
port = int(sys.argv[1])
app.listen(port, lambda config: print(f"listening on http://127.0.0.1:{port}", flush=True))
app.run()
