import { Address } from "./address.js";
import { clockFrom } from "./clock.js";
import { Emitter } from "./emitter.js";
import { keep } from "./outbox-store.js";
import { Ladder, TRANSPORTS } from "./ladder.js";
import { watchFor } from "./observe.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { Session } from "./session.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";

/** @typedef {import("./ladder.js").Remembered} Remembered */
/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./wire.js").Welcome} Welcome */
/** @typedef {import("./wire.js").LogEvent} LogEvent */
/** @typedef {import("./wire.js").Refusal} Refusal */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */
/** @typedef {import("./wire.js").User} User */
/** @typedef {import("./outbox.js").Outgoing} Outgoing */
/** @typedef {import("./session.js").State} State */
/** @typedef {import("./session.js").StateDetail} StateDetail */

/**
 * @typedef {object} Resumption
 * @property {string | null} token `null` if there never was a welcome
 * @property {string | null} position
 * @property {number} [attempt]
 * @property {string} [room] whose this is; another one's is not used
 * @property {string} [name] likewise
 * @property {import("./outbox-store.js").Kept[]} [outgoing] what we said and have not seen in the log
 */

/**
 * @typedef {object} RoomOptions
 * @property {string} server `http(s)://host:port` or `ws(s)://…`
 * @property {string} room
 * @property {string} name
 * @property {Resumption | null} [resume] what `resumption` gave in an earlier life of the page
 * @property {number} [history] how many of the last events a newcomer is given, if the server gives so many; none without it
 * @property {Transport | null} [transport] the only one to use; without it, the best that works
 * @property {Remembered | null} [remembered] what `remembered` gave in an earlier life of the page
 * @property {any} [WebSocket] the constructor; `null` to do without
 * @property {any} [fetch] `null` to do without
 * @property {import("./observe.js").Observe} [observe] is told of everything that goes over the wire
 * @property {() => number} [now] ms since some moment, as `performance.now`
 * @property {() => number} [wall] ms since 1970, as `Date.now`
 * @property {() => number} [random]
 * @property {(run: () => void, ms: number) => unknown} [setTimeout]
 * @property {(id: any) => void} [clearTimeout]
 */

/**
 * What a room tells, by type.
 *
 * @typedef {object} RoomDetails
 * @property {StateDetail} state
 * @property {Welcome} welcome
 * @property {LogEvent & {own: boolean}} event
 * @property {{missed: number}} gap
 * @property {{}} reset
 * @property {{users: User[] | null, count: number}} presence
 * @property {{members: string[]}} typing
 * @property {Outgoing} outgoing
 * @property {number} latency
 * @property {Refusal} refused
 */

/**
 * A room and our place in it, which outlives any connection.
 *
 * @extends {Emitter<RoomDetails>}
 */
export class Room extends Emitter {
  #options;
  #ladder;
  #session;
  #timeline;
  #outbox;
  #typing;
  #presence = new Presence();
  /** @type {Welcome | null} */
  #welcome = null;
  /** Every member that this room object has been. @type {Set<string>} */
  #own = new Set();

