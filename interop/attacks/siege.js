// The stage for attacks: the release binary, a bystander who chats, and whoever attacks.
//
//   attack("a sentence that says what holds", { server: ["--max-rooms", "100"] }, async (siege) => {
//     while (siege.goesOn()) await …;
//   });
//
// The bystander chats for a while before the attack, with nobody else there, and while it goes on. What is compared is the
// 99th percentile of how long its messages took, in the same run: a machine that is slow today is slow in both.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import net from "node:net";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "../../e2e/server.js";

const QUIET_MS = 1_500;
const ATTACK_MS = 4_000;

/**
 * How much longer a bystander's messages may take beside an attack. Server, attacker and bystander share the machine's cores, so
 * some of it is the attacker's own work; what this looks for is a server that is held up, which is a hundred times.
 */
const PATIENCE = 8;
/** A quiet run may be quicker than what a scheduler's turn takes: it counts as at least this. */
const LEAST_MS = 15;

/** Waits for an event, or for the end of the socket, however it comes. @param {net.Socket} socket @param {string} event */
async function first(socket, event) {
  await Promise.race([once(socket, event), once(socket, "close")]).catch(() => {});
}

/** One server under attack. */
export class Siege {
  #end = 0;

  /** @param {Server} server */
  constructor(server) {
    this.server = server;
    this.port = server.port;
    this.origin = server.origin;
  }

  begin(milliseconds) {
    this.#end = performance.now() + milliseconds;
  }

  /** Whether the attack has time left. Lets others have their turn. */
  async goesOn() {
    await new Promise(setImmediate);
    return performance.now() < this.#end;
  }

  /**
   * A plain TCP connection to the server, from another address than the bystander's. What comes back is read and thrown away,
   * unless `read` takes it.
   */
  async connect(read = () => {}) {
    const socket = net.connect({ port: this.port, host: "127.0.0.1", localAddress: "127.0.0.2" });
    socket.on("data", read);
    socket.on("error", () => {});
    await first(socket, "connect");
    return socket;
  }

  /** Writes, and waits until the kernel took it. False if the connection is gone. */
  async write(socket, bytes) {
    if (socket.destroyed || socket.closed) return false;
    if (socket.write(bytes)) return true;
    await first(socket, "drain");
    return !socket.destroyed;
  }

  /** The server's memory in MiB. */
  async memory() {
    const status = await readFile(`/proc/${this.server.pid}/status`, "utf8");
    return Number(/VmRSS:\s*(\d+)/.exec(status)[1]) / 1_024;
  }

  /** What the server counts: a function of a metric's name. */
  async metrics() {
    const text = await (await fetch(`${this.origin}/metrics`)).text();
    return (name) => {
      const found = new RegExp(`^hamhame_${name} (\\S+)$`, "m").exec(text);
      assert.ok(found, `no metric ${name}`);
      return Number(found[1]);
    };
  }

  /** The server's CPU time so far, in seconds. */
  async cpu() {
    const stat = await readFile(`/proc/${this.server.pid}/stat`, "utf8");
    const [user, system] = stat
      .slice(stat.lastIndexOf(")") + 2)
      .split(" ")
      .slice(11, 13)
      .map(Number);
    return (user + system) / 100;
  }
}

class Bystander {
  #child;
  #lines;

  static async come(origin) {
    const bystander = new Bystander();
    const script = fileURLToPath(new URL("bystander.js", import.meta.url));
    bystander.#child = spawn(process.execPath, [script, origin], { stdio: ["pipe", "pipe", "inherit"] });
    bystander.#lines = createInterface(bystander.#child.stdout)[Symbol.asyncIterator]();
    assert.equal(await bystander.#line(), "ready");
    return bystander;
  }

  async #line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error("the bystander ended");
    return value;
  }

  /** How its messages fared since it was asked last. */
  async measure() {
    this.#child.stdin.write("measure\n");
    const report = JSON.parse(await this.#line());
    assert.equal(report.closed, undefined, `the bystander was thrown out: ${report.reason}`);
    assert.equal(report.refusals, 0, "the bystander was refused");
    assert.notEqual(report.delays.length, 0, "nothing arrived");
    const sorted = report.delays.toSorted((one, other) => one - other);
    return sorted[Math.ceil(sorted.length * 0.99) - 1];
  }

  leave() {
    this.#child.kill("SIGKILL");
  }
}

/**
 * A test of one attack.
 *
 * @param {string} name
 * @param {{server?: string[], milliseconds?: number}} options
 * @param {(siege: Siege) => Promise<void>} run attacks as long as `siege.goesOn()`, and asserts what else must hold
 */
export function attack(name, { server: args = [], milliseconds = ATTACK_MS }, run) {
  test(name, { timeout: 60_000 }, async (context) => {
    const server = await Server.start(args);
    const siege = new Siege(server);
    let bystander;
    try {
      bystander = await Bystander.come(server.origin);
      await sleep(QUIET_MS / 3); // the first messages find cold caches
      await bystander.measure();
      await sleep(QUIET_MS);
      const quiet = await bystander.measure();
      siege.begin(milliseconds);
      await run(siege);
      const attacked = await bystander.measure();
      context.diagnostic(
        `p99 of the bystander: ${quiet.toFixed(1)} ms alone, ${attacked.toFixed(1)} ms beside the attack; ` +
          `${(await siege.memory()).toFixed(0)} MiB`,
      );
      assert.ok(
        attacked <= PATIENCE * Math.max(quiet, LEAST_MS),
        `the bystander's p99 was ${quiet.toFixed(1)} ms, and ${attacked.toFixed(1)} ms beside the attack`,
      );
    } finally {
      bystander?.leave();
      await server.kill();
    }
  });
}

const sleep = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));
