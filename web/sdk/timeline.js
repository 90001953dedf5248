import { formatPosition, parsePosition } from "./wire.js";

/** @typedef {import("./wire.js").LogEvent} LogEvent */
/** @typedef {import("./wire.js").Position} Position */
/** @typedef {"next" | "duplicate" | "hole"} Place */
/** @typedef {{reset: boolean, missed: number}} Turn what a welcome or a gap means for the reader */

/** How many messages of this epoch and the ones before are remembered, to know them again after a restart. */
const REMEMBERED = 2_000;

/**
 * The reader's place in the room's log, and what makes each event appear once and in order: offsets within an epoch,
 * and across epochs (where offsets say nothing) the sender's id of a message.
 */
export class Timeline {
  /** @type {Position | null} */
  #position = null;
  /** Where the last hole was. The same hole after a resume is the server's, and waiting will not fill it. */
  #hole = "";
  /** Messages of this epoch, by id and name; then of the former ones. @type {Map<string, string>} */
  #seen = new Map();
  /** @type {Map<string, string>} */
  #former = new Map();

  /** @param {string | null} position from an earlier life of the page */
  constructor(position) {
    this.#position = position === null ? null : parsePosition(position);
  }

  get position() {
    return this.#position?.epoch ? formatPosition(this.#position) : null;
  }

  /** Nothing has been read yet. */
  get isNew() {
    return this.#position === null;
  }

  /** The server does not understand our position: the next welcome begins another epoch. */
  forget() {
    if (this.#position !== null) this.#position = { epoch: "", offset: 0 };
  }

  get offset() {
    return this.#position?.offset ?? 0;
  }

  /**
   * The server has welcomed us: reading goes on after `text`.
   *
   * @param {string} text a position
   * @param {boolean} recovered
   * @returns {Turn}
   */
  resume(text, recovered) {
    const next = /** @type {Position} */ (parsePosition(text));
    const last = this.#position;
    if (last === null) {
      this.#position = next;
      return { reset: false, missed: 0 };
    }
    // The same epoch, but it ends before what we have seen: the server has lost the tail of its log.
    const rewound = next.offset < last.offset && !recovered;
    if (next.epoch !== last.epoch || rewound) return this.#reset(next);
    return this.#skip(next);
  }

  /**
   * The server says that events before `text` are gone for us.
   *
   * @param {string} text a position
   * @returns {Turn}
   */
  gap(text) {
    const next = /** @type {Position} */ (parsePosition(text));
    if (this.#position !== null && next.epoch !== this.#position.epoch) return this.#reset(next);
    return this.#skip(next);
  }

  /**
   * Moves past `event` unless a hole is before it.
   *
   * @param {LogEvent} event
   * @returns {Place}
   */
  take(event) {
    const { offset } = this;
    if (this.#position === null || event.offset <= offset) return "duplicate";
    if (event.offset > offset + 1) return "hole";
    this.#position = { ...this.#position, offset: event.offset };
    return this.#isRepeated(event) ? "duplicate" : "next";
  }

  /**
   * Whether a hole was at this very place already, so that another resume is no use; then it is passed over.
   *
   * @param {LogEvent} event the one after the hole
   * @returns {number} events given up, 0 if it is worth resuming
   */
  giveUpHole(event) {
    const place = this.position ?? "";
    if (this.#position === null || this.#hole !== place) {
      this.#hole = place;
      return 0;
    }
    const missed = event.offset - 1 - this.#position.offset;
    this.#position = { ...this.#position, offset: event.offset - 1 };
    return missed;
  }

  /**
   * @param {string} text the head of the log as the server has it
   * @returns {boolean} whether we have all of it
   */
  reaches(text) {
    const head = parsePosition(text);
    const last = this.#position;
    return head === null || last === null || (head.epoch === last.epoch && head.offset <= last.offset);
  }

  /** @param {Position} next @returns {Turn} */
  #skip(next) {
    const missed = Math.max(0, next.offset - this.offset);
    if (missed > 0) this.#position = next;
    return { reset: false, missed };
  }

  /** @param {Position} next @returns {Turn} */
  #reset(next) {
    this.#position = next;
    for (const [key, content] of this.#seen) remember(this.#former, key, content);
    this.#seen.clear();
    return { reset: true, missed: 0 };
  }

  /**
   * A message that its sender sent again after a restart, not knowing that it had arrived.
   *
   * @param {LogEvent} event
   */
  #isRepeated(event) {
    if (event.type !== "message" || event.id === undefined) return false;
    const key = `${event.id}\n${event.client_id}`;
    if (this.#former.get(key) === event.content) return true;
    remember(this.#seen, key, event.content);
    return false;
  }
}

/**
 * @param {Map<string, string>} map
 * @param {string} key
 * @param {string} content
 */
function remember(map, key, content) {
  map.delete(key);
  map.set(key, content);
  // A map keeps the order of insertion: the first key is the oldest.
  for (const oldest of map.keys()) {
    if (map.size <= REMEMBERED) break;
    map.delete(oldest);
  }
}
