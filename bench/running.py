"""What bench/compare, bench/transports and bench/scale-out have in common: servers that run, and the generator against them."""
import json
import os
import platform
import queue
import random
import socket
import subprocess
import sys
import tempfile
import threading
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


@dataclass
class Peer:
    """A server to compare: how it is started, and what it needs."""

    name: str
    title: str
    command: list
    dialect: str = "seed"
    environment: dict = field(default_factory=dict)
    folder: Path = ROOT
    wants_port: bool = False


def say(text):
    print(text, file=sys.stderr, flush=True)


def run(command, **options):
    """Runs a command quietly; raises with the end of what it said if it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        raise RuntimeError(f"{command[0]} failed: {done.stdout.strip()[-500:]}")
    return done.stdout


def own_binaries(hamhame, bench):
    """hamhame and the generator; built unless they were given."""
    target = Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")) / "release"
    if hamhame is None or bench is None:
        say("building hamhame and hamhame-bench")
        run(["cargo", "build", "--release", "-p", "hamhame", "-p", "hamhame-bench"], cwd=ROOT)
    return (str(Path(binary).resolve()) for binary in (hamhame or target / "hamhame", bench or target / "hamhame-bench"))


def free_port():
    """Below the ports that connections come from, so that none of them can be in the way."""
    for port in random.sample(range(20000, 30000), 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) != 0:
                return port
    raise RuntimeError("no free port")


class Running:
    """A server that runs as long as the `with` block."""

    def __init__(self, peer, core):
        self.peer, self.core = peer, core

    def __enter__(self):
        command = ["taskset", "-c", self.core, *self.peer.command]
        if self.peer.wants_port:
            command.append(str(free_port()))
        self.complaints = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen(
            command,
            stdout=subprocess.PIPE,
            stderr=self.complaints,
            text=True,
            cwd=self.peer.folder,
            env={**os.environ, **self.peer.environment},
        )
        lines = queue.Queue()
        threading.Thread(target=self.read_lines, args=(lines,), daemon=True).start()
        until = time.monotonic() + 20
        try:
            while line := lines.get(timeout=max(0.01, until - time.monotonic())):
                if line.startswith("listening on http"):
                    self.url = line.split()[2].replace("http", "ws", 1)
                    return self
            why = "it ended"
        except queue.Empty:
            why = "it says nothing"
        self.complaints.seek(0)
        said = self.complaints.read()[-300:]
        self.__exit__()
        raise RuntimeError(f"does not listen: {why} {said}")

    def read_lines(self, lines):
        for line in self.process.stdout:
            lines.put(line)
        lines.put("")

    def __exit__(self, *_):
        self.process.terminate()
        try:
            self.process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.complaints.close()


def generate(bench, core, workload, timeout=180):
    """One run of the generator; its report. Raises with the end of what it said if there is none."""
    with tempfile.TemporaryDirectory() as scratch:
        out = Path(scratch) / "report.json"
        command = ["taskset", "-c", core, bench, *workload, "--quiet", "--json", str(out)]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, timeout=timeout)
        if not out.exists():
            raise RuntimeError(done.stdout.strip()[-300:])
        return json.loads(out.read_text())


def faults_of(report):
    """What was not as it should be, and how often."""
    return {name: count for name, count in {**report["faults"], **report["troubles"]}.items() if count}


def measure(bench, peer, server_core, own_core, workload):
    """One run of a workload against a server of its own; the report, or None with the reason said."""
    try:
        # taskset becomes the server, so that the process started is the one to look at.
        with Running(peer, server_core) as server:
            told = ["--url", server.url, "--dialect", peer.dialect, "--server-pid", str(server.process.pid)]
            report = generate(bench, own_core, [*workload, *told])
    except (RuntimeError, OSError, subprocess.TimeoutExpired) as error:
        say(f"  {peer.name}: no result ({error})")
        return None
    if faults := faults_of(report):
        say(f"  {peer.name}: {faults}")
    return report


def machine():
    model = "unknown processor"
    try:
        names = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
        model = names[0].split(":", 1)[1].strip()
    except (OSError, IndexError):
        pass
    load = os.getloadavg()[0]
    return f"{model}, {os.cpu_count()} cores, Linux {platform.release()}, load before the start {load:.1f}"
