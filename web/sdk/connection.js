import { Alarm } from "./clock.js";
import { PROTOCOL, parseMessage } from "./wire.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */

/**
 * What of a WebSocket the SDK uses.
 *
 * @typedef {object} Socket
 * @property {string} protocol
 * @property {((event: any) => void) | null} onopen
 * @property {((event: any) => void) | null} onmessage
 * @property {((event: any) => void) | null} onerror
 * @property {((event: any) => void) | null} onclose
 * @property {(data: string) => void} send
 * @property {(code?: number, reason?: string) => void} close
 *
 * @typedef {new (url: string, protocols: string[]) => Socket} SocketConstructor
 */

/** @typedef {{code: number, reason: string, local: string | null}} End `local` names the cause if this side gave up */

const WELCOME_MS = 10_000;

/** The code for "I shall be back". Any will do but 1000, which means leaving for good. */
const BACK_SOON = 4100;

/** One socket, from the attempt to its end, which is told once. After that nothing comes from it. */
export class Connection {
  #socket;
  #deadline;
  #isOpen = false;
  #isWelcome = false;
  #onEnd;

  /**
   * @param {object} wiring
   * @param {string} wiring.url
   * @param {SocketConstructor} wiring.WebSocket
   * @param {Clock} wiring.clock
   * @param {() => object} wiring.join the first message
   * @param {(message: ServerMessage) => void} wiring.onMessage
   * @param {(end: End) => void} wiring.onEnd
   */
  constructor({ url, WebSocket, clock, join, onMessage, onEnd }) {
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
      this.send(join());
    };
    socket.onmessage = (event) => {
      const message = parseMessage(event.data);
      // Before the welcome only a refusal makes sense.
      if (message === null || (!this.#isWelcome && message.type !== "welcome" && message.type !== "error")) return;
      if (message.type === "welcome") {
        if (this.#isWelcome) return;
        this.#isWelcome = true;
        this.#deadline.stop();
      }
      onMessage(message);
    };
    socket.onerror = () => {};
    socket.onclose = (event) => {
      const { code, reason } = event;
      this.#end({ code: code ?? 1006, reason: reason ?? "", local: null });
    };
    this.#deadline.set(WELCOME_MS, () => this.drop("timeout", "The server did not answer in time."));
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
    this.#onEnd = () => {};
    this.#close(1000, "");
    this.#end({ code: 1000, reason: "", local: null });
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
    const tell = this.#onEnd;
    this.#onEnd = () => {};
    tell(end);
  }
}
