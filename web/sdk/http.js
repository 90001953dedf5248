import { ruleOf } from "./name-rule.js";
import { errorCodes, mayReconnect } from "./codes.js";
import { Poll } from "./poll.js";
import { Requests } from "./request.js";
import { Stream } from "./stream.js";
import { readMessage } from "./wire.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./connection.js").Wiring} Wiring */
/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./ladder.js").Why} Why */
/** @typedef {import("./request.js").Fault} Fault */
/** @typedef {import("./request.js").Problem} Problem */
/** @typedef {import("./wire.js").ServerMessage} ServerMessage */

/**
 * What a reader is given.
 *
 * @typedef {object} Reading
 * @property {Requests} requests
 * @property {Clock} clock
 * @property {{after: string, states: string}} place where reading goes on: a position, and how much of the states is known
 * @property {number} heartbeat seconds
 * @property {() => boolean} isHidden nobody looks
 * @property {(message: ServerMessage) => void} tell
 * @property {() => void} onAlive anything came
 * @property {() => void} onWorks this way of reading works; told once
 * @property {(why: Why) => void} onUnfit it does not; the reader has stopped
 * @property {(fault: Fault) => void} onFault no way of reading works now
 * @property {(code: number, reason: string) => void} onClose the server ends it
 *
 * @typedef {{refresh: () => void, stop: () => void}} Reader
 */

/** Errors that end a session over HTTP and say nothing of what was asked. */
const ENDS = new Set(["not_joined", "session_replaced", "shutting_down"]);
/** How long after the first time a request may be made again without a new join. */
const AT_ONCE_MS = 60_000;
/** Close codes for errors that the table has none for. @type {Record<string, number>} */
const CLOSES = { not_joined: 4002, rate_limited: 4003 };
/** Close codes for errors that are temporary this time. @type {Record<string, number>} */
const FOR_NOW = { name_taken: 4006 };

/** A session by requests: it joins, says things one after the other, and reads in one of three ways, which may change. */
export class Http {
  #requests;
  #wiring;
  #clock;
  #place = { after: "", states: "0" };
  #heartbeat = 10;
  /** @type {Reader | null} */
  #reader = null;
  /** One that may take the reader's place. @type {Reader | null} */
  #candidate = null;
  #isWelcome = false;
  #isOver = false;
  #isSaying = false;
  /** @type {{id: string, content: string}[]} */
  #queue = [];

  /** @param {Wiring} wiring @param {string} base the room's address @param {import("./request.js").Line} line @param {Transport} transport */
  constructor(wiring, base, line, transport) {
    this.#wiring = wiring;
    this.#clock = wiring.clock;
    this.#requests = new Requests(line, base, wiring.clock, transport);
    void this.#join(transport);
  }

  get isWelcome() {
    return this.#isWelcome;
  }

  /** @param {any} message */
  send(message) {
    if (!this.#isWelcome) return;
    if (message.type === "send") {
      this.#queue.push(message);
      void this.#say();
    } else if (message.type === "heartbeat") void this.#ask();
    else if (message.type === "typing")
      this.#requests.ask("POST", "/typing", { body: { typing: message.typing } }).catch(() => {});
  }

  /** Whether the connection still lives shows in another read. */
  doubt() {
    this.#reader?.refresh();
  }

  /**
   * Tries another way of reading beside the one in use, and changes to it if it works.
   *
   * @param {Transport} transport
   * @param {(works: boolean) => void} done
   */
  climb(transport, done) {
    this.#candidate?.stop();
    const place = { ...this.#place, states: "0" };
    /** @type {Reader | null} */
    let candidate = null;
    const give = (/** @type {boolean} */ works) => {
      const isOurs = this.#candidate !== null && this.#candidate === candidate;
      if (!isOurs) return;
      this.#candidate = null;
      if (works) {
        this.#reader?.stop();
        this.#reader = candidate;
        this.#place = place;
        this.#requests.transport = transport;
      } else candidate?.stop();
      done(works);
    };
    const isReader = () => this.#reader === candidate;
    const usual = this.#reading(place);
    candidate = this.#open(
      transport,
      {
        ...usual,
        onWorks: () => give(true),
        onUnfit: (why) => (isReader() ? usual.onUnfit(why) : give(false)),
        onFault: (fault) => (isReader() ? usual.onFault(fault) : give(false)),
      },
      true,
    );
    this.#candidate = candidate;
  }

  /** @param {string} name @param {string} message */
  drop(name, message) {
    this.#end({ code: 1006, reason: message, local: name });
  }

  /** Leaves for good; the end is not told. */
  leave() {
    if (this.#requests.token !== null) this.#requests.tell("DELETE", "/sessions/current");
    this.abandon();
  }

  /** Stops; the end is not told. */
  abandon() {
    this.#isOver = true;
    this.#isWelcome = false;
    this.#reader?.stop();
    this.#candidate?.stop();
    this.#requests.stop();
  }

  /** @param {Transport} transport */
  async #join(transport) {
    const { name, token, after, attempt, history } = this.#wiring.join();
    let body;
    try {
      body = await this.#requests.ask("POST", "/sessions", {
        body: { client_id: name, token, after, attempt, history },
      });
    } catch (error) {
      this.#failed(/** @type {Fault} */ (error), true);
      return;
    }
    const welcome = readMessage({ ...body, type: "welcome" });
    if (this.#isOver) return;
    if (welcome === null || welcome.type !== "welcome") {
      this.drop("protocol", "The server does not speak this version of the API.");
      return;
    }
    this.#requests.token = welcome.token;
    this.#place = { after: welcome.position, states: typeof body.states === "string" ? body.states : "0" };
    this.#heartbeat = welcome.heartbeat;
    this.#isWelcome = true;
    this.#tell(welcome);
    if (!this.#isOver) this.#read(transport, false);
  }

  /** @param {Transport} transport @param {boolean} isClimb */
  #read(transport, isClimb) {
    this.#reader?.stop();
    this.#requests.transport = transport;
    this.#reader = this.#open(transport, this.#reading(this.#place), isClimb);
  }

