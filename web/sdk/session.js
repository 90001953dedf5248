import { Alarm } from "./clock.js";
import { Comeback } from "./comeback.js";
import { Connection } from "./connection.js";
import { Ladder } from "./ladder.js";
import { Liveness } from "./liveness.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./comeback.js").Reason} Reason */
/** @typedef {import("./connection.js").End} End */
/** @typedef {import("./connection.js").Join} Join */
/** @typedef {import("./connection.js").Ways} Ways */
/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./ladder.js").Why} Why */
/** @typedef {import("./timeline.js").Timeline} Timeline */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */
/** @typedef {import("./wire.js").Welcome} Welcome */
/** @typedef {"idle" | "connecting" | "connected" | "waiting" | "offline" | "closed"} State */

/**
 * @typedef {object} StateDetail
 * @property {State} state
 * @property {number} attempt
 * @property {number | null} retryIn ms until the next try, from when this is told
 * @property {Reason | null} error
 * @property {Transport | null} transport in use, or being tried; `null` without a connection
 * @property {Why | null} why it is not a better one
 */

/** Tries of a hidden page after a connection at the usual pace, so that it is back before its place is lost. */
const HIDDEN_TRIES = 6;
/** Then there is no hurry. The timers of a page that has been hidden for long are no finer than this anyway. */
const HIDDEN_PACE_MS = 60_000;

/**
 * Us in the room, from joining to leaving: it is proved by the token, outlives every connection and sees to it that there
 * is one, as long as there is a network. If nobody looks it comes back as well: others see it in the room, and its title
 * tells what is new.
 */
export class Session {
  #ways;
  #ladder;
  #clock;
  #timeline;
  #room;
  #comeback;
  #liveness;
  #retry;
  /** @type {Connection | null} */
  #connection = null;
  /** @type {StateDetail} */
  #state = { state: "idle", attempt: 0, retryIn: null, error: null, transport: null, why: null };
  #online = true;
  #visible = true;
  /** Tries since the last welcome, or since somebody looked. */
  #tries = 0;
  /** @type {string | null} */
  #token;
  #attempt;
  #history;

