/** What a link shows: the host that it opens, and of its path what fits, in letters where that misleads nobody. */

import { shownHost } from "./hosts.js";

/** Characters shown of an address, and of a path that is cut: so many from its start and from its end. */
const MOST = 64;
const START = 24;
const END = 12;
/** Spaces, controls, what is not seen or turns text around, what looks like a slash, marks, and what an address gives a meaning. */
const MISLEADING =
  /[\s\p{C}\p{Z}"'<>`\\^{|}\u2044\u2215\u29f8\u29f5\u29f6\uff0f\u2571\u27cb\u3033\u30ce\u4e3f\u1735\u2cc6\u0338\u0337]/gu;

/** @param {string} href @param {string} text as it was written @returns {{ shown: string, title: string }} */
export function shownAddress(href, text) {
  const url = new URL(href);
  if (url.protocol === "mailto:") {
    const title = `mailto:${decoded(url.pathname)}`;
    return { shown: /^mailto:/i.test(text) ? title : decoded(url.pathname), title };
  }
  const host = shownHost(url.hostname) + (url.port === "" ? "" : `:${url.port}`);
  const path = decoded(url.pathname + url.search + url.hash);
  const title = `${url.protocol}//${host}${path}`;
  const tail = path === "/" && !/[^/:]\/$/.test(text) ? "" : path;
  const whole = `${/^https?:/i.test(text) ? `${url.protocol}//` : ""}${host}${tail}`;
  const letters = [...path];
  if (whole.length <= MOST || letters.length <= START + END) return { shown: whole, title };
  return { shown: `${host}${letters.slice(0, START).join("")}…${letters.slice(-END).join("")}`, title };
}

/**
 * An encoded `%` stays encoded, or what follows it would pass for another sequence; so do delimiters, which decodeURI leaves.
 * @param {string} path with %-sequences @returns {string} in letters, except what would mislead
 */
function decoded(path) {
  return path.replace(/(?:%(?!25)[0-9a-f]{2})+/gi, (run) => {
    try {
      return decodeURI(run).replace(MISLEADING, (character, at, all) =>
        isHalfSpace(character, all[at - 1] ?? "") ? character : encodeURIComponent(character),
      );
    } catch {
      return run;
    }
  });
}

/** @param {string} character @param {string} before */
function isHalfSpace(character, before) {
  return character === "\u200c" && /\p{Script=Arabic}/u.test(before);
}
