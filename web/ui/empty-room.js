/** What a room says while nothing has been said in it. */

import { bind, element } from "./element.js";
import { icon, murmur } from "./icons.js";
import { t } from "./strings.js";

/** @param {() => void} share */
export function emptyRoom(share) {
  let isAlone = true;
  const words = element("p", { class: "muted" });
  const button = element("button", { type: "button", class: "button", testid: "empty-share", on: { click: share } },
    icon("share"), element("span", { text: () => t("empty.share") }));
  const node = element("div", { class: "empty", testid: "empty", hidden: true }, murmur(21, "empty-murmur"),
    element("h2", { text: () => t("empty.title") }), words, button);
  const draw = () => { words.textContent = t(isAlone ? "empty.alone" : "empty.together"); };
  bind(words, draw);
  return {
    node,
    /** @param {boolean} isEmpty @param {boolean} alone */
    show: (isEmpty, alone) => {
      node.hidden = !isEmpty;
      button.hidden = !alone;
      if (alone === isAlone) return;
      isAlone = alone;
      draw();
    },
  };
}
