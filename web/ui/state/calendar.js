/** The calendar that times are shown in: the visitor's choice, else the one that goes with the language. */

import { dayText, formatsFor } from "../text/dates.js";
import { recall, remember } from "./settings.js";
import { currentLanguage } from "../text/strings.js";

/** @typedef {import("../text/dates.js").Calendar} Calendar */

/** @returns {Calendar} */
export function currentCalendar() {
  const chosen = recall("calendar");
  if (chosen === "persian" || chosen === "gregory") return chosen;
  return currentLanguage() === "fa" ? "persian" : "gregory";
}

/** @type {Calendar | null} read once; storage is slow in a list of thousands */
let known = null;

/** @returns {import("../text/dates.js").Formats} */
function formats() {
  known ??= currentCalendar();
  return formatsFor(currentLanguage(), known);
}

/** To be called when the language has changed. */
export function forgetCalendar() {
  known = null;
}

/** @param {Calendar} calendar */
export function chooseCalendar(calendar) {
  remember("calendar", calendar);
  known = null;
}

/** @param {number} at */
export function timeOf(at) {
  return formats().time.format(at);
}

/** @param {number} at */
export function dayOf(at) {
  return dayText(formats(), at, currentLanguage());
}

/** @param {number} at */
export function fullTimeOf(at) {
  return formats().full.format(at);
}
