import { Alarm } from "./clock.js";
import { PROTOCOL, parseMessage } from "./wire.js";

/** @typedef {import("./connection.js").End} End */
/** @typedef {import("./connection.js").Wiring} Wiring */

/**
 * What of a WebSocket the SDK uses.
 *
 * @typedef {object} PlatformSocket
 * @property {string} protocol
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onerror
 * @property {((event: any) => void) | null} onclose
 * @property {(data: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 *
 * @typedef {new (url: string, protocols: string[]) => PlatformSocket} SocketConstructor
 */

/** The code for "I shall be back". Any will do but 1000, which means leaving for good. */
const BACK_SOON = 4100;

/** One WebSocket, from the attempt to its end, which is told once. After that nothing comes from it. */
export class Socket {
  #socket;
  #deadline;
  #isOpen = false;
  #isWelcome = false;
  #onMessage;
  #onEnd;

  /**
   * @param {Wiring} wiring
   * @param {string} url
   * @param {SocketConstructor} WebSocket
   * @param {object} terms
   * @param {number} terms.ms how long the welcome may take
   * @param {() => void} [terms.onOpen] it is open and will join
   */
  constructor({ clock, join, onMessage, onAlive, onWorks, onEnd }, url, WebSocket, { ms, onOpen }) {
    this.#onMessage = onMessage;
    this.#onEnd = onEnd;
    this.#deadline = new Alarm(clock);
    const socket = new WebSocket(url, [PROTOCOL]);
    this.#socket = socket;
    socket.onopen = () => {
      if (socket.protocol !== PROTOCOL) {
        this.drop("protocol", `The server does not speak ${PROTOCOL}.`);
        return;
      }
      this.#isOpen = true;
      onOpen?.();
      const { token, after, attempt, history } = join();
      this.send({ type: "join", token, after, attempt, history });
    };
    socket.onmessage = (event) => {
      onAlive();
      const message = parseMessage(event.data);
      // Before the welcome only a refusal makes sense.
      if (message === null || (!this.#isWelcome && message.type !== "welcome" && message.type !== "error")) return;
      if (message.type === "welcome") {
        if (this.#isWelcome) return;
        this.#isWelcome = true;
        this.#deadline.stop();
        onWorks();
      }
      this.#onMessage(message);
    };
    socket.onerror = () => {};
    socket.onclose = (event) => {
      const { code, reason } = event;
      this.#end({ code: code ?? 1006, reason: reason ?? "", local: null });
    };
    this.#deadline.set(ms, () => this.drop("timeout", "The server did not answer in time."));
  }

  /** @returns {boolean} whether messages other than the join may be sent */
  get isWelcome() {
    return this.#isWelcome;
  }

  /** @param {object} message */
  send(message) {
    if (!this.#isOpen) return;
    try {
      this.#socket.send(JSON.stringify(message));
    } catch {
      // A socket that is closing says so itself; what could not be sent is sent again after the next welcome.
    }
  }

  /** Whether it still lives is asked. */
  doubt() {
    this.send({ type: "heartbeat" });
  }

  /**
   * Gives the connection up, in order to come back.
   *
   * @param {string} name
   * @param {string} message
   */
  drop(name, message) {
    this.#close(BACK_SOON, name);
    this.#end({ code: 1006, reason: message, local: name });
  }

  /** Leaves for good; the end is not told. */
  leave() {
    this.#forgo(1000);
  }

  /** Gives way to another transport; the end is not told. */
  abandon() {
    this.#forgo(BACK_SOON);
  }

  /** @param {number} code */
  #forgo(code) {
    this.#onEnd = () => {};
    this.#close(code, "");
    this.#end({ code, reason: "", local: null });
  }

  /** @param {number} code @param {string} reason */
  #close(code, reason) {
    try {
      this.#socket.close(code, reason);
    } catch {
      // Nothing is left to close.
    }
  }

  /** @param {End} end */
  #end(end) {
    const socket = this.#socket;
    this.#isOpen = false;
    this.#isWelcome = false;
    this.#deadline.stop();
    // `onerror` stays: Node's `ws` throws an error that nobody listens to.
    socket.onopen = socket.onmessage = socket.onclose = null;
    this.#onMessage = () => {};
    const tell = this.#onEnd;
    this.#onEnd = () => {};
    tell(end);
  }
}
