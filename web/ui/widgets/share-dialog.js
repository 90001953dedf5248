/** Inviting others: the link, the device's own sharing, a QR code. Where others reach nothing, how they would. */

import { copy } from "./clipboard.js";
import { element, rich } from "./element.js";
import { isLoopback } from "../text/hosts.js";
import { icon } from "./icons.js";
import { qrScreen } from "./qr-screen.js";
import { linkTo } from "../state/address.js";
import { t } from "../text/strings.js";

/**
 * Where others find the server, if this page is at an address of its own machine: at the address that the server knows itself by in the
 * network. Null if others do not reach it.
 *
 * @returns {Promise<string | null>}
 */
async function originForOthers() {
  try {
    const { host } = await (await fetch("/api/address")).json();
    if (typeof host !== "string" || isLoopback(host)) return null;
    return `${location.protocol}//${host}${location.port && `:${location.port}`}`;
  } catch {
    return null;
  }
}

/** @param {string} room @returns {HTMLDialogElement[]} the dialog, and the QR code over the whole screen */
export function shareDialog(room) {
  const large = qrScreen(room);
  const body = element(
    "div",
    { class: "dialog-body" },
    element(
      "div",
      { class: "dialog-head" },
      element("h2", { id: "share-title", text: () => t("share.title") }),
      element(
        "button",
        {
          type: "button",
          class: "icon-button",
          "aria-label": () => t("share.close"),
          on: { click: () => dialog.close() },
        },
        icon("close"),
      ),
    ),
  );
  /** @type {HTMLDialogElement} */
  const dialog = element(
    "dialog",
    {
      class: "dialog",
      testid: "share-dialog",
      "aria-labelledby": "share-title",
      on: {
        click: (event) => {
          if (event.target === dialog) dialog.close();
        },
      },
    },
    body,
  );
  /** @param {string | null} origin */
  const fill = (origin) => {
    body.append(...(origin === null ? onlyHere(room) : invitation(room, linkTo(room, origin), large)));
    // Who hears the page would else be taken past it, to the button.
    if (origin === null) dialog.setAttribute("aria-describedby", "share-local");
  };
  if (isLoopback(location.hostname)) void originForOthers().then(fill);
  else fill(location.origin);
  return [dialog, large.node];
}

/** @param {string} room @param {string} link @param {ReturnType<typeof qrScreen>} large @returns {Node[]} */
function invitation(room, link, large) {
  const field = element("input", {
    class: "input share-link",
    id: "share-link",
    readonly: true,
    dir: "ltr",
    value: link,
    "aria-label": () => t("share.link"),
    on: { focus: () => field.select() },
  });
  const enlarge = element(
    "button",
    { type: "button", class: "button button-quiet", testid: "qr-large", on: { click: () => large.show(qr.src, link) } },
    icon("expand"),
    element("span", { text: () => t("share.large") }),
  );
  // The server draws it; without that the link alone does.
  const qr = element("img", {
    class: "share-qr",
    loading: "lazy",
    width: "208",
    height: "208",
    src: `/api/qr.svg?text=${encodeURIComponent(link)}`,
    alt: () => t("share.qr", { room }),
    on: {
      error: () => {
        qr.hidden = enlarge.hidden = true;
      },
    },
  });
  return [
    element("p", { class: "muted", text: () => t("share.lead") }),
    element("p", { class: "share-room" }, element("bdi", { text: room })),
    qr,
    field,
    element(
      "div",
      { class: "dialog-actions" },
      copyButton({ class: "button", testid: "copy-link" }, "share.copy", () =>
        copy(link, field, { copied: "share.copied", failed: "share.copy_failed" }),
      ),
      enlarge,
      nativeShare(room, link),
    ),
  ];
}

/** @param {{class: string, testid: string}} properties @param {import("../text/strings.js").Key} words @param {() => Promise<void>} press */
function copyButton(properties, words, press) {
  return element(
    "button",
    { ...properties, type: "button", autofocus: true, on: { click: () => void press() } },
    icon("copy"),
    element("span", { text: () => t(words) }),
  );
}

/** The device's own sharing, where it has one. @param {string} room @param {string} link */
function nativeShare(room, link) {
  if (typeof navigator.share !== "function") return null;
  return element("button", {
    type: "button",
    class: "button button-quiet",
    text: () => t("share.native"),
    on: { click: () => void send(room, link) },
  });
}

/** No link that could be taken for an invitation. A second window of this machine may want one. @param {string} room @returns {Node[]} */
function onlyHere(room) {
  const link = linkTo(room, location.origin);
  return [
    element(
      "div",
      { class: "share-local", id: "share-local", testid: "share-local" },
      element("p", { text: () => t("share.local") }),
      element("p", { children: () => rich("share.local_how", { flag: "--lan" }) }),
    ),
    element(
      "div",
      { class: "dialog-actions" },
      copyButton({ class: "button button-quiet", testid: "copy-local-link" }, "share.local_copy", () =>
        copy(link, null, { copied: "share.copied", failed: "share.local_failed" }),
      ),
    ),
  ];
}

/** @param {string} room @param {string} link */
async function send(room, link) {
  try {
    await navigator.share({ title: t("room.title", { room }), url: link });
  } catch {
    // Thought better of it.
  }
}
