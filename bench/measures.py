"""What bench/scale-out measures, each with engines and nodes of its own."""
import os
import statistics
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager
from hashlib import sha256

from cluster import Hole, Wire, cpu, resident, start, wait_until
from running import say

EMBEDDED = "embedded"
FAN_OUT = 100
ONE_AT_A_TIME = 500
ALL_AT_ONCE = 32


def timing(bench, factor=1):
    seconds = bench.options.seconds * factor
    return ["--seconds", str(seconds), "--warmup", str(min(1, seconds / 2))]


def figures(report):
    return report["figures"]


def percentile(report, name, percent):
    """In milliseconds."""
    return dict(map(tuple, report["latencies"][name]["percentiles"]))[percent] / 1000


def medians(values):
    """Of numbers, or of each place of tuples."""
    if isinstance(values[0], (tuple, list)):
        return [statistics.median(column) for column in zip(*values)]
    return statistics.median(values)


# ----------------------------------------------------------------------- cost, engine and latency


def nodes_of(bench, stack, engine, count):
    """So many nodes on an engine of their own; one that is embedded if there is none."""
    cores = bench.options.cores
    if engine is None:
        return [start(stack, bench.options, cores[0])]
    stack.enter_context(engine.on(cores[1]))
    return [start(stack, bench.options, cores[0], engine.url()) for _ in range(count)]


def measure_cost(bench, engine):
    """Microseconds of CPU per delivery."""
    with ExitStack() as stack:
        nodes = nodes_of(bench, stack, engine, 2)
        members = ["--members", str(FAN_OUT * len(nodes)), "--senders", "2", "--rate", "200"]
        pids = [node.pid for node in nodes]
        report = bench.generate("cost", name_of(engine), nodes, ["fanout", *members, *timing(bench)], pids)
    return figures(report)["cpu_per_delivery_ns"] / 1000


def measure_pair(bench, _):
    """The same of two embedded nodes that work side by side, each for a room of its own: their core sleeps as little as that of
    two nodes on an engine, and being woken is part of what a delivery costs."""
    workload = ["fanout", "--members", str(FAN_OUT), "--senders", "2", "--rate", "200", *timing(bench)]
    with ExitStack() as stack, ThreadPoolExecutor(2) as pool:
        nodes = [nodes_of(bench, stack, None, 1) for _ in range(2)]
        runs = [pool.submit(bench.generate, "pair", EMBEDDED, node, workload, [node[0].pid]) for node in nodes]
        reports = [run.result() for run in runs]
    return statistics.mean(figures(report)["cpu_per_delivery_ns"] for report in reports) / 1000


def measure_latency(bench, engine):
    """The median and the 99th percentile in milliseconds."""
    with ExitStack() as stack:
        nodes = nodes_of(bench, stack, engine, 2)
        workload = ["fanout", "--members", "2", "--rate", "200", *timing(bench, 2)]
        report = bench.generate("latency", name_of(engine), nodes, workload)
    return percentile(report, "delivery", 50), percentile(report, "delivery", 99)


def measure_engine(bench, engine):
    """Microseconds of CPU of the engine per message, one at a time and in batches, and how many are in one of these."""
    single = ["--members", "2", "--rate", str(ONE_AT_A_TIME)]
    batches = ["--members", str(ALL_AT_ONCE), "--senders", str(ALL_AT_ONCE), "--window", "1"]
    found = []
    for members in (single, batches):
        with ExitStack() as stack:
            nodes = nodes_of(bench, stack, engine, 1)
            before = nodes[0].counts()
            workload = ["fanout", *members, *timing(bench)]
            report = bench.generate("engine", engine.name, nodes, workload, [engine.process.pid])
            after = nodes[0].counts()
        of = figures(report)
        found.append(of["server_cores"] * 1e6 / of["messages_per_second"])
        sizes = [after[name] - before[name] for name in ("hamhame_engine_proposals_total", "hamhame_engine_batches_total")]
    return found[0], found[1], sizes[0] / sizes[1]


@contextmanager
def on_core(core):
    """Has this process run where a node would."""
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {int(core)})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


def paced(seconds, act):
    """Does something at the pace of the messages that come one at a time; how often."""
    began = time.monotonic()
    count = round(seconds * ONE_AT_A_TIME)
    for number in range(count):
        time.sleep(max(0, began + number / ONE_AT_A_TIME - time.monotonic()))
        act()
    return count


def measure_floor(bench, engine):
    """Microseconds of CPU of Redis for a PING, and for a script that publishes what a message takes to one subscriber."""
    cores = bench.options.cores
    with engine.on(cores[1]), Wire(engine.port) as wire, on_core(cores[0]):
        script = wire.ask("SCRIPT", "LOAD", "return redis.call('PUBLISH', ARGV[1], ARGV[2])")
        wire.send("SUBSCRIBE", "floor")
        wire.wait_for_push(1)

        def publish():
            pushes = wire.pushes
            wire.ask("EVALSHA", script, "0", "floor", "x" * 300)
            wire.wait_for_push(pushes + 1)

        found = []
        for act in (lambda: wire.ask("PING"), publish):
            paced(min(1, bench.options.seconds / 2), act)
            before = cpu(engine.process.pid)
            count = paced(bench.options.seconds, act)
            found.append((cpu(engine.process.pid) - before) / count / 1000)
    return found


