/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {"websocket" | "sse" | "long-polling" | "polling"} Transport */

/** @typedef {"upgrade_refused" | "upgrade_unanswered" | "stream_refused" | "stream_buffered" | "waiting_refused"} Blocked */
/** @typedef {Blocked | "forced" | "unsupported"} Why no better transport is in use */

/** @typedef {{transport: Transport, why: Why | null, at: number}} Remembered what worked, and when (ms since 1970) */

/** From the best to the one that works nearly everywhere. @type {readonly Transport[]} */
export const TRANSPORTS = Object.freeze(["websocket", "sse", "long-polling", "polling"]);

/** A network is left sooner or later: what was learnt of it does not hold for ever. */
const REMEMBERED_MS = 10 * 60_000;
const FIRST_CLIMB_MS = 15_000;
const LAST_CLIMB_MS = 30 * 60_000;

/**
 * Which transport to use: each step down is taken only when what is below works while what is above does not, for then
 * it is not the network that is down. So a step is on trial until the transport below has proved itself.
 */
export class Ladder {
  #clock;
  #available;
  /** @type {readonly Transport[]} */
  #rungs = [];
  #isForced = false;
  /** The one in use or being tried. */
  #at = 0;
  /** The one that worked last. */
  #held = 0;
  /** When it did, by the clock's `now`. */
  #heldAt = 0;
  #hasHeld = false;
  /** Why each that failed did. @type {Map<Transport, Why>} */
  #why = new Map();
  /** The same, on trial. @type {Map<Transport, Why>} */
  #trial = new Map();
  /** What worked last has failed once since. */
  #missed = false;
  #fromTop = false;
  #climbs = 0;

  /**
   * @param {Clock} clock
   * @param {object} given
   * @param {readonly Transport[]} given.available what the platform can do
   * @param {Transport | null} [given.forced]
   * @param {Remembered | null} [given.remembered] of an earlier life of the page
   */
  constructor(clock, { available, forced = null, remembered = null }) {
    this.#clock = clock;
    this.#available = available;
    this.force(forced);
    const held = remembered === null || forced !== null ? -1 : this.#rungs.indexOf(remembered.transport);
    // Between two lives of the page there is only the time of day. If it was set, what was learnt is forgotten.
    const age = clock.wall() - Number(remembered?.at);
    if (held > 0 && remembered !== null && age >= 0 && age < REMEMBERED_MS) {
      this.#held = this.#at = held;
      this.#heldAt = clock.now() - age;
      if (remembered.why !== null) this.#why.set(/** @type {Transport} */ (this.#rungs[held - 1]), remembered.why);
    }
  }

  /** From now on this one alone, or again the best that works. @param {Transport | null} transport */
  force(transport) {
    this.#isForced = transport !== null;
    this.#rungs = TRANSPORTS.filter(
      (one) => (transport === null || one === transport) && this.#available.includes(one),
    );
    this.#why.clear();
    this.#trial.clear();
    this.#at = this.#held = this.#climbs = 0;
    this.#hasHeld = this.#missed = this.#fromTop = false;
  }

  /** The platform has none of those that may be used. */
  get isEmpty() {
    return this.#rungs.length === 0;
  }

  /** Whether another may be tried if this one fails. */
  get hasOthers() {
    return this.#rungs.length > 1;
  }

  /** The one in use or being tried. @returns {Transport} */
  get transport() {
    return this.#rungs[this.#at] ?? "websocket";
  }

  /** Why it is not a better one; `null` if it is the best. @returns {Why | null} */
  get why() {
    if (this.#isForced) return "forced";
    const above = this.#rungs[this.#at - 1];
    if (above !== undefined) return this.#trial.get(above) ?? this.#why.get(above) ?? null;
    return this.transport === "websocket" ? null : "unsupported";
  }

  /** What is worth keeping for another life of the page. @returns {Remembered | null} */
  get remembered() {
    const transport = this.#rungs[this.#held];
    if (this.#isForced || this.#held === 0 || transport === undefined) return null;
    const above = /** @type {Transport} */ (this.#rungs[this.#held - 1]);
    return {
      transport,
      why: this.#why.get(above) ?? null,
      at: this.#clock.wall() - (this.#clock.now() - this.#heldAt),
    };
  }

  /** Those that are better than the one in use, the best first. @returns {Transport[]} */
  get above() {
    return this.#rungs.slice(0, this.#at);
  }

  /** How long to be content before a better one is tried again, in ms. */
  get climbMs() {
    const ms = Math.min(LAST_CLIMB_MS, FIRST_CLIMB_MS * 2 ** this.#climbs);
    return ms * (0.75 + this.#clock.random() / 2);
  }

  /**
   * A try to connect begins: with what worked last, or from the top if that could not be reached.
   *
   * @returns {Transport}
   */
  begin() {
    this.#trial.clear();
    this.#at = this.#fromTop ? 0 : this.#held;
    return this.transport;
  }

  /**
   * The one being tried does not work.
   *
   * @param {Why} why
   * @returns {Transport | null} what to try at once; `null` if it is time to wait
   */
  fail(why) {
    // A socket that worked before is not given up for a single failure: a network that just comes back does that.
    if (this.transport === "websocket" && this.#hasHeld && this.#held === this.#at && !this.#missed) {
      this.#missed = true;
      return null;
    }
    if (this.#at + 1 >= this.#rungs.length) return null;
    // It looked better and was not.
    if (this.#at < this.#held) this.#climbs += 1;
    this.#trial.set(this.transport, why);
    this.#at += 1;
    return this.transport;
  }

  /** The one being tried works. */
  hold() {
    for (const [transport, why] of this.#trial) this.#why.set(transport, why);
    this.#trial.clear();
    if (this.#at < this.#held) this.#climbs = 0;
    this.#held = this.#at;
    this.#heldAt = this.#clock.now();
    this.#hasHeld = true;
    this.#missed = this.#fromTop = false;
  }

  /** Nothing worked. What worked last may be what is blocked now: the next try begins elsewhere. */
  lose() {
    if (this.#held > 0) this.#fromTop = !this.#fromTop;
  }

  /** A better one is about to be used. @param {Transport} transport */
  climb(transport) {
    const at = this.#rungs.indexOf(transport);
    if (at >= 0) this.#at = at;
  }

  /** There was nothing better. */
  stay() {
    this.#climbs += 1;
  }

  /** The network is another one, so nothing is known of it. */
  forget() {
    this.#climbs = 0;
    this.#fromTop = this.#held > 0;
  }
}
