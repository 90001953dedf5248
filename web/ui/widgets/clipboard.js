/** Copying a text, and a word about how it went. */

import { element } from "./element.js";
import { t } from "../text/strings.js";
import { say } from "./toast.js";

/** @typedef {import("../text/strings.js").Key} Key */

/**
 * @param {string} text
 * @param {HTMLElement | null} shown where the text stands, to be selected where there is no other way; null if it stands nowhere
 * @param {{ copied: Key, failed: Key }} words
 */
export async function copy(text, shown, { copied, failed }) {
  let isCopied = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // No clipboard without https (a class on a local network): the old way, then by hand.
    isCopied = shown === null ? copyUnseen(text) : copySelected(shown);
  }
  say(t(isCopied ? copied : failed));
}

/** @param {HTMLElement} shown @returns {boolean} */
function copySelected(shown) {
  if (shown instanceof HTMLInputElement) {
    shown.focus();
    shown.select();
  } else getSelection()?.selectAllChildren(shown);
  return document.execCommand("copy");
}

/** By a field that is there for a moment. Inside an open dialog, since all else is inert then. @param {string} text @returns {boolean} */
function copyUnseen(text) {
  const focused = document.activeElement;
  const field = element("input", { class: "sr-only", readonly: true, value: text });
  (document.querySelector("dialog:modal") ?? document.body).append(field);
  const isCopied = copySelected(field);
  field.remove();
  if (focused instanceof HTMLElement) focused.focus();
  return isCopied;
}
