/** Which way text runs. */

const STRONG = /\p{L}/u;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;

/** @param {string} line @returns {"rtl" | "ltr" | null} by its first letter; null if it has none */
export function directionOf(line) {
  const letter = STRONG.exec(line)?.[0];
  if (letter === undefined) return null;
  return RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}

/** Whether the lines of a text do not all run the same way. @param {string} text */
export function isMixed(text) {
  const directions = new Set(text.split("\n").map(directionOf));
  return directions.has("rtl") && directions.has("ltr");
}
