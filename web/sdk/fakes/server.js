import { message, welcome } from "./desk.js";

/** @typedef {import("./clock.js").FakeClock} FakeClock */
/** @typedef {import("./network.js").FakeSocket} FakeSocket */
/** @typedef {import("./network.js").Message} Message */
/**
 * @typedef {object} Session
 * @property {string} token
 * @property {string} session
 * @property {string} member
 * @property {Map<string, number>} stored offsets by id
 * @property {number} tokens
 * @property {number} at
 * @property {Link | null} link its WebSocket
 * @property {(() => void) | null} replaced it is here by HTTP; what ends that
 */
/** @typedef {{socket: FakeSocket, session: Session | null, sentUpTo: number, toServer: number, toClient: number}} Link */

const BURST = 6;
const RATE = 5;
const MOST_HISTORY = 100;

/**
 * The protocol as the reference states it, in memory: one room, its log, sessions that outlive connections, a rate
 * limit, and a network that takes its time, keeps the order on each connection and loses what is under way when one
 * is cut.
 */
export class FakeServer {
  epoch = "e0";
  /** @type {Message[]} */
  log = [];
  /** How often a send was refused as too fast. */
  refusals = 0;
  #clock;
  #lives = 0;
  #members = 0;
  /** @type {Map<string, Session>} */
  #sessions = new Map();
  /** @type {Set<Link>} */
  #links = new Set();
  /** Who is told that the log has grown. @type {Set<() => void>} */
  followers = new Set();
  /** What is between it and those who come by HTTP. @type {Set<{cut: () => void}>} */
  webs = new Set();

  /** @param {FakeClock} clock */
  constructor(clock) {
    this.#clock = clock;
    this.#beat();
  }

  /** @param {import("./network.js").FakeNetwork} network @param {string} name */
  serve(network, name) {
    network.onsocket = (socket) => {
      /** @type {Link} */
      const link = { socket, session: null, sentUpTo: 0, toServer: 0, toClient: 0 };
      this.#links.add(link);
      socket.onsent = (sent) => this.#carry(link, "toServer", () => this.#hear(link, name, sent));
      this.#carry(link, "toClient", () => socket.open());
    };
  }

