"""Runs what a file of deploy/compose describes as plain processes on the loopback, and tries it.

Names and ports of services stand for addresses there; here each of them is a port of its own. The commands, the
environment and the configurations are those of the files. Usage: compose.py FILE HAMHAME VALKEY_OR_NATS_SERVER FOLDER
"""

import json
import os
import re
import shlex
import socket
import subprocess
import sys
import threading
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

    def __init__(self, file, hamhame, server, folder):
        self.hamhame, self.server, self.folder = hamhame, server, folder
        with open(os.path.join(COMPOSE, file), encoding="utf-8") as text:
            self.compose = yaml.safe_load(text)
        self.services = self.compose["services"]
        self.ports = {}
        self.processes = {}

    def port(self, name, number):
        """The port of this machine for one of a service's."""
        key = name, int(number)
        if key not in self.ports:
            self.ports[key] = free_port()
        return self.ports[key]

    def here(self, text, name):
        """The text with the addresses of this machine for those of the network of containers."""

        def own(found):
            return f"127.0.0.1:{self.port(name, found[1])}"

        text = re.sub(r"(?:0\.0\.0\.0|127\.0\.0\.1|(?<=bind )):(\d+)", own, text)
        text = re.sub(r"(--port|^port) (\d+)", lambda found: f"{found[1]} {self.port(name, found[2])}", text, flags=re.M)
        for other in self.services:
            text = re.sub(
                rf"\b{other}([: ])(\d+)", lambda found: f"127.0.0.1{found[1]}{self.port(other, found[2])}", text
            )
            text = re.sub(rf"-ip {other}\b", "-ip 127.0.0.1", text)
        return text

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
        store = os.path.join(self.folder, name)
        os.makedirs(store, exist_ok=True)
        if service["image"].startswith("nats"):
            text = self.compose["configs"]["nats"]["content"].replace("/data", json.dumps(store))
            there, config = service["configs"][0]["target"], self.file(f"{name}.conf", self.here(text, name))
            return [self.server, *(config if word == there else word for word in words[1:])]
        return [self.server, *words[1:], "--dir", store]

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
            for (owner, _), port in self.ports.items():
                if owner == name:
                    socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True

        eventually(f"{name} listens", answers)

    def is_healthy(self, name):
        """Does what the service's health check does, which for a node stands in the image."""
        if self.services[name]["image"] == "hamhame":
            address = f"127.0.0.1:{self.port(name, 8000)}"
            return subprocess.run([self.hamhame, "health", address], capture_output=True).returncode == 0
        if "healthcheck" in self.services[name]:
            url = self.here(self.services[name]["healthcheck"]["test"][-1], name)
            urllib.request.urlopen(url, timeout=5).close()
        return True

    def leader(self):
        """The server that orders what is said: the primary, or who leads the one stream of rooms that has messages."""
        if "valkey-1" in self.services:
            return "valkey-1"
        url = f"http://127.0.0.1:{self.port('nats-1', 8222)}/jsz?streams=true"
        with urllib.request.urlopen(url, timeout=5) as answer:
            streams = json.load(answer)["account_details"][0]["stream_detail"]
        (said,) = [stream for stream in streams if "rooms" in stream["name"] and stream["state"]["messages"]]
        assert len(said["cluster"]["replicas"]) == 2, said
        return said["cluster"]["leader"]

    def kill(self, name):
        self.processes[name].kill()
        self.processes[name].wait()

    def end(self):
        for name in self.processes:
            self.kill(name)

    def ask(self, method, path, body=None, token=None):
        """A request to the proxy, on a connection of its own."""
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if token:
            headers["Authorization"] = f"Bearer {token}"
        data = None if body is None else json.dumps(body).encode()
        address = f"http://127.0.0.1:{self.port('proxy', 8000)}{path}"
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
    stack = Stack(*sys.argv[1:])
    try:
        stack.start_all()
        for name in stack.services:
            stack.wait_for(name)  # on each port that others know, too
            eventually(f"{name} is healthy", lambda: stack.is_healthy(name))
        eventually("the proxy has a node", lambda: stack.ask("GET", "/readyz"))
        room = "/api/rooms/class"
        token = stack.ask("POST", f"{room}/sessions", {"client_id": "ali"})["token"]
        said = []

        def say_some(when, killed=None):
            """Twelve messages, one after the other; while they are said, this service is killed."""
            for number in range(12):
                text = f"{when} {number}"
                if killed and number == 4:
                    threading.Thread(target=stack.kill, args=[killed]).start()
                message = {"id": text, "content": text}
                eventually(f"{text} is taken", lambda: stack.ask("POST", f"{room}/messages", message, token))
                said.append(text)

        say_some("with all")
        say_some("without a node", killed="node-2")
        leader = stack.leader()
        say_some(f"without {leader}", killed=leader)

        def heard():
            events = stack.ask("GET", f"{room}/events?history=100", token=token)["events"]
            return [event["content"] for event in events if event["type"] == "message"]

        eventually("all messages are there, in their order", lambda: heard() == said)
        print(f"{len(said)} messages by a proxy over three nodes; node-2 and {leader} were killed meanwhile")
    finally:
        stack.end()


main()
