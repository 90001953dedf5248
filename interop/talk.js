// Clients of the two dialects over the `ws` package, as short as a test wants them.
import { once } from "node:events";
import WebSocket from "ws";

const PATIENCE_MS = 20_000;

/** A WebSocket whose messages are read one by one. */
export class Talk {
  #messages = [];
  #waiting = [];

  /** @param {WebSocket} socket */
  constructor(socket) {
    this.socket = socket;
    socket.on("message", (data) => {
      this.#messages.push(JSON.parse(data.toString()));
      this.#waiting.shift()?.();
    });
    this.closed = once(socket, "close").then(([code, reason]) => ({ code, reason: reason.toString() }));
  }

  /** Opens one; with the status of the answer in `status` if it is refused. */
  static async open(url, { protocol, ...options } = {}) {
    const socket = new WebSocket(url, protocol ? [protocol] : [], options);
    const talk = new Talk(socket);
    await new Promise((resolve, reject) => {
      socket.once("open", resolve);
      socket.once("unexpected-response", (request, { statusCode }) => {
        request.destroy();
        reject(Object.assign(new Error(`answered with ${statusCode}`), { status: statusCode }));
      });
      socket.once("error", reject);
    });
    return talk;
  }

  /** A member by `hamhame.v1`. */
  static async join(url, options = {}) {
    const talk = await Talk.open(url, { protocol: "hamhame.v1", ...options });
    talk.send({ type: "join" });
    talk.welcome = await talk.next("welcome");
    return talk;
  }

  send(message) {
    this.socket.send(JSON.stringify(message));
  }

  /** The next message of a kind, and with this content if one is named; others are passed over. */
  async next(type, content) {
    const end = performance.now() + PATIENCE_MS;
    for (;;) {
      while (this.#messages.length > 0) {
        const message = this.#messages.shift();
        if (message.type === type && (content === undefined || message.content === content)) return message;
      }
      if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS / 1_000} s for ${type} ${content ?? ""}`);
      await new Promise((resolve) => {
        const timer = setTimeout(resolve, PATIENCE_MS);
        this.#waiting.push(() => (clearTimeout(timer), resolve()));
      });
    }
  }

  async leave() {
    this.socket.close(1000);
    return this.closed;
  }
}
