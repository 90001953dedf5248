/** The switches for language, theme and calendar. */

import { chooseCalendar, currentCalendar } from "./calendar.js";
import { bind, element, refresh } from "./element.js";
import { icon } from "./icons.js";
import { currentLanguage, t } from "./strings.js";
import { chooseTheme, currentTheme } from "./theme.js";

/** @param {import("./icons.js").IconName} name @param {string} testid @param {() => string} title @param {() => string} value @param {() => void} click */
function preference(name, testid, title, value, click) {
  const label = element("span", { class: "pref-value" });
  const button = element("button", { type: "button", class: "pref", testid, on: { click } }, icon(name), label);
  bind(button, () => {
    label.textContent = value();
    button.title = title();
    button.setAttribute("aria-label", `${title()}: ${value()}`);
  });
  return button;
}

/** @param {{ language: (wanted: import("./strings.js").Language) => void }} hooks */
export function preferences(hooks) {
  const themes = /** @type {const} */ (["auto", "light", "dark"]);
  const other = () => (currentLanguage() === "fa" ? "en" : "fa");
  const language = preference("globe", "language-switch", () => t("prefs.language"), () => t("prefs.other_language"), () => hooks.language(other()));
  bind(language, () => language.setAttribute("lang", other()));
  const node = element("div", { class: "prefs", role: "group", "aria-label": () => t("room.settings") },
    language,
    preference("theme", "theme-switch", () => t("prefs.theme"), () => t(`prefs.theme_${currentTheme()}`), () => {
      chooseTheme(themes[(themes.indexOf(currentTheme()) + 1) % themes.length]);
      refresh(node);
    }),
    preference("calendar", "calendar-switch", () => t("prefs.calendar"), () => t(`prefs.calendar_${currentCalendar()}`), () => {
      chooseCalendar(currentCalendar() === "persian" ? "gregory" : "persian");
      refresh(document);
    }));
  return node;
}
