/** The QR code as large as the screen, with the address in large letters: for a projector and the last row. */

import { element } from "./element.js";
import { icon } from "./icons.js";
import { openLayer } from "./layers.js";
import { t } from "../text/strings.js";

/** @param {string} room */
export function qrScreen(room) {
  const picture = element("img", { class: "qr-screen-picture", alt: () => t("share.qr", { room }) });
  const address = element("p", { class: "qr-screen-address", dir: "ltr" });
  const dialog = element(
    "dialog",
    {
      class: "qr-screen",
      testid: "qr-screen",
      "aria-label": () => t("share.qr", { room }),
      on: {
        click: () => dialog.close(),
        close: () => {
          if (document.fullscreenElement) void document.exitFullscreen();
        },
      },
    },
    element(
      "button",
      { type: "button", class: "icon-button qr-screen-close", autofocus: true, "aria-label": () => t("share.close") },
      icon("close"),
    ),
    element("p", { class: "qr-screen-room" }, element("bdi", { text: room })),
    picture,
    address,
  );
  return {
    node: dialog,
    /** @param {string} source of the picture @param {string} link */
    show: (source, link) => {
      picture.src = source;
      address.textContent = readable(link);
      void openLayer(dialog);
      // Where the browser will not, the window is large enough.
      dialog.requestFullscreen?.().catch(() => {});
    },
  };
}

/** @param {string} link @returns {string} as people type it: without the scheme where it is the usual one, and with the room's own letters */
export function readable(link) {
  const { origin, pathname } = new URL(link);
  let path = pathname;
  try {
    path = decodeURI(pathname);
  } catch {
    // Then as it stands.
  }
  return origin.replace(/^http:\/\//, "") + path;
}
