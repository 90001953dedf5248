import { wellFormed } from "./wire.js";

/** @typedef {import("./outbox.js").SendError} SendError */

/**
 * A message of ours that outlives the page: to be sent, unless it says otherwise.
 *
 * @typedef {object} Kept
 * @property {string} id
 * @property {string} content
 * @property {number} at when it was said, ms since 1970
 * @property {number | null} [transmitted] since when it may be in the log, ms since 1970; `null` if it never went out. Without it, from
 *   an older page, it may have gone out as soon as it was said
 * @property {SendError} [error] why it has failed
 * @property {number} [offset] where the log has it, as far as is known; its event has not been seen
 */

/** A browser's storage has room for some millions of characters, which a page shares with others. */
const MOST = 500;
const MOST_CHARACTERS = 1_000_000;

/**
 * As many of a list, from its beginning, as are kept. It may have been written by anyone: what is no message is left out.
 *
 * @param {unknown} list
 * @param {number} now ms since 1970
 * @returns {Kept[]}
 */
export function keep(list, now) {
  if (!Array.isArray(list)) return [];
  /** @type {Map<string, Kept>} */
  const kept = new Map();
  let left = MOST_CHARACTERS;
  for (const one of list) {
    const message = read(one, now);
    if (message === null || kept.has(message.id)) continue;
    left -= JSON.stringify(message).length;
    if (left < 0 || kept.size === MOST) break;
    kept.set(message.id, message);
  }
  return [...kept.values()];
}

/** @param {any} one @param {number} now @returns {Kept | null} */
function read(one, now) {
  const { id, content, at, error, offset, transmitted } = one ?? {};
  if (typeof id !== "string" || !/^[ -~]{1,64}$/.test(id) || typeof content !== "string") return null;
  /** @type {Kept} */
  const message = { id, content: wellFormed(content), at: typeof at === "number" && at >= 0 && at <= now ? at : now };
  if (transmitted === null || (Number.isFinite(transmitted) && transmitted >= 0)) message.transmitted = transmitted;
  if (error !== undefined) {
    const reason = readError(error);
    return reason && { ...message, error: reason };
  }
  if (offset === undefined) return message;
  return Number.isSafeInteger(offset) && offset > 0 ? { ...message, offset } : null;
}

/** @param {any} error @returns {SendError | null} */
function readError(error) {
  const { code, message, temporary, retry_after } = error ?? {};
  if (typeof code !== "string" || typeof message !== "string") return null;
  const after = Number.isFinite(retry_after) ? { retry_after } : {};
  return { code, message, temporary: temporary === true, ...after };
}
