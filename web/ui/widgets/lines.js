/** The lines between messages: days, joins and leaves, gaps, a new epoch, where the unread begins. */

import { dayOf } from "../state/calendar.js";
import { bind, element, isolated } from "./element.js";
import { currentLanguage, listParts, parts, t } from "../text/strings.js";
import { foldNotices } from "../state/timeline.js";

/** @typedef {import("../state/timeline.js").Notice} Notice */

/** Names shown in a folded notice before "and n others". */
const NAMED = 3;

/** @param {number} at */
export function dayLine(at) {
  return element("div", { class: "line-day" }, element("span", { text: () => dayOf(at) }));
}

/** @param {number} missed */
export function gapLine(missed) {
  return element(
    "div",
    { class: "line line-gap", testid: "gap" },
    element("span", { text: () => t("log.gap", { n: missed }) }),
  );
}

export function resetLine() {
  return element("div", { class: "line line-gap", testid: "reset" }, element("span", { text: () => t("log.reset") }));
}

/** The log goes further back than what is shown. */
export function earlierLine() {
  return element(
    "div",
    { class: "line line-earlier", testid: "earlier" },
    element("span", { text: () => t("log.earlier") }),
  );
}

export function unreadLine() {
  return element(
    "div",
    { class: "line line-unread", testid: "unread" },
    element("span", { text: () => t("log.unread") }),
  );
}

/** A line that tells of several joins and leaves in a row. */
export class NoticeLine {
  /** @type {Notice[]} */
  #notices = [];
  #text = element("span");
  /** What is drawn, so that it is not drawn (and read out) again for another calendar. */
  #drawn = "";

  constructor() {
    this.node = element("div", { class: "line-system", testid: "system" }, this.#text);
    bind(this.#text, () => this.#render());
  }

  /** @param {Notice} notice */
  add(notice) {
    this.#notices.push(notice);
  }

  /** Shows what was added; apart from `add`, so that a crowd that comes at once is drawn once. */
  show() {
    this.#render();
  }

  #render() {
    const now = `${currentLanguage()} ${this.#notices.length}`;
    if (now === this.#drawn) return;
    this.#drawn = now;
    const folded = foldNotices(this.#notices);
    /** @type {Node[]} */
    const nodes = [];
    for (const turn of /** @type {const} */ (["joined", "left", "visited", "returned"])) {
      const names = folded[turn];
      if (names.length === 0) continue;
      if (nodes.length > 0) nodes.push(document.createTextNode(" · "));
      nodes.push(...sentence(turn, names));
    }
    this.#text.replaceChildren(...nodes);
  }
}

/** @param {"joined" | "left" | "visited" | "returned"} turn @param {string[]} names @returns {Node[]} */
function sentence(turn, names) {
  const others = names.length > NAMED + 1 ? names.length - NAMED : 0;
  const shown = others > 0 ? names.slice(0, NAMED) : names;
  const list = listParts(others > 0 ? [...shown, "\u0000"] : shown);
  return parts(`log.${turn}`, { n: names.length, names: "" }).flatMap((piece) => {
    if ("text" in piece) return [document.createTextNode(piece.text)];
    return list.flatMap((part) =>
      "value" in part && part.value === "\u0000" ? isolated(parts("log.others", { n: others })) : isolated([part]),
    );
  });
}
