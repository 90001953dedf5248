/**
 * The state of the connection: in the header a dot, and words only when something is wrong; while it is broken, a line above the log.
 * Which transport it is and how quick stands in the card that the dot opens.
 */

import { bind, element } from "./element.js";
import { icon } from "./icons.js";
import { t } from "../text/strings.js";
import { TransportCard } from "./transport-card.js";

/** @typedef {import("../../sdk/room.js").StateDetail} StateDetail */

export class ConnectionPill {
  /** @type {StateDetail["state"]} */
  #state = "idle";
  /** When the next try is, by `performance.now`. @type {number | null} */
  #retryAt = null;
  /** @type {import("../text/strings.js").Key} */
  #cause = "notice.waiting";
  #timer = 0;
  #rename;
  #label = element("span", { class: "pill-label" });
  #words = element("p");
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
      this.#words,
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

  /** @param {StateDetail} detail */
  setState({ state, retryIn, error, transport, why }) {
    const isNew = state !== this.#state;
    this.#state = state;
    this.#retryAt = retryIn === null ? null : performance.now() + retryIn;
    // Nothing is said of a transport that is only being tried.
    this.card.show(state === "connected" ? transport : null, why);
    this.node.dataset.transport = transport ?? "";
    this.node.toggleAttribute("data-unusual", state === "connected" && why !== null);
    this.#cause = causeOf(error, why);
    if (state !== "connected") this.setLatency(null);
    clearInterval(this.#timer);
    if (state === "waiting") this.#timer = window.setInterval(() => this.#draw(), 250);
    this.#draw();
    // The countdown is not read out; the change of state is.
    if (isNew) this.live.textContent = state === "waiting" ? t(this.#cause) : this.#label.textContent;
  }

  /** @param {number | null} latency in ms */
  setLatency(latency) {
    this.card.setLatency(latency);
  }

  stop() {
    clearInterval(this.#timer);
  }

  #draw() {
    const state = this.#state;
    this.node.dataset.state = state;
    const seconds = this.#retryAt === null ? 0 : Math.ceil((this.#retryAt - performance.now()) / 1000);
    write(
      this.#label,
      state !== "waiting"
        ? t(`state.${state}`)
        : seconds > 0
          ? t("state.waiting", { n: seconds })
          : t("state.waiting_now"),
    );
    // Of a connection that is as it should be the dot is enough; a screen reader is told in words.
    this.#label.classList.toggle("sr-only", state === "connected");
    this.notice.hidden = state !== "waiting" && state !== "offline";
    this.notice.dataset.state = state;
    this.#rename.hidden = state !== "waiting" || this.#cause !== "notice.name_kept";
    if (!this.notice.hidden) write(this.#words, t(state === "offline" ? "notice.offline" : this.#cause));
  }
}

/** @param {StateDetail["error"]} error @param {StateDetail["why"]} why @returns {import("../text/strings.js").Key} */
function causeOf(error, why) {
  if (error?.name === "name_taken") return "notice.name_kept";
  if (error?.code === 1012) return "notice.shutdown";
  if (why === "forced") return "notice.forced";
  return error?.code === 4003 || error?.code === 4004 || error?.code === 1013 ? "notice.server_full" : "notice.waiting";
}

/** @param {Element} node @param {string} text */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