MEASURES = {
    "cost": measure_cost,
    "pair": measure_pair,
    "latency": measure_latency,
    "engine": measure_engine,
    "floor": measure_floor,
}


def name_of(engine):
    return engine.name if engine else EMBEDDED


# -------------------------------------------------------------------------------------- receipts


MEMBERS = (1, 50)


def measure_receipts(bench, engine):
    """Where there are 1 and 50 members, where the last has left and where nobody was: frames and contents per message."""
    count, room = bench.options.messages, "receipts"
    key = sha256(room.encode()).hexdigest()[:32]
    with ExitStack() as stack:
        cores = bench.options.cores
        stack.enter_context(engine.on(cores[1]))
        holes = [stack.enter_context(Hole(engine.port)) for _ in range(4)]
        nodes = [start(stack, bench.options, cores[0], engine.url(hole.port)) for hole in holes]
        nodes[2].leave(room, nodes[2].join(room, "leaving"))
        # A node gives a room up a minute after the last of its own has gone; the subscription ends within seconds.
        wait_until("the room is given up", lambda: nodes[2].counts()["hamhame_engine_rooms"] == 0, 120, 0.5)
        time.sleep(5)
        tokens = [
            node.join(room, f"m{number}-{member}")
            for number, node in enumerate(nodes[:2])
            for member in range(MEMBERS[number])
        ]
        for hole in holes:
            hole.forget()
        contents = [f"receipt-{number:06}." for number in range(count)]
        for content in contents:
            nodes[0].say(room, tokens[0], content)
        last = contents[-1].encode()
        wait_until("all is told", lambda: all(last in hole.heard() for hole in holes[:2]))
        # What is told once more would come now.
        time.sleep(1)
        heard = [hole.heard() for hole in holes]
    said = [[text.count(content.encode()) for content in contents] for text in heard]
    frames = [engine.frames(text, key) / count for text in heard]
    # None at all where everything has come: the room's frames are not known by the hash of its name.
    frames = frames if any(frames) else [None] * len(frames)
    return [(frame, min(each), max(each)) for frame, each in zip(frames, said)]


# ----------------------------------------------------------------------------------------- rooms


def fill(bench, engine, name, count):
    """Makes rooms as people do: a member joins each, says something and leaves for good."""
    at_once = bench.options.followed
    with ExitStack() as stack:
        node = start(stack, bench.options, bench.options.cores[0], engine.url())
        for first in range(0, count, at_once):
            # All alike, so that those that are followed are.
            rooms = min(at_once, count - first)
            if first % (10 * at_once) == 0:
                say(f"  {first:,} of {count:,} rooms made")
            run_name = f"{name}{first // at_once:03}"
            work = ["fanout", "--rooms", str(rooms), "--members", "1", "--run", run_name, "--rate", "100"]
            bench.generate("rooms", engine.name, [node], [*work, "--seconds", "0.5", "--warmup", "0.1"])


def measure_following(bench, engine, name):
    """Seconds until a new node is ready, its memory then, and when it follows its rooms (MiB)."""
    found, rooms = [], [f"{name}000-{number:05}" for number in range(bench.options.followed)]
    for _ in range(bench.options.starts):
        with ExitStack() as stack:
            node = start(stack, bench.options, bench.options.cores[0], engine.url())
            before = resident(node.pid)
            tokens = [node.join(room, "reader") for room in rooms]
            wait_until("it follows", lambda: node.counts()["hamhame_engine_rooms"] >= len(rooms))
            time.sleep(3)
            found.append((node.ready_after, before / 2**20, resident(node.pid) / 2**20))
            for room, token in zip(rooms, tokens):
                node.leave(room, token)
            # A leave is answered while it is still on its way to the engine.
            time.sleep(1)
    return medians(found)


def measure_rooms(bench, engine):
    options = bench.options
    with engine.on(options.cores[1]):
        fill(bench, engine, "few", options.followed)
        few = measure_following(bench, engine, "few")
        fill(bench, engine, "many", options.rooms - options.followed)
        many = measure_following(bench, engine, "many")
        return few, many, engine.rooms()


# -------------------------------------------------------------------------------------- failover


def measure_failover(bench, engine):
    options = bench.options
    cores = options.cores
    with ExitStack() as stack:
        stack.enter_context(engine.on(cores[1]))
        # The last shares a core with the generator and the engine: all three would need more than one.
        nodes = [start(stack, options, core, engine.url()) for core in (cores[0], cores[0], cores[1])]
        work = ["failover", "--kill", str(nodes[0].pid), "--at-once", "1000", "--rate", str(options.failover_rate)]
        work += ["--rooms", str(options.failover_rooms), "--members", str(options.failover_members)]
        return bench.generate("failover", engine.name, nodes, work, timeout=400)
