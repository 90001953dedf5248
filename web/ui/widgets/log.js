/**
 * Draws the timeline. Steps are collected and drawn once per frame; the reader's place is kept unless they stand at
 * the bottom, where the log follows what comes.
 */

import { finish, messageRow, outgoingRow, setGrouped, showStatus } from "./bubble.js";
import { timeOf } from "../state/calendar.js";
import { lookUpZone } from "../text/dates.js";
import { element, refresh } from "./element.js";
import { NoticeLine, dayLine, earlierLine, gapLine, resetLine, unreadLine } from "./lines.js";
import { Reading } from "./reading.js";
import { t } from "../text/strings.js";
import { place } from "../state/timeline.js";

/** @typedef {import("../state/timeline.js").Step} Step */
/** @typedef {import("../state/timeline.js").Entry} Entry */
/** @typedef {import("../state/timeline.js").Outgoing} Outgoing */
/** @typedef {{ explain: (error: unknown) => string, retry: (id: string) => void, discard: (id: string) => void, bottom: (isAt: boolean) => void }} Hooks */

/** Rows in the document at most, and how many stay when that is passed. */
const MOST_ROWS = 3000;
const KEPT_ROWS = 2700;
/** Within this of the end, in pixels, the reader is at the bottom. */
const NEAR_BOTTOM = 48;
/** A hidden page has no frames. */
const HIDDEN_MS = 250;

export class Log {
  #hooks;
  #settled = element("div", { class: "log-settled" });
  // What is on its way is read out when it is in the log, and not twice.
  #held = element("div", { class: "log-held", "aria-live": "off" });
  #content = element("div", { class: "log-content" }, this.#settled, this.#held);
  /** @type {Step[]} */
  #queue = [];
  #frame = 0;
  #timer = 0;
  /** @type {NoticeLine | null} */
  #notice = null;
  /** @type {Map<string, HTMLElement>} */
  #outgoing = new Map();
  /** What the rows show; of a line of notices its first. @type {WeakMap<Element, Entry>} */
  #entries = new WeakMap();
  /** @type {HTMLElement | null} */
  #unread = null;
  #isUnreadDue = false;
  #isSpoken = false;
  #atBottom = true;
  #height = 0;
  #observer;
  #reading = new Reading(() => this.node);

  /** @param {HTMLElement} empty what stands there while nothing has been said @param {Hooks} hooks */
  constructor(empty, hooks) {
    this.#content.prepend(empty);
    this.#hooks = hooks;
    this.node = element(
      "div",
      {
        class: "log",
        id: "log",
        role: "log",
        tabindex: "0",
        "aria-live": "polite",
        "aria-relevant": "additions",
        "aria-label": () => t("room.messages"),
        on: {
          scroll: () => this.#scrolled(),
          keydown: (event) => this.#reading.pressed(event),
          focusin: (event) => this.#reading.entered(event),
          focusout: (event) => this.#reading.left(event),
          copy: (event) => this.#copied(event),
        },
      },
      this.#content,
    );
    this.#observer = new ResizeObserver(() => this.#follow());
    this.#observer.observe(this.#content);
    this.#observer.observe(this.node);
  }

  get atBottom() {
    return this.#atBottom;
  }

  /** Nothing has been said; comings and goings are not counted. */
  get isEmpty() {
    return !this.#isSpoken;
  }

  /** @param {Step[]} steps */
  take(steps) {
    this.#queue.push(...steps);
    this.#isSpoken ||= steps.some((step) => !("entry" in step) || step.entry.kind !== "notice");
    if (document.hidden) this.#timer ||= window.setTimeout(() => this.flush(), HIDDEN_MS);
    else this.#frame ||= requestAnimationFrame(() => this.flush());
  }

  /** The next message is the first unread one. */
  markUnread() {
    this.flush();
    this.#unread?.remove();
    this.#unread = null;
    this.#isUnreadDue = true;
  }

  /** What was unread is read: the line goes. */
  clearUnread() {
    this.#isUnreadDue = false;
    this.#unread?.remove();
    this.#unread = null;
  }

  toBottom() {
    this.flush();
    this.node.scrollTop = this.node.scrollHeight;
    this.#setBottom(true);
  }

  /** To be called when the device may have travelled: times, and the lines between days, are those of where it is. */
  locate() {
    this.flush();
    if (lookUpZone()) this.#divide();
  }

