/** A room: the SDK's events on one side, the parts of the page on the other. */

import { caseOf, closedCard, offerTakeOver } from "../widgets/closed-card.js";
import { Composer } from "../widgets/composer.js";
import { ConnectionPill } from "../widgets/connection-pill.js";
import { element } from "../widgets/element.js";
import { emptyRoom } from "../widgets/empty-room.js";
import { header } from "../widgets/header.js";
import { closeLayer, openLayer } from "../widgets/layers.js";
import { leaveDialog } from "../widgets/leave-dialog.js";
import { Log } from "../widgets/log.js";
import { Members } from "../widgets/members.js";
import { NewMessages } from "../widgets/new-messages.js";
import { askOtherTabs } from "../state/other-tabs.js";
import { preferences } from "../widgets/preferences.js";
import { openRoom } from "../state/session.js";
import { shareDialog } from "../widgets/share-dialog.js";
import { sidePanel } from "../widgets/side-panel.js";
import { number, t } from "../text/strings.js";
import { Timeline } from "../state/timeline.js";
import { say } from "../widgets/toast.js";
import { typingLine } from "../widgets/typing-line.js";
import { Unread } from "../widgets/unread.js";

/** @typedef {import("../../sdk/index.js").Room} Room */
/** @typedef {import("../state/tab.js").Place} Place */
/** @typedef {{ home: () => void, leave: () => void, stepOut: () => void, language: (wanted: import("../text/strings.js").Language) => void, renamed: (name: string) => void }} Hooks */

const REFUSED_MS = 300;

export class RoomPage {
  #room;
  #name;
  #hooks;
  #life = new AbortController();
  #hasBegun = false;
  #timeline = new Timeline();
  /** @type {ReturnType<typeof openRoom>} */
  #session;
  #log;
  #composer;
  #members = new Members();
  #pill = new ConnectionPill({ now: () => this.#session.connection.reconnectNow(), rename: () => this.#chooseName() });
  #typing = typingLine((member) => this.#members.nameOf(member));
  #empty;
  #new = new NewMessages(() => this.#seeNewest());
  #unread;
  #side;
  #header;
  #share;
  #leave;
  /** @type {HTMLElement | null} */
  #closed = null;
  #main;