  /** @param {RoomOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    const { resume, server, room, name } = options;
    const isOurs = (resume?.room ?? room) === room && (resume?.name ?? name) === name;
    // What a page kept may have been written by anyone.
    const kept = (/** @type {unknown} */ text) => (isOurs && typeof text === "string" ? text : null);
    const clock = clockFrom(options);
    const watch = watchFor(options.observe, clock);
    const ways = { address: new Address(server, room, name), ...platform(options), watch };
    const available = TRANSPORTS.filter((one) => (one === "websocket" ? ways.WebSocket : ways.fetch) !== null);
    this.#ladder = new Ladder(clock, { available, forced: options.transport, remembered: options.remembered });
    this.#timeline = new Timeline(kept(resume?.position));
    this.#session = new Session(
      {
        ways,
        ladder: this.#ladder,
        clock,
        timeline: this.#timeline,
        token: kept(resume?.token),
        history: wholeOr0(options.history),
        attempt: wholeOr0(resume?.attempt),
      },
      {
        enter: (welcome, isFresh) => this.#enter(welcome, isFresh),
        hear: (message) => this.#hear(message),
        changed: (detail) => this.#changed(detail),
        lost: () => this.#lost(),
        latency: (ms) => this.emit("latency", ms),
      },
    );
    this.#outbox = new Outbox(
      clock,
      (message) => this.#session.tell(message),
      (outgoing) => this.emit("outgoing", outgoing),
      keep(isOurs ? resume?.outgoing : [], clock.wall()),
    );
    this.#typing = new Typing(
      clock,
      (typing) => this.#session.tell({ type: "typing", typing }),
      (members) => this.emit("typing", { members }),
    );
  }

  /** @returns {State} */
  get state() {
    return this.#session.state;
  }

  /** Our public id in the room; `null` before the first welcome. */
  get member() {
    return this.#welcome?.member ?? null;
  }

  /** Who is here, in order of joining; `null` in a room too large for a list. */
  get users() {
    return this.#presence.users;
  }

  get count() {
    return this.#presence.count;
  }

  /** @returns {import("./wire.js").Limits | null} */
  get limits() {
    return this.#welcome?.limits ?? null;
  }

  /** The position of the last event seen. */
  get position() {
    return this.#timeline.position;
  }

  /**
   * What a later `Room` of the same room and name needs to continue here, `null` if that is nothing. It holds a secret:
   * keep it in the tab. Of two that continue from the same, only one may live.
   *
   * @returns {Resumption | null}
   */
  get resumption() {
    const { room, name } = this.#options;
    const { token, attempt } = this.#session;
    const outgoing = this.#outbox.kept;
    if (token === null && outgoing.length === 0) return null;
    return { token, position: this.position, attempt, room, name, outgoing };
  }

  /** Which transport worked, if it is worth knowing for another `Room` on this network; `null` if the best does. */
  get remembered() {
    return this.#ladder.remembered;
  }

  /** What is not acknowledged, in order. */
  get outgoing() {
    return this.#outbox.list;
  }

  /** Connects and joins; from then on comes back by itself. */
  join() {
    this.#session.join();
  }

  /**
   * @param {string} content
   * @returns {Outgoing} pending (failed in a closed room); the event `outgoing` tells what becomes of it
   */
  send(content) {
    const { id } = this.#outbox.push(content);
    this.#typing.say(false);
    if (this.state === "closed") this.#failOutgoing();
    return this.#outbox.find(id);
  }

  /** Says a failed one again, as the last. @param {string} id */
  retry(id) {
    this.#outbox.retry(id);
    if (this.state === "closed") this.#failOutgoing();
  }

  /** Forgets a failed one. @param {string} id */
  discard(id) {
    this.#outbox.discard(id);
  }

  /** @param {boolean} typing */
  typing(typing) {
    this.#typing.say(typing);
  }

  /** Ends the waiting, whatever it is for; asks a connection that seems to be there whether it is. */
  reconnectNow() {
    this.#session.reconnectNow();
  }

  /** @param {boolean} online */
  setOnline(online) {
    this.#session.setOnline(online);
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    this.#session.setVisible(visible);
  }

  /**
   * From now on over this transport alone, or again over the best that works; the place in the room stays.
   *
   * @param {Transport | null} transport
   */
  setTransport(transport) {
    this.#ladder.force(transport);
    this.#session.changeTransport();
  }

  /**
   * Leaves. What was not sent has failed.
   *
   * @param {{ forGood?: boolean }} [options] with `forGood: false` the place is kept during the server's grace period: who comes back
   *   with the `resumption` read before has never been away
   */
  leave({ forGood = true } = {}) {
    this.#session.leave(forGood);
  }

  /** @param {StateDetail} detail */
  #changed(detail) {
    this.emit("state", detail);
    // Only if no listener has joined again.
    if (detail.state === "closed" && this.state === "closed") this.#failOutgoing();
  }

  #failOutgoing() {
    const { name, message } = this.#session.error ?? { name: "closed", message: "The room was left." };
    this.#outbox.fail({ code: name, message, temporary: false });
  }

  /** What a connection that is gone leaves to be stopped. */
  #lost() {
    this.#outbox.close();
    this.#typing.stop();
  }

  /** @param {ServerMessage} message */
  #hear(message) {
    switch (message.type) {
      case "message":
      case "system":
        return this.#read(message);
      case "ack":
        return this.#outbox.acknowledge(message.id, message.offset, message.offset <= this.#timeline.offset);
      case "error":
        return this.#refused(message);
      case "presence":
        this.#presence.apply(message);
        return this.#showPresence();
      case "typing":
        return this.#typing.hear(message.members.filter((member) => !this.#own.has(member)));
      case "gap":
        return this.#turn(this.#timeline.gap(message.position));
    }
  }

  /**
   * @param {Welcome} welcome
   * @param {boolean} isFresh no session of ours can have sent anything yet
   * @returns {() => void} tells of it
   */
  #enter(welcome, isFresh) {
    this.#welcome = welcome;
    this.#own.add(welcome.member);
    this.#presence.replace(welcome);
    const turn = this.#timeline.resume(welcome.position, welcome.recovered === true);
    return () => {
      this.emit("welcome", welcome);
      this.#turn(turn);
      this.#showPresence();
      // A listener may have left the room meanwhile.
      if (this.#session.isWelcome) this.#outbox.open(welcome.session, welcome.limits, isFresh);
    };
  }

  /** @param {LogEvent} event */
  #read(event) {
    const place = this.#timeline.take(event);
    if (place === "hole") {
      const missed = this.#timeline.giveUpHole(event);
      if (missed === 0) {
        this.#session.drop("hole", "An event before this one did not come.");
        return;
      }
      this.emit("gap", { missed });
      this.#read(event);
      return;
    }
    const own = event.member !== undefined && this.#own.has(event.member);
    if (own && event.type === "message" && event.id !== undefined) {
      this.#outbox.acknowledge(event.id, event.offset, true);
    }
    this.#outbox.reach(this.#timeline.offset);
    if (place === "duplicate") return;
    if (event.type === "message") this.#typing.finish(event.member);
    this.emit("event", { ...event, own });
  }

  /** @param {Refusal} refusal */
  #refused(refusal) {
    if (refusal.id !== undefined) {
      this.#outbox.refuse(refusal.id, refusal);
      return;
    }
    this.emit("refused", refusal);
    // A join is refused like this for a token or a position of another make, kept from before the server was changed.
    if (this.state === "connecting" && refusal.code === "bad_request" && this.#session.token !== null) {
      this.#session.forgetToken();
      this.#timeline.forget();
      this.#session.drop(refusal.code, refusal.message);
    }
  }

  /** @param {import("./timeline.js").Turn} turn */
  #turn({ reset, missed }) {
    if (reset) {
      this.emit("reset", {});
      this.#outbox.revive();
    }
    if (missed > 0) this.emit("gap", { missed });
    this.#outbox.reach(this.#timeline.offset);
  }

  #showPresence() {
    this.emit("presence", { users: this.users, count: this.count });
  }
}

/**
 * What the options and the platform have for the transports.
 *
 * @param {RoomOptions} options
 * @returns {{WebSocket: any, fetch: any}}
 */
function platform(options) {
  const global = /** @type {any} */ (globalThis);
  // Called through the global object: browsers refuse a bare reference ("Illegal invocation").
  const fetch = global.fetch && ((/** @type {any[]} */ ...question) => global.fetch(...question));
  const { WebSocket = global.WebSocket, fetch: given = fetch } = options;
  return { WebSocket: WebSocket ?? null, fetch: given ?? null };
}

/** @param {unknown} value */
function wholeOr0(value) {
  return Number.isSafeInteger(value) ? Math.max(0, Number(value)) : 0;
}
