/** Texts in the language of the page, with numbers and plural forms as that language writes them. */

import { fa } from "../../i18n/fa.js";
import { en } from "../../i18n/en.js";
import { isPlain } from "./direction.js";

/** @typedef {"fa" | "en"} Language */
/** @typedef {import("../../i18n/fa.js").Key} Key */
/** @typedef {Record<string, string | number>} Values */
/** @typedef {{ text: string } | { value: string }} Part a fixed piece, or a value that was filled in */

const tables = { fa, en };
const locales = { fa: "fa-IR", en: "en" };
/** @type {Language} */
let language = "fa";

/** @returns {Language} */
export function currentLanguage() {
  return language;
}

/** @param {Language} wanted */
export function setLanguage(wanted) {
  language = wanted;
}

/** @template T @param {(locale: string) => T} make @returns {() => T} one per language, made when first needed */
function perLanguage(make) {
  /** @type {Map<Language, T>} */
  const made = new Map();
  return () => {
    let value = made.get(language);
    if (value === undefined) made.set(language, (value = make(locales[language])));
    return value;
  };
}

const numberFormat = perLanguage((locale) => new Intl.NumberFormat(locale));
const pluralRules = perLanguage((locale) => new Intl.PluralRules(locale));
const listFormat = perLanguage((locale) => new Intl.ListFormat(locale, { type: "conjunction" }));

/** @param {number} value */
export function number(value) {
  return numberFormat().format(value);
}

/**
 * A text cut at its placeholders, so that a caller can put each value into an element of its own.
 * @param {Key} key @param {Values} [values] `n` chooses the plural form @returns {Part[]}
 */
export function parts(key, values = {}) {
  const entry = tables[language][key];
  const template =
    typeof entry === "string" ? entry : entry[pluralRules().select(Number(values.n)) === "one" ? "one" : "other"];
  return template.split(/(\{\w+\})/).flatMap(
    /** @returns {Part[]} */ (piece) => {
      if (piece === "") return [];
      const name = /^\{(\w+)\}$/.exec(piece)?.[1];
      if (name === undefined) return [{ text: piece }];
      const value = values[name];
      return typeof value === "number" ? [{ text: number(value) }] : [{ value: value ?? "" }];
    },
  );
}

/** A text as one string; values stand in directional isolates. @param {Key} key @param {Values} [values] */
export function t(key, values) {
  return parts(key, values)
    .map((part) => ("text" in part ? part.text : isolatedText(part.value)))
    .join("");
}

/** More marks on one letter than any language writes: they would paint over other lines of a title or a tooltip. */
const PILE = /(\p{M}{6})\p{M}+/gu;

/** @param {string} value @returns {string} in directional isolates; what has no letter keeps its order from left to right */
export function isolatedText(value) {
  const clipped = value.replace(PILE, "$1");
  return isPlain(clipped) ? `\u2066\u202d${clipped}\u202c\u2069` : `\u2068${clipped}\u2069`;
}

/** "a, b and c" as parts. @param {string[]} items @returns {Part[]} */
export function listParts(items) {
  return listFormat()
    .formatToParts(items)
    .map(({ type, value }) => (type === "element" ? { value } : { text: value }));
}
