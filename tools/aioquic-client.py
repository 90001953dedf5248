"""HTTP/3 and WebSocket over it (RFC 9220) as aioquic and wsproto speak them, against the real server.

    HAMHAME_BIN=target/release/hamhame python3 tools/aioquic-client.py

Ends non-zero, with a traceback, at the first thing that is not as it should be.
"""

import asyncio
import json
import os
import ssl
import subprocess
import sys
from collections import defaultdict

from aioquic.asyncio.client import connect
from aioquic.asyncio.protocol import QuicConnectionProtocol
from aioquic.h3.connection import H3_ALPN, H3Connection
from aioquic.h3.events import DataReceived, HeadersReceived
from aioquic.quic.configuration import QuicConfiguration
from aioquic.quic.events import StreamReset
from wsproto.connection import Connection, ConnectionType
from wsproto.events import BytesMessage, CloseConnection, Ping, Pong, TextMessage

PATIENCE = 20  # seconds for anything


class Browser(QuicConnectionProtocol):
    """One connection of HTTP/3."""

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.http = H3Connection(self._quic)
        self.events = defaultdict(asyncio.Queue)
        self.authority = ""

    def quic_event_received(self, event):
        if isinstance(event, StreamReset):
            self.events[event.stream_id].put_nowait(event)
        for arrived in self.http.handle_event(event):
            self.events[arrived.stream_id].put_nowait(arrived)

    def ask(self, method, path, *more, body=None, end=True):
        """Sends a request; gives its stream."""
        stream = self._quic.get_next_available_stream_id()
        headers = [(b":method", method), (b":scheme", b"https"), (b":authority", self.authority.encode())]
        self.http.send_headers(stream, [*headers, (b":path", path), *more], end_stream=end and body is None)
        if body is not None:
            self.http.send_data(stream, body, end_stream=end)
        self.transmit()
        return stream

    async def arrival(self, stream):
        return await asyncio.wait_for(self.events[stream].get(), PATIENCE)

    async def head(self, stream):
        event = await self.arrival(stream)
        assert isinstance(event, HeadersReceived), event
        headers = dict(event.headers)
        return int(headers[b":status"]), headers, event.stream_ended

    async def get(self, path):
        """Status, headers and body of the answer to a GET."""
        stream = self.ask(b"GET", path)
        status, headers, ended = await self.head(stream)
        body = b""
        while not ended:
            event = await self.arrival(stream)
            assert isinstance(event, DataReceived), event
            body += event.data
            ended = event.stream_ended
        return status, headers, body

    async def websocket(self, path, protocol=None):
        """Opens a WebSocket; the server must have said that it takes them."""
        await asyncio.wait_for(self.settled(), PATIENCE)
        offered = [] if protocol is None else [(b"sec-websocket-protocol", protocol)]
        upgrade = ((b":protocol", b"websocket"), (b"sec-websocket-version", b"13"), *offered)
        stream = self.ask(b"CONNECT", path, *upgrade, end=False)
        status, headers, ended = await self.head(stream)
        assert (status, ended) == (200, False), (status, headers)
        assert headers.get(b"sec-websocket-protocol") == protocol, headers
        return Socket(self, stream)

    async def settled(self):
        while self.http.received_settings is None:
            await asyncio.sleep(0.01)
        # SETTINGS_ENABLE_CONNECT_PROTOCOL (RFC 9220, section 5).
        assert self.http.received_settings[0x8] == 1, self.http.received_settings


class Socket:
    """One WebSocket."""

    def __init__(self, browser, stream):
        self.browser, self.stream = browser, stream
        self.frames = Connection(ConnectionType.CLIENT)
        self.messages = []

    def send(self, event):
        self.browser.http.send_data(self.stream, self.frames.send(event), end_stream=False)
        self.browser.transmit()

    async def next(self):
        """The next whole message or control frame. Pings are answered."""
        whole = None
        while True:
            for event in self.frames.events():
                if isinstance(event, Ping):
                    self.send(event.response())
                elif isinstance(event, (TextMessage, BytesMessage)):
                    whole = event.data if whole is None else whole + event.data
                    if event.message_finished:
                        return whole
                else:
                    return event
            arrived = await self.browser.arrival(self.stream)
            assert isinstance(arrived, DataReceived), arrived
            self.frames.receive_data(arrived.data)

    async def until(self, kind, **expected):
        """The next message of a room of this type, and with these members."""
        while True:
            message = json.loads(await self.next())
            if message["type"] == kind and expected.items() <= message.items():
                return message


async def requests(browser):
    status, _, body = await browser.get(b"/healthz")
    assert (status, body) == (200, b"ok\n"), (status, body)
    status, headers, body = await browser.get(b"/")
    assert status == 200 and body.startswith(b"<!doctype html>"), (status, body)
    assert int(headers[b"content-length"]) == len(body)
    assert (await browser.get(b"/nowhere"))[0] == 404
    answers = await asyncio.gather(*(browser.get(b"/healthz") for _ in range(50)))
    assert all(answer[0] == 200 for answer in answers)


async def echo(browser):
    socket = await browser.websocket(b"/lab/echo")
    for message in ["salaam", "", "سلام" * 5000, b"\x00\xff" * 30000]:
        kind = TextMessage if isinstance(message, str) else BytesMessage
        socket.send(kind(data=message))
        assert await socket.next() == message
    for piece, last in [("one ", False), ("two ", False), ("three", True)]:
        socket.send(TextMessage(data=piece, message_finished=last))
    assert await socket.next() == "one two three"
    socket.send(Ping(payload=b"there?"))
    answer = await socket.next()
    assert isinstance(answer, Pong) and answer.payload == b"there?", answer
    socket.send(CloseConnection(code=1000))
    answer = await socket.next()
    assert isinstance(answer, CloseConnection) and answer.code == 1000, answer


async def chat(one, other):
    rooms = [await browser.websocket(path, b"hamhame.v1") for browser, path in
             [(one, b"/ws/class/maryam"), (one, b"/ws/class/ali"), (other, b"/ws/class/reza")]]
    for room in rooms:
        room.send(TextMessage(data=json.dumps({"type": "join"})))
        await room.until("welcome")
    for number, speaker in enumerate(rooms * 5):
        speaker.send(TextMessage(data=json.dumps({"type": "send", "id": f"{number}", "content": f"سلام {number}"})))
        events = [await room.until("message", content=f"سلام {number}") for room in rooms]
        assert all(event == events[0] for event in events), events


async def talk(address):
    host, port = address.rsplit(":", 1)
    configuration = QuicConfiguration(is_client=True, alpn_protocols=H3_ALPN, verify_mode=ssl.CERT_NONE)
    call = lambda: connect(host, int(port), configuration=configuration, create_protocol=Browser)
    async with call() as one, call() as other:
        one.authority = other.authority = address
        await requests(one)
        await echo(one)
        await chat(one, other)


def main():
    command = [os.environ["HAMHAME_BIN"], "--listen", "127.0.0.1:0", "--tls", "self-signed", "--http3"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
        try:
            address = server.stdout.readline().strip().removeprefix("listening on https://")
            asyncio.run(talk(address))
        finally:
            server.terminate()
        code = server.wait(PATIENCE)
        assert code == 0, f"the server ended with {code}"
    print("aioquic: requests, echo and rooms over HTTP/3")


if __name__ == "__main__":
    sys.exit(main())
