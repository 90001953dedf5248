"""What bench/scale-out runs: engines, nodes that share one, and a hole in the wall between a node and its engine."""
import http.client
import json
import re
import secrets
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from contextlib import ExitStack
from pathlib import Path

from running import Peer, Running, free_port, run

PATIENCE = 20


def wait_until(what, act, seconds=PATIENCE, pause=0.005):
    """What `act` gives once that is something; raises when the time is over."""
    until = time.monotonic() + seconds
    while not (got := act()):
        if time.monotonic() > until:
            raise RuntimeError(f"{what}: not within {seconds} s")
        time.sleep(pause)
    return got


def cpu(pid):
    """Nanoseconds of CPU that a process has used so far."""
    total = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except OSError:
            pass  # A thread may end between the listing and the reading.
    return total


def resident(pid):
    """Bytes of resident memory."""
    return int(re.search(r"^Rss:\s+(\d+)", Path(f"/proc/{pid}/smaps_rollup").read_text(), re.M)[1]) * 1024


# --------------------------------------------------------------------------------------- engines


class Engine:
    """A server that nodes share; runs as long as the `with` block."""

    def __init__(self, binary):
        self.binary = binary

    def __enter__(self):
        self.port = free_port()
        self.folder = tempfile.TemporaryDirectory(prefix="hamhame-engine-")
        self.said = tempfile.TemporaryFile("w+")
        command = ["taskset", "-c", self.core, self.binary, *self.arguments()]
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.said, stderr=self.said)
        try:
            wait_until(f"{self.name} listens", self.answers)
        except BaseException:
            self.__exit__()
            raise
        return self

    def answers(self):
        if self.process.poll() is not None:
            self.said.seek(0)
            raise RuntimeError(f"{self.name} has ended: {self.said.read()[-300:]}")
        try:
            socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
            return True
        except OSError:
            return False

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.said.close()
        self.folder.cleanup()

    def on(self, core):
        self.core = core
        return self

    def url(self, port=None):
        return f"{self.name}://127.0.0.1:{port or self.port}"


class Redis(Engine):
    name = "redis"

    def arguments(self):
        kept = ["--save", "", "--appendonly", "no", "--dir", self.folder.name]
        return ["--port", str(self.port), "--bind", "127.0.0.1", *kept]

    def title(self):
        return "Redis " + re.search(r"v=([\d.]+)", run([self.binary, "--version"]))[1]

    def rooms(self):
        """Rooms that it knows."""
        with Wire(self.port) as wire:
            cursor, count = b"0", 0
            while True:
                cursor, keys = wire.ask("SCAN", cursor, "MATCH", "*:head", "COUNT", "10000")
                count += len(keys)
                if cursor == b"0":
                    return count

    @staticmethod
    def frames(heard, room):
        """How many messages of the room's channel a node was sent."""
        return len(re.findall(rb">3\r\n\$7\r\nmessage\r\n\$\d+\r\n[^\r]*\{" + room.encode() + rb"\}\r\n", heard))


class Nats(Engine):
    name = "nats"

    def arguments(self):
        return ["-js", "-sd", self.folder.name, "-p", str(self.port), "-a", "127.0.0.1"]

    def title(self):
        return "NATS " + re.search(r"v([\d.]+)", run([self.binary, "--version"]))[1]

    def rooms(self):
        return None

    @staticmethod
    def frames(heard, room):
        return len(re.findall(rb"(?:^|\r\n)H?MSG [^\r]*" + room.encode(), heard))


KINDS = {"redis": Redis, "nats": Nats}


