import { ruleOf } from "./name-rule.js";
import { backoff } from "./backoff.js";
import { closeCodes, mayReconnect } from "./codes.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./connection.js").End} End */
/** @typedef {import("./wire.js").Refusal} Refusal */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */

/**
 * Why there is no connection.
 *
 * @typedef {object} Reason
 * @property {number} code a close code; 1006 if no close frame came
 * @property {string} name the code of the server's last `error`, else what `codes.js` calls the close code, or one of
 *   the SDK's own
 * @property {string} message English prose for developers
 * @property {string} [rule] of a name that is refused, with `at` and `character`: see `name-rule.js`
 * @property {number} [at]
 * @property {string} [character]
 */

/** A connection that held this long was a success: the next failure is the first again. */
const HELD_MS = 10_000;
/**
 * What counts of the failures before a welcome. The server is in service, only the network is bad: no wait after that is
 * longer than 4.5 s, and so the server keeps our place (8 s by default) and nobody sees us leave.
 */
const FAILURES_AFTER_WELCOME = 3;
const MAX_RETRY_AFTER_MS = 5 * 60_000;

/** Whether to come back after a connection, and when. */
export class Comeback {
  #clock;
  #failures = 0;
  /** @type {number | null} */
  #welcomedAt = null;
  /** The server's last word, if it was an `error`: the reason for a close that follows. @type {Refusal | null} */
  #lastError = null;
  /** What `shutdown` said, in ms. @type {number | null} */
  #shutdownMs = null;

  /** @param {Clock} clock */
  constructor(clock) {
    this.#clock = clock;
  }

  /** Tries since a connection last held. */
  get failures() {
    return this.#failures;
  }

  /** As if nothing had failed yet. */
  forget() {
    this.#failures = 0;
  }

  /** A try begins. */
  begin() {
    this.#welcomedAt = this.#lastError = this.#shutdownMs = null;
  }

  /** @param {ServerMessage} message */
  hear(message) {
    this.#lastError = message.type === "error" ? message : null;
    if (message.type === "shutdown") this.#shutdownMs = message.retry_after * 1_000;
    if (message.type === "welcome") {
      this.#welcomedAt = this.#clock.now();
      this.#failures = Math.min(this.#failures, FAILURES_AFTER_WELCOME);
    }
  }

  /**
   * @param {End} end
   * @returns {{error: Reason, delay: number | null}} `delay` in ms, `null` if it is no use to come back
   */
  after({ code, reason, local }) {
    const refusal = local === null ? this.#lastError : null;
    const error = {
      code,
      name: local ?? refusal?.code ?? closeName(code),
      message: refusal?.message ?? reason,
      ...ruleOf(refusal),
    };
    if (local === null && !mayReconnect(code)) return { error, delay: null };
    const held = this.#welcomedAt !== null && this.#clock.now() - this.#welcomedAt >= HELD_MS;
    if (held || this.#shutdownMs !== null) this.#failures = 0;
    const jitter = backoff(this.#failures, this.#clock.random);
    const delay = this.#shutdownMs ?? Math.max(jitter, (refusal?.retry_after ?? 0) * 1_000);
    this.#failures += 1;
    return { error, delay: Math.min(delay, MAX_RETRY_AFTER_MS) };
  }
}

/** @param {number} code */
function closeName(code) {
  return closeCodes[code]?.name ?? String(code);
}
