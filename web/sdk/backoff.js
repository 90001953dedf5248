export const MIN_MS = 500;
export const MAX_MS = 20_000;

/**
 * How long to wait before the next try: full jitter, so that clients that were cut off together do not come back
 * together. Drawn anew each time.
 *
 * @param {number} failures tries that failed since the connection last held
 * @param {() => number} random
 * @returns {number} milliseconds
 */
export function backoff(failures, random) {
  const ceiling = Math.min(MAX_MS, MIN_MS * 2 ** Math.min(failures, 16));
  return Math.min(MAX_MS, MIN_MS + random() * ceiling);
}
