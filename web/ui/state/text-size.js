/** How large everything is: for a phone in a hand, or a projector and the last row. boot.js sets it before the first paint. */

import { recall, remember } from "./settings.js";

/** @typedef {"normal" | "large" | "huge"} TextSize */

export const TEXT_SIZES = /** @type {const} */ (["normal", "large", "huge"]);

/** @returns {TextSize} */
export function currentTextSize() {
  return TEXT_SIZES.find((size) => size === recall("text")) ?? "normal";
}

/** @param {TextSize} size */
export function chooseTextSize(size) {
  remember("text", size === "normal" ? null : size);
  document.documentElement.dataset.text = size;
}
