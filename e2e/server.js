// The server under test: the real binary on a port of its own.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";

const BINARY = process.env.HAMHAME_BIN ?? fileURLToPath(new URL("../target/release/hamhame", import.meta.url));

/** One server process, which can be killed and started again at the same address. */
export class Server {
  #args;
  #process;
  #stderr = "";

  /** @type {string} `http://127.0.0.1:PORT`, or https */
  origin;

  /** @param {string[]} args further options of the command line */
  static async start(args = []) {
    const server = new Server();
    server.#args = args;
    await server.#launch("127.0.0.1:0");
    return server;
  }

  get port() {
    return Number(new URL(this.origin).port);
  }

  get pid() {
    return this.#process.pid;
  }

  /** What it logged so far. */
  get log() {
    return this.#stderr;
  }

  async #launch(listen) {
    // What the harness has the browser find the loopback address by.
    const child = spawn(BINARY, ["--listen", listen, "--host", "class.test", ...this.#args], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.#process = child;
    child.stderr.setEncoding("utf8").on("data", (text) => (this.#stderr += text));
    const failed = once(child, "exit").then(([code]) => {
      throw new Error(`the server ended with ${code}: ${this.#stderr}`);
    });
    failed.catch(() => {});
    const [line] = await Promise.race([once(createInterface(child.stdout), "line"), failed]);
    const address = /^listening on (https?:\/\/\S+)$/.exec(line);
    if (!address) throw new Error(`the first line was: ${line}`);
    this.origin = address[1];
  }

  /** Ends the process with SIGKILL: nobody is told. */
  async kill() {
    await this.#end("SIGKILL");
  }

  /** Asks the process to end, as a deploy does; returns its exit code. */
  async terminate() {
    return this.#end("SIGTERM");
  }

  async #end(signal) {
    const child = this.#process;
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode;
    const exit = once(child, "exit");
    child.kill(signal);
    const [code] = await exit;
    return code;
  }

  /** Starts it again at the address it had. */
  async restart() {
    await this.#launch(new URL(this.origin).host);
  }
}
