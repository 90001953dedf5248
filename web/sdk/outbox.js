import { Allowance } from "./allowance.js";
import { backoff } from "./backoff.js";
import { Alarm } from "./clock.js";
import { keep } from "./kept.js";
import { utf8Length, wellFormed } from "./wire.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./kept.js").Kept} Kept */
/** @typedef {import("./wire.js").Limits} Limits */
/** @typedef {{code: string, message: string, temporary: boolean, retry_after?: number}} SendError */

/**
 * @typedef {object} Outgoing
 * @property {string} id
 * @property {string} content
 * @property {number} at when it was said, ms since 1970
 * @property {"pending" | "sent" | "failed"} status
 * @property {SendError | null} error why it failed
 */

/** Unanswered sends at a time. */
const WINDOW = 16;
/** Temporary refusals without a `retry_after` after which a message fails, rather than hold up the others for ever. */
const MAX_TRIES = 5;
const MAX_HOLD_MS = 60_000;

/**
 * What we say, until the server has it: first in, first out, each with an id under which it can be sent again.
 *
 * The order is kept although several are under way at once: no more are sent than the server's rate limit is sure to
 * accept ({@link Allowance}), so that none is refused before a later one is accepted; and a message that is refused
 * for now holds up those behind it until it is through.
 */
export class Outbox {
  #clock;
  #transmit;
  #changed;
  #pace;
  /** Set while the server will not hear of more. */
  #hold;
  #allowance = new Allowance();
  #prefix;
  #counter = 0;
  /** Not acknowledged, in the order of saying. @type {Outgoing[]} */
  #queue = [];
  /** Sent on this connection and not answered. @type {Set<string>} */
  #underWay = new Set();
  /** Acknowledged, but the event itself has not come: by id, with the offset. @type {Map<string, [Outgoing, number]>} */
  #unseen = new Map();
  #isOpen = false;
  #session = "";
  #tries = 0;
  /** @type {Limits} */
  #limits = {};

  /**
   * @param {Clock} clock
   * @param {(message: {type: "send", id: string, content: string}) => void} transmit
   * @param {(outgoing: Outgoing) => void} changed
   * @param {Kept[]} kept what an earlier life of the page left
   */
  constructor(clock, transmit, changed, kept) {
    this.#clock = clock;
    this.#transmit = transmit;
    this.#changed = changed;
    this.#pace = new Alarm(clock);
    this.#hold = new Alarm(clock);
    const digits = () => Math.floor(clock.random() * 2 ** 40).toString(36).padStart(8, "0");
    this.#prefix = `${digits()}${digits()}`;
    for (const { id, content, at, error = null, offset } of kept) {
      const status = offset !== undefined ? "sent" : error === null ? "pending" : "failed";
      /** @type {Outgoing} */
      const outgoing = { id, content, at, status, error };
      if (offset === undefined) this.#queue.push(outgoing);
      else this.#unseen.set(id, [outgoing, offset]);
    }
  }

