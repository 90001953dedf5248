import { spawn } from "node:child_process";
import { once } from "node:events";
import net from "node:net";
import { createInterface } from "node:readline";
import WebSocket from "ws";
import { Room } from "../room.js";

const DEADLINE_MS = 30_000;

/** The hamhame binary at work. Stopped by whoever started it. */
export class LiveServer {
  #child;
  /** @param {import("node:child_process").ChildProcess} child @param {number} port */
  constructor(child, port) {
    this.#child = child;
    this.port = port;
  }

  /**
   * @param {string} binary
   * @param {{port?: number, args?: string[]}} [options] port 0 picks one
   */
  static async start(binary, { port = 0, args = [] } = {}) {
    const child = spawn(binary, ["--listen", `127.0.0.1:${port}`, ...args], { stdio: ["ignore", "pipe", "pipe"] });
    let complaint = "";
    child.stderr.setEncoding("utf8").on("data", (text) => (complaint = (complaint + text).slice(-4_000)));
    const gone = once(child, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code} before it listened:\n${complaint}`);
    });
    const failed = once(child, "error").then(([error]) => {
      throw error;
    });
    const [line] = await Promise.race([once(createInterface(child.stdout), "line"), gone, failed]);
    gone.catch(() => {});
    failed.catch(() => {});
    const found = /^listening on https?:\/\/[^ ]*:(\d+)/.exec(line);
    if (found === null) throw new Error(`the server's first line is: ${line}`);
    return new LiveServer(child, Number(found[1]));
  }

  /** @param {NodeJS.Signals} signal @returns {Promise<number | null>} the exit code */
  async stop(signal = "SIGKILL") {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return this.#child.exitCode;
    const gone = once(this.#child, "exit");
    this.#child.kill(signal);
    const [code] = await gone;
    return code;
  }
}

/** A TCP proxy that can cut what goes through it. */
export class Wire {
  /** @type {Set<net.Socket>} */
  #sockets = new Set();
  #server;
  cuts = 0;

  /** @param {() => number} target the port behind it */
  constructor(target) {
    this.#server = net.createServer((near) => {
      const far = net.connect(target(), "127.0.0.1");
      this.#sockets.add(near);
      for (const [one, other] of [
        [near, far],
        [far, near],
      ]) {
        one?.on("data", (bytes) => other?.write(bytes));
        one?.on("end", () => other?.end());
        one?.on("error", () => other?.destroy());
        one?.on("close", () => {
          this.#sockets.delete(near);
          other?.destroy();
        });
      }
    });
  }

  /** @returns {Promise<string>} its address */
  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    const address = /** @type {net.AddressInfo} */ (this.#server.address());
    return `http://127.0.0.1:${address.port}`;
  }

  /** Resets one connection. @param {() => number} random */
  cut(random) {
    const near = [...this.#sockets][Math.floor(random() * this.#sockets.size)];
    if (near === undefined) return;
    this.cuts += 1;
    near.resetAndDestroy();
  }

  async close() {
    for (const near of this.#sockets) near.destroy();
    this.#server.close();
    await once(this.#server, "close");
  }
}

/** A room on a real socket, and what it has told. */
export class Guest {
  /** @type {(import("../wire.js").LogEvent & {own: boolean})[]} */
  events = [];
  /** @type {import("../outbox.js").Outgoing[]} */
  outgoing = [];
  /** @type {import("../room.js").StateDetail[]} */
  states = [];
  gaps = 0;
  resets = 0;
  /** The page is gone, and with it its timers. */
  isGone = false;

  /** @param {Omit<import("../room.js").RoomOptions, "WebSocket">} options */
  constructor(options) {
    const wait = (/** @type {() => void} */ run, /** @type {number} */ ms) =>
      setTimeout(() => this.isGone || run(), ms);
    this.room = new Room({ WebSocket, setTimeout: wait, ...options });
    this.room.on("event", (event) => this.events.push(event));
    this.room.on("outgoing", (outgoing) => this.outgoing.push(outgoing));
    this.room.on("state", (state) => this.states.push(state));
    this.room.on("gap", () => (this.gaps += 1));
    this.room.on("reset", () => (this.resets += 1));
  }

  /** What was said, as far as it was seen. */
  get contents() {
    return this.events.filter(({ type }) => type === "message").map(({ content }) => content);
  }

  async join() {
    this.room.join();
    await until("the welcome", () => this.room.state === "connected");
    return this;
  }
}

/**
 * @param {string} what
 * @param {() => boolean} holds
 */
export async function until(what, holds) {
  const end = performance.now() + DEADLINE_MS;
  while (!holds()) {
    if (performance.now() > end) throw new Error(`waited ${DEADLINE_MS / 1_000} s for ${what}`);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}
