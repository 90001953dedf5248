/** @typedef {Record<string, any>} Message */

/** A WebSocket whose other end is the test. */
export class FakeSocket {
  protocol = "";
  /** @type {((event: any) => void) | null} */
  onopen = null;
  /** @type {((event: any) => void) | null} */
  onmessage = null;
  /** @type {((event: any) => void) | null} */
  onerror = null;
  /** @type {((event: any) => void) | null} */
  onclose = null;
  /** What the client sent. @type {Message[]} */
  sent = [];
  /** What the client closed with. @type {{code?: number, reason?: string} | null} */
  closed = null;
  isOver = false;
  /** @type {(message: Message) => void} */
  onsent = () => {};

  /** @param {string} url @param {string[]} protocols */
  constructor(url, protocols) {
    this.url = url;
    this.protocols = protocols;
  }

  /** @param {string} text */
  send(text) {
    if (this.closed !== null || this.isOver) return;
    const message = JSON.parse(text);
    this.sent.push(message);
    this.onsent(message);
  }

  /** @param {number} [code] @param {string} [reason] */
  close(code, reason) {
    this.closed ??= { code, reason };
  }

  /** The connection is made. */
  open(protocol = this.protocols[0] ?? "") {
    this.protocol = protocol;
    this.onopen?.({});
  }

  /** The server says something: an object, or what is not one as it is. @param {unknown} message */
  say(message) {
    if (this.isOver) return;
    this.onmessage?.({ data: typeof message === "object" ? JSON.stringify(message) : message });
  }

  /** The connection ends: with the server's close frame, or without any. */
  end(code = 1006, reason = "") {
    if (this.isOver) return;
    this.isOver = true;
    if (code === 1006) this.onerror?.({});
    this.onclose?.({ code, reason, wasClean: code !== 1006 });
  }

  /** What the client sent, of one type. @param {string} type */
  all(type) {
    return this.sent.filter((message) => message.type === type);
  }
}

/** Where the sockets of a room come from. */
export class FakeNetwork {
  /** @type {FakeSocket[]} */
  sockets = [];
  /** @type {(socket: FakeSocket) => void} */
  onsocket = () => {};
  WebSocket;

  constructor() {
    const network = this;
    this.WebSocket = class extends FakeSocket {
      /** @param {string} url @param {string[]} protocols */
      constructor(url, protocols) {
        super(url, protocols);
        network.sockets.push(this);
        network.onsocket(this);
      }
    };
  }

  /** The latest. */
  get socket() {
    const socket = this.sockets.at(-1);
    if (socket === undefined) throw new Error("no socket was made");
    return socket;
  }
}
