/** The head of a room. */

import { bind, element } from "./element.js";
import { icon } from "./icons.js";
import { number, t } from "../text/strings.js";

/** @param {string} room @param {HTMLElement} pill @param {{ share: () => void, members: () => void }} hooks */
export function header(room, pill, hooks) {
  const count = element("span", { hidden: true });
  const open = element(
    "button",
    {
      type: "button",
      class: "icon-button header-members",
      testid: "members-open",
      "aria-haspopup": "dialog",
      on: { click: hooks.members },
    },
    icon("people"),
    count,
  );
  let here = 0;
  const draw = () => {
    count.hidden = here === 0;
    count.textContent = here > 0 ? number(here) : "";
    open.setAttribute("aria-label", `${t("room.members_open")} ${count.textContent}`);
  };
  bind(open, draw);
  const node = element(
    "header",
    { class: "header" },
    open,
    element("div", { class: "name header-name" }, element("h1", { title: room }, element("bdi", { text: room }))),
    pill,
    element(
      "button",
      {
        type: "button",
        class: "button button-quiet header-share",
        testid: "share-button",
        "aria-label": () => t("room.share"),
        "aria-haspopup": "dialog",
        on: { click: hooks.share },
      },
      icon("share"),
      element("span", { text: () => t("room.share") }),
    ),
  );
  return {
    node,
    focusMembers: () => open.focus(),
    /** @param {number} count how many are here */
    setCount: (count) => {
      here = count;
      draw();
    },
  };
}
