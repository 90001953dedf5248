/** Finds the links in a message: http, https, mailto, hosts that are written bare, e-mail addresses. The rest of the text stays text. */

import { isKnownHost } from "./hosts.js";
import { shownAddress } from "./shown-address.js";

/** @typedef {{ text: string, href?: string, shown?: string, title?: string }} Piece `shown` says honestly what `text`, as written, opens */

// Whitespace, quotation marks, angle brackets, controls and invisible or bidi-changing characters end a link.
const TOKEN =
  /[^\s<>"`«»“”„‹›\u0000-\u001f\u007f-\u009f\u00ad\u061c\u200b\u200d-\u200f\u2028-\u202e\u2060-\u206f\ufeff]+/gu;
const SCHEME = /https?:\/\/|mailto:/giu;
const BARE = /[\p{L}\p{N}][\p{L}\p{M}\p{N}._%+@-]*/gu;
const TRAILING = /[.,;:!?…،؛؟٫*_~'’\u200c]/u;
/** They end a sentence, and stand inside an address only as in `تهران،_ایران`. */
const PERSIAN_STOP = /[،؛؟]/u;
const CLOSING = /[)\]}]/;
const FOREIGN_CLOSING = /[）］｝】〉》」』﴾﴿]/u;
/** @type {Record<string, string>} */
const OPENING = { ")": "(", "]": "[", "}": "{" };
const ARABIC = /[\p{Script=Arabic}\p{M}]/u;

/** @param {string} text @returns {Piece[]} the text in order; nothing of it is lost. The work is linear in the text. */
export function linkify(text) {
  /** @type {Piece[]} */
  const pieces = [];
  let end = 0;
  for (const { 0: token, index } of text.matchAll(TOKEN)) {
    for (const { from, to, href } of linksIn(token, text[index - 1] ?? "")) {
      if (index + from > end) pieces.push({ text: text.slice(end, index + from) });
      pieces.push({ text: token.slice(from, to), href, ...shownAddress(href, token.slice(from, to)) });
      end = index + to;
    }
  }
  if (end < text.length) pieces.push({ text: text.slice(end) });
  return pieces;
}

/** @typedef {{ from: number, to: number, href: string }} Link */

/** @param {string} token without spaces @param {string} before the character before it @returns {Link[]} */
function linksIn(token, before) {
  /** @type {Link[]} */
  const links = [];
  let end = 0;
  for (const match of token.matchAll(SCHEME)) {
    const from = match.index;
    if (from < end) continue;
    const previous = token[from - 1] ?? before;
    if (/[a-z0-9+.-]/i.test(previous)) return links;
    if (end === 0 && from > 0) links.push(...bareLinks(token.slice(0, from), before));
    const to = linkEnd(token, from, previous);
    const href = safeAddress(token.slice(from, to));
    // What only looks like an address is text as a whole: `https://bank.example@evil.example` has no part that is a link.
    if (href === null) return links;
    links.push({ from, to, href });
    end = to;
  }
  return end === 0 ? bareLinks(token, before) : links;
}

/** @param {string} token @param {string} before @returns {Link[]} `docs.rs/tokio`, `www.example.org`, `a@b.example.org` */
function bareLinks(token, before) {
  /** @type {Link[]} */
  const links = [];
  let end = 0;
  for (const { 0: run, index: from } of token.matchAll(BARE)) {
    if (from < end) continue;
    const previous = token[from - 1] ?? before;
    const hasColon = previous === ":" && /[\x00-\x7f]/.test(token[from - 2] ?? " ");
    if (/[\p{L}\p{M}\p{N}@/\\&=#~.$%+_-]/u.test(previous) || hasColon) continue;
    const name = run.replace(/[._%+@-]{1,64}$/, "");
    if (name.includes("@")) {
      if (/^[A-Za-z0-9._%+-]{1,64}@[^@]{1,253}$/.test(name) && isKnownHost(name.slice(name.indexOf("@") + 1), true)) {
        const href = safeAddress(`mailto:${name}`);
        if (href !== null) links.push({ from, to: from + name.length, href });
        end = from + name.length;
      }
      continue;
    }
    const rest = token.slice(from + name.length, from + name.length + 8);
    const port = /^:\d{1,5}(?=\/|$)/.exec(rest)?.[0] ?? "";
    const hasPath = /^[/?#]/.test(rest.slice(port.length));
    if (!isKnownHost(name, hasPath || /^www\./i.test(name))) continue;
    const to = hasPath ? linkEnd(token, from, previous) : from + name.length + port.length;
    const href = safeAddress(`https://${token.slice(from, to)}`);
    // What was looked at once is not looked at again, or a hostile message would cost its square.
    end = to;
    if (href !== null) links.push({ from, to, href });
  }
  return links;
}

/**
 * A sentence's full stop, a quotation mark and a bracket that was opened before the link do not belong to it.
 * @param {string} token @param {number} from @param {string} previous the character before the link
 */
function linkEnd(token, from, previous) {
  /** @type {Record<string, number>} */
  const open = { "(": 0, "[": 0, "{": 0 };
  let end = from;
  for (; end < token.length; end += 1) {
    const character = token[end];
    const next = token[end + 1] ?? "";
    if (character in open) open[character] += 1;
    else if (CLOSING.test(character) && (open[OPENING[character]] -= 1) < 0) break;
    else if (FOREIGN_CLOSING.test(character)) break;
    else if (PERSIAN_STOP.test(character) && !/[_%-]/.test(next)) break;
    else if (/['’]/.test(character) && (/['‘’]/.test(previous) || !/[\p{L}\p{N}]/u.test(next))) break;
    else if (character === "\u200c" && !(ARABIC.test(token[end - 1]) && ARABIC.test(next))) break;
  }
  while (end > from && TRAILING.test(token[end - 1])) end -= 1;
  return end;
}

/** @param {string} link @returns {string | null} */
function safeAddress(link) {
  try {
    const url = new URL(link);
    if (url.protocol === "mailto:") return /^[^@\s]+@[a-z0-9.-]+$/i.test(url.pathname) ? url.href : null;
    // `https://bank.example@evil.example` shows one name and opens another.
    const honest = url.username === "" && url.password === "" && !/^[^/?#]*\/\/[^/?#]*@/.test(link);
    return (url.protocol === "http:" || url.protocol === "https:") && url.hostname !== "" && honest ? url.href : null;
  } catch {
    return null;
  }
}
