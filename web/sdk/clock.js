/**
 * Time and chance as the SDK sees them, so that a test can replay a schedule.
 *
 * How long something takes is measured by `now`, which nobody can set. `wall` is for times that are shown, and for what is
 * compared with another life of the page.
 *
 * @typedef {object} Clock
 * @property {() => number} now milliseconds since some moment; never goes back
 * @property {() => number} wall milliseconds since 1970, as the machine has it
 * @property {() => number} random in [0, 1)
 * @property {(run: () => void, ms: number) => unknown} setTimeout
 * @property {(id: any) => void} clearTimeout
 */

/**
 * @param {Partial<Clock>} given what replaces the platform's own
 * @returns {Clock}
 */
export function clockFrom(given) {
  const platform = /** @type {any} */ (globalThis);
  return {
    now: given.now ?? (() => platform.performance.now()),
    wall: given.wall ?? (() => Date.now()),
    random: given.random ?? (() => Math.random()),
    // Called through the global object: browsers refuse a bare reference ("Illegal invocation").
    setTimeout: given.setTimeout ?? ((run, ms) => platform.setTimeout(run, ms)),
    clearTimeout: given.clearTimeout ?? ((id) => platform.clearTimeout(id)),
  };
}

/** One alarm that can be set, set again and stopped. Whoever owns it can therefore leave none behind. */
export class Alarm {
  #clock;
  /** @type {unknown} */
  #id = null;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  get isSet() {
    return this.#id !== null;
  }

  /**
   * Replaces what was set before.
   *
   * @param {number} ms
   * @param {() => void} ring
   */
  set(ms, ring) {
    this.stop();
    this.#id = this.#clock.setTimeout(() => {
      this.#id = null;
      ring();
    }, ms);
  }

  stop() {
    if (this.#id === null) return;
    this.#clock.clearTimeout(this.#id);
    this.#id = null;
  }
}
