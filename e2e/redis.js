// A real Redis, alone or with replicas and sentinels.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Engine, freePort, until } from "./engine.js";

const PROGRAM = process.env.TEST_REDIS ?? "redis-server";

export class Redis extends Engine {
  /** The port of each server, the primary first. @type {number[]} */
  ports = [];

  /** One server. */
  static async alone() {
    const redis = await Redis.make();
    await redis.#launch([]);
    redis.url = `redis://127.0.0.1:${redis.ports[0]}`;
    return redis;
  }

  /** A primary, two replicas, and three sentinels that watch them. */
  static async several() {
    const redis = await Redis.alone();
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

  async #launch(options) {
    const port = await freePort();
    const files = ["--dir", this.folder, "--dbfilename", `${port}.rdb`];
    this.spawn(PROGRAM, ["--bind", "127.0.0.1", "--port", port, "--save", "", ...files, ...options]);
    await until(port, "PING", (text) => text.startsWith("+PONG"));
    this.ports.push(port);
  }

  async #watch(primary) {
    const port = await freePort();
    const file = join(this.folder, `sentinel-${port}.conf`);
    const lines = [
      `port ${port}`,
      "bind 127.0.0.1",
      `dir ${this.folder}`,
      `sentinel monitor chat 127.0.0.1 ${primary} 2`,
      "sentinel down-after-milliseconds chat 1000",
      "sentinel failover-timeout chat 6000",
    ];
    await writeFile(file, `${lines.join("\n")}\n`);
    this.spawn(PROGRAM, [file, "--sentinel"]);
    await until(port, "PING", (text) => text.startsWith("+PONG"));
    return port;
  }
}
