/**
 * The order of what a room shows, without a document: events by offset, then one's own messages that are not in the
 * log yet. Every method answers with the steps that bring a view up to date.
 */

import { dayKey } from "../text/dates.js";

const GROUP_WITHIN = 5 * 60 * 1000;

/**
 * @typedef {{ kind: "message", member: string, name: string, content: string, at: number, own: boolean, offset: number, id: string | null }} Message
 * @typedef {{ kind: "notice", event: "join" | "leave", member: string, name: string, at: number, offset: number }} Notice
 * @typedef {{ kind: "gap", missed: number, at: number } | { kind: "reset", at: number } | { kind: "earlier", at: number }} Break
 * @typedef {Message | Notice | Break} Entry
 * @typedef {{ id: string, content: string, status: "pending" | "sent" | "failed", error: unknown, at: number }} Outgoing
 * @typedef {{ newDay: boolean, grouped: boolean, folded: boolean }} Placement
 */

/**
 * What a view has to do. `hold` puts an own message at the very end, also if it stands elsewhere.
 * @typedef {{ step: "append", entry: Entry, place: Placement }
 *   | { step: "settle", id: string, entry: Message, place: Placement }
 *   | { step: "hold", outgoing: Outgoing }
 *   | { step: "update", outgoing: Outgoing }
 *   | { step: "drop", id: string }} Step
 */

/**
 * @param {import("../../sdk/index.js").RoomDetails["event"]} event as the SDK tells it
 * @returns {Message | Notice | null} nothing that is shown
 */
export function entryOf(event) {
  const at = Date.parse(event.timestamp);
  if (event.type === "message") {
    const { member, client_id: name, content, own, offset, id = null } = event;
    return { kind: "message", member, name, content, at, own, offset, id };
  }
  const { event: what, member, name, offset } = event;
  if ((what !== "join" && what !== "leave") || member === undefined || name === undefined) return null;
  return { kind: "notice", event: what, member, name, at, offset };
}

/**
 * Where an entry goes relative to the one before it.
 * @param {Entry | null} previous @param {Entry} entry @returns {Placement}
 */
export function place(previous, entry) {
  const newDay =
    (entry.kind === "message" || entry.kind === "notice") && (!previous || dayKey(previous.at) !== dayKey(entry.at));
  const grouped =
    !newDay &&
    entry.kind === "message" &&
    previous?.kind === "message" &&
    previous.member === entry.member &&
    previous.own === entry.own &&
    entry.at - previous.at < GROUP_WITHIN;
  const folded = !newDay && entry.kind === "notice" && previous?.kind === "notice";
  return { newDay, grouped, folded };
}

/**
 * What a run of joins and leaves comes to, each member once.
 * @param {Notice[]} notices @returns {Record<"joined" | "left" | "visited" | "returned", string[]>}
 */
export function foldNotices(notices) {
  /** @type {Map<string, { name: string, first: string, last: string }>} */
  const members = new Map();
  for (const { member, name, event } of notices) {
    const seen = members.get(member);
    if (seen) seen.last = event;
    else members.set(member, { name, first: event, last: event });
  }
  /** @param {string} first @param {string} last */
  const named = (first, last) =>
    [...members.values()].filter((m) => m.first === first && m.last === last).map((m) => m.name);
  return {
    joined: named("join", "join"),
    left: named("leave", "leave"),
    visited: named("join", "leave"),
    returned: named("leave", "join"),
  };
}

export class Timeline {
  /** @type {Entry | null} */
  #last = null;
  /** @type {Map<string, Outgoing>} */
  #outgoing = new Map();

  /** @param {Message | Notice} entry @returns {Step[]} */
  event(entry) {
    const placement = this.#place(entry);
    if (entry.kind === "message" && entry.own && entry.id !== null && this.#outgoing.delete(entry.id)) {
      return [{ step: "settle", id: entry.id, entry, place: placement }];
    }
    return [{ step: "append", entry, place: placement }];
  }

  /**
   * A hole in the log. What was acknowledged but not seen lies in it: it moves up in front of the hole.
   * @param {Break} entry @returns {Step[]}
   */
  hole(entry) {
    /** @type {Step[]} */
    const steps = [];
    // After a reset the SDK says again what nobody can have read: those stay where they are.
    for (const { id, content, status, at } of [...this.#outgoing.values()]) {
      if (entry.kind !== "gap" || status !== "sent") continue;
      this.#outgoing.delete(id);
      /** @type {Message} */
      const message = { kind: "message", member: "", name: "", content, at, own: true, offset: 0, id };
      steps.push({ step: "settle", id, entry: message, place: this.#place(message) });
    }
    steps.push({ step: "append", entry, place: this.#place(entry) });
    return steps;
  }

  /** @param {Outgoing} outgoing as it is now @returns {Step[]} */
  outgoing(outgoing) {
    const known = this.#outgoing.get(outgoing.id);
    // The event may come before its ack: then there is nothing left to update.
    if (!known && outgoing.status === "sent") return [];
    // What is tried again goes out after the others, and so it stands after them.
    const moves = known?.status === "failed" && outgoing.status === "pending";
    if (moves) this.#outgoing.delete(outgoing.id);
    this.#outgoing.set(outgoing.id, outgoing);
    return [{ step: known && !moves ? "update" : "hold", outgoing }];
  }

  /** @param {string} id @returns {string | null} of an own message that is not in the log */
  contentOf(id) {
    return this.#outgoing.get(id)?.content ?? null;
  }

  /** @param {string} id @returns {Step[]} */
  drop(id) {
    return this.#outgoing.delete(id) ? [{ step: "drop", id }] : [];
  }

  /** @param {Entry} entry */
  #place(entry) {
    const placement = place(this.#last, entry);
    this.#last = entry;
    return placement;
  }
}
