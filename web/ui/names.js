/** What the server is sure to refuse as a name, said before it is asked; and names to offer. */

import { bytes, graphemes } from "./length.js";
import { currentLanguage } from "./strings.js";

export const NAME = { graphemes: 32, bytes: 128 };
export const ROOM = { graphemes: 64, bytes: 256 };

/** @param {string} text trimmed @param {{ graphemes: number, bytes: number }} limit @returns {"missing" | "long" | null} */
export function nameFault(text, limit) {
  // In an address, dots alone mean a folder, in whatever way they are written.
  if (text === "" || text === "." || text === "..") return "missing";
  return graphemes(text) > limit.graphemes || bytes(text) > limit.bytes ? "long" : null;
}

/** The same name with the next number after it: `مریم` → `مریم ۲`. @param {string} name @param {(n: number) => string} number */
export function anotherName(name, number) {
  const match = /^(.*?)\s*(\p{Nd}+)$/u.exec(name);
  const digits = match ? [...match[2]].map(digitValue).join("") : "1";
  return `${match ? match[1] : name} ${number(Number(digits) + 1)}`.trim();
}

/** @param {string} digit of any script */
function digitValue(digit) {
  const code = digit.codePointAt(0) ?? 0;
  for (const zero of [0x30, 0x660, 0x6f0]) if (code >= zero && code <= zero + 9) return code - zero;
  return 0;
}

const FIRST = {
  fa: ["باغ", "ایوان", "حیاط", "کافه", "کلبه", "خانه", "کوچه", "چشمه", "رود", "کاروان"],
  en: ["quiet", "merry", "sunny", "amber", "gentle", "lively", "silver", "turquoise", "early", "open"],
};
const SECOND = {
  fa: ["نیلوفر", "فیروزه", "زعفران", "بهار", "ماه", "گندم", "انار", "سرو", "ستاره", "باران"],
  en: ["garden", "harbour", "courtyard", "meadow", "porch", "river", "lantern", "orchard", "terrace", "spring"],
};

/** A friendly room that hardly anyone else is in. @param {() => number} random @param {(n: number) => string} number */
export function suggestRoom(random, number) {
  const language = currentLanguage();
  /** @param {string[]} words */
  const pick = (words) => words[Math.floor(random() * words.length)];
  return `${pick(FIRST[language])} ${pick(SECOND[language])} ${number(10 + Math.floor(random() * 90))}`;
}
