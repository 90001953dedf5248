/** Where one writes. It stays usable whatever the connection does. */

import { baseOf, isMixed } from "../text/direction.js";
import { bind, element } from "./element.js";
import { icon } from "./icons.js";
import { measure } from "../text/length.js";
import { t } from "../text/strings.js";
import { keepDraft, recallDraft } from "../state/tab.js";

/** @typedef {import("../text/length.js").ContentLimits} ContentLimits */

export class Composer {
  #hooks;
  #room;
  /** @type {ContentLimits} */
  #limits = {};
  #input;
  #send;
  #counter;

  /** @param {string} room @param {{ send: (content: string) => void, typing: (is: boolean) => void }} hooks */
  constructor(room, hooks) {
    this.#room = room;
    this.#hooks = hooks;
    this.#input = element("textarea", {
      id: "composer",
      class: "composer-input",
      testid: "composer",
      rows: "1",
      enterkeyhint: "send",
      autocapitalize: "sentences",
      "aria-label": () => t("composer.label"),
      placeholder: () => t("composer.placeholder"),
      "aria-describedby": "counter",
      on: {
        input: () => this.#changed(true),
        keydown: (event) => this.#pressed(event),
        blur: () => hooks.typing(false),
      },
    });
    this.#counter = element("output", {
      class: "composer-counter",
      id: "counter",
      testid: "counter",
      for: "composer",
      hidden: true,
    });
    this.#send = element(
      "button",
      { type: "submit", class: "composer-send", testid: "send-button", "aria-label": () => t("composer.send") },
      element("span", { class: "composer-send-text", text: () => t("composer.send") }),
      icon("send"),
    );
    this.node = element(
      "form",
      { class: "composer", "aria-label": () => t("composer.label"), on: { submit: (event) => this.#submit(event) } },
      element("div", { class: "composer-field" }, this.#input, this.#counter),
      this.#send,
    );
    this.#input.value = recallDraft(room);
    this.#changed(false);
    bind(this.#counter, () => this.#count());
  }

  focus() {
    this.#input.focus({ preventScroll: true });
  }

  /** @param {ContentLimits} limits */
  setLimits(limits) {
    this.#limits = limits;
    this.#count();
  }

  /** Fits the field to its text, where the style sheet cannot (`field-sizing`). */
  fit() {
    if (CSS.supports("field-sizing", "content")) return;
    this.#input.style.blockSize = "auto";
    this.#input.style.blockSize = `${this.#input.scrollHeight}px`;
  }

  /** @param {boolean} byHand */
  #changed(byHand) {
    const text = this.#input.value;
    // An empty field follows the page; else the first letter decides, and numbers alone run from left to right.
    if (text === "") this.#input.removeAttribute("dir");
    else this.#input.dir = baseOf(text);
    this.#input.classList.toggle("mixed", isMixed(text));
    this.fit();
    this.#count();
    if (!byHand) return;
    keepDraft(this.#room, text);
    this.#hooks.typing(text.trim() !== "");
  }

  /** @returns {boolean} whether the text may be sent */
  #count() {
    const content = this.#input.value.trim();
    const { unit, left, near, over } = measure(content, this.#limits);
    this.#counter.hidden = !near;
    this.#counter.classList.toggle("over", over);
    const suffix = unit === "bytes" ? "_bytes" : "";
    if (near) {
      this.#counter.textContent = over
        ? t(/** @type {"composer.over"} */ (`composer.over${suffix}`), { n: -left })
        : t(/** @type {"composer.left"} */ (`composer.left${suffix}`), { n: left });
    }
    this.#input.setAttribute("aria-invalid", String(over));
    this.#send.disabled = over || content === "";
    return !this.#send.disabled;
  }

  /** @param {KeyboardEvent} event */
  #pressed(event) {
    // While an input method composes, Enter is its own (229: WebKit reports the last one so).
    if (event.key !== "Enter" || event.shiftKey || event.altKey || event.isComposing || event.keyCode === 229) return;
    event.preventDefault();
    if (!event.repeat) this.#submit(event);
  }

  /** @param {Event} event */
  #submit(event) {
    event.preventDefault();
    if (!this.#count()) return;
    const content = this.#input.value.trim();
    this.#input.value = "";
    this.#changed(true);
    this.focus();
    this.#hooks.send(content);
  }
}
