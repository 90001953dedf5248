/**
 * Times as people read them. Events are stored in UTC; here they become local time in the chosen calendar. A device may travel while the
 * page is open: the zone is looked up by `lookUpZone` alone, and times and days follow that one zone until it is called again.
 */

/** @typedef {"persian" | "gregory"} Calendar */
/** @typedef {{ time: Intl.DateTimeFormat, day: Intl.DateTimeFormat, full: Intl.DateTimeFormat }} Formats */

/** @type {Map<string, Formats>} */
const cache = new Map();
let zone = zoneNow();
/** The local day that was asked for last: its key, and when it begins and ends. Most events are of one day. */
let lastDay = { key: "", from: 0, to: 0 };

function zoneNow() {
  return new Intl.DateTimeFormat().resolvedOptions().timeZone;
}

/** @returns {boolean} whether the device is in another time zone than before */
export function lookUpZone() {
  const now = zoneNow();
  if (now === zone) return false;
  zone = now;
  lastDay = { key: "", from: 0, to: 0 };
  return true;
}

/** @param {"fa" | "en"} language @param {Calendar} calendar @param {string} [timeZone] else the device's @returns {Formats} */
export function formatsFor(language, calendar, timeZone = zone) {
  const locale = `${language === "fa" ? "fa-IR" : "en-GB"}-u-ca-${calendar}`;
  const key = `${locale} ${timeZone}`;
  let formats = cache.get(key);
  if (!formats) {
    formats = {
      time: new Intl.DateTimeFormat(locale, { hour: "2-digit", minute: "2-digit", hourCycle: "h23", timeZone }),
      day: new Intl.DateTimeFormat(locale, {
        weekday: "long",
        day: "numeric",
        month: "long",
        year: "numeric",
        timeZone,
      }),
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
  if (at < lastDay.from || at >= lastDay.to) lastDay = dayAround(at);
  return lastDay.key;
}

/** @param {number} at */
function dayAround(at) {
  const { time, day } = formatsFor("en", "gregory");
  const key = day.format(at);
  const [hour, minute] = time.format(at).split(":").map(Number);
  const from = at - (at % 60_000) - (hour * 60 + minute) * 60_000;
  // The clock may have been set within the day: then only this minute is certain.
  const isPlain = day.format(from) === key && time.format(from) === "00:00" && day.format(from + 86_399_999) === key;
  return isPlain ? { key, from, to: from + 86_400_000 } : { key, from: at, to: at + 1 };
}
