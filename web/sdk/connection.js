import { Alarm } from "./clock.js";
import { Http } from "./http.js";
import { watchedSocket } from "./observe.js";
import { Socket } from "./socket.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./ladder.js").Ladder} Ladder */
/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./ladder.js").Why} Why */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */

/** @typedef {{name: string, token?: string, after?: string, attempt?: number, history?: number}} Join `attempt` grows with each one that has a token */
/** @typedef {{hasSpoken: boolean}} Life of a carrier: whether the server has said anything */
/** @typedef {{code: number, reason: string, local: string | null}} End `local` names the cause if this side gave up */

/**
 * What a carrier is given: a transport at work, which tells the server's messages as a WebSocket brings them.
 *
 * @typedef {object} Wiring
 * @property {Clock} clock
 * @property {() => Join} join who we are, and where to go on
 * @property {() => boolean} isHidden nobody looks
 * @property {(message: ServerMessage) => void} onMessage
 * @property {() => void} onAlive anything came
 * @property {() => void} onWorks this transport works
 * @property {(why: Why) => Transport | null} onUnfit it does not, though the server can be reached; what to use instead
 * @property {(end: End) => void} onEnd
 */

/**
 * @typedef {object} Carrier
 * @property {boolean} isWelcome whether anything may be sent
 * @property {(message: object) => void} send
 * @property {() => void} doubt brings about a sign of life, if there is any
 * @property {(name: string, message: string) => void} drop gives up, in order to come back
 * @property {() => void} leave for good
 * @property {() => void} abandon for another transport
 */

/**
 * What the platform and the page give.
 *
 * @typedef {object} Ways
 * @property {import("./address.js").Address} address
 * @property {any} WebSocket the constructor; `null` if there is none
 * @property {any} fetch `null` if there is none
 * @property {import("./observe.js").Watch | null} [watch] tells an observer what goes over the wire, if there is one
 */

const WELCOME_MS = 10_000;
/** While there is something else to try, a socket that is not answered must not be waited for so long. */
const SOON_MS = 6_000;

/**
 * One connection to the room, from the attempt to its end, which is told once. The transport below may change meanwhile:
 * down, when one does not work and the next does, and up again after a while.
 */
export class Connection {
  #ways;
  #ladder;
  #wiring;
  #climb;
  /** @type {Carrier | null} */
  #carrier = null;
  /** A WebSocket that may take the carrier's place. @type {Socket | null} */
  #candidate = null;
  /** The carrier's. @type {Life} */
  #life = { hasSpoken: false };
  #hasWorked = false;
  #isOver = false;

  /**
   * @param {Ways} ways
   * @param {Ladder} ladder
   * @param {Omit<Wiring, "onWorks" | "onUnfit"> & {onSwitch: () => void, onTransport: () => void}} wiring `onSwitch`: what
   *   was under way is lost, and another welcome will come; `onTransport`: another one is in use
   */
  constructor(ways, ladder, wiring) {
    this.#ways = ways;
    this.#ladder = ladder;
    this.#wiring = wiring;
    this.#climb = new Alarm(wiring.clock);
    if (ladder.isEmpty) throw new TypeError("The platform has none of the transports that may be used.");
    this.#open(ladder.begin());
  }

  /** @returns {boolean} whether there is a server to hear what is said */
  get isWelcome() {
    return this.#carrier?.isWelcome ?? false;
  }

  /** @param {object} message */
  send(message) {
    this.#carrier?.send(message);
  }

  doubt() {
    this.#carrier?.doubt();
  }

  /** Gives the connection up, in order to come back. @param {string} name @param {string} message */
  drop(name, message) {
    this.#carrier?.drop(name, message);
  }

  /** Leaves for good; the end is not told. */
  leave() {
    this.#stop();
    this.#carrier?.leave();
  }

  /** For another connection; the end is not told. */
  abandon() {
    this.#stop();
    this.#carrier?.abandon();
  }

