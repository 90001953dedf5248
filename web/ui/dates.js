/** Times as people read them. Events are stored in UTC; here they become local time in the chosen calendar. */

/** @typedef {"persian" | "gregory"} Calendar */
/** @typedef {{ time: Intl.DateTimeFormat, day: Intl.DateTimeFormat, full: Intl.DateTimeFormat }} Formats */

/** @type {Map<string, Formats>} */
const cache = new Map();

/** @param {"fa" | "en"} language @param {Calendar} calendar @param {string} [timeZone] @returns {Formats} */
export function formatsFor(language, calendar, timeZone) {
  const locale = `${language === "fa" ? "fa-IR" : "en-GB"}-u-ca-${calendar}`;
  const key = `${locale} ${timeZone ?? ""}`;
  let formats = cache.get(key);
  if (!formats) {
    formats = {
      time: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }),
      day: new Intl.DateTimeFormat(locale, { weekday: "long", day: "numeric", month: "long", year: "numeric", timeZone }),
      full: new Intl.DateTimeFormat(locale, { dateStyle: "full", timeStyle: "medium", hourCycle: "h23", timeZone }),
    };
    cache.set(key, formats);
  }
  return formats;
}

/**
 * The day in words, in the order people say it: Intl puts the Persian year first.
 * @param {Formats} formats @param {number} at ms since 1970 @param {"fa" | "en"} language
 */
export function dayText(formats, at, language) {
  if (language !== "fa") return formats.day.format(at);
  const part = Object.fromEntries(formats.day.formatToParts(at).map(({ type, value }) => [type, value]));
  return `${part.weekday} ${part.day} ${part.month} ${part.year}`;
}

/** Names the local day of a moment; two moments share a day if their keys are equal. @param {number} at */
export function dayKey(at) {
  const date = new Date(at);
  return `${date.getFullYear()}-${date.getMonth()}-${date.getDate()}`;
}
