/** @typedef {import("./clock.js").FakeClock} FakeClock */
/** @typedef {import("./server.js").FakeServer} FakeServer */
/** @typedef {import("./server.js").Session} Session */
/** @typedef {{method: string, path: string, query: URLSearchParams, token: string, body: any, isStream: boolean}} Request */
/** @typedef {{reject: (error: Error) => void, push: ((text: string | null) => void) | null}} Exchange */

const problem = (/** @type {string} */ code, more = {}) => ({
  status: { not_joined: 401, session_replaced: 409 }[code] ?? 429,
  kind: "application/problem+json",
  body: { code, detail: code, temporary: false, ...more },
});

/**
 * The HTTP API as the reference states it, in front of a {@link FakeServer}: `fetch` for one member, with a network
 * between that lets through as much as the test says.
 */
export class FakeWeb {
  #server;
  #clock;
  #name;
  /** Nothing passes. */
  isDown = false;
  /** Nothing comes back, and nobody is told. */
  isSilent = false;
  /** What becomes of a stream: it passes, is held back whole, or is refused. @type {"pass" | "hold" | "refuse"} */
  streams = "pass";
  /** What becomes of a request that waits. @type {"pass" | "hold" | "refuse"} */
  waits = "pass";
  /** Every request, as `METHOD path`. @type {string[]} */
  asked = [];
  /** Of every reading of events, for how many seconds it was to wait. @type {number[]} */
  patience = [];
  /** How many events were told, to whoever asked for more than one. */
  told = 0;
  /** How many of the next messages are lost on the way. */
  losses = 0;
  /** @type {Set<Exchange>} */
  #underWay = new Set();

  /** @param {FakeServer} server @param {FakeClock} clock @param {string} name */
  constructor(server, clock, name) {
    this.#server = server;
    this.#clock = clock;
    this.#name = name;
    server.webs.add(this);
  }

