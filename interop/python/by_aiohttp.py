"""The promises by the package `aiohttp`."""

from contextlib import asynccontextmanager

import aiohttp

import promises


class Socket:
    def __init__(self, connection):
        self.connection = connection
        self.protocol = connection.protocol
        self.compressed = connection.compress > 0

    async def send(self, text):
        await self.connection.send_str(text)

    async def receive(self):
        return await self.connection.receive_str()

    async def closed(self):
        while True:
            message = await self.connection.receive()
            if message.type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSING, aiohttp.WSMsgType.CLOSED):
                return self.connection.close_code


@asynccontextmanager
async def connect(url, protocol):
    protocols = [protocol] if protocol else []
    async with aiohttp.ClientSession() as session, session.ws_connect(url, protocols=protocols, compress=15) as connection:
        yield Socket(connection)


promises.main(connect)
