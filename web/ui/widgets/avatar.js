/** A member's round initial and colour. Who comes gets a colour that the fewest here have, and keeps it, also when coming back. */

import { element } from "./element.js";

/** How many colours the style sheet has: `.avatar-0` and on. */
const COLOURS = 8;
/** Names whose colour is remembered. */
const REMEMBERED = 2000;
/** @type {Map<string, number>} */
const chosen = new Map();
/** @type {Set<string>} */
let present = new Set();

/** @param {string[]} names of who is here, in order of coming */
export function colourMembers(names) {
  present = new Set(names);
  for (const name of names) colourOf(name);
}

/** @param {string} name @returns {number} */
export function colourOf(name) {
  const known = chosen.get(name);
  if (known !== undefined) return known;
  const used = new Array(COLOURS).fill(0);
  for (const [other, colour] of chosen) if (present.size === 0 || present.has(other)) used[colour] += 1;
  // Among those that the fewest have, the one that the name leads to: so pages that saw others come mostly agree.
  const first = hashOf(name) % COLOURS;
  let best = first;
  for (let step = 1; step < COLOURS; step += 1) {
    const colour = (first + step) % COLOURS;
    if (used[colour] < used[best]) best = colour;
  }
  for (const oldest of chosen.keys()) {
    if (chosen.size < REMEMBERED) break;
    chosen.delete(oldest);
  }
  chosen.set(name, best);
  return best;
}

/** @param {string} name */
function hashOf(name) {
  let hash = 2166136261;
  for (const character of name.normalize("NFC")) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  return hash >>> 8;
}

/** @param {string} name @returns {string} its first letter or digit; else its first character */
export function initialOf(name) {
  const letter = /[\p{L}\p{N}]/u.exec(name)?.[0] ?? [...name.trim()][0] ?? "؟";
  return letter.toLocaleUpperCase("en");
}

/** @param {string} name */
export function avatar(name) {
  return element("span", { class: `avatar avatar-${colourOf(name)}`, "aria-hidden": "true", text: initialOf(name) });
}
