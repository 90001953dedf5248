/** Which way text runs. What has no letter runs from left to right, as numbers do: never the way of the page around it. */

import { spans } from "./code.js";

const STRONG = /\p{L}/u;
const RIGHT_TO_LEFT = /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}]/u;
/** An address tells nothing of the line that it stands in. */
const ADDRESS = /(?:https?:\/\/|mailto:)\S+/giu;

/** @typedef {"rtl" | "ltr"} Direction */
/** @typedef {{ text: string, plain: boolean }} Line `plain` if it has no letter, so that its characters keep their order whatever is around */
/** @typedef {{ direction: Direction, lines: Line[] }} Paragraph lines that run the same way */

/** @param {string} line @returns {Direction | null} by its first letter; null if it has none */
export function directionOf(line) {
  const letter = STRONG.exec(line)?.[0];
  if (letter === undefined) return null;
  return RIGHT_TO_LEFT.test(letter) ? "rtl" : "ltr";
}

/** @param {string} text @returns {Direction} */
export function baseOf(text) {
  return directionOf(text) ?? "ltr";
}

/** Whether a text has no letter but something to read. @param {string} text */
export function isPlain(text) {
  return directionOf(text) === null && text.trim() !== "";
}

/**
 * The lines of a text, in groups that run the same way. A line without a letter stands with those before it, else with those after it.
 * @param {string} text @returns {Paragraph[]} one at least
 */
export function paragraphs(text) {
  /** @type {Paragraph[]} */
  const found = [];
  /** @type {Line[]} */
  let waiting = [];
  for (const each of text.split("\n")) {
    // Code tells nothing of it either.
    const words = spans(each)
      .map(({ text, code }) => (code ? "" : text))
      .join("");
    const line = { text: each, plain: isPlain(words) };
    const direction = directionOf(words.replace(ADDRESS, ""));
    const last = found.at(-1);
    if (direction === null) (last?.lines ?? waiting).push(line);
    else if (last?.direction === direction) last.lines.push(line);
    else {
      found.push({ direction, lines: [...waiting, line] });
      waiting = [];
    }
  }
  return found.length > 0 ? found : [{ direction: "ltr", lines: waiting }];
}

/** Whether the lines of a text do not all run the same way. A bare number reads the same either way. @param {string} text */
export function isMixed(text) {
  const lines = text.split("\n").filter((line) => line.trim() !== "" && !/^\s*\p{Nd}+\s*$/u.test(line));
  return new Set(lines.map(baseOf)).size > 1;
}