  /** The constructor. */
  get #WebSocket() {
    const { WebSocket, watch = null } = this.#ways;
    return watch === null ? WebSocket : watchedSocket(WebSocket, watch);
  }

  /** @param {Transport} transport */
  #open(transport) {
    const { address, fetch, watch = null } = this.#ways;
    const life = (this.#life = { hasSpoken: false });
    const wiring = this.#wire(life, (end) => this.#ended(end));
    if (transport !== "websocket") {
      this.#carrier = new Http(wiring, address.api, { fetch, watch }, transport);
      return;
    }
    try {
      const ms = this.#ladder.hasOthers ? SOON_MS : WELCOME_MS;
      this.#carrier = new Socket(wiring, address.socket, this.#WebSocket, { ms });
    } catch (error) {
      const next = this.#ladder.fail("unsupported");
      if (next === null) throw error;
      this.#open(next);
    }
  }

  /**
   * A carrier that is none any more is not heard.
   *
   * @param {Life} life
   * @param {(end: End) => void} ended
   * @returns {Wiring}
   */
  #wire(life, ended) {
    const isCurrent = () => !this.#isOver && this.#life === life;
    const { clock, join, isHidden, onMessage, onAlive } = this.#wiring;
    return {
      clock,
      join,
      isHidden,
      onMessage: (message) => {
        life.hasSpoken = true;
        if (isCurrent()) onMessage(message);
      },
      onAlive: () => isCurrent() && onAlive(),
      onWorks: () => isCurrent() && this.#works(),
      onUnfit: (why) => (isCurrent() ? this.#ladder.fail(why) : null),
      onEnd: ended,
    };
  }

  #works() {
    this.#hasWorked = true;
    this.#ladder.hold();
    this.#wiring.onTransport();
    this.#planClimb();
  }

  /** @param {End} end */
  #ended(end) {
    if (this.#isOver) return;
    const why = this.#carrier instanceof Socket && !this.#life.hasSpoken ? whyNot(end) : null;
    const next = why === null ? null : this.#ladder.fail(why);
    if (next !== null) {
      this.#open(next);
      this.#wiring.onTransport();
      return;
    }
    if (!this.#hasWorked) this.#ladder.lose();
    this.#stop();
    this.#wiring.onEnd(end);
  }

  #stop() {
    this.#isOver = true;
    this.#climb.stop();
    this.#candidate?.abandon();
  }

  #planClimb() {
    if (this.#ladder.above.length === 0) this.#climb.stop();
    else this.#climb.set(this.#ladder.climbMs, () => this.#tryAny(this.#ladder.above));
  }

  /** @param {Transport[]} transports better ones, the best first */
  #tryAny([transport, ...others]) {
    if (this.#isOver) return;
    if (transport === undefined) {
      this.#ladder.stay();
      this.#planClimb();
    } else if (transport === "websocket") this.#tryCandidate(() => this.#tryAny(others));
    else if (this.#carrier instanceof Http && this.isWelcome) {
      this.#carrier.climb(transport, (works) => {
        if (!works) return this.#tryAny(others);
        this.#ladder.climb(transport);
        this.#works();
      });
    }
  }

  /** A WebSocket is opened beside the carrier, and joins in its place once it is open. @param {() => void} fail */
  #tryCandidate(fail) {
    const { address } = this.#ways;
    const life = { hasSpoken: false };
    const wiring = this.#wire(life, (end) => {
      if (this.#life === life) return this.#ended(end);
      this.#candidate = null;
      fail();
    });
    const onOpen = () => {
      const former = this.#carrier;
      this.#carrier = this.#candidate;
      this.#candidate = null;
      this.#life = life;
      this.#ladder.climb("websocket");
      former?.abandon();
      this.#wiring.onSwitch();
    };
    try {
      this.#candidate = new Socket(wiring, address.socket, this.#WebSocket, { ms: WELCOME_MS, onOpen });
    } catch {
      fail();
    }
  }
}

/** @param {End} end of a WebSocket on which the server has said nothing @returns {Why | null} */
function whyNot({ code, local }) {
  if (local === "timeout") return "upgrade_unanswered";
  return local === "protocol" || (local === null && (code === 1006 || code === 1005)) ? "upgrade_refused" : null;
}
