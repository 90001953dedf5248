/** @typedef {import("./wire.js").Limits} Limits */

/**
 * How many messages the server is sure to accept now: its token bucket, seen from here.
 *
 * The server takes a token when it reads a message, which is some time between our sending and its answer. Taking it
 * at the answer is the latest possible, and the later it is taken, the less has been refilled; so the level kept here
 * is never above the server's, however the network delays and bunches what we send.
 */
export class Allowance {
  #burst = Infinity;
  #rate = Infinity;
  #level = Infinity;
  #at = 0;

  /**
   * @param {Limits} limits
   * @param {number} now ms
   * @param {number} level what is left at most
   */
  adopt(limits, now, level) {
    this.#rate = limits.rate ? limits.rate / 1_000 : Infinity;
    this.#burst = limits.rate ? Math.max(1, limits.burst ?? 1) : Infinity;
    this.#level = Math.min(this.#burst, level);
    this.#at = now;
  }

  /** @param {number} now */
  level(now) {
    if (this.#rate === Infinity) return Infinity;
    const refilled = (now - this.#at) * this.#rate;
    return Math.min(this.#burst, this.#level + refilled);
  }

  /** @param {number} now @param {number} tokens */
  spend(now, tokens) {
    this.#level = Math.max(0, this.level(now) - tokens);
    this.#at = now;
  }

  /** The server says that nothing is left. @param {number} now */
  empty(now) {
    this.#level = 0;
    this.#at = now;
  }

  /**
   * @param {number} now
   * @param {number} tokens
   * @returns {number} ms until the level is `tokens`; infinite if it never is
   */
  waitFor(now, tokens) {
    if (tokens > this.#burst) return Infinity;
    const missing = tokens - this.level(now);
    return missing <= 0 ? 0 : Math.max(1, Math.ceil(missing / this.#rate));
  }
}
