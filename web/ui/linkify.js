/** Finds the links in a message. Only http, https and mailto; the rest of the text stays text. */

/** @typedef {{ text: string, href?: string }} Piece */

// Whitespace, quotes, angle brackets, controls and invisible or bidi-changing characters end a link.
const CANDIDATE =
  /(?:https?:\/\/|mailto:)[^\s<>"'`«»“”\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/giu;
const TRAILING = /[.,;:!?…،؛؟٫*_~]$/u;
/** @type {Record<string, string>} */
const OPENING = { ")": "(", "]": "[", "}": "{" };

/** @param {string} text @returns {Piece[]} the text in order; nothing of it is lost */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let end = 0;
  for (const match of text.matchAll(CANDIDATE)) {
    if (match.index < end || continuesWord(text, match.index)) continue;
    const shown = withoutTrailing(match[0]);
    const href = safeAddress(shown);
    if (href === null) continue;
    if (match.index > end) pieces.push({ text: text.slice(end, match.index) });
    pieces.push({ text: shown, href });
    end = match.index + shown.length;
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** `xhttp://` is no link, but `(http://` and `ببین:http://` are. @param {string} text @param {number} index */
function continuesWord(text, index) {
  return index > 0 && /[a-z0-9+.-]/i.test(text[index - 1]);
}

/**
 * A sentence's full stop and a bracket opened before the link do not belong to it. Counted once: a hostile message of
 * thousands of brackets must not cost its square.
 * @param {string} link
 */
function withoutTrailing(link) {
  /** @type {Record<string, number>} */
  const counts = {};
  for (const character of link) counts[character] = (counts[character] ?? 0) + 1;
  let end = link.length;
  for (; end > 0; end -= 1) {
    const last = link[end - 1];
    const opening = OPENING[last];
    const isUnopened = opening !== undefined && counts[last] > (counts[opening] ?? 0);
    if (!TRAILING.test(last) && !isUnopened) break;
    counts[last] -= 1;
  }
  return link.slice(0, end);
}

/** @param {string} link @returns {string | null} */
function safeAddress(link) {
  try {
    const url = new URL(link);
    if (url.protocol === "mailto:") return /^[^@\s]+@[^@\s]+$/.test(url.pathname) ? url.href : null;
    // `https://bank.example@evil.example` shows one name and opens another.
    const honest = url.username === "" && url.password === "";
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" && honest ? url.href : null;
  } catch {
    return null;
  }
}
