/** Inviting others: the link, the device's own sharing, a QR code. */

import { element, rich } from "./element.js";
import { icon } from "./icons.js";
import { qrScreen } from "./qr-screen.js";
import { linkTo } from "./route.js";
import { t } from "./strings.js";
import { say } from "./toast.js";

/** Hosts by which nobody else reaches the server. */
const LOOPBACK = /^(localhost|.+\.localhost|127\.[\d.]+|0\.0\.0\.0|\[::1?\])$/;

/**
 * Where others find the server: where this page is, or, if that is a loopback address, the address that the server knows itself by in
 * the network. Null if others do not reach it.
 *
 * @returns {Promise<string | null>}
 */
async function originForOthers() {
  if (!LOOPBACK.test(location.hostname)) return location.origin;
  try {
    const { host } = await (await fetch("/api/address")).json();
    return typeof host === "string" ? `${location.protocol}//${host}${location.port && `:${location.port}`}` : null;
  } catch {
    return null;
  }
}

/** @param {string} room @returns {HTMLDialogElement[]} the dialog, and the QR code over the whole screen */
export function shareDialog(room) {
  let link = linkTo(room, location.origin);
  const field = element("input", {
    class: "input link-field", id: "share-link", readonly: true, dir: "ltr", value: link, "aria-label": () => t("share.link"),
    on: { focus: () => field.select() },
  });
  // The server draws it; without that the link alone does.
  const qr = element("img", {
    class: "qr", loading: "lazy", hidden: true, width: "208", height: "208",
    alt: () => t("share.qr", { room }), on: { error: () => { qr.hidden = true; } },
  });
  const local = element("p", { class: "local-hint", hidden: true, testid: "share-local", children: () => rich("share.local", { flag: "--lan" }) });
  const native = typeof navigator.share !== "function" ? null
    : element("button", { type: "button", class: "button button-quiet", text: () => t("share.native"), on: { click: () => void send(room, link) } });
  const large = qrScreen(room);
  const enlarge = element("button", { type: "button", class: "button button-quiet", hidden: true, testid: "qr-large",
    on: { click: () => large.show(qr.src, link) } }, icon("expand"), element("span", { text: () => t("share.large") }));
  void originForOthers().then((origin) => {
    local.hidden = origin !== null;
    if (origin === null) return;
    field.value = link = linkTo(room, origin);
    qr.src = `/api/qr.svg?text=${encodeURIComponent(link)}`;
    qr.hidden = enlarge.hidden = false;
  });
  const dialog = element("dialog", { class: "dialog", testid: "share-dialog", "aria-labelledby": "share-title",
    on: { click: (event) => { if (event.target === dialog) dialog.close(); } } },
    element("div", { class: "dialog-body" },
      element("div", { class: "dialog-head" },
        element("h2", { id: "share-title", text: () => t("share.title") }),
        element("button", { type: "button", class: "icon-button", "aria-label": () => t("share.close"), on: { click: () => dialog.close() } }, icon("close"))),
      element("p", { class: "muted", text: () => t("share.lead") }),
      element("p", { class: "share-room" }, element("bdi", { text: room })),
      qr, field, local,
      element("div", { class: "dialog-actions" },
        element("button", { type: "button", class: "button", autofocus: true, testid: "copy-link", on: { click: () => void copy(field) } },
          icon("copy"), element("span", { text: () => t("share.copy") })),
        enlarge, native)));
  return [dialog, large.node];
}

/** @param {HTMLInputElement} field */
async function copy(field) {
  try {
    await navigator.clipboard.writeText(field.value);
    say(t("share.copied"));
  } catch {
    // No clipboard without https (a class on a local network): the old way, then by hand.
    field.focus();
    field.select();
    say(t(document.execCommand("copy") ? "share.copied" : "share.copy_failed"));
  }
}

/** @param {string} room @param {string} link */
async function send(room, link) {
  try {
    await navigator.share({ title: t("room.title", { room }), url: link });
  } catch {
    // Thought better of it.
  }
}
