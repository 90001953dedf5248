/** A short word about what has just happened; gone by itself. Inside an open dialog, since all else is inert then. */

import { element } from "./element.js";

const SHOWN_MS = 3500;
const node = element("div", { class: "toast", role: "status", popover: "manual" });
let timer = 0;

/** @param {string} text */
export function say(text) {
  const host = document.querySelector("dialog:modal") ?? document.body;
  if (node.parentNode !== host) host.append(node);
  node.textContent = text;
  // The top layer, above a dialog.
  if (typeof node.showPopover === "function" && !node.matches(":popover-open")) node.showPopover();
  node.classList.add("shown");
  clearTimeout(timer);
  timer = window.setTimeout(() => {
    node.classList.remove("shown");
    if (typeof node.hidePopover === "function" && node.matches(":popover-open")) node.hidePopover();
  }, SHOWN_MS);
}
