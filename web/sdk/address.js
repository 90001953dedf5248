import { closeCodes } from "./codes.js";
import { wellFormed } from "./wire.js";

/** @typedef {import("./comeback.js").Reason} Reason */

/** Where a room is, for one who goes by a name. */
export class Address {
  #base;
  #room;
  #name;

  /**
   * @param {string} server `http(s)://…` or `ws(s)://…`, with a path if it is served below one
   * @param {string} room
   * @param {string} name
   */
  constructor(server, room, name) {
    this.#base = server.replace(/[?#].*$/s, "").replace(/\/+$/, "");
    this.#room = room;
    this.#name = name;
  }

  /** @returns {string} the WebSocket's URL */
  get socket() {
    return `${this.#base.replace(/^http/i, "ws")}/ws/${part(this.#room) || "general"}/${part(this.#name) || "anonymous"}`;
  }

  /** @returns {string} the URL under which the room's resources are */
  get api() {
    return `${this.#base.replace(/^ws/i, "http")}/api/rooms/${part(this.#room) || "general"}`;
  }

  /** @returns {string} the name, as it may be sent */
  get name() {
    return wellFormed(this.#name);
  }

  /** A server on this machine is reachable without any network. */
  get isLocal() {
    return /^(ws|http)s?:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/|$)/i.test(this.#base);
  }

  /**
   * A path cannot hold `.` or `..` as a part, not even encoded (WHATWG URL): the request would be for another page.
   *
   * @returns {Reason | null} why there is no use in trying
   */
  get fault() {
    const isDots = (/** @type {string} */ text) => text === "." || text === "..";
    const code = isDots(this.#room) ? 4507 : isDots(this.#name) ? 4501 : null;
    return code && { code, name: closeCodes[code]?.name ?? "", message: "Dots alone cannot stand in an address." };
  }
}

/** @param {string} value */
function part(value) {
  return encodeURIComponent(wellFormed(value));
}
