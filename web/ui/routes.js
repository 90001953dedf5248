/** Which page an address leads to. The page of a fault (`../fault.html`) is the server's, at whatever address, and has no module. */

import { joinPage } from "./pages/join.js";
import { match } from "./state/address.js";

/** @typedef {import("./text/strings.js").Language} Language */

/**
 * What stands in the document.
 *
 * @typedef {object} Page
 * @property {Element} node
 * @property {() => string} title in the language of the page
 * @property {() => void} focus
 * @property {HTMLFormElement} [form] which may have been sent before the script was there
 *
 * @typedef {object} Hooks
 * @property {(room: string, name: string) => void} enter
 * @property {() => void} home
 * @property {(wanted: Language) => void} language
 *
 * @typedef {(values: Record<string, string>, hooks: Hooks, standing: Element | null) => Page} MakePage `values` are those of the address,
 *   `standing` is what came with the document
 */

/**
 * The first is for every address that is none of the others. From `joinPage` one goes on to `pages/room.js`.
 *
 * @type {{ path: string, page: MakePage }[]}
 */
export const ROUTES = [
  { path: "/", page: joinPage },
  { path: "/r/{room}", page: joinPage },
];

/** @param {string} pathname @returns {{ page: MakePage, values: Record<string, string> }} */
export function routeOf(pathname) {
  for (const { path, page } of ROUTES) {
    const values = match(path, pathname);
    if (values !== null) return { page, values };
  }
  return { page: ROUTES[0].page, values: {} };
}