  /** @param {Transport} transport @param {Reading} reading @param {boolean} isClimb @returns {Reader} */
  #open(transport, reading, isClimb) {
    return transport === "sse"
      ? new Stream(reading)
      : new Poll(reading, { waits: transport === "long-polling", isClimb });
  }

  /** @param {{after: string, states: string}} place @returns {Reading} */
  #reading(place) {
    const { onAlive, onWorks, onUnfit, isHidden } = this.#wiring;
    return {
      requests: this.#requests,
      clock: this.#clock,
      place,
      heartbeat: this.#heartbeat,
      isHidden,
      tell: (message) => this.#tell(message),
      onAlive: () => this.#isOver || onAlive(),
      onWorks: () => this.#isOver || onWorks(),
      onUnfit: (why) => {
        if (this.#isOver) return;
        const next = onUnfit(why);
        if (next === null) this.drop(why, "This transport does not work here.");
        else this.#read(next, false);
      },
      onFault: (fault) => this.#failed(fault, false),
      onClose: (code, reason) => this.#end({ code, reason, local: null }),
    };
  }

  /** Says what waits, one at a time: requests that are under way together may arrive in another order. */
  async #say() {
    if (this.#isSaying) return;
    this.#isSaying = true;
    for (let next = this.#queue.shift(); next !== undefined && !this.#isOver; next = this.#queue.shift()) {
      const { id, content } = next;
      try {
        const { offset } = await this.#post({ id, content });
        if (Number.isSafeInteger(offset)) this.#tell({ type: "ack", id, offset });
        else this.drop("protocol", "The answer has no offset.");
      } catch (error) {
        const { problem } = /** @type {Fault} */ (error);
        if (problem === null || ENDS.has(problem.code)) this.#failed(/** @type {Fault} */ (error), false);
        else this.#tell({ ...refusalOf(problem), id });
      }
    }
    this.#isSaying = false;
  }

  /** @param {{id: string, content: string}} body @returns {Promise<any>} */
  async #post(body) {
    const begun = this.#clock.wall();
    try {
      return await this.#requests.ask("POST", "/messages", { body });
    } catch (error) {
      // A connection that was kept open may be closed by the other side just then. The id makes it safe to say it again, unless the machine
      // has slept so long that the server does not know it any more: the outbox sees to that after the next welcome.
      const isNow = Math.abs(this.#clock.wall() - begun) <= AT_ONCE_MS;
      if (/** @type {Fault} */ (error).kind !== "unreachable" || this.#isOver || !isNow) throw error;
      return this.#requests.ask("POST", "/messages", { body });
    }
  }

  /** The answer to a heartbeat: how far the log is, or at least one event further than we have read. */
  async #ask() {
    try {
      const body = await this.#requests.ask("GET", "/events", { query: { after: this.#place.after, limit: 1 } });
      const heartbeat = readMessage({ type: "heartbeat", position: body?.position });
      if (heartbeat !== null && !this.#isOver) {
        this.#wiring.onAlive();
        this.#tell(heartbeat);
      }
    } catch {
      // Whoever waits for it will notice.
    }
  }

  /** @param {ServerMessage} message */
  #tell(message) {
    if (!this.#isOver) this.#wiring.onMessage(message);
  }

  /** @param {Fault} fault @param {boolean} isJoin */
  #failed({ kind, message, problem }, isJoin) {
    if (kind === "stopped" || this.#isOver) return;
    if (problem === null) {
      const local = kind === "late" ? "timeout" : kind === "foreign" ? "foreign" : null;
      this.#end({ code: 1006, reason: message, local });
      return;
    }
    const { code, retry_after } = problem;
    if (code === "shutting_down") this.#tell({ type: "shutdown", retry_after: retry_after ?? 1 });
    else if (isJoin || !ENDS.has(code)) this.#tell(refusalOf(problem));
    const close = CLOSES[code] ?? errorCodes[code]?.close ?? (problem.temporary ? 1013 : 4500);
    // What is usually for good is not if the server says so of this time.
    const isForNow = problem.temporary && !mayReconnect(close);
    this.#end({ code: isForNow ? (FOR_NOW[code] ?? 1013) : close, reason: message, local: null });
  }

  /** @param {import("./connection.js").End} end */
  #end(end) {
    if (this.#isOver) return;
    this.abandon();
    this.#wiring.onEnd(end);
  }
}

/** @param {Problem} problem @returns {import("./wire.js").Refusal} */
function refusalOf(problem) {
  const { code, message, temporary, retry_after } = problem;
  const refusal = { type: /** @type {const} */ ("error"), code, message, temporary, ...ruleOf(problem) };
  return retry_after === undefined ? refusal : { ...refusal, retry_after };
}
