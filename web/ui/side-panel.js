/** The panel beside the room: the mark, who is here, the settings. On a narrow page it comes as a drawer. */

import { element } from "./element.js";
import { icon } from "./icons.js";
import { brand } from "./join-page.js";
import { t } from "./strings.js";

/** @param {HTMLElement} members @param {HTMLElement} preferences @param {{ leave: () => void }} hooks */
export function sidePanel(members, preferences, hooks) {
  const panel = element("aside", { class: "side-panel", "aria-label": () => t("room.members_open") },
    element("div", { class: "side-head" }, brand(),
      element("button", { type: "button", class: "icon-button drawer-close", "aria-label": () => t("room.members_close"), on: { click: () => drawer.close() } }, icon("close"))),
    members, preferences,
    element("button", { type: "button", class: "pref leave", testid: "leave-button", on: { click: () => { drawer.close(); hooks.leave(); } } },
      icon("leave"), element("span", { text: () => t("room.leave") })));
  const place = element("div", { class: "side-place" }, panel);
  const drawer = element("dialog", { class: "drawer", "aria-label": () => t("room.members_open"), on: {
    close: () => place.append(panel),
    click: (event) => { if (event.target === drawer) drawer.close(); },
  } });
  const wide = matchMedia("(min-width: 760px)");
  const widened = () => { if (wide.matches) drawer.close(); };
  wide.addEventListener("change", widened);
  return {
    nodes: [place, drawer],
    open: () => {
      drawer.append(panel);
      drawer.showModal();
    },
    stop: () => wide.removeEventListener("change", widened),
  };
}
