/** Which transport the room is on, how quick it is, and why this one: what the dot in the header opens. */

import { bind, element } from "./element.js";
import { t } from "../text/strings.js";

/** @typedef {import("../../sdk/ladder.js").Transport} Transport */
/** @typedef {import("../../sdk/ladder.js").Why} Why */

const MARGIN = 8;
const ID = "transport-card";

export class TransportCard {
  /** @type {Transport | null} */
  #transport = null;
  /** @type {Why | null} */
  #why = null;
  #name = element("h2");
  #how = element("p");
  #quick = element("p", { class: "transport-card-latency", testid: "latency", hidden: true });
  /** @type {number | null} */
  #latency = null;
  #reason = element("p", { class: "transport-card-why" });
  /** Opens and closes it. @type {HTMLButtonElement} */
  #button;

  /** @param {HTMLButtonElement} button */
  constructor(button) {
    this.#button = button;
    this.node = element(
      "div",
      {
        class: "transport-card",
        id: ID,
        popover: "auto",
        role: "dialog",
        testid: "transport-card",
        "aria-label": () => t("transport.title"),
      },
      this.#name,
      this.#how,
      this.#quick,
      this.#reason,
    );
    this.node.addEventListener("toggle", () => this.#place());
    button.setAttribute("popovertarget", ID);
    button.setAttribute("aria-haspopup", "dialog");
    bind(this.node, () => this.#draw());
  }

  /** @param {Transport | null} transport @param {Why | null} why */
  show(transport, why) {
    this.#transport = transport;
    this.#why = why;
    this.#button.toggleAttribute("disabled", transport === null);
    if (transport === null && this.node.matches(":popover-open")) this.node.hidePopover();
    this.#draw();
  }

  /** @param {number | null} latency in ms */
  setLatency(latency) {
    this.#latency = latency;
    this.#draw();
  }

  #draw() {
    this.#quick.hidden = this.#latency === null;
    if (this.#latency !== null)
      this.#quick.textContent = `${t("state.latency_label")}: ${t("state.latency", { n: Math.round(this.#latency) })}`;
    if (this.#transport === null) return;
    this.#name.textContent = t(`transport.${this.#transport}`);
    this.#how.textContent = t(`transport.how_${this.#transport}`);
    this.#reason.hidden = this.#why === null;
    if (this.#why !== null) this.#reason.textContent = reasonOf(this.#why);
  }

  /** Under the button, inside the window. */
  #place() {
    if (!this.node.matches(":popover-open")) return;
    const button = this.#button.getBoundingClientRect();
    const { offsetWidth: width } = this.node;
    const middle = button.left + button.width / 2 - width / 2;
    const left = Math.min(Math.max(MARGIN, middle), document.documentElement.clientWidth - width - MARGIN);
    this.node.style.setProperty("left", `${left}px`);
    this.node.style.setProperty("top", `${button.bottom + MARGIN / 2}px`);
  }
}

/** @param {Why} why */
function reasonOf(why) {
  if (why === "upgrade_unanswered") return t("transport.why_upgrade_refused");
  if (why === "stream_buffered") return t("transport.why_stream_refused");
  return t(`transport.why_${why}`);
}
