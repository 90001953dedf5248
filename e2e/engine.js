// What several nodes share: servers of an engine, which end with the test.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { connect, createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A port that was free a moment ago. */
export async function freePort() {
  const listener = createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  await once(listener, "close");
  return port;
}

/** The beginning of what a server answers to lines of its protocol; empty if it is not there. */
export function tell(port, lines) {
  return new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1", () => socket.write(`${lines}\r\n`));
    socket.setEncoding("utf8").on("data", (text) => {
      socket.destroy();
      resolve(text);
    });
    socket.on("error", () => resolve("")).on("close", () => resolve(""));
  });
}

/** Asks until the answer is accepted. */
export async function until(port, lines, accept) {
  const deadline = performance.now() + 30_000;
  while (!accept(await tell(port, lines))) {
    if (performance.now() > deadline) throw new Error(`${lines} on port ${port}: not in time`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

export class Engine {
  #processes = [];

  /** Where its servers keep what they have. @type {string} */
  folder;
  /** What nodes find it by. @type {string} */
  url;

  /** Without a server yet. */
  static async make() {
    const engine = new this();
    engine.folder = await mkdtemp(join(tmpdir(), "hamhame-engine-"));
    return engine;
  }

  /** What a node is started with. */
  get args() {
    return ["--broker", this.url, "--secret", "the same on every node"];
  }

  spawn(program, args) {
    this.#processes.push(spawn(program, args.map(String), { stdio: "ignore" }));
  }

  /** Kills the server that was started first. */
  killFirst() {
    this.#processes[0].kill("SIGKILL");
  }

  async end() {
    const ends = this.#processes.map(async (child) => {
      if (child.exitCode !== null || child.signalCode !== null) return;
      child.kill("SIGKILL");
      await once(child, "exit");
    });
    await Promise.all(ends);
    await rm(this.folder, { recursive: true, force: true });
  }
}
