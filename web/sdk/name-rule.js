/**
 * What is wrong with a name that the server refuses, for programs.
 *
 * @typedef {object} BrokenRule
 * @property {string} [rule] the rule that it breaks: docs/reference/names.md
 * @property {number} [at] how many characters (code points) of the cleaned name stand before the one that breaks it
 * @property {string} [character] that one, as `U+202E`
 */

/** Takes it out of an error of the server, with whatever else stands there. @param {any} error @returns {BrokenRule} */
export function ruleOf(error) {
  const { rule, at, character } = error ?? {};
  if (typeof rule !== "string") return {};
  const isPlace = Number.isSafeInteger(at) && at >= 0 && typeof character === "string";
  return isPlace ? { rule, at, character } : { rule };
}