  /** @param {string} room @param {string} name @param {Place["resume"] | null} resume @param {Hooks} hooks */
  constructor(room, name, resume, hooks) {
    this.#room = room;
    this.#name = name;
    this.#hooks = hooks;
    this.#empty = emptyRoom(() => void openLayer(this.#share[0]));
    this.#log = new Log(this.#empty.node, {
      explain: (error) => explain(error),
      retry: (id) => this.#retry(id),
      discard: (id) => this.#discard(id),
      bottom: (isAt) => this.#moved(isAt),
    });
    this.#composer = new Composer(room, {
      send: (content) => this.#send(content),
      typing: (is) => this.#session.connection.typing(is),
    });
    this.#share = shareDialog(room);
    this.#leave = leaveDialog(room, hooks.stepOut);
    this.#side = sidePanel(this.#members.node, preferences({ language: hooks.language }, { labelled: true }), {
      leave: hooks.leave,
      folded: () => this.#header.focusMembers(),
    });
    this.#header = header(room, this.#pill.node, {
      share: () => void openLayer(this.#share[0]),
      members: () => this.#side.open(),
    });
    this.#unread = new Unread(
      () => t("room.title", { room }),
      (count) => this.#new.show(count, this.#log.atBottom),
    );
    this.#main = element(
      "main",
      { class: "room-main" },
      this.#pill.notice,
      element("div", { class: "log-frame" }, this.#log.node, this.#pill.card.node, this.#pill.live, this.#new.node),
      element("div", { class: "room-foot" }, this.#typing.node, this.#composer.node),
    );
    this.node = element(
      "div",
      { class: "room" },
      element("a", {
        class: "skip",
        href: "#composer",
        text: () => t("app.skip"),
        on: {
          click: (event) => {
            event.preventDefault();
            this.#composer.focus();
          },
        },
      }),
      this.#side.nodes[0],
      element("div", { class: "room-column" }, this.#header.node, this.#main),
      this.#side.nodes[1],
      ...this.#share,
      this.#leave,
    );
    document.addEventListener("visibilitychange", () => this.#looked(), { signal: this.#life.signal });
    addEventListener("focus", () => this.#log.locate(), { signal: this.#life.signal });
    this.#session = this.#open(resume);
  }

  focus() {
    // On a phone the keyboard would cover the room before it is seen.
    if (matchMedia("(hover: hover)").matches) this.#composer.focus();
  }

  /** The language has changed. */
  translated() {
    this.#unread.draw();
    this.#showPresence();
    this.#composer.fit();
  }

  get name() {
    return this.#room;
  }

  /** Whether the server has ended it, and nothing is lost by leaving. */
  get isOver() {
    return this.#session.connection.state === "closed";
  }

  /** Back was pressed: whether that was meant. */
  askToLeave() {
    void openLayer(this.#leave);
  }

  /** Leaves the room. */
  stop() {
    this.#session.end();
    this.#clear();
  }

  /** Leaves the room for now, and gives the place that is kept. */
  stepOut() {
    const place = this.#session.stepOut();
    this.#clear();
    return place;
  }

  #clear() {
    void closeLayer();
    this.#life.abort();
    this.#pill.stop();
    this.#log.stop();
    this.#side.stop();
    this.#unread.clear();
  }

  /** @param {Place["resume"] | null} resume */
  #open(resume) {
    const session = openRoom(this.#room, this.#name, resume, this.#log.isEmpty);
    const { connection } = session;
    connection.on("state", (detail) => {
      if (this.#life.signal.aborted) return;
      const { state, error } = detail;
      this.#pill.setState(detail);
      if (state === "closed") this.#close(error);
      else this.#reopen();
      this.#showEmpty();
    });
    connection.on("welcome", (welcome) => {
      this.#composer.setLimits(welcome.limits ?? {});
      this.#began(welcome);
    });
    connection.on("event", (event) => this.#event(event));
    connection.on("gap", ({ missed }) => this.#take(this.#timeline.hole({ kind: "gap", missed, at: Date.now() })));
    connection.on("reset", () => this.#take(this.#timeline.hole({ kind: "reset", at: Date.now() })));
    connection.on("presence", () => this.#showPresence());
    connection.on("typing", ({ members }) => this.#typing.show(members));
    connection.on("outgoing", (outgoing) => this.#outgoing(outgoing));
    connection.on("latency", (latency) => this.#pill.setLatency(latency));
    connection.on("refused", (error) => this.#refused(connection, error));
    for (const outgoing of connection.outgoing) this.#outgoing(outgoing);
    connection.join();
    return session;
  }

  /** Where the first reading begins: if the log goes further back, the room is not empty, and a line says so. @param {import("../../sdk/room.js").RoomDetails["welcome"]} welcome */
  #began({ position, recovered }) {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // What is missing after a position is told by a gap or a reset.
    if (recovered !== false && !position.endsWith(":0")) this.#take(this.#timeline.hole({ kind: "earlier", at: 0 }));
  }

  /** @param {Room} connection @param {{ message: string }} error */
  #refused(connection, error) {
    // If it is followed by a close, the card that says so says it better.
    setTimeout(() => {
      if (connection.state === "connected") say(explain(error));
    }, REFUSED_MS);
  }

  /** @param {import("../../sdk/room.js").RoomDetails["event"]} event */
  #event(event) {
    const at = Date.parse(event.timestamp);
    if (event.type === "message") {
      const { member, client_id: name, content, own, offset, id = null } = event;
      if (!own) this.#arrived();
      this.#take(this.#timeline.event({ kind: "message", member, name, content, at, own, offset, id }));
    } else if (
      (event.event === "join" || event.event === "leave") &&
      event.member !== undefined &&
      event.name !== undefined
    ) {
      this.#take(
        this.#timeline.event({
          kind: "notice",
          event: event.event,
          member: event.member,
          name: event.name,
          at,
          offset: event.offset,
        }),
      );
    }
  }

  /** Another's message: unread, unless the reader is looking at where it comes. */
  #arrived() {
    if (!document.hidden && this.#log.atBottom) return;
    if (this.#unread.count === 0) this.#log.markUnread();
    this.#unread.add();
  }

  /** @param {import("../state/timeline.js").Step[]} steps */
  #take(steps) {
    this.#log.take(steps);
    this.#showEmpty();
  }

  /** @param {import("../../sdk/index.js").Outgoing} outgoing */
  #outgoing(outgoing) {
    this.#take(this.#timeline.outgoing(outgoing));
    // One's own message is seen at once.
    if (outgoing.status !== "sent") this.#log.flush();
  }

  /** @param {string} content */
  #send(content) {
    this.#session.connection.send(content);
    this.#log.clearUnread();
    this.#log.toBottom();
  }

  /** @param {string} id */
  #retry(id) {
    const { connection } = this.#session;
    if (connection.outgoing.some((outgoing) => outgoing.id === id)) return connection.retry(id);
    // Said under a name that was refused: said again under the new one.
    const content = this.#timeline.contentOf(id);
    this.#take(this.#timeline.drop(id));
    if (content !== null) connection.send(content);
  }

  /** @param {string} id */
  #discard(id) {
    this.#session.connection.discard(id);
    this.#take(this.#timeline.drop(id));
    this.#composer.focus();
  }

  /** @param {boolean} isAt */
  #moved(isAt) {
    if (isAt && !document.hidden) this.#unread.clear();
    this.#new.show(this.#unread.count, isAt);
  }

  #looked() {
    this.#log.locate();
    if (!document.hidden && this.#log.atBottom) this.#unread.clear();
  }

  #seeNewest() {
    this.#log.toBottom();
    this.#unread.clear();
    this.#composer.focus();
  }

  #showPresence() {
    const { users, count, member } = this.#session.connection;
    this.#members.show(users, count, member ?? "");
    this.#header.setCount(count > 0 ? number(count) : "");
    this.#showEmpty();
  }

  #showEmpty() {
    const { state, count } = this.#session?.connection ?? { state: "idle", count: 0 };
    if (!this.#log.isEmpty) this.#empty.show("none");
    else if (state === "connected") this.#empty.show(count <= 1 ? "alone" : "together");
    else this.#empty.show(state === "closed" ? "none" : "waiting");
  }

  /** @param {import("../widgets/closed-card.js").Reason | null} error */
  #close(error) {
    this.#closed?.remove();
    const card = closedCard(error, this.#name, {
      retry: () => this.#session.connection.join(),
      rename: (name) => this.#rename(name),
      home: this.#hooks.home,
    });
    this.#closed = element("div", { class: "closed" }, card);
    this.#main.append(this.#closed);
    if (caseOf(error) === "name_taken")
      askOtherTabs(
        this.#room,
        this.#name,
        ({ resume }) => card.isConnected && offerTakeOver(card, () => this.#takeOver(resume)),
      );
    for (const part of [...this.#main.children]) part.toggleAttribute("inert", part !== this.#closed);
    /** @type {HTMLElement | null} */ (card.querySelector("input, button"))?.focus();
  }

  #reopen() {
    if (!this.#closed) return;
    this.#closed.remove();
    this.#closed = null;
    for (const part of this.#main.children) part.removeAttribute("inert");
    this.focus();
  }

  /** From another tab of this browser, which says so and offers to take it back. @param {Place["resume"]} resume */
  #takeOver(resume) {
    this.#session.end();
    this.#session = this.#open(resume);
  }

  /** Rather than wait for a name that is kept for somebody. */
  #chooseName() {
    this.#session.connection.leave();
    this.#close({ code: 4006, name: "name_kept", message: "" });
  }

  /** @param {string} name */
  #rename(name) {
    this.#session.end();
    this.#name = name;
    this.#hooks.renamed(name);
    this.#session = this.#open(null);
  }
}

/** @param {unknown} error @returns {string} in the language of the page, where the code is known */
function explain(error) {
  const {
    code,
    message,
    retry_after: after,
  } = /** @type {{ code?: string, message?: string, retry_after?: number }} */ (error ?? {});
  if (code === "rate_limited") return t("message.rate_limited", { n: Math.max(1, Math.ceil(after ?? 1)) });
  if (code === "too_long" || code === "too_large") return t("message.too_large");
  if (code === "maybe_sent") return t("message.maybe_sent_why");
  return message ? t("refused.general", { message }) : t("message.refused");
}
