"""Reads a room's events as a stream, by the package `aiohttp`, until one says `تمام`."""

import asyncio
import json
import sys

import aiohttp


async def main(origin):
    timeout = aiohttp.ClientTimeout(total=30)
    url = origin + "/api/rooms/%DA%A9%D9%84%D8%A7%D8%B3/events"
    headers = {"Accept": "text/event-stream"}
    async with aiohttp.ClientSession(timeout=timeout) as session, session.get(url, headers=headers) as response:
        assert response.content_type == "text/event-stream", response.content_type
        async for line in response.content:
            if not line.startswith(b"data: "):
                continue
            event = json.loads(line.removeprefix(b"data: "))
            print(json.dumps(event), flush=True)
            if event.get("content") == "تمام":
                return


asyncio.run(main(sys.argv[1]))
