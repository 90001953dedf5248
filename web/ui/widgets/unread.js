/** How many messages came while nobody looked: in the title and on the icon. */

import { number } from "../text/strings.js";

const ICON = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="9" fill="#0B7A7C"/>
<g fill="none" stroke="#FBF7F0" stroke-width="2.6" stroke-linecap="round"><path d="M6.5 14v4M11.25 10.5v11M16 6.5v19M20.75 11.5v9M25.5 14.5v3"/></g>
<circle cx="24" cy="8" r="7.5" fill="#F2B950" stroke="#FBF7F0" stroke-width="1.5"/></svg>`;
const BADGED = `data:image/svg+xml,${encodeURIComponent(ICON)}`;
const PLAIN = "/favicon.svg";

/** @param {number} count @param {string} title @returns {string} */
export function titled(count, title) {
  return count > 0 ? `(${number(count)}) ${title}` : title;
}

export class Unread {
  #count = 0;
  #title;

  /** @param {() => string} title in the language of the page */
  constructor(title) {
    this.#title = title;
    this.draw();
  }

  /** @param {number} count */
  show(count) {
    const wasNone = this.#count === 0;
    this.#count = count;
    this.draw();
    if (wasNone === (count === 0)) return;
    document.querySelector('link[rel="icon"]')?.setAttribute("href", count > 0 ? BADGED : PLAIN);
  }

  /** Also to be called when the language has changed. */
  draw() {
    document.title = titled(this.#count, this.#title());
  }
}
