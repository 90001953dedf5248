/** Light, dark, or as the device is. boot.js has set it before the first paint; here it follows changes. */

import { recall, remember } from "./settings.js";

/** @typedef {"auto" | "light" | "dark"} Theme */

const PAPER = { light: "#FBF7F0", dark: "#0F171C" };
const device = matchMedia("(prefers-color-scheme: dark)");

/** @returns {Theme} */
export function currentTheme() {
  const chosen = recall("theme");
  return chosen === "light" || chosen === "dark" ? chosen : "auto";
}

/** @param {Theme} theme */
export function chooseTheme(theme) {
  remember("theme", theme === "auto" ? null : theme);
  applyTheme(theme);
}

/** @param {Theme} theme */
function applyTheme(theme) {
  const shown = theme === "auto" ? (device.matches ? "dark" : "light") : theme;
  document.documentElement.dataset.theme = shown;
  document.querySelector('meta[name="theme-color"]')?.setAttribute("content", PAPER[shown]);
}

export function followDevice() {
  applyTheme(currentTheme());
  device.addEventListener("change", () => applyTheme(currentTheme()));
}
