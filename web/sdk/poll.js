import { Alarm } from "./clock.js";
import { Fault, newStop } from "./request.js";
import { formatPosition, parsePosition, readMessage } from "./wire.js";

/** @typedef {import("./http.js").Reading} Reading */

/**
 * Seconds to wait for something, from one request to the next: what lies between us and the server may end long requests,
 * and so shows how long they may be.
 */
const WAITS = [5, 10, 20];
const LATE_MS = 4_000;
/**
 * Seconds that the requests of a hidden page wait if those of a visible one are answered at once. The timers of a hidden page
 * are late; a request that waits needs none, and is answered when the server asks whether its member is still there.
 */
const HIDDEN_WAIT = 2;
/** What is silent for two and a half heartbeats, or for 5 s at least, is taken for dead: so nobody is silent for longer than this. */
const SPEAKS = { heartbeats: 2, leastMs: 4_000 };
/** Between the beginnings of two requests while there is always something to tell. */
const GAP_MS = 100;

/** Reads by asking again and again: with `waits` each request waits for something (long polling), else each is answered at once. */
export class Poll {
  #reading;
  #waits;
  #isClimb;
  #pause;
  /** @type {import("./request.js").Stop | null} */
  #stop = null;
  #hasWorked = false;
  /** Whether to ask without waiting once, to tell a wait that is not let through from a network that is down. */
  #asksFirst = true;
  #step = 0;
  #most = WAITS.length - 1;
  /** The longest wait that was answered, as an index; -1 if none was. */
  #proved = -1;
  /** Waits in a row without an answer. */
  #misses = 0;
  #hasMissed = false;
  #hiddenWait = HIDDEN_WAIT;

  /** @param {Reading} reading @param {{waits: boolean, isClimb: boolean}} kind `isClimb`: plain reading is known to work */
  constructor(reading, { waits, isClimb }) {
    this.#reading = reading;
    this.#waits = waits;
    this.#isClimb = isClimb;
    this.#pause = new Alarm(reading.clock);
    void this.#read();
  }

  /** Reads at once. */
  refresh() {
    this.#asksFirst = true;
    void this.#read();
  }

  stop() {
    const stop = this.#stop;
    this.#stop = null;
    this.#pause.stop();
    stop?.abort();
  }

  async #read() {
    this.stop();
    const stop = (this.#stop = newStop());
    const { requests, place, clock } = this.#reading;
    const wait = this.#asksFirst ? 0 : this.#wait;
    const began = clock.now();
    const ms = wait === 0 ? undefined : wait * 1_000 + LATE_MS;
    const query = { after: place.after, states: place.states, wait: wait || undefined };
    const transport = this.#waits ? "long-polling" : "polling";
    let body;
    try {
      body = await requests.ask("GET", "/events", { query, ms, stop, transport });
    } catch (fault) {
      if (this.#stop === stop) this.#failed(/** @type {Fault} */ (fault), wait);
      return;
    }
    if (this.#stop !== stop) return;
    this.#reading.onAlive();
    if (!this.#judge(wait)) return;
    const many = this.#take(body);
    if (this.#stop === stop) this.#pause.set(this.#restMs(wait, clock.now() - began, many), () => this.#read());
  }

  /** @param {Fault} fault @param {number} wait */
  #failed(fault, wait) {
    if (wait === 0 || fault.kind === "problem") {
      this.#reading.onFault(fault);
      return;
    }
    this.#hasMissed = this.#asksFirst = true;
    void this.#read();
  }

  /** There is an answer. @param {number} wait @returns {boolean} whether to go on */
  #judge(wait) {
    if (!this.#waits) {
      if (this.#hasMissed) this.#hiddenWait = 0;
    } else if (wait > 0) {
      this.#proved = Math.max(this.#proved, this.#step);
      this.#misses = 0;
      this.#step = Math.min(this.#most, this.#step + 1);
    } else if (this.#hasMissed) {
      this.#misses += 1;
      // A wait that was answered before may fail once for another reason.
      if ((this.#proved < this.#step || this.#misses > 1) && !this.#lower()) return false;
    }
    this.#asksFirst = this.#hasMissed = false;
    if (!this.#hasWorked && (wait > 0 || !this.#waits || !this.#isClimb)) {
      this.#hasWorked = true;
      this.#reading.onWorks();
    }
    return true;
  }

  /** Waits less from now on. @returns {boolean} false if even the shortest is not let through */
  #lower() {
    this.#misses = 0;
    if (this.#step === 0) {
      this.stop();
      this.#reading.onUnfit("waiting_refused");
      return false;
    }
    this.#step -= 1;
    this.#most = this.#step;
    return true;
  }

  /** @param {any} body @returns {number} how many events it had */
  #take(body) {
    const { place, tell, onFault } = this.#reading;
    const position = parsePosition(String(body?.position));
    if (position === null || !Array.isArray(body.events)) {
      onFault(new Fault("foreign", "The answer has no position."));
      return 0;
    }
    const { events } = body;
    place.after = body.position;
    if (typeof body.states === "string") place.states = body.states;
    if (body.recovered === false) {
      const first = Number.isSafeInteger(events[0]?.offset) ? events[0].offset - 1 : position.offset;
      const missed = Number.isSafeInteger(body.missed) ? body.missed : 0;
      tell({ type: "gap", missed, position: formatPosition({ epoch: position.epoch, offset: first }) });
    }
    for (const value of [...events, body.presence, body.typing]) {
      const message = readMessage(value);
      if (message !== null) tell(message);
    }
    if (typeof body.retry_after === "number" && body.retry_after >= 0) {
      tell({ type: "shutdown", retry_after: body.retry_after });
      this.#reading.onClose(1012, "service_restart");
    }
    return events.length;
  }

  /** Seconds that the next request waits for something. */
  get #wait() {
    if (this.#waits) return Math.min(WAITS[this.#step] ?? 0, this.#mostMs / 1_000);
    return this.#reading.isHidden() ? this.#hiddenWait : 0;
  }

  /** @param {number} waited s @param {number} took ms @param {number} many events @returns {number} ms until the next request */
  #restMs(waited, took, many) {
    if (this.#waits || waited > 0 || many >= 100) return Math.max(0, GAP_MS - took);
    return this.#reading.isHidden() && this.#hiddenWait > 0 ? 0 : 1_000 + this.#reading.clock.random() * 1_000;
  }

  get #mostMs() {
    return Math.max(SPEAKS.leastMs, this.#reading.heartbeat * SPEAKS.heartbeats * 1_000);
  }
}
