// What several nodes share: a real Redis, alone or with replicas and sentinels, which ends with the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const PROGRAM = process.env.TEST_REDIS ?? "redis-server";

/** A port that was free a moment ago. */
async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

/** What a server answers to one command in words; empty if it is not there. */
function tell(port, command) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${command}\r\n`));
    socket.setEncoding("utf8").on("data", (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.on("error", () => resolve("")).on("close", () => resolve(""));
  });
}

async function until(port, command, accept) {
  const deadline = performance.now() + 30_000;
  while (!accept(await tell(port, command))) {
    if (performance.now() > deadline) throw new Error(`${command} on port ${port}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Redis {
  #processes = [];
  #folder;

  /** The port of each server, the primary first. @type {number[]} */
  ports = [];
  /** @type {string} what nodes find it by */
  url;

  /** One server. */
  static async start() {
    const redis = new Redis();
    redis.#folder = await mkdtemp(join(tmpdir(), "hamhame-redis-"));
    await redis.#launch([]);
    redis.url = `redis://127.0.0.1:${redis.ports[0]}`;
    return redis;
  }

  /** A primary, two replicas, and three sentinels that watch them. */
  static async watched() {
    const redis = await Redis.start();
    const [primary] = redis.ports;
    for (let n = 0; n < 2; n += 1) await redis.#launch(["--replicaof", `127.0.0.1 ${primary}`]);
    const sentinels = [];
    for (let n = 0; n < 3; n += 1) sentinels.push(await redis.#watch(primary));
    for (const port of sentinels) await until(port, "INFO sentinel", (text) => text.includes("slaves=2,sentinels=3"));
    for (const port of redis.ports.slice(1))
      await until(port, "INFO replication", (text) => text.includes("master_link_status:up"));
    redis.url = `redis+sentinel://${sentinels.map((port) => `127.0.0.1:${port}`)}/chat`;
    return redis;
  }

  /** What a node is started with. */
  get args() {
    return ["--broker", this.url, "--secret", "the same on every node"];
  }

  async #launch(options) {
    const port = await freePort();
    const files = ["--dir", this.#folder, "--dbfilename", `${port}.rdb`];
    this.#spawn(["--bind", "127.0.0.1", "--port", port, "--save", "", ...files, ...options]);
    await until(port, "PING", (text) => text.startsWith("+PONG"));
    this.ports.push(port);
  }

  async #watch(primary) {
    const port = await freePort();
    const file = join(this.#folder, `sentinel-${port}.conf`);
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${this.#folder}`,
      `sentinel monitor chat 127.0.0.1 ${primary} 2`,
      "sentinel down-after-milliseconds chat 1000",
      "sentinel failover-timeout chat 6000",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    this.#spawn([file, "--sentinel"]);
    await until(port, "PING", (text) => text.startsWith("+PONG"));
    return port;
  }

  #spawn(args) {
    this.#processes.push(spawn(PROGRAM, args.map(String), { stdio: "ignore" }));
  }

  /** Kills the primary. */
  killPrimary() {
    this.#processes[0].kill("SIGKILL");
  }

  async end() {
    for (const process of this.#processes) process.kill("SIGKILL");
    await rm(this.#folder, { recursive: true, force: true });
  }
}
