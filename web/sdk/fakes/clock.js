/** Time that passes only when a test says so, and chance from a seed. */
export class FakeClock {
  #now = 0;
  /** How far the time of day is ahead of it. */
  #ahead = Date.UTC(2026, 10, 21);
  #next = 1;
  #seed;
  /** @type {Map<number, {at: number, run: () => void}>} */
  #timers = new Map();

  constructor(seed = 1) {
    this.#seed = seed;
  }

  now = () => this.#now;

  wall = () => this.#now + this.#ahead;

  /** Somebody sets the time of day. @param {number} ms forward, or back if negative */
  setWall(ms) {
    this.#ahead += ms;
  }

  /** Mulberry32. */
  random = () => {
    this.#seed = (this.#seed + 0x6d2b79f5) | 0;
    let t = Math.imul(this.#seed ^ (this.#seed >>> 15), 1 | this.#seed);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 2 ** 32;
  };

  /** @param {() => void} run @param {number} ms */
  setTimeout = (run, ms) => {
    const id = this.#next;
    this.#next += 1;
    this.#timers.set(id, { at: this.#now + Math.max(0, ms), run });
    return id;
  };

  /** @param {number} id */
  clearTimeout = (id) => void this.#timers.delete(id);

  /** How many timers are set. */
  get timers() {
    return this.#timers.size;
  }

  /** Lets time pass and every timer ring when it is due. @param {number} ms */
  advance(ms) {
    const end = this.#now + ms;
    for (;;) {
      let [first, due] = [0, Infinity];
      for (const [id, { at }] of this.#timers) if (at < due) [first, due] = [id, at];
      if (due > end) break;
      const timer = this.#timers.get(first);
      this.#timers.delete(first);
      this.#now = Math.max(this.#now, due);
      timer?.run();
    }
    this.#now = end;
  }

  /**
   * The same, and after each timer what was promised is kept, as far as it depends on no other timer.
   *
   * @param {number} ms
   */
  async pass(ms) {
    const end = this.#now + ms;
    await settled();
    for (;;) {
      const due = Math.min(...[...this.#timers.values()].map(({ at }) => at));
      if (due > end) break;
      this.advance(Math.max(0, due - this.#now));
      await settled();
    }
    this.#now = Math.max(this.#now, end);
  }

  /** Time passes and no timer rings, as in a hidden page. @param {number} ms */
  hold(ms) {
    this.#now += ms;
  }

  /** The machine sleeps: what was due meanwhile rings at the end. @param {number} ms */
  sleep(ms) {
    this.hold(ms);
    this.advance(0);
  }
}

/** All that is promised and waits for nothing else is kept. */
export function settled() {
  return new Promise((resolve) => setImmediate(resolve));
}
