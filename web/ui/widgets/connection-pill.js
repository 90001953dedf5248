/**
 * The state of the connection: in the header a dot, and words only when something is wrong; while it is broken, a line above the log.
 * Which transport it is and how quick stands in the card that the dot opens.
 */

import { bind, element } from "./element.js";
import { icon } from "./icons.js";
import { t } from "../text/strings.js";
import { TransportCard } from "./transport-card.js";

/** @typedef {import("../state/room-view.js").ConnectionView} ConnectionView */

export class ConnectionPill {
  /** @type {ConnectionView} */
  #view = { state: "idle", transport: null, why: null, isUnusual: false, retryAt: null, latency: null, notice: null };
  #timer = 0;
  #rename;
  #label = element("span", { class: "pill-label" });
  /** On a phone, where the room's name needs the place: the row above the log has the words. */
  #brief = element("span", { class: "pill-brief", "aria-hidden": "true" });
  #cause = element("p");
  /** For screen readers: what has changed, without the countdown. */
  live = element("p", { class: "sr-only", role: "status" });

  /** @param {{ now: () => void, rename: () => void }} hooks */
  constructor(hooks) {
    this.node = element(
      "button",
      { type: "button", class: "pill", testid: "connection" },
      element("span", { class: "sr-only", text: () => `${t("state.label")}: ` }),
      element("span", { class: "pill-dot" }),
      this.#label,
      this.#brief,
      icon("info"),
    );
    this.card = new TransportCard(this.node);
    this.#rename = element("button", {
      type: "button",
      class: "button button-small button-quiet",
      testid: "other-name",
      text: () => t("notice.other_name"),
      on: { click: hooks.rename },
    });
    this.notice = element(
      "div",
      { class: "notice", hidden: true, testid: "connection-notice" },
      this.#cause,
      this.#rename,
      element("button", {
        type: "button",
        class: "button button-small",
        testid: "reconnect-now",
        text: () => t("notice.now"),
        on: { click: hooks.now },
      }),
    );
    bind(this.#label, () => this.#draw());
  }

  /** @param {ConnectionView} view */
  show(view) {
    const { state, transport, why, isUnusual, latency, notice } = view;
    const isNew = state !== this.#view.state;
    this.#view = view;
    // Nothing is said of a transport that is only being tried.
    this.card.show(state === "connected" ? transport : null, why);
    this.card.setLatency(latency);
    this.node.dataset.transport = transport ?? "";
    this.node.toggleAttribute("data-unusual", isUnusual);
    clearInterval(this.#timer);
    if (state === "waiting") this.#timer = window.setInterval(() => this.#draw(), 250);
    this.#draw();
    // The countdown is not read out; the change of state is.
    if (isNew) this.live.textContent = state === "waiting" && notice ? t(notice.words) : this.#label.textContent;
  }

  stop() {
    clearInterval(this.#timer);
  }

  #draw() {
    const { state, notice } = this.#view;
    this.node.dataset.state = state;
    const seconds = this.#seconds();
    write(this.#label, this.#words(seconds));
    write(this.#brief, seconds > 0 ? t("state.waiting_brief", { n: seconds }) : "");
    // Of a connection that is as it should be the dot is enough; a screen reader is told in words.
    this.#label.classList.toggle("sr-only", state === "connected");
    this.notice.hidden = notice === null;
    this.notice.dataset.state = state;
    this.#rename.hidden = !notice?.offersName;
    if (notice) write(this.#cause, t(notice.words));
  }

  /** Until the next try. */
  #seconds() {
    const { retryAt } = this.#view;
    return retryAt === null ? 0 : Math.max(0, Math.ceil((retryAt - performance.now()) / 1000));
  }

  /** @param {number} seconds */
  #words(seconds) {
    const { state } = this.#view;
    if (state !== "waiting") return t(`state.${state}`);
    return seconds > 0 ? t("state.waiting", { n: seconds }) : t("state.waiting_now");
  }
}

/** @param {Element} node @param {string} text */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