  /** What a later life of the page goes on with. @returns {Kept[]} */
  get kept() {
    const unseen = this.#acknowledged.map(([{ id, content, at }, offset]) => ({ id, content, at, offset }));
    const queue = this.#queue.map(({ id, content, at, error }) => ({ id, content, at, ...(error && { error }) }));
    return keep([...unseen, ...queue], this.#clock.wall());
  }

  /** @returns {Outgoing[]} */
  get list() {
    return this.#queue.map((outgoing) => ({ ...outgoing }));
  }

  /** @param {string} id @returns {Outgoing} one that is in the list */
  find(id) {
    const outgoing = this.#queue.find((other) => other.id === id);
    if (outgoing === undefined) throw new RangeError(`no outgoing message ${id}`);
    return { ...outgoing };
  }

  /** @param {string} content @returns {Outgoing} */
  push(content) {
    this.#counter += 1;
    /** @type {Outgoing} */
    const outgoing = {
      id: `${this.#prefix}-${this.#counter}`,
      content: wellFormed(content),
      at: this.#clock.wall(),
      status: "pending",
      error: null,
    };
    this.#queue.push(outgoing);
    this.#changed({ ...outgoing });
    this.#flush();
    return { ...outgoing };
  }

  /**
   * After a welcome: what was not answered goes out again.
   *
   * @param {string} session
   * @param {Limits} limits
   * @param {boolean} isFresh no session of ours can have used up any of the limit
   */
  open(session, limits, isFresh) {
    const now = this.#clock.now();
    if (session !== this.#session) {
      // An earlier life of the page may have used up all of it: to try whether it has would be to overtake what is refused.
      this.#allowance.adopt(limits, now, isFresh || this.#session !== "" ? Infinity : 0);
    }
    // Those that were under way when the connection broke may have used it up.
    this.#allowance.spend(now, session === this.#session ? this.#underWay.size : 0);
    this.#session = session;
    this.#limits = limits;
    this.#underWay.clear();
    this.#isOpen = true;
    this.#flush();
  }

  /** The connection is gone. */
  close() {
    this.#isOpen = false;
    this.#pace.stop();
  }

  /** The room is closed for good: nothing will be sent any more. @param {SendError} error */
  fail(error) {
    this.close();
    this.#hold.stop();
    for (const outgoing of [...this.#queue]) {
      if (outgoing.status === "pending") this.#set(outgoing, "failed", error);
    }
  }

  /**
   * The server has it.
   *
   * @param {string} id
   * @param {number} offset
   * @param {boolean} isSeen whether its event has been delivered
   */
  acknowledge(id, offset, isSeen) {
    const outgoing = this.#queue.find((other) => other.id === id);
    if (isSeen) this.#unseen.delete(id);
    else if (outgoing !== undefined) this.#unseen.set(id, [outgoing, offset]);
    if (outgoing === undefined) return;
    this.#answered(id);
    this.#queue.splice(this.#queue.indexOf(outgoing), 1);
    this.#tries = 0;
    this.#set(outgoing, "sent", null);
    this.#flush();
  }

  /** The reader has come to `offset`: what is acknowledged up to there is in the log that we read. @param {number} offset */
  reach(offset) {
    for (const [id, [, at]] of this.#unseen) if (at <= offset) this.#unseen.delete(id);
  }

  /** The log that acknowledged them is no more: what nobody can have read there is said again. */
  revive() {
    const lost = this.#acknowledged.map(([outgoing]) => outgoing);
    this.#unseen.clear();
    this.#queue.unshift(...lost);
    for (const outgoing of lost) this.#set(outgoing, "pending", null);
    this.#flush();
  }

  /** Those whose event has not come, in the order of the log. */
  get #acknowledged() {
    return [...this.#unseen.values()].sort(([, a], [, b]) => a - b);
  }

  /** @param {string} id @param {SendError} error */
  refuse(id, error) {
    const outgoing = this.#queue.find((other) => other.id === id);
    if (outgoing === undefined || !this.#underWay.has(id)) return;
    this.#answered(id);
    const hasTime = error.retry_after !== undefined;
    if (error.temporary && (hasTime || this.#tries < MAX_TRIES)) {
      const ms = hasTime ? (error.retry_after ?? 0) * 1_000 : backoff(this.#tries, this.#clock.random);
      this.#tries += 1;
      this.#allowance.empty(this.#clock.now());
      this.#hold.set(Math.min(MAX_HOLD_MS, ms), () => this.#flush());
    } else {
      this.#tries = 0;
      this.#set(outgoing, "failed", error);
    }
    this.#flush();
  }

  /** A failed one goes to the end of the queue. @param {string} id */
  retry(id) {
    const outgoing = this.#take(id);
    if (outgoing === undefined) return;
    this.#queue.push(outgoing);
    this.#set(outgoing, "pending", null);
    this.#flush();
  }

  /** A failed one is forgotten. @param {string} id */
  discard(id) {
    this.#take(id);
  }

  /** @param {string} id @returns {Outgoing | undefined} the failed one, taken out */
  #take(id) {
    const index = this.#queue.findIndex((other) => other.id === id && other.status === "failed");
    return index < 0 ? undefined : this.#queue.splice(index, 1)[0];
  }

  /** @param {string} id */
  #answered(id) {
    if (this.#underWay.delete(id)) this.#allowance.spend(this.#clock.now(), 1);
  }

  /** @param {Outgoing} outgoing @param {Outgoing["status"]} status @param {SendError | null} error */
  #set(outgoing, status, error) {
    outgoing.status = status;
    outgoing.error = error;
    this.#changed({ ...outgoing });
  }

  /** Sends as many as may be sent now, and sees to it that the rest follows. */
  #flush() {
    this.#pace.stop();
    if (!this.#isOpen) return;
    for (;;) {
      const now = this.#clock.now();
      const next = this.#queue.find(({ id, status }) => status === "pending" && !this.#underWay.has(id));
      if (next === undefined) return;
      const message = { type: /** @type {const} */ ("send"), id: next.id, content: next.content };
      if (this.#isTooLarge(message)) {
        const error = { code: "too_long", message: "The message is larger than the server reads.", temporary: false };
        this.#set(next, "failed", error);
        continue;
      }
      const wait = this.#waitMs(now);
      if (wait > 0) {
        if (wait < Infinity) this.#pace.set(wait, () => this.#flush());
        return;
      }
      this.#underWay.add(next.id);
      this.#transmit(message);
    }
  }

  /** @param {number} now @returns {number} ms until one more may be sent; infinite if something else calls: an answer, the end of the hold */
  #waitMs(now) {
    const { size } = this.#underWay;
    if (this.#hold.isSet || size >= WINDOW) return Infinity;
    return this.#allowance.waitFor(now, size + 1);
  }

  /**
   * A server closes the connection on a message larger than it reads; so large a one must not be tried for ever.
   *
   * @param {object} message
   */
  #isTooLarge(message) {
    const most = this.#limits.message_bytes;
    return most != null && utf8Length(JSON.stringify(message)) > most;
  }
}
