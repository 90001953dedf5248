/** What the server is sure to refuse as a name, said before it is asked; and names to offer. */

import { withPlainDigits, zeroOf } from "./digits.js";
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

/** What cannot be seen and is no part of a name: controls, and what shows nothing. */
const HIDDEN = /[\p{Cc}\p{Default_Ignorable_Code_Point}\u2800]/u;

/**
 * The name without what cannot be seen. A ZWNJ stays, for Persian needs it, as does a joiner behind a mark (Indic scripts), and
 * selectors of a variant, which the server drops without a word.
 *
 * @param {string} text
 */
export function visible(text) {
  let before = "";
  return Array.from(text, (character) => {
    const stays =
      !HIDDEN.test(character) ||
      /[\u200c\ufe0e\ufe0f]/.test(character) ||
      (character === "\u200d" && /\p{Mn}/u.test(before));
    before = character;
    return stays ? character : "";
  }).join("");
}

/**
 * The same name with the next number after it: `مریم` → `مریم ۲`, `Sara007` → `Sara008`. A number that is there keeps its digits and
 * its zeros. What grows too long loses letters, not the number.
 * @param {string} name @param {(n: number) => string} number as the page writes it
 */
export function anotherName(name, number) {
  // Not by one expression for all of it: that would begin anew at each of many digits.
  const characters = [...name];
  let start = characters.length;
  while (start > 0 && /\p{Nd}/u.test(characters[start - 1])) start -= 1;
  const digits = characters.slice(start).join("");
  const tail = digits === "" ? ` ${number(2)}` : following(digits);
  let head = characters.slice(0, start).join("");
  if (digits === "") head = head.trimEnd();
  while (head !== "" && nameFault(head + tail, NAME) === "long") head = [...head].slice(0, -1).join("").trimEnd();
  return (head + tail).trim();
}

/** @param {string} digits of any script @returns {string} the next number, in the same digits and not shorter */
function following(digits) {
  const zero = zeroOf(digits).codePointAt(0) ?? 0x30;
  const next = String(BigInt(withPlainDigits(digits)) + 1n).padStart([...digits].length, "0");
  return [...next].map((digit) => String.fromCodePoint(zero + Number(digit))).join("");
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