  /** Breaks off everything that is under way. */
  cut() {
    for (const { reject } of [...this.#underWay]) reject(new TypeError("the connection was cut"));
  }

  /** @param {string} url @param {any} init */
  fetch = (url, { method, headers, body, signal }) => {
    const { pathname, searchParams: query } = new URL(url);
    const path = pathname.replace(/^\/api\/rooms\/[^/]+/, "");
    const token = (headers["authorization"] ?? "").replace("Bearer ", "");
    const request = {
      method,
      path,
      query,
      token,
      body: body && JSON.parse(body),
      isStream: headers["accept"] === "text/event-stream",
    };
    this.asked.push(`${method} ${path}`);
    if (method === "GET" && path === "/events") this.patience.push(Number(request.query.get("wait")));
    return new Promise((resolve, reject) => {
      /** @type {Exchange} */
      const exchange = {
        push: null,
        reject: (error) => {
          this.#underWay.delete(exchange);
          reject(error);
          exchange.push?.(null);
        },
      };
      this.#underWay.add(exchange);
      signal?.addEventListener("abort", () => exchange.reject(new Error("aborted")));
      if (this.isDown) return exchange.reject(new TypeError("no network"));
      if (path === "/messages" && this.losses > 0) {
        this.losses -= 1;
        return exchange.reject(new TypeError("the connection was closed"));
      }
      this.#later(exchange, () => this.#serve(request, exchange, resolve));
    });
  };

  /** After the time that the network takes, if the exchange still is. @param {Exchange} exchange @param {() => void} run */
  #later(exchange, run) {
    this.#clock.setTimeout(
      () => {
        if (this.#underWay.has(exchange) && !this.isSilent) run();
      },
      5 + this.#clock.random() * 150,
    );
  }

  /** @param {Request} request @param {Exchange} exchange @param {(answer: any) => void} resolve */
  #serve(request, exchange, resolve) {
    /** @param {{status: number, kind?: string, body: any}} answer */
    const answer = ({ status, kind = "application/json", body }) =>
      this.#later(exchange, () => {
        this.#underWay.delete(exchange);
        resolve({
          status,
          headers: { get: () => kind },
          json: async () => body,
          text: async () => JSON.stringify(body),
        });
      });
    if (request.query.has("wait") && this.waits !== "pass") {
      if (this.waits === "refuse") answer({ status: 504, kind: "text/html", body: null });
    } else if (request.isStream) this.#stream(request, exchange, resolve, answer);
    else if (request.path === "/events") this.#read(request, exchange, answer);
    else answer(this.#command(request));
  }

  /** @param {Request} request @returns {{status: number, body: any, kind?: string}} */
  #command({ method, path, token, body }) {
    const server = this.#server;
    if (method === "POST" && path === "/sessions") {
      const { session, welcome } = server.enter(this.#name, body);
      session.replaced = () => {};
      return { status: 201, body: { ...welcome, states: "1.0", lease: 25 } };
    }
    const session = server.byHttp(token);
    if (typeof session === "string") return problem(session);
    if (path !== "/messages") return { status: 204, body: null };
    const { type, offset, ...error } = server.post(session, this.#name, body);
    return type === "ack" ? { status: 201, body: { offset } } : problem(error["code"], error);
  }

  /** @param {Request} request @param {Exchange} exchange @param {(answer: any) => void} answer */
  #read({ query, token }, exchange, answer) {
    const server = this.#server;
    const after = query.get("after") ?? "";
    const give = () => {
      const session = server.byHttp(token);
      if (typeof session === "string") return answer(problem(session));
      const { recovered, from } = server.place(after);
      const events = server.log.slice(from, from + Number(query.get("limit") ?? 1_000));
      if (!query.has("limit")) this.told += events.length;
      const body = { events, position: `${server.epoch}:${from + events.length}`, states: "1.0" };
      answer({ status: 200, body: recovered ? body : { ...body, recovered: false } });
    };
    const wait = Number(query.get("wait") ?? 0);
    const { recovered, from } = server.place(after);
    if (wait === 0 || typeof server.byHttp(token) === "string" || !recovered || from < server.log.length) return give();
    const finish = () => {
      if (server.followers.delete(finish) && this.#underWay.has(exchange)) give();
    };
    server.followers.add(finish);
    this.#clock.setTimeout(finish, wait * 1_000);
  }

  /** @param {Request} request @param {Exchange} exchange @param {(answer: any) => void} resolve @param {(answer: any) => void} answer */
  #stream({ query, token }, exchange, resolve, answer) {
    const server = this.#server;
    if (this.streams === "refuse") return answer({ status: 502, kind: "text/html", body: null });
    const session = server.byHttp(token);
    if (typeof session === "string") return answer(problem(session));
    const pieces = pipe();
    exchange.push = pieces.push;
    const epoch = server.epoch;
    let at = this.#clock.now();
    /** In order, each piece with its own delay. @param {string | null} text */
    const say = (text) => {
      at = Math.max(at, this.#clock.now() + 5 + this.#clock.random() * 150);
      this.#clock.setTimeout(
        () => this.#underWay.has(exchange) && this.streams !== "hold" && !this.isSilent && pieces.push(text),
        at - this.#clock.now(),
      );
    };
    let { recovered, from: sent } = server.place(query.get("after") ?? "");
    say(
      `event: position\nid: ${epoch}:${sent}\ndata: ${JSON.stringify({ type: "position", position: `${epoch}:${sent}`, recovered })}\n\n`,
    );
    const follow = () => {
      if (!this.#underWay.has(exchange)) return void server.followers.delete(follow);
      this.told += server.log.length - sent;
      for (const event of server.log.slice(sent))
        say(`id: ${epoch}:${event["offset"]}\ndata: ${JSON.stringify(event)}\n\n`);
      sent = server.log.length;
    };
    server.followers.add(follow);
    const beat = () => {
      if (!this.#underWay.has(exchange)) return;
      say(`event: heartbeat\ndata: {"type":"heartbeat","position":"${server.head}"}\n\n`);
      this.#clock.setTimeout(beat, 10_000);
    };
    session.replaced = () => {
      server.followers.delete(follow);
      say('event: close\ndata: {"type":"close","code":4506,"reason":"session_replaced","reconnect":false}\n\n');
    };
    follow();
    this.#clock.setTimeout(beat, 10_000);
    resolve({ status: 200, headers: { get: () => "text/event-stream" }, body: { getReader: () => pieces } });
  }
}

/** Bytes on their way: `null` breaks them off. */
function pipe() {
  /** @type {(string | null)[]} */
  const ready = [];
  /** @type {((piece: {done: boolean, value?: Uint8Array}) => void) | null} */
  let wanted = null;
  /** @type {(() => void) | null} */
  let failed = null;
  const give = () => {
    if (wanted === null || ready.length === 0) return;
    const text = ready.shift();
    const [done, fail] = [wanted, failed];
    wanted = failed = null;
    if (text === null || text === undefined) fail?.();
    else done({ done: false, value: new TextEncoder().encode(text) });
  };
  return {
    /** @param {string | null} text */
    push: (text) => {
      ready.push(text);
      give();
    },
    read: () =>
      new Promise((resolve, reject) => {
        wanted = resolve;
        failed = () => reject(new TypeError("the stream broke off"));
        give();
      }),
  };
}
