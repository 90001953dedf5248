/** What two ways of writing one name have in common, for finding it. It protects nobody: the server's comparison of names does that. */

import { withPlainDigits } from "./digits.js";

/** Letters that are typed for one another, as what a Persian keyboard types. */
const SAME = new Map(
  Object.entries({
    ي: "ی",
    ى: "ی",
    ې: "ی",
    ێ: "ی",
    ے: "ی",
    ك: "ک",
    ڪ: "ک",
    ة: "ه",
    ە: "ه",
    ہ: "ه",
    ھ: "ه",
    ۂ: "ه",
    ٱ: "ا",
    ۆ: "و",
    ۇ: "و",
    ۋ: "و",
    ı: "i",
    ß: "ss",
    ς: "σ",
  }),
);

/** Combining marks, among them the harakat and a hamza above; what is not seen, as a half-space; tatweel. */
const DROPPED = /[\p{M}\p{Cf}\u0640]/gu;

/** @param {string} text */
export function searchKey(text) {
  // A capital may come apart when it is made small (İ), so this is first.
  const plain = withPlainDigits(text.toLowerCase().normalize("NFKD").replace(DROPPED, ""));
  return [...plain]
    .map((letter) => SAME.get(letter) ?? letter)
    .join("")
    .replace(/\s+/gu, " ")
    .trim();
}
