/** What is said in a room: the SDK's events put in order, drawn by the log, and what of it nobody has seen. */

import { explain } from "../text/refusals.js";
import { Timeline, entryOf } from "../state/timeline.js";
import { Log } from "./log.js";

/** @typedef {import("../../sdk/index.js").Room} Room */
/** @typedef {import("../../sdk/index.js").RoomDetails} RoomDetails */
/** @typedef {Pick<import("../state/room-view.js").Known, "isBlank" | "unread" | "isAtBottom">} Reading what is known of the reader */
/** @typedef {{ changed: (reading: Reading) => void, discarded: () => void }} Hooks */

export class Conversation {
  #timeline = new Timeline();
  #log;
  #hooks;
  /** @type {Room | null} */
  #room = null;
  #hasBegun = false;
  #unread = 0;

  /** @param {HTMLElement} empty what stands there while nothing has been said @param {Hooks} hooks */
  constructor(empty, hooks) {
    this.#hooks = hooks;
    this.#log = new Log(empty, {
      explain,
      retry: (id) => this.#retry(id),
      discard: (id) => this.#discard(id),
      bottom: () => this.#seen(),
    });
    this.node = this.#log.node;
  }

  /** Nothing has been said. */
  get isBlank() {
    return this.#log.isEmpty;
  }

  /** What this room tells from now on. @param {Room} room */
  follow(room) {
    this.#room = room;
    room.on("welcome", (welcome) => this.#began(welcome));
    room.on("event", (event) => this.#event(event));
    room.on("gap", ({ missed }) => this.#take(this.#timeline.hole({ kind: "gap", missed, at: Date.now() })));
    room.on("reset", () => this.#take(this.#timeline.hole({ kind: "reset", at: Date.now() })));
    room.on("outgoing", (outgoing) => this.#outgoing(outgoing));
    for (const outgoing of room.outgoing) this.#outgoing(outgoing);
  }

  /** @param {string} content */
  send(content) {
    this.#room?.send(content);
    this.#log.clearUnread();
    this.#log.toBottom();
  }

  /** The page is looked at, or not any more. */
  looked() {
    this.#log.locate();
    this.#seen();
  }

  /** The device may have travelled. */
  locate() {
    this.#log.locate();
  }

  seeNewest() {
    this.#log.toBottom();
    this.#unread = 0;
    this.#tell();
  }

  stop() {
    this.#log.stop();
  }

  #seen() {
    if (!document.hidden && this.#log.atBottom) this.#unread = 0;
    this.#tell();
  }

  #tell() {
    this.#hooks.changed({ isBlank: this.#log.isEmpty, unread: this.#unread, isAtBottom: this.#log.atBottom });
  }

  /** Where the first reading begins: if the log goes further back, the room is not empty, and a line says so. @param {RoomDetails["welcome"]} welcome */
  #began({ position, recovered }) {
    if (this.#hasBegun) return;
    this.#hasBegun = true;
    // What is missing after a position is told by a gap or a reset.
    if (recovered !== false && !position.endsWith(":0")) this.#take(this.#timeline.hole({ kind: "earlier", at: 0 }));
  }

  /** @param {RoomDetails["event"]} event */
  #event(event) {
    const entry = entryOf(event);
    if (entry === null) return;
    if (entry.kind === "message" && !entry.own) this.#arrived();
    this.#take(this.#timeline.event(entry));
  }

  /** Another's message: unread, unless the reader is looking at where it comes. */
  #arrived() {
    if (!document.hidden && this.#log.atBottom) return;
    if (this.#unread === 0) this.#log.markUnread();
    this.#unread += 1;
  }

  /** @param {import("../state/timeline.js").Step[]} steps */
  #take(steps) {
    this.#log.take(steps);
    this.#tell();
  }

  /** @param {import("../../sdk/index.js").Outgoing} outgoing */
  #outgoing(outgoing) {
    this.#take(this.#timeline.outgoing(outgoing));
    // One's own message is seen at once.
    if (outgoing.status !== "sent") this.#log.flush();
  }

  /** @param {string} id */
  #retry(id) {
    const room = this.#room;
    if (room?.outgoing.some((outgoing) => outgoing.id === id)) return room.retry(id);
    // Said under a name that was refused: said again under the new one.
    const content = this.#timeline.contentOf(id);
    this.#take(this.#timeline.drop(id));
    if (content !== null) room?.send(content);
  }

  /** @param {string} id */
  #discard(id) {
    this.#room?.discard(id);
    this.#take(this.#timeline.drop(id));
    this.#hooks.discarded();
  }
}
