/** The pill over the log's end: how many came below, and the way down. */

import { bind, element } from "./element.js";
import { icon } from "./icons.js";
import { t } from "../text/strings.js";

export class NewMessages {
  #count = 0;
  #text = element("span");

  /** @param {() => void} go */
  constructor(go) {
    this.node = element(
      "button",
      { type: "button", class: "new-messages", testid: "new-messages-pill", hidden: true, on: { click: go } },
      this.#text,
      icon("down"),
    );
    bind(this.node, () => this.#draw());
  }

  /** @param {import("../state/room-view.js").RoomView["newMessages"]} view */
  show({ count, isShown }) {
    this.#count = count;
    this.node.hidden = !isShown;
    this.#draw();
  }

  #draw() {
    const some = this.#count > 0;
    this.#text.hidden = !some;
    this.#text.textContent = some ? t("log.new", { n: this.#count }) : "";
    this.node.classList.toggle("some", some);
    this.node.title = some ? "" : t("log.latest");
    this.node.setAttribute("aria-label", some ? t("log.new", { n: this.#count }) : t("log.latest"));
  }
}
