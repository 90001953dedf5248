/** The state of the connection, in the header and, while it is broken, in words over the log. */

import { bind, element } from "./element.js";
import { t } from "./strings.js";

/** @typedef {"idle" | "connecting" | "connected" | "waiting" | "offline" | "hidden" | "closed"} State */

export class ConnectionPill {
  /** @type {State} */
  #state = "idle";
  /** @type {number | null} */
  #latency = null;
  /** @type {number | null} */
  #retryAt = null;
  /** @type {import("./strings.js").Key} */
  #cause = "notice.waiting";
  #timer = 0;
  #label = element("span", { class: "pill-label" });
  #detail = element("span", { class: "pill-detail" });
  #words = element("p");
  /** For screen readers: what has changed, without the countdown. */
  live = element("p", { class: "sr-only", role: "status" });

  /** @param {{ now: () => void }} hooks */
  constructor(hooks) {
    this.node = element("div", { class: "pill", testid: "connection", role: "group", "aria-label": () => t("state.label") },
      element("span", { class: "pill-dot" }), this.#label, this.#detail);
    this.notice = element("div", { class: "notice", hidden: true, testid: "connection-notice" }, this.#words,
      element("button", { type: "button", class: "button button-small", testid: "reconnect-now", text: () => t("notice.now"), on: { click: hooks.now } }));
    bind(this.#label, () => this.#draw());
  }

  /** @param {State} state @param {number | null} retryAt @param {{ code: number, name: string } | null} error */
  setState(state, retryAt, error) {
    const isNew = state !== this.#state;
    this.#state = state;
    this.#retryAt = retryAt;
    this.#cause = causeOf(error);
    if (state !== "connected") this.#latency = null;
    clearInterval(this.#timer);
    if (state === "waiting") this.#timer = window.setInterval(() => this.#draw(), 250);
    this.#draw();
    // The countdown is not read out; the change of state is.
    if (isNew) this.live.textContent = state === "waiting" ? t(this.#cause) : this.#label.textContent;
  }

  /** @param {number} latency in ms */
  setLatency(latency) {
    this.#latency = latency;
    this.#draw();
  }

  stop() {
    clearInterval(this.#timer);
  }

  #draw() {
    const state = this.#state;
    this.node.dataset.state = state;
    const seconds = this.#retryAt === null ? 0 : Math.ceil((this.#retryAt - Date.now()) / 1000);
    write(this.#label, state !== "waiting" ? t(`state.${state}`) : seconds > 0 ? t("state.waiting", { n: seconds }) : t("state.waiting_now"));
    const latency = this.#latency === null ? "" : t("state.latency", { n: Math.round(this.#latency) });
    write(this.#detail, state !== "connected" ? "" : latency === "" ? "WebSocket" : `${latency} · WebSocket`);
    this.notice.hidden = state !== "waiting" && state !== "offline";
    this.notice.dataset.state = state;
    if (!this.notice.hidden) write(this.#words, t(state === "offline" ? "notice.offline" : this.#cause));
  }
}

/** @param {{ code: number, name: string } | null} error @returns {import("./strings.js").Key} */
function causeOf(error) {
  if (error?.code === 1012) return "notice.shutdown";
  return error?.code === 4003 || error?.code === 4004 || error?.code === 1013 ? "notice.server_full" : "notice.waiting";
}

/** @param {Element} node @param {string} text */
function write(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
