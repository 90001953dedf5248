/** Back out of a room asks first: on a phone it is pressed by the way. */

import { element, rich } from "./element.js";
import { closeLayer } from "./layers.js";
import { t } from "../text/strings.js";

/** @param {string} room @param {() => void} leave @returns {HTMLDialogElement} */
export function leaveDialog(room, leave) {
  const dialog = element(
    "dialog",
    {
      class: "dialog",
      testid: "leave-dialog",
      "aria-labelledby": "leave-title",
      on: {
        click: (event) => {
          if (event.target === dialog) dialog.close();
        },
      },
    },
    element(
      "div",
      { class: "dialog-body" },
      element("h2", { id: "leave-title", class: "dialog-title", children: () => rich("leave.title", { room }) }),
      element("p", { class: "muted", text: () => t("leave.lead") }),
      element(
        "div",
        { class: "dialog-actions" },
        element("button", {
          type: "button",
          class: "button",
          autofocus: true,
          testid: "leave-stay",
          text: () => t("leave.stay"),
          on: { click: () => dialog.close() },
        }),
        element("button", {
          type: "button",
          class: "button button-quiet",
          testid: "leave-confirm",
          text: () => t("leave.go"),
          on: { click: () => void closeLayer().then(leave) },
        }),
      ),
    ),
  );
  return dialog;
}
