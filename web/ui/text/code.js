/**
 * Code in a message: between backticks in a line, or in a block of lines between two fences of three backticks or more. What is not
 * closed stays as it is written. The work is linear in the text.
 */

/** @typedef {{ text: string, code: boolean }} Span */
/** @typedef {{ text: string } | { code: string }} Block */

const RUN = /`+/g;
const OPENING = /^ {0,3}(`{3,})[^`]*$/;

/** @param {string} line @returns {Span[]} its parts in order; those of code are without their backticks */
export function spans(line) {
  const runs = [...line.matchAll(RUN)].map(({ 0: run, index }) => ({ index, length: run.length }));
  /** Where the last run of each length is: what is opened behind it is closed nowhere. @type {Map<number, number>} */
  const last = new Map(runs.map(({ index, length }) => [length, index]));
  /** @type {Span[]} */
  const found = [];
  let end = 0;
  for (let at = 0; at < runs.length; at += 1) {
    const { index, length } = runs[at];
    if (/** @type {number} */ (last.get(length)) <= index) continue;
    do at += 1;
    while (runs[at].length !== length);
    const code = unpadded(line.slice(index + length, runs[at].index));
    if (code.trim() === "") {
      // Nothing to show. What closes here may open the next.
      at -= 1;
      continue;
    }
    if (index > end) found.push({ text: line.slice(end, index), code: false });
    found.push({ text: code, code: true });
    end = runs[at].index + length;
  }
  if (end < line.length || found.length === 0) found.push({ text: line.slice(end), code: false });
  return found;
}

/** One space inside each end lets code begin and end with a backtick, and is none of it. @param {string} code */
function unpadded(code) {
  return code.startsWith(" ") && code.endsWith(" ") && code.length > 2 ? code.slice(1, -1) : code;
}

/** @param {string} content @returns {Block[]} the message in order, one block at least */
export function blocks(content) {
  const lines = content.split("\n");
  /** How many backticks close a block in this line or a later one. */
  const ahead = new Array(lines.length + 1).fill(0);
  for (let at = lines.length - 1; at >= 0; at -= 1) ahead[at] = Math.max(ahead[at + 1], closing(lines[at]));
  /** @type {Block[]} */
  const found = [];
  /** @type {string[]} */
  let text = [];
  for (let at = 0; at < lines.length; at += 1) {
    const fence = OPENING.exec(lines[at])?.[1].length ?? 0;
    if (fence === 0 || ahead[at + 1] < fence) {
      text.push(lines[at]);
      continue;
    }
    const first = at + 1;
    do at += 1;
    while (closing(lines[at]) < fence);
    const tail = lines[at].trimEnd().slice(0, -closing(lines[at]));
    const code = [...lines.slice(first, at), ...(tail.trim() === "" ? [] : [tail])].join("\n");
    if (code.trim() === "") {
      text.push(...lines.slice(first - 1, at + 1));
      continue;
    }
    if (text.length > 0) found.push({ text: text.join("\n") });
    found.push({ code });
    text = [];
  }
  if (text.length > 0 || found.length === 0) found.push({ text: text.join("\n") });
  return found;
}

/** @param {string} line @returns {number} how many backticks it ends with, if that closes a block */
function closing(line) {
  const ticks = line.trimEnd();
  let at = ticks.length;
  while (at > 0 && ticks[at - 1] === "`") at -= 1;
  return ticks.length - at >= 3 ? ticks.length - at : 0;
}
