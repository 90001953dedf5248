/** Reading by keys: the log is one stop of Tab, arrows go from message to message, and Tab goes on to the links and buttons of the one that is read. */

export class Reading {
  #log;
  /** @type {HTMLElement | null} */
  #current = null;

  /** @param {() => HTMLElement} log */
  constructor(log) {
    this.#log = log;
  }

  /** @param {KeyboardEvent} event */
  pressed(event) {
    const step = { ArrowUp: -1, ArrowDown: 1 }[event.key];
    const at = /** @type {HTMLElement} */ (event.target);
    if (event.altKey || event.ctrlKey || event.metaKey || (at !== this.#log() && !at.matches(".message"))) return;
    const rows = /** @type {HTMLElement[]} */ ([...this.#log().querySelectorAll(".message")]);
    const place = rows.indexOf(/** @type {HTMLElement} */ (this.#current));
    const first = place < 0 || at === this.#log();
    const wanted =
      event.key === "Home"
        ? 0
        : event.key === "End"
          ? rows.length - 1
          : step === undefined
            ? -1
            : first
              ? place < 0
                ? rows.length - 1
                : place
              : place + step;
    const row = rows[wanted];
    if (!row) return;
    event.preventDefault();
    row.focus();
  }

  /** @param {FocusEvent} event */
  entered(event) {
    const row = /** @type {HTMLElement | null} */ (/** @type {HTMLElement} */ (event.target).closest(".message"));
    if (!row || (row === this.#current && row.tabIndex === 0)) return;
    this.#open(false);
    this.#current = row;
    this.#open(true);
    this.#log().tabIndex = -1;
  }

  /** @param {FocusEvent} event */
  left(event) {
    if (this.#log().contains(/** @type {Node | null} */ (event.relatedTarget))) return;
    this.#open(false);
    this.#log().tabIndex = 0;
  }

  /** @param {boolean} is whether Tab reaches the message and what is in it */
  #open(is) {
    for (const node of this.#current
      ? [this.#current, ...this.#current.querySelectorAll(".message-text :is(a, button)")]
      : []) {
      /** @type {HTMLElement} */ (node).tabIndex = is ? 0 : -1;
    }
  }
}
