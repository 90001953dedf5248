/** A room: the SDK's events on one side, the widgets on the other, and one view between them. */

import { explain } from "../text/refusals.js";
import { t } from "../text/strings.js";
import { askOtherTabs } from "../state/other-tabs.js";
import { nothingKnown, roomView } from "../state/room-view.js";
import { openRoom } from "../state/session.js";
import { closedCard, offerTakeOver } from "../widgets/closed-card.js";
import { Composer } from "../widgets/composer.js";
import { Conversation } from "../widgets/conversation.js";
import { ConnectionPill } from "../widgets/connection-pill.js";
import { element } from "../widgets/element.js";
import { emptyRoom } from "../widgets/empty-room.js";
import { header } from "../widgets/header.js";
import { closeLayer, openLayer } from "../widgets/layers.js";
import { leaveDialog } from "../widgets/leave-dialog.js";
import { Members } from "../widgets/members.js";
import { NewMessages } from "../widgets/new-messages.js";
import { preferences } from "../widgets/preferences.js";
import { renderer } from "../widgets/render.js";
import { shareDialog } from "../widgets/share-dialog.js";
import { sidePanel } from "../widgets/side-panel.js";
import { say } from "../widgets/toast.js";
import { typingLine } from "../widgets/typing-line.js";
import { Unread } from "../widgets/unread.js";

/** @typedef {import("../../sdk/index.js").Room} Room */
/** @typedef {import("../state/room-view.js").RoomView} RoomView */
/** @typedef {import("../state/tab.js").Place} Place */
/**
 * @typedef {object} Hooks
 * @property {() => void} home
 * @property {() => void} stepOut
 * @property {(wanted: import("../text/strings.js").Language) => void} language
 * @property {(name: string) => void} renamed
 */

const REFUSED_MS = 300;

export class RoomPage {
  #room;
  #name;
  #hooks;
  #life = new AbortController();
  #known = nothingKnown();
  /** @type {ReturnType<typeof openRoom>} */
  #session;
  #conversation;
  #composer;
  #members = new Members();
  #pill = new ConnectionPill({ now: () => this.#session.connection.reconnectNow(), rename: () => this.#chooseName() });
  #typing = typingLine();
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
  #render;