  /** Cuts one of the connections. */
  cut() {
    const links = [...this.#links];
    const link = links[Math.floor(this.#clock.random() * links.length)];
    if (link !== undefined) this.#end(link, 1006);
  }

  /** @param {FakeSocket} socket */
  cutSocket(socket) {
    for (const link of this.#links) if (link.socket === socket) this.#end(link, 1006);
  }

  /** One connection loses one event and does not know. */
  swallow() {
    for (const link of this.#links) {
      if (link.session === null) continue;
      link.sentUpTo += 1;
      return;
    }
  }

  /** The process is gone and another one stands in its place. */
  restart() {
    this.#lives += 1;
    this.epoch = `e${this.#lives}`;
    this.log = [];
    this.#sessions.clear();
    for (const web of this.webs) web.cut();
    for (const link of [...this.#links]) this.#end(link, 1006);
  }

  /** @param {Link} link @param {number} code */
  #end(link, code) {
    this.#links.delete(link);
    if (link.session?.link === link) link.session.link = null;
    link.socket.end(code);
  }

  /** In order on each way, each piece with its own delay. @param {Link} link @param {"toServer" | "toClient"} way @param {() => void} arrive */
  #carry(link, way, arrive) {
    const at = Math.max(link[way], this.#clock.now() + 5 + this.#clock.random() * 400);
    link[way] = at;
    this.#clock.setTimeout(() => {
      if (link.socket.closed !== null) this.#end(link, 1005);
      else if (this.#links.has(link)) arrive();
    }, at - this.#clock.now());
  }

  /** @param {Link} link @param {Message} message */
  #say(link, message) {
    this.#carry(link, "toClient", () => link.socket.say(message));
  }

  /** @param {Link} link @param {string} name @param {Message} sent */
  #hear(link, name, sent) {
    if (sent.type === "join") this.#join(link, name, sent);
    else if (sent.type === "heartbeat") this.#say(link, { type: "heartbeat", position: this.head });
    else if (sent.type === "send") this.#store(link, name, sent);
  }

  get head() {
    return `${this.epoch}:${this.log.length}`;
  }

  /** The session of a token, if it is here by HTTP, else why it is not. @param {string} token @returns {Session | "not_joined" | "session_replaced"} */
  byHttp(token) {
    const session = this.#sessions.get(token);
    if (session === undefined) return "not_joined";
    return session.replaced === null ? "session_replaced" : session;
  }

  /**
   * A session takes its place, whatever it was on before.
   *
   * @param {string} name
   * @param {{token?: string, after?: string, history?: number}} join
   */
  enter(name, { token = "", after, history = 0 }) {
    let session = this.#sessions.get(token);
    if (session === undefined) {
      this.#members += 1;
      const id = `${name}-${this.#members}`;
      session = {
        token: `t-${id}`,
        session: `s-${id}`,
        member: id,
        stored: new Map(),
        tokens: BURST,
        at: this.#clock.now(),
        link: null,
        replaced: null,
      };
      this.#sessions.set(session.token, session);
    }
    if (session.link !== null) this.#end(session.link, 4506);
    session.replaced?.();
    session.replaced = null;
    const { recovered, from } = this.place(after, history);
    const { token: proof, session: id, member } = session;
    const position = `${this.epoch}:${from}`;
    return {
      session,
      from,
      welcome: welcome({
        token: proof,
        session: id,
        member,
        position,
        recovered,
        limits: { burst: BURST, rate: RATE },
      }),
    };
  }

  /** Where reading after a position begins. @param {string | undefined} after @param {number} [history] without a position, so many events before the head */
  place(after, history = 0) {
    const [epoch, offset] = (after ?? "").split(":");
    const recovered = after === undefined ? undefined : epoch === this.epoch && Number(offset) <= this.log.length;
    return {
      recovered,
      from:
        recovered === undefined
          ? Math.max(0, this.log.length - Math.min(history, MOST_HISTORY))
          : recovered
            ? Number(offset)
            : 0,
    };
  }

  /** @param {Link} link @param {string} name @param {Message} sent */
  #join(link, name, sent) {
    const { session, from, welcome: answer } = this.enter(name, sent);
    session.link = link;
    link.session = session;
    link.sentUpTo = from;
    this.#say(link, answer);
    this.#follow(link);
  }

  /** @param {Link} link @param {string} name @param {Message} sent */
  #store(link, name, sent) {
    if (link.session !== null) this.#say(link, this.store(link.session, name, sent));
    this.#grown();
  }

  /** @param {Session} session @param {string} name @param {Message} sent @returns {Message} the answer */
  store(session, name, { id, content }) {
    const known = session.stored.get(id);
    if (known !== undefined) return { type: "ack", id, offset: known };
    const now = this.#clock.now();
    session.tokens = Math.min(BURST, session.tokens + ((now - session.at) / 1_000) * RATE);
    session.at = now;
    if (session.tokens < 1 - 1e-9) {
      this.refusals += 1;
      const retry_after = (1 - session.tokens) / RATE;
      return { type: "error", code: "rate_limited", message: "", temporary: true, retry_after, id };
    }
    session.tokens -= 1;
    this.log.push(message(this.log.length + 1, { id, content, member: session.member, client_id: name }));
    session.stored.set(id, this.log.length);
    return { type: "ack", id, offset: this.log.length };
  }

  /** Everyone is told what is new. */
  #grown() {
    for (const link of this.#links) this.#follow(link);
    for (const follow of [...this.followers]) follow();
  }

  /** A message by HTTP. @param {Session} session @param {string} name @param {Message} sent */
  post(session, name, sent) {
    const answer = this.store(session, name, sent);
    this.#grown();
    return answer;
  }

  /** @param {Link} link */
  #follow(link) {
    if (link.session === null) return;
    for (const event of this.log.slice(link.sentUpTo)) this.#say(link, event);
    link.sentUpTo = this.log.length;
  }

  #beat() {
    for (const link of this.#links) {
      if (link.session !== null) this.#say(link, { type: "heartbeat", position: this.head });
    }
    this.#clock.setTimeout(() => this.#beat(), 10_000);
  }
}
