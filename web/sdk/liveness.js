import { Alarm } from "./clock.js";

/** @typedef {import("./clock.js").Clock} Clock */

const TICK_MS = 5_000;
/**
 * A tick this late means that the machine slept (or that the browser throttles a hidden page). On some platforms the
 * measured time stands still in a sleep: then the time of day is that much ahead (or somebody has set it).
 */
const SLEPT_MS = 15_000;
const PROBE_MS = 3_000;
const BEHIND_MS = 5_000;
/** Heartbeats of the server that may stay away. */
const SILENCE = 2.5;
const TICKS_PER_MEASUREMENT = 2;
const MEASUREMENTS = 5;

/**
 * Whether a connection that looks open still is. A socket of a phone that slept or changed its network says nothing
 * about being dead, so four things are watched: silence, sleep, the head of the log running away, and the answer to a
 * heartbeat of our own, which also measures the latency.
 */
export class Liveness {
  #clock;
  #room;
  #tick;
  #probe;
  #behind;
  #visible = true;
  #silenceMs = 0;
  #heardAt = 0;
  #tickedAt = 0;
  /** The time of day at that tick. */
  #wallAt = 0;
  #ticks = 0;
  /** When the heartbeat was sent that has no answer yet. @type {number | null} */
  #askedAt = null;
  /** @type {number[]} */
  #measured = [];

  /**
   * @param {Clock} clock
   * @param {object} room
   * @param {() => void} room.ask sends a heartbeat
   * @param {() => void} room.doubt brings about a sign of life, if there is any
   * @param {(head: string) => boolean} room.reaches whether the events up to `head` have come
   * @param {() => string | null} room.position of the last event
   * @param {(name: string, message: string) => void} room.dead the connection is no good
   * @param {(ms: number) => void} room.latency
   */
  constructor(clock, room) {
    this.#clock = clock;
    this.#room = room;
    this.#tick = new Alarm(clock);
    this.#probe = new Alarm(clock);
    this.#behind = new Alarm(clock);
  }

  /** @param {number} heartbeat the server's interval in seconds */
  start(heartbeat) {
    this.stop();
    this.#silenceMs = Math.max(heartbeat * SILENCE * 1_000, TICK_MS);
    this.#heardAt = this.#tickedAt = this.#clock.now();
    this.#wallAt = this.#clock.wall();
    this.#ticks = 0;
    this.#measured = [];
    this.#measure();
    this.#tick.set(TICK_MS, () => this.#check());
  }

  stop() {
    for (const alarm of [this.#tick, this.#probe, this.#behind]) alarm.stop();
    this.#askedAt = null;
  }

  /** Anything came. */
  heard() {
    this.#heardAt = this.#clock.now();
    this.#probe.stop();
  }

  /** @param {string} head the position in a heartbeat */
  beat(head) {
    if (this.#askedAt !== null) {
      this.#note(this.#clock.now() - this.#askedAt);
      this.#askedAt = null;
    }
    if (!this.#behind.isSet && !this.#room.reaches(head)) this.#expect(head);
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.#visible = visible;
  }

  /** Something happened that connections often do not survive: ask, and wait for an answer no longer than 3 s. */
  suspect() {
    if (!this.#tick.isSet || this.#probe.isSet) return;
    this.#probe.set(PROBE_MS, () => this.#room.dead("silent", "The server did not answer a heartbeat."));
    // Not measured: the answer's time says more about waking up than about the network.
    this.#askedAt = null;
    this.#room.doubt();
  }

  #check() {
    const now = this.#clock.now();
    const wall = this.#clock.wall();
    const slept = Math.max(now - this.#tickedAt, wall - this.#wallAt) - TICK_MS > SLEPT_MS;
    const silent = now - this.#heardAt > this.#silenceMs;
    this.#tickedAt = now;
    this.#wallAt = wall;
    this.#tick.set(TICK_MS, () => this.#check());
    if (slept) {
      // What came meanwhile may still wait behind this tick, so silence proves nothing yet. And the ticks of a hidden
      // page come late anyway.
      if (this.#visible || silent) this.suspect();
    } else if (silent) {
      this.#room.dead("silent", "Nothing came from the server for too long.");
    } else {
      this.#ticks += 1;
      if (this.#visible && this.#ticks % TICKS_PER_MEASUREMENT === 0) this.#measure();
    }
  }

  #measure() {
    if (this.#askedAt !== null) return;
    this.#askedAt = this.#clock.now();
    this.#room.ask();
  }

  /**
   * The median of the last few: a heartbeat of the server's own that crosses ours is taken for the answer, and a single
   * hiccup is not the network's state.
   *
   * @param {number} ms
   */
  #note(ms) {
    this.#measured = [...this.#measured, ms].slice(-MEASUREMENTS);
    const sorted = [...this.#measured].sort((a, b) => a - b);
    this.#room.latency(sorted[Math.floor((sorted.length - 1) / 2)] ?? ms);
  }

  /**
   * The events up to `head` should come soon. On a slow network they may take longer than that; as long as some come,
   * a new connection would only be slower.
   *
   * @param {string} head
   */
  #expect(head) {
    const before = this.#room.position();
    this.#behind.set(BEHIND_MS, () => {
      if (this.#room.reaches(head)) return;
      if (this.#room.position() === before) this.#room.dead("behind", "Events that the server has did not come.");
      else this.#expect(head);
    });
  }
}
