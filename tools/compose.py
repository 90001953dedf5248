"""Runs what deploy/compose/compose.yaml describes as plain processes on the loopback, and tries it.

Names and ports of services stand for addresses there; here each service has a port of its own. The commands, the
environment and the configurations are those of the files. Usage: compose.py HAMHAME VALKEY_SERVER FOLDER
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request

import yaml

HERE = os.path.dirname(os.path.abspath(__file__))
COMPOSE = os.path.join(HERE, "..", "deploy", "compose")
SECRET = "0123456789abcdef"


def free_port():
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Stack:
    """The services, each a process."""

    def __init__(self, hamhame, server, folder):
        self.hamhame, self.server, self.folder = hamhame, server, folder
        with open(os.path.join(COMPOSE, "compose.yaml"), encoding="utf-8") as file:
            self.compose = yaml.safe_load(file)
        self.services = self.compose["services"]
        self.ports = {name: free_port() for name in self.services}
        self.processes = {}

    def here(self, text, name):
        """The text with the addresses of this machine for those of the network of containers."""
        own = self.ports[name]
        for other, port in self.ports.items():
            text = re.sub(rf"\b{other}([: ])(6379|26379|8000)\b", rf"127.0.0.1\g<1>{port}", text)
            text = re.sub(rf"-ip {other}\b", "-ip 127.0.0.1", text)
        text = re.sub(r"(--port|^port) (6379|26379)\b", rf"\1 {own}", text, flags=re.M)
        return text.replace("0.0.0.0:8000", f"127.0.0.1:{own}").replace("bind :8000", f"bind 127.0.0.1:{own}")

    def file(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def command(self, name):
        service = self.services[name]
        if service["image"] == "hamhame":
            return [self.hamhame]
        if service["image"].startswith("haproxy"):
            with open(os.path.join(COMPOSE, "haproxy.cfg"), encoding="utf-8") as file:
                return ["haproxy", "-db", "-f", self.file("haproxy.cfg", self.here(file.read(), name))]
        if "entrypoint" in service:
            text = self.compose["configs"]["sentinel"]["content"]
            return [self.server, self.file(f"{name}.conf", self.here(text, name)), "--sentinel"]
        words = shlex.split(self.here(service["command"], name))
        os.makedirs(os.path.join(self.folder, name), exist_ok=True)
        return [self.server, *words[1:], "--dir", os.path.join(self.folder, name)]

    def start(self, name):
        environment = dict(os.environ)
        for key, value in self.services[name].get("environment", {}).items():
            value = re.sub(r"\$\{HAMHAME_SECRET:?.*\}", SECRET, value)
            environment[key] = self.here(value, name).replace("10.0.0.0/8", "127.0.0.0/8")
        log = open(os.path.join(self.folder, f"{name}.log"), "wb")
        self.processes[name] = subprocess.Popen(
            self.command(name), env=environment, stdin=subprocess.DEVNULL, stdout=log, stderr=log
        )

    def start_all(self):
        started = set()
        while len(started) < len(self.services):
            for name, service in self.services.items():
                if name not in started and started.issuperset(service.get("depends_on", [])):
                    self.start(name)
                    self.wait_for(name)
                    started.add(name)

    def wait_for(self, name):
        def answers():
            if self.processes[name].poll() is not None:
                raise SystemExit(f"{name} has ended: see {self.folder}/{name}.log")
            with socket.create_connection(("127.0.0.1", self.ports[name]), timeout=1):
                return True

        eventually(f"{name} listens", answers)

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def end(self):
        for process in self.processes.values():
            process.kill()

    def ask(self, method, path, body=None, token=None):
        """A request to the proxy, on a connection of its own."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.ports['proxy']}{path}"
        request = urllib.request.Request(address, data, headers, method=method)
        with urllib.request.urlopen(request, timeout=10) as answer:
            text = answer.read()
            return json.loads(text) if text.startswith(b"{") else text


def eventually(what, act, seconds=30):
    """Does it until it works."""
    deadline = time.monotonic() + seconds
    while True:
        try:
            done = act()
            if done:
                return done
            why = "not yet"
        except (OSError, urllib.error.URLError) as error:
            why = error
        if time.monotonic() > deadline:
            raise SystemExit(f"{what}: {why}")
        time.sleep(0.1)


def main():
    stack = Stack(*sys.argv[1:4])
    try:
        stack.start_all()
        eventually("the proxy has a node", lambda: stack.ask("GET", "/readyz"))
        for node in ("node-1", "node-2", "node-3"):
            address = f"127.0.0.1:{stack.ports[node]}"
            eventually(
                f"hamhame health of {node}",
                lambda: subprocess.run([stack.hamhame, "health", address], capture_output=True).returncode == 0,
            )
        room = "/api/rooms/class"
        token = stack.ask("POST", f"{room}/sessions", {"client_id": "ali"})["token"]
        said = []

        def say(text):
            message = {"id": text, "content": text}
            eventually(f"{text} is taken", lambda: stack.ask("POST", f"{room}/messages", message, token))
            said.append(text)

        for number in range(12):
            say(f"with all {number}")
        stack.kill("node-2")
        for number in range(12):
            say(f"without a node {number}")
        stack.kill("valkey-1")
        for number in range(12):
            say(f"after the primary {number}")

        def heard():
            events = stack.ask("GET", f"{room}/events?history=100", token=token)["events"]
            return [event["content"] for event in events if event["type"] == "message"]

        heard = eventually("the messages are there", heard)
        assert heard == said[-len(heard):] and len(heard) >= 30, (heard, said)
        print(f"{len(said)} messages by a proxy over three nodes; a node and the primary were killed meanwhile")
    finally:
        stack.end()


main()