  /** @param {string} room @param {string} name @param {Place["resume"] | null} resume @param {Hooks} hooks */
  constructor(room, name, resume, hooks) {
    this.#room = room;
    this.#name = name;
    this.#hooks = hooks;
    this.#share = shareDialog(room);
    this.#leave = leaveDialog(room, hooks.stepOut);
    this.#empty = emptyRoom(() => this.#invite());
    this.#conversation = new Conversation(this.#empty.node, {
      changed: (reading) => this.#learn(reading),
      discarded: () => this.#composer.focus(),
    });
    this.#composer = new Composer(room, {
      send: (content) => this.#conversation.send(content),
      typing: (is) => this.#session.connection.typing(is),
    });
    this.#side = sidePanel(this.#members.node, preferences({ language: hooks.language }, { labelled: true }), {
      leave: hooks.home,
      folded: () => this.#header.focusMembers(),
    });
    this.#header = header(room, this.#pill.node, { share: () => this.#invite(), members: () => this.#side.open() });
    this.#unread = new Unread(() => t("room.title", { room }));
    this.#main = this.#frame();
    this.node = this.#assemble();
    this.#render = this.#renderer();
    document.addEventListener("visibilitychange", () => this.#conversation.looked(), { signal: this.#life.signal });
    addEventListener("focus", () => this.#conversation.locate(), { signal: this.#life.signal });
    this.#session = this.#open(resume);
  }

  #frame() {
    const { notice, card, live } = this.#pill;
    return element(
      "main",
      { class: "room-main" },
      notice,
      element("div", { class: "log-frame" }, this.#conversation.node, card.node, live, this.#new.node),
      element("div", { class: "room-foot" }, this.#typing.node, this.#composer.node),
    );
  }

  #assemble() {
    /** @param {Event} event */
    const skip = (event) => {
      event.preventDefault();
      this.#composer.focus();
    };
    return element(
      "div",
      { class: "room" },
      element("a", { class: "skip", href: "#composer", text: () => t("app.skip"), on: { click: skip } }),
      this.#side.nodes[0],
      element("div", { class: "room-column" }, this.#header.node, this.#main),
      this.#side.nodes[1],
      ...this.#share,
      this.#leave,
    );
  }

  /** Which widget shows which part of the view. The log is no part of it: what is in it is drawn once per frame. */
  #renderer() {
    return renderer(
      /** @type {{ [K in keyof RoomView]: (part: RoomView[K]) => void }} */ ({
        connection: (part) => this.#pill.show(part),
        members: (part) => this.#members.show(part),
        count: (part) => this.#header.setCount(part),
        typing: (part) => this.#typing.show(part),
        limits: (part) => this.#composer.setLimits(part),
        empty: (part) => this.#empty.show(part),
        newMessages: (part) => this.#new.show(part),
        unread: (part) => this.#unread.show(part),
        closed: (part) => (part === null ? this.#reopen() : this.#close(part)),
      }),
    );
  }

  /** More is known of the room. @param {Partial<import("../state/room-view.js").Known>} change */
  #learn(change) {
    Object.assign(this.#known, change);
    this.#render(roomView(this.#known));
  }

  focus() {
    // On a phone the keyboard would cover the room before it is seen.
    if (matchMedia("(hover: hover)").matches) this.#composer.focus();
  }

  /** The language has changed. */
  translated() {
    this.#unread.draw();
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
    this.#conversation.stop();
    this.#side.stop();
    this.#unread.show(0);
  }

  #invite() {
    void openLayer(this.#share[0]);
  }

  /** @param {Place["resume"] | null} resume */
  #open(resume) {
    const session = openRoom(this.#room, this.#name, resume, this.#conversation.isBlank);
    const { connection } = session;
    connection.on("state", (state) => {
      if (this.#life.signal.aborted) return;
      const retryAt = state.retryIn === null ? null : performance.now() + state.retryIn;
      const { latency } = this.#known;
      const isConnected = state.state === "connected";
      this.#learn({ state, retryAt, latency: isConnected ? latency : null, here: connection.count });
    });
    connection.on("welcome", ({ limits }) => this.#learn({ limits: limits ?? {} }));
    connection.on("presence", ({ users, count }) =>
      this.#learn({ users, count, here: count, own: connection.member ?? "" }),
    );
    connection.on("typing", ({ members }) => this.#learn({ typing: members.map((member) => this.#nameOf(member)) }));
    connection.on("latency", (latency) => this.#learn({ latency }));
    connection.on("refused", (error) => this.#refused(connection, error));
    this.#conversation.follow(connection);
    connection.join();
    return session;
  }

  /** @param {string} member @returns {string | null} */
  #nameOf(member) {
    return this.#known.users?.find((user) => user.member === member)?.client_id ?? null;
  }

  /** @param {Room} connection @param {{ message: string }} error */
  #refused(connection, error) {
    // If it is followed by a close, the card that says so says it better.
    setTimeout(() => {
      if (connection.state === "connected") say(explain(error));
    }, REFUSED_MS);
  }

  #seeNewest() {
    this.#conversation.seeNewest();
    this.#composer.focus();
  }

  /** @param {NonNullable<RoomView["closed"]>} closed */
  #close(closed) {
    this.#closed?.remove();
    const card = closedCard(closed, this.#name, {
      retry: () => this.#session.connection.join(),
      rename: (name) => this.#rename(name),
      home: this.#hooks.home,
    });
    this.#closed = element("div", { class: "closed" }, card);
    this.#main.append(this.#closed);
    if (closed.kind === "name_taken") this.#askOtherTabs(card);
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

  /** Whether it is this browser that is in the room under the name. @param {HTMLElement} card */
  #askOtherTabs(card) {
    askOtherTabs(this.#room, this.#name, ({ resume }) => {
      if (card.isConnected) offerTakeOver(card, () => this.#comeAs(this.#name, resume));
    });
  }

  /** Rather than wait for a name that is kept for somebody. */
  #chooseName() {
    this.#known.choosesName = true;
    this.#session.connection.leave();
  }

  /** @param {string} name */
  #rename(name) {
    this.#hooks.renamed(name);
    this.#comeAs(name, null);
  }

  /** In the place of what was until now. @param {string} name @param {Place["resume"] | null} resume from another tab of this browser */
  #comeAs(name, resume) {
    this.#session.end();
    this.#known.choosesName = false;
    this.#name = name;
    this.#session = this.#open(resume);
  }
}