class Wire:
    """A connection to Redis in its protocol's third version, as hamhame has one."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout=PATIENCE)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.file = self.socket.makefile("rb")
        self.pushes = 0
        self.ask("HELLO", "3")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.file.close()
        self.socket.close()

    def send(self, *words):
        words = [word if isinstance(word, bytes) else word.encode() for word in words]
        self.socket.sendall(b"*%d\r\n" % len(words) + b"".join(b"$%d\r\n%s\r\n" % (len(word), word) for word in words))

    def ask(self, *words):
        """The answer; what is pushed before it is counted."""
        self.send(*words)
        while (got := self.read()) is PUSHED:
            pass
        return got

    def wait_for_push(self, count):
        while self.pushes < count:
            self.read()

    def read(self):
        line = self.file.readline()
        kind, rest = line[:1], line[1:-2]
        if kind == b"$":
            return None if rest == b"-1" else self.file.read(int(rest) + 2)[:-2]
        if kind in b"*~>%":
            parts = [self.read() for _ in range(int(rest) * (2 if kind == b"%" else 1))]
            if kind != b">":
                return parts
            self.pushes += 1
            return PUSHED
        if not line or kind == b"-":
            raise RuntimeError(f"Redis says {line!r}")
        return int(rest) if kind == b":" else rest


PUSHED = object()


def gather_engines(options):
    """Those that are here and that hamhame knows, and why the others are left out."""
    engines, left_out = [], []
    for name in options.engines:
        binary = getattr(options, name)
        try:
            if shutil.which(binary) is None:
                raise RuntimeError(f"there is no {binary}")
            engine = KINDS[name](binary)
            with engine.on(options.cores[1]), ExitStack() as stack:
                start(stack, options, options.cores[0], engine.url())
            engines.append(engine)
        except (RuntimeError, OSError) as error:
            why = " ".join(str(error).split())
            left_out.append(f"{name} ({why[:160]})")
    return engines, left_out


# ----------------------------------------------------------------------------------------- nodes


class Node:
    """A node that takes part, and how it is asked."""

    def __init__(self, running, seconds):
        self.url, self.pid, self.ready_after = running.url, running.process.pid, seconds
        self.connection = http.client.HTTPConnection(self.url.removeprefix("ws://"), timeout=PATIENCE)

    def ask(self, method, path, body=None, token=None):
        headers = {"Content-Type": "application/json"} if body is not None else {}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        text = None if body is None else json.dumps(body)
        try:
            self.connection.request(method, path, text, headers)
            answer = self.connection.getresponse()
        except (BrokenPipeError, http.client.RemoteDisconnected):
            # The server ends a connection that was idle for long.
            self.connection.close()
            self.connection.request(method, path, text, headers)
            answer = self.connection.getresponse()
        return answer.status, answer.read()

    def expect(self, status, *request):
        got, text = self.ask(*request)
        if got != status:
            raise RuntimeError(f"{request[0]} {request[1]}: {got} {text[:200]!r}")
        return json.loads(text) if text else None

    def is_ready(self):
        return self.ask("GET", "/readyz")[0] == 200

    def join(self, room, name):
        """The token of a new member."""
        return self.expect(201, "POST", f"/api/rooms/{room}/sessions", {"client_id": name})["token"]

    def say(self, room, token, content):
        self.expect(201, "POST", f"/api/rooms/{room}/messages", {"content": content}, token)

    def leave(self, room, token):
        self.expect(204, "DELETE", f"/api/rooms/{room}/sessions/current", None, token)

    def counts(self):
        """What /metrics says, by name."""
        lines = self.ask("GET", "/metrics")[1].decode().splitlines()
        return {name: float(value) for name, value in (line.rsplit(" ", 1) for line in lines if line[:1] != "#")}


SECRET = secrets.token_hex(16)


def start(stack, options, core, broker="embedded", *more):
    """A node of one thread, once it takes part; it ends with the stack."""
    command = [options.hamhame, "--listen", "127.0.0.1:0", "--limits", "off", "--threads", "1"]
    command += ["--secret", SECRET, "--broker", broker, *more]
    began = time.monotonic()
    running = stack.enter_context(Running(Peer("node", "node", command), core))
    node = Node(running, 0)
    wait_until("a node is ready", node.is_ready, pause=0.001)
    node.ready_after = time.monotonic() - began
    stack.callback(node.connection.close)
    return node


class Hole:
    """Passes on what goes between a node and its engine, and keeps what the engine tells."""

    def __init__(self, port):
        self.port_behind = port
        self.lock = threading.Lock()
        self.kept = bytearray()
        self.sockets = []

    def __enter__(self):
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()
        return self

    def accept(self):
        while True:
            try:
                node, _ = self.listener.accept()
                engine = socket.create_connection(("127.0.0.1", self.port_behind), timeout=PATIENCE)
            except OSError:
                return
            engine.settimeout(None)
            self.sockets += [node, engine]
            for one in (node, engine):
                one.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            threading.Thread(target=self.carry, args=(node, engine, False), daemon=True).start()
            threading.Thread(target=self.carry, args=(engine, node, True), daemon=True).start()

    def carry(self, source, sink, keeps):
        try:
            while data := source.recv(65536):
                if keeps:
                    with self.lock:
                        self.kept += data
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The other side is gone, and with it this connection.

    def forget(self):
        with self.lock:
            self.kept.clear()

    def heard(self):
        """What the engine has told since."""
        with self.lock:
            return bytes(self.kept)

    def __exit__(self, *_):
        for one in [self.listener, *self.sockets]:
            try:
                one.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
            one.close()