  /**
   * @param {object} wiring
   * @param {Ways} wiring.ways
   * @param {Ladder} wiring.ladder
   * @param {Clock} wiring.clock
   * @param {Timeline} wiring.timeline where reading goes on
   * @param {string | null} wiring.token from an earlier life of the page
   * @param {number} wiring.attempt likewise
   * @param {number} wiring.history events of the past that a newcomer asks for
   * @param {object} room
   * @param {(welcome: Welcome, isFresh: boolean) => () => void} room.enter returns what tells of it
   * @param {(message: ServerMessage) => void} room.hear everything but the welcome
   * @param {(detail: StateDetail) => void} room.changed
   * @param {() => void} room.lost there is no connection any more
   * @param {(ms: number) => void} room.latency
   */
  constructor({ ways, ladder, clock, timeline, token, attempt, history }, room) {
    this.#ways = ways;
    this.#ladder = ladder;
    this.#clock = clock;
    this.#timeline = timeline;
    this.#token = token;
    this.#attempt = attempt;
    this.#history = history;
    this.#room = room;
    this.#comeback = new Comeback(clock);
    this.#retry = new Alarm(clock);
    this.#liveness = new Liveness(clock, {
      ask: () => this.#connection?.send({ type: "heartbeat" }),
      doubt: () => this.#connection?.doubt(),
      reaches: (head) => timeline.reaches(head),
      position: () => timeline.position,
      dead: (name, message) => this.drop(name, message),
      latency: (ms) => room.latency(ms),
    });
  }

  /** @returns {State} */
  get state() {
    return this.#state.state;
  }

  /** Why there is no connection. @returns {Reason | null} */
  get error() {
    return this.#state.error;
  }

  /** The secret that proves who we are; `null` before the first welcome. */
  get token() {
    return this.#token;
  }

  /** The number of the last join with a token; a later life of the page must go on from it. */
  get attempt() {
    return this.#attempt;
  }

  /** Whether there is a server to hear what is said. */
  get isWelcome() {
    return this.#connection?.isWelcome ?? false;
  }

  /** Connects and joins; from then on comes back by itself. */
  join() {
    if (this.state !== "idle" && this.state !== "closed") return;
    this.#comeback.forget();
    const { fault } = this.#ways.address;
    this.#tries = 0;
    if (fault !== null) this.#close(fault);
    else this.#connect();
  }

  /** Leaves: for good, or so that the place is kept for its token during the grace period. @param {boolean} forGood */
  leave(forGood) {
    if (this.state === "closed") return;
    const connection = this.#connection;
    this.#connection = null;
    if (forGood) connection?.leave();
    else connection?.abandon();
    this.#lost();
    this.#close(null);
  }

  /** @param {object} message @returns {boolean} whether there is a server to hear it */
  tell(message) {
    if (!this.#connection?.isWelcome) return false;
    this.#connection.send(message);
    return true;
  }

  /** Gives the connection up, in order to come back. @param {string} name @param {string} message */
  drop(name, message) {
    this.#connection?.drop(name, message);
  }

  /** The server does not know us: the next join is as a new member. */
  forgetToken() {
    this.#token = null;
  }

  /** Ends the waiting, whatever it is for; asks a connection that seems to be there whether it is. */
  reconnectNow() {
    if (this.state === "waiting" || this.state === "offline") this.#connect();
    else if (this.state === "connected") this.#liveness.suspect();
  }

  /** The ladder has been changed: what is there is left for what it says now. */
  changeTransport() {
    if (this.state === "connected" || this.state === "connecting") this.#startOver();
  }

  /** @param {boolean} online */
  setOnline(online) {
    if (online === this.#online) return;
    this.#online = online;
    if (online) this.#ladder.forget();
    if (online && this.state === "connecting") this.#startOver();
    else if (online || this.state === "connected") this.reconnectNow();
    else if (this.state === "waiting" && this.#mustPause) this.#pause(this.#state.error);
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#liveness.setVisible(visible);
    if (!visible) return;
    this.#tries = 0;
    this.reconnectNow();
  }

  /** No network, it is said. That may be wrong, so one try is made all the same. */
  get #mustPause() {
    return !this.#online && !this.#ways.address.isLocal && this.#tries > 0;
  }

  /** Gives up what is there without waiting. A try that began without a network may hang until its time is up. */
  #startOver() {
    const connection = this.#connection;
    this.#connection = null;
    connection?.abandon();
    this.#lost();
    this.#connect();
  }

  #connect() {
    this.#retry.stop();
    this.#comeback.begin();
    this.#tries += 1;
    this.#become("connecting", { error: this.#state.state === "closed" ? null : this.#state.error });
    if (this.#state.state !== "connecting") return;
    /** @type {Connection | null} */
    let connection = null;
    const isCurrent = () => connection !== null && this.#connection === connection;
    try {
      connection = new Connection(this.#ways, this.#ladder, {
        clock: this.#clock,
        join: () => this.#claim(),
        isHidden: () => !this.#visible,
        onMessage: (message) => isCurrent() && this.#hear(message),
        onAlive: () => isCurrent() && this.#liveness.heard(),
        onSwitch: () => isCurrent() && this.#lost(),
        onTransport: () => isCurrent() && this.#become(this.state),
        onEnd: (end) => isCurrent() && this.#ended(end),
      });
    } catch (error) {
      // Not a network's failure but an address that cannot be one, or a platform without any transport.
      this.#close({ code: 1006, name: "unsupported", message: String(error) });
      return;
    }
    this.#connection = connection;
  }

  /** @returns {Join} */
  #claim() {
    const { name } = this.#ways.address;
    const after = this.#timeline.position ?? undefined;
    const history = this.#timeline.isNew && this.#history > 0 ? this.#history : undefined;
    if (this.#token === null) return { name, after, history };
    // By the clock, so that it grows also from a page that was put aside to the one that came after it.
    this.#attempt = Math.max(this.#attempt + 1, Math.floor(this.#clock.wall()));
    return { name, after, token: this.#token, attempt: this.#attempt, history };
  }

  /** @param {ServerMessage} message */
  #hear(message) {
    this.#comeback.hear(message);
    if (message.type === "welcome") {
      this.#welcomed(message);
      return;
    }
    this.#room.hear(message);
    if (message.type === "heartbeat") this.#liveness.beat(message.position);
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const isFresh = this.#token === null;
    this.#token = welcome.token;
    this.#tries = 0;
    const tell = this.#room.enter(welcome, isFresh);
    this.#become("connected");
    tell();
    // A listener may have left the room meanwhile.
    if (this.isWelcome) this.#liveness.start(welcome.heartbeat);
  }

  /** @param {End} end */
  #ended(end) {
    this.#connection = null;
    this.#lost();
    const { error, delay } = this.#comeback.after(end);
    if (delay === null) this.#close(error);
    else this.#wait(delay, error);
  }

  /** @param {number} ms @param {Reason} error */
  #wait(ms, error) {
    if (this.#mustPause) {
      this.#pause(error);
      return;
    }
    const isSlow = !this.#visible && this.#tries >= HIDDEN_TRIES;
    const wait = isSlow ? Math.max(ms, HIDDEN_PACE_MS * (1 + this.#clock.random() / 4)) : ms;
    this.#retry.set(wait, () => this.#connect());
    this.#become("waiting", { error, retryIn: wait });
  }

  /** No tries until there is a network. @param {Reason | null} error */
  #pause(error) {
    this.#retry.stop();
    this.#become("offline", { error });
  }

  /** @param {Reason | null} error */
  #close(error) {
    this.#retry.stop();
    this.#comeback.forget();
    this.#become("closed", { error });
  }

  /** What a connection that is gone leaves to be stopped. */
  #lost() {
    this.#liveness.stop();
    this.#room.lost();
  }

  /**
   * @param {State} state
   * @param {{error?: Reason | null, retryIn?: number}} [detail]
   */
  #become(state, { error = null, retryIn } = {}) {
    const attempt = this.#comeback.failures;
    const before = this.#state;
    const [transport, why] =
      this.#connection === null && state !== "connecting" ? [null, null] : [this.#ladder.transport, this.#ladder.why];
    this.#state = { state, attempt, retryIn: retryIn ?? null, error, transport, why };
    if (before.state === state && before.transport === transport && before.why === why && state !== "waiting") return;
    this.#room.changed({ ...this.#state });
  }
}
