"""The promises by the package `websockets`."""

from contextlib import asynccontextmanager

import websockets
from websockets.asyncio.client import connect as open_websocket

import promises


class Socket:
    def __init__(self, connection):
        self.connection = connection
        self.protocol = connection.subprotocol
        self.compressed = any("deflate" in extension.name for extension in connection.protocol.extensions)

    async def send(self, text):
        await self.connection.send(text)

    async def receive(self):
        return await self.connection.recv()

    async def closed(self):
        while True:
            try:
                await self.connection.recv()
            except websockets.ConnectionClosed:
                return self.connection.close_code


@asynccontextmanager
async def connect(url, protocol):
    async with open_websocket(url, subprotocols=[protocol] if protocol else None, proxy=None) as connection:
        yield Socket(connection)


promises.main(connect)
