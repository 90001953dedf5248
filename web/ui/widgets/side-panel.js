/** The panel beside the room: the mark, who is here, the settings. On a narrow page it comes as a drawer; on a wide one it folds away. */

import { element } from "./element.js";
import { icon } from "./icons.js";
import { brand } from "./brand.js";
import { closeLayer, openLayer } from "./layers.js";
import { recall, remember } from "../state/settings.js";
import { t } from "../text/strings.js";

/** @param {HTMLElement} members @param {HTMLElement} preferences @param {{ leave: () => void, folded: () => void }} hooks */
export function sidePanel(members, preferences, hooks) {
  const panel = element(
    "aside",
    { class: "side-panel", "aria-label": () => t("room.members_open") },
    head(
      () => drawer.close(),
      () => {
        fold(true);
        hooks.folded();
      },
    ),
    members,
    preferences,
    element(
      "button",
      {
        type: "button",
        class: "pref side-panel-leave",
        testid: "leave-button",
        on: { click: () => void closeLayer().then(hooks.leave) },
      },
      icon("leave"),
      element("span", { text: () => t("room.leave") }),
    ),
  );
  const place = element("div", { class: "side-panel-place" }, panel);
  const drawer = element("dialog", {
    class: "drawer",
    "aria-label": () => t("room.members_open"),
    on: {
      close: () => place.append(panel),
      click: (event) => {
        if (event.target === drawer) drawer.close();
      },
    },
  });
  /** @param {boolean} away */
  const fold = (away) => {
    remember("side", away ? "folded" : null);
    place.toggleAttribute("data-folded", away);
  };
  place.toggleAttribute("data-folded", recall("side") === "folded");
  const wide = matchMedia("(min-width: 760px)");
  const widened = () => {
    if (wide.matches) drawer.close();
  };
  wide.addEventListener("change", widened);
  return {
    nodes: [place, drawer],
    /** Over the page where it is narrow, else beside it. */
    open: () => {
      if (wide.matches) return fold(false);
      drawer.append(panel);
      void openLayer(drawer);
    },
    stop: () => wide.removeEventListener("change", widened),
  };
}

/** @param {() => void} close @param {() => void} fold */
function head(close, fold) {
  const label = () => t("room.side_fold");
  return element(
    "div",
    { class: "side-panel-head" },
    brand(),
    element(
      "button",
      {
        type: "button",
        class: "icon-button drawer-close",
        "aria-label": () => t("room.members_close"),
        on: { click: close },
      },
      icon("close"),
    ),
    element(
      "button",
      {
        type: "button",
        class: "icon-button side-panel-fold",
        testid: "side-fold",
        "aria-label": label,
        title: label,
        on: { click: fold },
      },
      icon("fold"),
    ),
  );
}
