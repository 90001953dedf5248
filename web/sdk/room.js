import { Alarm, clockFrom } from "./clock.js";
import { Comeback, unaddressable } from "./comeback.js";
import { Connection } from "./connection.js";
import { Emitter } from "./emitter.js";
import { Liveness } from "./liveness.js";
import { Outbox } from "./outbox.js";
import { Presence } from "./presence.js";
import { Timeline } from "./timeline.js";
import { Typing } from "./typing.js";
import { roomUrl } from "./wire.js";

/** @typedef {import("./wire.js").Welcome} Welcome */
/** @typedef {import("./wire.js").LogEvent} LogEvent */
/** @typedef {import("./wire.js").Refusal} Refusal */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */
/** @typedef {import("./wire.js").User} User */
/** @typedef {import("./outbox.js").Outgoing} Outgoing */
/** @typedef {import("./comeback.js").Reason} Reason */
/** @typedef {"idle" | "connecting" | "connected" | "waiting" | "offline" | "hidden" | "closed"} State */
/** @typedef {{token: string, position: string | null, room?: string, name?: string}} Resumption */
/** @typedef {{state: State, attempt: number, retryAt: number | null, error: Reason | null}} StateDetail */

/**
 * @typedef {object} RoomOptions
 * @property {string} server `http(s)://host:port` or `ws(s)://…`
 * @property {string} room
 * @property {string} name
 * @property {Resumption | null} [resume] what `resumption` gave in an earlier life of the page
 * @property {any} [WebSocket] the constructor
 * @property {() => number} [now]
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
  #url;
  #clock;
  #timeline;
  #liveness;
  #outbox;
  #typing;
  #comeback;
  #retry;
  #presence = new Presence();
  /** @type {Connection | null} */
  #connection = null;
  /** @type {StateDetail} */
  #state = { state: "idle", attempt: 0, retryAt: null, error: null };
  #online = true;
  #visible = true;
  /** @type {string | null} */
  #token = null;
  /** @type {Welcome | null} */
  #welcome = null;
  /** Every member that this room object has been. @type {Set<string>} */
  #own = new Set();

  /** @param {RoomOptions} options */
  constructor(options) {
    super();
    this.#options = options;
    this.#url = roomUrl(options.server, options.room, options.name);
    this.#clock = clockFrom(options);
    const { resume } = options;
    const isOurs = (resume?.room ?? options.room) === options.room && (resume?.name ?? options.name) === options.name;
    // What a page kept may have been written by anyone.
    const kept = (/** @type {unknown} */ text) => (isOurs && typeof text === "string" ? text : null);
    this.#token = kept(resume?.token);
    this.#timeline = new Timeline(kept(resume?.position));
    this.#comeback = new Comeback(this.#clock);
    this.#retry = new Alarm(this.#clock);
    this.#liveness = new Liveness(this.#clock, {
      ask: () => this.#connection?.send({ type: "heartbeat" }),
      reaches: (head) => this.#timeline.reaches(head),
      position: () => this.#timeline.position,
      dead: (name, message) => this.#connection?.drop(name, message),
      latency: (ms) => this.emit("latency", ms),
    });
    this.#outbox = new Outbox(
      this.#clock,
      (message) => this.#connection?.send(message),
      (outgoing) => this.emit("outgoing", outgoing),
    );
    this.#typing = new Typing(
      this.#clock,
      (typing) => this.#tell({ type: "typing", typing }),
      (members) => this.emit("typing", { members }),
    );
  }

  /** @returns {State} */
  get state() {
    return this.#state.state;
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

  /** What a later `Room` of the same room and name needs to continue here. It holds a secret: keep it in the tab. */
  get resumption() {
    const { room, name } = this.#options;
    return this.#token === null ? null : { token: this.#token, position: this.position, room, name };
  }

  /** What is not acknowledged, in order. */
  get outgoing() {
    return this.#outbox.list;
  }

  /** Connects and joins; from then on comes back by itself. */
  join() {
    if (this.state !== "idle" && this.state !== "closed") return;
    this.#comeback.forget();
    const refused = unaddressable(this.#options);
    if (refused !== null) this.#close(refused);
    else if (this.#isOnline) this.#connect();
    else this.#become("offline");
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
    if (["waiting", "offline", "hidden"].includes(this.state)) this.#connect();
    else if (this.state === "connected") this.#liveness.suspect();
  }

  /** @param {boolean} online */
  setOnline(online) {
    if (online === this.#online) return;
    this.#online = online;
    if (online && this.state === "connecting") this.#startOver();
    else this.#surroundingsChanged();
  }

  /** @param {boolean} visible */
  setVisible(visible) {
    if (visible === this.#visible) return;
    this.#visible = visible;
    this.#liveness.setVisible(visible);
    // A hidden page that is connected stays so, in peace.
    if (visible || this.#connection === null) this.#surroundingsChanged();
  }

  /** Leaves for good. What was not sent has failed. */
  leave() {
    if (this.state === "closed") return;
    const connection = this.#connection;
    this.#connection = null;
    connection?.leave();
    this.#lost();
    this.#close(null);
  }

  /** A server on this machine is reachable without any network. */
  get #isOnline() {
    return this.#online || /^wss?:\/\/(localhost|127\.[\d.]+|\[::1\])(:|\/)/i.test(this.#url);
  }

  #surroundingsChanged() {
    if (this.state === "connected") this.#liveness.suspect();
    else if (["waiting", "offline", "hidden"].includes(this.state)) {
      if (this.#isOnline && this.#visible) this.#connect();
      else this.#pause(this.#state.error);
    }
  }

  /** A try that began without a network may hang until its time is up. */
  #startOver() {
    const connection = this.#connection;
    this.#connection = null;
    connection?.drop("offline", "The network has changed.");
    this.#connect();
  }

  #connect() {
    this.#retry.stop();
    this.#comeback.begin();
    this.#become("connecting", { error: this.#state.state === "closed" ? null : this.#state.error });
    if (this.#state.state !== "connecting") return;
    /** @type {Connection | null} */
    let connection = null;
    const isCurrent = () => connection !== null && this.#connection === connection;
    try {
      connection = new Connection({
        url: this.#url,
        WebSocket: this.#options.WebSocket ?? /** @type {any} */ (globalThis).WebSocket,
        clock: this.#clock,
        join: () => ({ type: "join", token: this.#token ?? undefined, after: this.position ?? undefined }),
        onMessage: (message) => isCurrent() && this.#hear(message),
        onEnd: (end) => isCurrent() && this.#ended(end),
      });
    } catch (error) {
      // Not a network's failure but an address that cannot be one, or a platform without WebSocket.
      this.#close({ code: 1006, name: "unsupported", message: String(error) });
      return;
    }
    this.#connection = connection;
  }

  /** @param {import("./connection.js").End} end */
  #ended(end) {
    this.#connection = null;
    this.#lost();
    const { error, delay } = this.#comeback.after(end);
    if (delay === null) this.#close(error);
    else this.#wait(delay, error);
  }

  /** @param {number} ms @param {Reason} error */
  #wait(ms, error) {
    if (!this.#isOnline || !this.#visible) {
      this.#pause(error);
      return;
    }
    this.#retry.set(ms, () => this.#connect());
    this.#become("waiting", { error, retryAt: this.#clock.now() + ms });
  }

  /** No tries: nobody looks, or there is no network. @param {Reason | null} error */
  #pause(error) {
    this.#retry.stop();
    this.#become(this.#isOnline ? "hidden" : "offline", { error });
  }

  /** @param {Reason | null} error */
  #close(error) {
    this.#retry.stop();
    this.#comeback.forget();
    this.#become("closed", { error });
    if (this.state === "closed") this.#failOutgoing();
  }

  #failOutgoing() {
    const { name, message } = this.#state.error ?? { name: "closed", message: "The room was left." };
    this.#outbox.fail({ code: name, message, temporary: false });
  }

  /** What a connection that is gone leaves to be stopped. */
  #lost() {
    this.#liveness.stop();
    this.#outbox.close();
    this.#typing.stop();
  }

  /**
   * @param {State} state
   * @param {{error?: Reason | null, retryAt?: number}} [detail]
   */
  #become(state, { error = null, retryAt } = {}) {
    const attempt = this.#comeback.failures;
    const before = this.#state;
    this.#state = { state, attempt, retryAt: retryAt ?? null, error };
    if (before.state === state && state !== "waiting") return;
    this.emit("state", { ...this.#state });
  }

  /** @param {object} message @returns {boolean} whether there is a server to hear it */
  #tell(message) {
    if (!this.#connection?.isWelcome) return false;
    this.#connection.send(message);
    return true;
  }

  /** @param {ServerMessage} message */
  #hear(message) {
    this.#liveness.heard();
    this.#comeback.hear(message);
    switch (message.type) {
      case "welcome":
        return this.#welcomed(message);
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
      case "heartbeat":
        return this.#liveness.beat(message.position);
      case "gap":
        return this.#turn(this.#timeline.gap(message.position));
    }
  }

  /** @param {Welcome} welcome */
  #welcomed(welcome) {
    const isFresh = this.#token === null;
    this.#welcome = welcome;
    this.#token = welcome.token;
    this.#own.add(welcome.member);
    this.#presence.replace(welcome);
    const turn = this.#timeline.resume(welcome.position, welcome.recovered === true);
    this.#become("connected");
    this.emit("welcome", welcome);
    this.#turn(turn);
    this.#showPresence();
    // A listener may have left the room meanwhile.
    if (!this.#connection?.isWelcome) return;
    this.#liveness.start(welcome.heartbeat);
    this.#outbox.open(welcome.session, welcome.limits, isFresh);
  }

  /** @param {LogEvent} event */
  #read(event) {
    const place = this.#timeline.take(event);
    if (place === "hole") {
      const missed = this.#timeline.giveUpHole(event);
      if (missed === 0) {
        this.#connection?.drop("hole", "An event before this one did not come.");
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
    if (this.state === "connecting" && refusal.code === "bad_request" && this.#token !== null) {
      this.#token = null;
      this.#timeline.forget();
      this.#connection?.drop(refusal.code, refusal.message);
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
