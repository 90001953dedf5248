/** How long a text is, as the server counts: grapheme clusters and UTF-8 bytes. */

const segmenter =
  typeof Intl.Segmenter === "function" ? new Intl.Segmenter(undefined, { granularity: "grapheme" }) : null;
const encoder = new TextEncoder();
/** From this share of a limit on, the counter shows. */
const NEAR = 0.9;

/** @param {string} text */
export function graphemes(text) {
  if (!segmenter) return [...text].length;
  let n = 0;
  for (const _ of segmenter.segment(text)) n += 1;
  return n;
}

/** @param {string} text */
export function bytes(text) {
  return encoder.encode(text).length;
}

/** @typedef {{ content_graphemes?: number | null, content_bytes?: number | null }} ContentLimits */
/** @typedef {{ unit: "graphemes" | "bytes", left: number, near: boolean, over: boolean }} Room what is left under the tighter limit */

/**
 * Measures what would be sent. Short texts are not counted: no text has more graphemes than UTF-16 units, nor more
 * bytes than three times as many.
 * @param {string} content trimmed @param {ContentLimits} limits @returns {Room}
 */
export function measure(content, limits) {
  const byGraphemes = remaining("graphemes", limits.content_graphemes, content.length, () => graphemes(content));
  const byBytes = remaining("bytes", limits.content_bytes, content.length * 3, () => bytes(content));
  if (byBytes.over && !byGraphemes.over) return byBytes;
  if (byBytes.near && !byGraphemes.near) return byBytes;
  return byGraphemes;
}

/** @param {Room["unit"]} unit @param {number | null | undefined} limit @param {number} bound @param {() => number} count @returns {Room} */
function remaining(unit, limit, bound, count) {
  if (!limit || bound < limit * NEAR) return { unit, left: Infinity, near: false, over: false };
  const used = count();
  return { unit, left: limit - used, near: used >= limit * NEAR, over: used > limit };
}
