/** The switches for language, theme, calendar and text size. */

import { chooseCalendar, currentCalendar } from "../state/calendar.js";
import { bind, element, refresh } from "./element.js";
import { icon } from "./icons.js";
import { currentLanguage, t } from "../text/strings.js";
import { TEXT_SIZES, chooseTextSize, currentTextSize } from "../state/text-size.js";
import { chooseTheme, currentTheme } from "../state/theme.js";

const THEMES = /** @type {const} */ (["auto", "light", "dark"]);

/** @param {import("./icons.js").IconName} name @param {string} testid @param {() => string} title @param {() => string} value @param {() => void} click */
function preference(name, testid, title, value, click) {
  const label = element("span", { class: "pref-label" });
  const chosen = element("span", { class: "pref-value" });
  const button = element("button", { type: "button", class: "pref", testid, on: { click } }, icon(name), label, chosen);
  bind(button, () => {
    label.textContent = `${title()}: `;
    chosen.textContent = value();
    button.title = title();
    button.setAttribute("aria-label", `${title()}: ${value()}`);
  });
  return button;
}

/**
 * @template {string} T
 * @param {readonly T[]} values @param {T} current @returns {T} the one behind it, and behind the last the first
 */
function following(values, current) {
  return values[(values.indexOf(current) + 1) % values.length];
}

/**
 * The language stands as the other one, to be found by who cannot read this one; with `labelled` as "label: value", like the rest.
 * @param {{ language: (wanted: import("../text/strings.js").Language) => void }} hooks @param {{ labelled?: boolean }} [options]
 */
export function preferences(hooks, { labelled = false } = {}) {
  const other = () => (currentLanguage() === "fa" ? "en" : "fa");
  const language = preference(
    "globe",
    "language-switch",
    () => t(labelled ? "prefs.language_both" : "prefs.language"),
    () => t(labelled ? "prefs.this_language" : "prefs.other_language"),
    () => hooks.language(other()),
  );
  if (!labelled) bind(language, () => language.setAttribute("lang", other()));
  const node = element(
    "div",
    { class: labelled ? "prefs labelled" : "prefs", role: "group", "aria-label": () => t("room.settings") },
    language,
    preference(
      "theme",
      "theme-switch",
      () => t("prefs.theme"),
      () => t(`prefs.theme_${currentTheme()}`),
      () => {
        chooseTheme(following(THEMES, currentTheme()));
        refresh(node);
      },
    ),
    preference(
      "calendar",
      "calendar-switch",
      () => t("prefs.calendar"),
      () => t(`prefs.calendar_${currentCalendar()}`),
      () => {
        chooseCalendar(currentCalendar() === "persian" ? "gregory" : "persian");
        refresh(document);
      },
    ),
    labelled &&
      preference(
        "text",
        "text-switch",
        () => t("prefs.text"),
        () => t(`prefs.text_${currentTextSize()}`),
        () => {
          chooseTextSize(following(TEXT_SIZES, currentTextSize()));
          refresh(node);
        },
      ),
  );
  return node;
}
