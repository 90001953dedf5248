/** A member's round initial. The colour follows from the name, so that it stays when the member comes back. */

import { element } from "./element.js";

/** How many colours the style sheet has: `.avatar-0` and on. */
const COLOURS = 8;

/** @param {string} name @returns {number} */
export function colourOf(name) {
  let hash = 2166136261;
  for (const character of name.normalize("NFC")) hash = Math.imul(hash ^ (character.codePointAt(0) ?? 0), 16777619);
  return (hash >>> 8) % COLOURS;
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