  /** Draws what is waiting. */
  flush() {
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
    this.#frame = this.#timer = 0;
    if (this.#queue.length === 0) return;
    const steps = this.#queue;
    this.#queue = [];
    const batch = document.createDocumentFragment();
    /** @type {Set<NoticeLine>} */
    const notices = new Set();
    // A crowd of messages at once is not read out one by one.
    this.node.setAttribute("aria-busy", String(steps.length > 20));
    for (const step of steps) this.#draw(step, batch, notices);
    for (const notice of notices) notice.show();
    this.#settled.append(batch);
    this.#trim();
    this.node.setAttribute("aria-busy", "false");
    if (lookUpZone()) this.#divide();
    this.#follow();
  }

  stop() {
    this.#observer.disconnect();
    cancelAnimationFrame(this.#frame);
    clearTimeout(this.#timer);
  }

  /** @param {Step} step @param {DocumentFragment} batch @param {Set<NoticeLine>} notices */
  #draw(step, batch, notices) {
    if (step.step === "hold") this.#hold(step.outgoing);
    else if (step.step === "update") this.#update(step.outgoing);
    else if (step.step === "drop") this.#release(step.id)?.remove();
    else this.#settle(step, batch, notices);
  }

  /** @param {Extract<Step, { entry: unknown }>} step @param {DocumentFragment} batch @param {Set<NoticeLine>} notices */
  #settle(step, batch, notices) {
    const { entry, place } = step;
    if (place.newDay) batch.append(dayLine(entry.at));
    if (entry.kind === "notice") {
      if (!place.folded || !this.#notice) {
        this.#notice = new NoticeLine();
        batch.append(this.#notice.node);
        this.#entries.set(this.#notice.node, entry);
      }
      this.#notice.add(entry);
      notices.add(this.#notice);
      return;
    }
    this.#notice = null;
    /** @type {HTMLElement} */
    let node;
    if (entry.kind === "gap") node = gapLine(entry.missed);
    else if (entry.kind === "reset") node = resetLine();
    else if (entry.kind === "earlier") node = earlierLine();
    else {
      const held = step.step === "settle" ? this.#release(step.id) : undefined;
      if (this.#isUnreadDue && !entry.own) {
        this.#isUnreadDue = false;
        this.#unread = unreadLine();
        batch.append(this.#unread);
      }
      if (held) finish(held, entry, place.grouped);
      node = held ?? messageRow(entry, place.grouped);
    }
    this.#entries.set(node, entry);
    batch.append(node);
  }

  /** @param {Outgoing} outgoing */
  #hold(outgoing) {
    let node = this.#outgoing.get(outgoing.id);
    if (!node) {
      node = outgoingRow(outgoing);
      node.classList.add("arriving");
      this.#outgoing.set(outgoing.id, node);
    } else node.classList.remove("arriving");
    this.#held.append(node);
    this.#update(outgoing);
  }

  /** @param {Outgoing} outgoing */
  #update(outgoing) {
    const node = this.#outgoing.get(outgoing.id);
    if (!node) return;
    const { id } = outgoing;
    showStatus(node, outgoing, {
      explain: this.#hooks.explain,
      retry: () => this.#hooks.retry(id),
      discard: () => this.#hooks.discard(id),
    });
  }

  /** @param {string} id */
  #release(id) {
    const node = this.#outgoing.get(id);
    this.#outgoing.delete(id);
    return node;
  }

  /** Divides what is shown into days anew: the time zone is another one. */
  #divide() {
    refresh(document);
    for (const line of this.#settled.querySelectorAll(".line-day")) line.remove();
    /** @type {Entry | null} */
    let previous = null;
    for (const node of /** @type {HTMLElement[]} */ ([...this.#settled.children])) {
      const entry = this.#entries.get(node);
      if (!entry) continue;
      const { newDay, grouped } = place(previous, entry);
      const line = node.previousElementSibling === this.#unread ? this.#unread : null;
      if (newDay) (line ?? node).before(dayLine(entry.at));
      if (entry.kind === "message") setGrouped(node, entry.own ? null : entry.name, grouped);
      previous = entry;
    }
  }

  /** Several messages are copied with who said them and when; a part of one as it is. @param {ClipboardEvent} event */
  #copied(event) {
    const selection = getSelection();
    if (!selection || !event.clipboardData) return;
    const chosen = [...this.#settled.querySelectorAll(".message > .message-bubble > .message-text")].filter((text) =>
      selection.containsNode(text, true),
    );
    if (chosen.length < 2) return;
    const lines = chosen.flatMap((text) => {
      const entry = this.#entries.get(/** @type {Element} */ (text.closest(".message")));
      return entry?.kind === "message"
        ? [`[${timeOf(entry.at)}] ${entry.name || t("room.you")}: ${entry.content}`]
        : [];
    });
    event.clipboardData.setData("text/plain", lines.join("\n"));
    event.preventDefault();
  }

  #trim() {
    if (this.#settled.childElementCount <= MOST_ROWS) return;
    while (this.#settled.childElementCount > KEPT_ROWS) this.#settled.firstElementChild?.remove();
    // The message that had the focus may be gone.
    if (!this.node.contains(document.activeElement)) this.node.tabIndex = 0;
  }

  #scrolled() {
    const { scrollTop, scrollHeight, clientHeight } = this.node;
    // A change of size scrolls as well, before it is known to have happened: that is not the reader's doing.
    if (clientHeight !== this.#height) return;
    this.#setBottom(scrollHeight - scrollTop - clientHeight <= NEAR_BOTTOM);
  }

  /** Stays at the bottom through whatever has changed its height. */
  #follow() {
    this.#height = this.node.clientHeight;
    if (this.#atBottom) this.node.scrollTop = this.node.scrollHeight;
  }

  /** @param {boolean} isAt */
  #setBottom(isAt) {
    if (isAt === this.#atBottom) return;
    this.#atBottom = isAt;
    this.#hooks.bottom(isAt);
  }
}
