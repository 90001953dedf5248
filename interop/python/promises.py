"""What every client of the tests does, whichever library opens its WebSocket.

A library is an async context manager `connect(url, protocol)` that gives an object with `protocol`, `compressed`,
`send(text)`, `receive()` and `closed()`, which waits for the end and gives the close code.
"""

import asyncio
import json
import sys

CONTENT = "می‌خواهم بگویم: سلام! " * 30  # with ZWNJ, and long enough to be compressed
PATIENCE = 20


async def within(awaitable):
    return await asyncio.wait_for(awaitable, PATIENCE)


async def next_of(socket, kind, **members):
    """The next message of this type and with these members; others are passed over."""
    while True:
        message = json.loads(await within(socket.receive()))
        if message["type"] == kind and all(message.get(name) == value for name, value in members.items()):
            return message


async def join(socket, **members):
    await socket.send(json.dumps({"type": "join", **members}))
    return await next_of(socket, "welcome")


async def talk(connect, origin):
    room = origin.replace("http", "ws", 1) + "/ws/%DA%A9%D9%84%D8%A7%D8%B3/"
    async with connect(room + "maryam", "hamhame.v1") as maryam, connect(room + "ali", None) as ali:
        assert maryam.protocol == "hamhame.v1", maryam.protocol
        assert ali.protocol is None, ali.protocol
        assert maryam.compressed, "permessage-deflate was not agreed on"
        welcome = await join(maryam)
        assert welcome["room_id"] == "کلاس", welcome

        await maryam.send(json.dumps({"type": "send", "id": "1", "content": CONTENT}))
        offset = (await next_of(maryam, "ack", id="1"))["offset"]
        heard = await next_of(ali, "message")
        assert heard["content"] == CONTENT.strip() and heard["offset"] == offset, heard
        await ali.send(CONTENT + "!")
        await next_of(maryam, "message", content=CONTENT + "!", client_id="ali")

        await maryam.send("no JSON")
        assert (await next_of(maryam, "error"))["code"] == "invalid_json"

        async with connect(room + "maryam", "hamhame.v1") as again:
            taken = await join(again, token=welcome["token"], after=welcome["position"])
            assert taken["recovered"] is True and taken["member"] == welcome["member"], taken
            assert await within(maryam.closed()) == 4506, "the older connection is told that it was replaced"
            await next_of(again, "message", content=CONTENT.strip())

            print("ready for the end", flush=True)
            assert await within(ali.closed()) in (1001, 1012), "a server that goes says so"
            assert await within(again.closed()) in (1001, 1012)


def main(connect):
    asyncio.run(talk(connect, sys.argv[1]))
    print("done", flush=True)
