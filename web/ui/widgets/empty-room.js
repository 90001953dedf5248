/** What a room says while nothing has been said in it: that one is on the way in, alone, or the first to speak. */

import { bind, element } from "./element.js";
import { icon, wave } from "./icons.js";
import { t } from "../text/strings.js";

/** @typedef {import("../state/room-view.js").Emptiness} Emptiness */

/** @param {() => void} share */
export function emptyRoom(share) {
  /** @type {Emptiness} */
  let shown = "none";
  const title = element("h2");
  const words = element("p", { class: "muted" });
  const button = element(
    "button",
    { type: "button", class: "button", testid: "empty-share", on: { click: share } },
    icon("share"),
    element("span", { text: () => t("empty.share") }),
  );
  const node = element(
    "div",
    { class: "empty", testid: "empty", "aria-live": "off" },
    wave(21, "empty-wave"),
    title,
    words,
    button,
  );
  const draw = () => {
    node.hidden = shown === "none";
    node.classList.toggle("waiting", shown === "waiting");
    button.hidden = shown !== "alone";
    words.hidden = shown === "waiting";
    title.textContent = t(shown === "waiting" ? "empty.waiting" : "empty.title");
    words.textContent = t(shown === "alone" ? "empty.alone" : "empty.together");
  };
  bind(node, draw);
  return {
    node,
    /** @param {Emptiness} now */
    show: (now) => {
      shown = now;
      draw();
    },
  };
}
