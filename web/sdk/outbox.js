import { Allowance } from "./allowance.js";
import { backoff } from "./backoff.js";
import { Alarm } from "./clock.js";
import { keep } from "./outbox-store.js";
import { utf8Length, wellFormed } from "./wire.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./outbox-store.js").Kept} Kept */
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

/**
 * The first time at which a message went out and it is not known what became of it, by both clocks: a machine that sleeps may stop the
 * first, and the second can be set.
 *
 * @typedef {{now: number, wall: number}} Moment
 */

/** @typedef {Outgoing & {doubt: Moment | null}} Entry */

/** Unanswered sends at a time. */
const WINDOW = 16;
/** Temporary refusals without a `retry_after` after which a message fails, rather than hold up the others for ever. */
const MAX_TRIES = 5;
const MAX_HOLD_MS = 60_000;
/** A server knows an id for a day. An hour is for its clock, ours, and what stands before the message. */
const KNOWN_MS = 23 * 3_600_000;

/**
 * What we say, until the server has it: first in, first out, each with an id under which it can be sent again.
 *
 * The order is kept although several are under way at once: no more are sent than the server's rate limit is sure to
 * accept ({@link Allowance}), so that none is refused before a later one is accepted; and a message that is refused
 * for now holds up those behind it until it is through.
 *
 * What went out without an answer is sent again, also into another epoch of the log: where it stood before, it is gone for everybody, and
 * who read it there knows it by its id. Only what went out too long ago is not: no server knows its id any more, so that it might be said
 * twice. It has failed as `maybe_sent`, and a person decides.
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
  /** Not acknowledged, in the order of saying. @type {Entry[]} */
  #queue = [];
  /** Sent on this connection and not answered, with the time. @type {Map<string, Moment>} */
  #underWay = new Map();
  /** Acknowledged, but the event itself has not come: by id, with the offset. @type {Map<string, [Entry, number]>} */
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
    const digits = () =>
      Math.floor(clock.random() * 2 ** 40)
        .toString(36)
        .padStart(8, "0");
    this.#prefix = `${digits()}${digits()}`;
    for (const { id, content, at, error = null, offset, transmitted = at } of kept) {
      const status = offset !== undefined ? "sent" : error === null ? "pending" : "failed";
      const doubt = transmitted === null ? null : this.#momentAt(transmitted);
      /** @type {Entry} */
      const outgoing = { id, content, at, status, error, doubt };
      if (offset === undefined) this.#queue.push(outgoing);
      else this.#unseen.set(id, [outgoing, offset]);
    }
  }

  /** What a later life of the page goes on with. @returns {Kept[]} */
  get kept() {
    const unseen = this.#acknowledged.map(([entry, offset]) => ({ ...this.#keep(entry), offset }));
    const queue = this.#queue.map((entry) => ({ ...this.#keep(entry), ...(entry.error && { error: entry.error }) }));
    return keep([...unseen, ...queue], this.#clock.wall());
  }

  /** @returns {Outgoing[]} */
  get list() {
    return this.#queue.map(shown);
  }

  /** @param {string} id @returns {Outgoing} one that is in the list */
  find(id) {
    const outgoing = this.#queue.find((other) => other.id === id);
    if (outgoing === undefined) throw new RangeError(`no outgoing message ${id}`);
    return shown(outgoing);
  }

  /** @param {string} content @returns {Outgoing} */
  push(content) {
    this.#counter += 1;
    /** @type {Entry} */
    const outgoing = {
      id: `${this.#prefix}-${this.#counter}`,
      content: wellFormed(content),
      at: this.#clock.wall(),
      status: "pending",
      error: null,
      doubt: null,
    };
    this.#queue.push(outgoing);
    this.#changed(shown(outgoing));
    this.#flush();
    return shown(outgoing);
  }

  /**
   * After a welcome: what was not answered goes out again, unless that was too long ago.
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
    for (const entry of this.#queue) entry.doubt = this.#doubtOf(entry);
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
    outgoing.doubt = this.#doubtOf(outgoing);
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
    // Whoever says it again has been told that it may have been said.
    this.#answered(id);
    outgoing.doubt = null;
    this.#queue.push(outgoing);
    this.#set(outgoing, "pending", null);
    this.#flush();
  }

  /** A failed one is forgotten. @param {string} id */
  discard(id) {
    this.#take(id);
  }

  /** @param {string} id @returns {Entry | undefined} the failed one, taken out */
  #take(id) {
    const index = this.#queue.findIndex((other) => other.id === id && other.status === "failed");
    return index < 0 ? undefined : this.#queue.splice(index, 1)[0];
  }

  /** @param {string} id */
  #answered(id) {
    if (this.#underWay.delete(id)) this.#allowance.spend(this.#clock.now(), 1);
  }

  /** @param {Entry} outgoing @param {Outgoing["status"]} status @param {SendError | null} error */
  #set(outgoing, status, error) {
    outgoing.status = status;
    outgoing.error = error;
    this.#changed(shown(outgoing));
  }

  /** Since when it may be in the log, as far as we know; `null` if it cannot be. @param {Entry} entry */
  #doubtOf({ id, doubt }) {
    return doubt ?? this.#underWay.get(id) ?? null;
  }

  /** @param {number} wall when an earlier life of the page sent it; if that is still to come, the time of day was set back @returns {Moment} */
  #momentAt(wall) {
    return { now: this.#clock.now() - Math.abs(this.#clock.wall() - wall), wall };
  }

  /** @param {Moment} moment @returns {number} ms, rather too many than too few */
  #ageOf({ now, wall }) {
    return Math.max(this.#clock.now() - now, this.#clock.wall() - wall);
  }

  /** @param {Entry} entry @returns {Kept} */
  #keep(entry) {
    const doubt = this.#doubtOf(entry);
    const transmitted = doubt && Math.max(0, Math.round(this.#clock.wall() - this.#ageOf(doubt)));
    return { id: entry.id, content: entry.content, at: entry.at, transmitted };
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
      if (next.doubt !== null && this.#ageOf(next.doubt) > KNOWN_MS) {
        const message = "The message went out long ago and was not answered. The room may have it.";
        this.#set(next, "failed", { code: "maybe_sent", message, temporary: false });
        continue;
      }
      const wait = this.#waitMs(now);
      if (wait > 0) {
        if (wait < Infinity) this.#pace.set(wait, () => this.#flush());
        return;
      }
      this.#underWay.set(next.id, { now, wall: this.#clock.wall() });
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

/** What others are told of it. @param {Entry} entry @returns {Outgoing} */
function shown({ id, content, at, status, error }) {
  return { id, content, at, status, error };
}
