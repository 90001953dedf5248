import { ruleOf } from "./name-rule.js";
import { Alarm } from "./clock.js";
import { watchedFetch } from "./observe.js";

/** @typedef {import("./clock.js").Clock} Clock */
/** @typedef {import("./ladder.js").Transport} Transport */

/**
 * What of `fetch` the SDK uses.
 *
 * @typedef {object} Answer
 * @property {number} status
 * @property {{get: (name: string) => string | null}} headers
 * @property {() => Promise<any>} json
 * @property {() => Promise<string>} text
 * @property {{getReader: () => {read: () => Promise<{done: boolean, value?: any}>}} | null} [body]
 *
 * @typedef {(url: string, init: any) => Promise<Answer>} Fetch
 * @typedef {{fetch: Fetch, watch: import("./observe.js").Watch | null}} Line
 * @typedef {{signal: any, abort: () => void}} Stop an `AbortController`
 *
 * @typedef {object} Problem what the server refused (RFC 9457)
 * @property {number} status
 * @property {string} code
 * @property {string} message
 * @property {boolean} temporary
 * @property {number} [retry_after] seconds
 * @property {string} [rule] of a name: see `rule.js`
 * @property {number} [at]
 * @property {string} [character]
 *
 * @typedef {object} Question
 * @property {object} [body]
 * @property {Record<string, string | number | undefined>} [query]
 * @property {Record<string, string>} [headers]
 * @property {number} [ms] how long the answer may take
 * @property {Stop} [stop]
 * @property {Transport} [transport] that it is for, if that is not the one in use
 */

const ANSWER_MS = 10_000;

/**
 * A request without the answer that was asked for: the server refused (`problem`), nothing came (`unreachable`), nothing
 * came in time (`late`), something else answered (`foreign`), or the request was given up on this side (`stopped`).
 */
export class Fault extends Error {
  /** @param {"problem" | "unreachable" | "late" | "foreign" | "stopped"} kind @param {string} message @param {Problem | null} [problem] */
  constructor(kind, message, problem = null) {
    super(message);
    this.kind = kind;
    this.problem = problem;
  }
}

/** @returns {Stop} */
export function newStop() {
  return new /** @type {any} */ (globalThis).AbortController();
}

/** Requests to a room's resources, each with its time. All that is under way can be given up at once. */
export class Requests {
  #line;
  #base;
  #clock;
  /** @type {Set<Stop>} */
  #underWay = new Set();
  /** The session's; goes into every request. @type {string | null} */
  token = null;
  /** The one in use. @type {Transport} */
  transport;

  /** @param {Line} line @param {string} base the room's address @param {Clock} clock @param {Transport} transport */
  constructor(line, base, clock, transport) {
    this.#line = line;
    this.transport = transport;
    this.#base = base;
    this.#clock = clock;
  }

  /**
   * @param {string} method
   * @param {string} path
   * @param {Question} [question]
   * @returns {Promise<any>} the answer's JSON; `null` if it has none
   * @throws {Fault}
   */
  ask(method, path, question = {}) {
    return this.#call(method, path, question, async (answer) => {
      if (answer.status === 204) return null;
      const kind = answer.headers.get("content-type") ?? "";
      if (!/[/+]json\b/.test(kind)) throw foreign(answer);
      const body = await answer.json();
      if (answer.status < 300) return body;
      throw problemOf(answer.status, body);
    });
  }

  /**
   * A stream of events; `ms` is the time until its head.
   *
   * @param {string} path
   * @param {Question} question
   * @returns {Promise<{read: () => Promise<{done: boolean, value?: any}>}>}
   * @throws {Fault}
   */
  stream(path, question) {
    const headers = { accept: "text/event-stream", ...question.headers };
    return this.#call("GET", path, { ...question, headers, transport: "sse" }, async (answer) => {
      const kind = answer.headers.get("content-type") ?? "";
      if (answer.status === 200 && kind.startsWith("text/event-stream") && answer.body != null)
        return answer.body.getReader();
      if (answer.status < 400 || !kind.includes("json")) throw foreign(answer);
      throw problemOf(answer.status, await answer.json());
    });
  }

  /** Asks for what needs no answer, even if the page is about to go. @param {string} method @param {string} path */
  tell(method, path) {
    const init = { method, headers: this.#headers({}), keepalive: true };
    this.#fetch(this.#base + path, init).catch(() => {});
  }

  /** Gives up everything that is under way. */
  stop() {
    for (const stop of [...this.#underWay]) stop.abort();
  }

  /**
   * @template T
   * @param {string} method
   * @param {string} path
   * @param {Question} question
   * @param {(answer: Answer) => Promise<T>} read
   * @returns {Promise<T>}
   */
  async #call(method, path, { body, query = {}, headers = {}, ms = ANSWER_MS, stop = newStop(), transport }, read) {
    const late = new Alarm(this.#clock);
    const { signal } = stop;
    this.#underWay.add(stop);
    const init = {
      method,
      headers: this.#headers(headers, body),
      body: body && JSON.stringify(body),
      signal,
      cache: "no-store",
    };
    try {
      return await new Promise((resolve, reject) => {
        const stopped = () => reject(new Fault("stopped", "The request was given up."));
        if (signal.aborted) return stopped();
        signal.addEventListener("abort", stopped, { once: true });
        late.set(ms, () => {
          reject(new Fault("late", "There was no answer in time."));
          stop.abort();
        });
        this.#fetch(this.#base + path + queryOf(query), init, transport)
          .then(read)
          .then(resolve, reject);
      });
    } catch (error) {
      throw error instanceof Fault ? error : new Fault("unreachable", String(error));
    } finally {
      late.stop();
      this.#underWay.delete(stop);
    }
  }

  /** @param {string} url @param {any} init @param {Transport} [transport] */
  #fetch(url, init, transport = this.transport) {
    const { fetch, watch } = this.#line;
    return watch === null ? fetch(url, init) : watchedFetch(fetch, watch(transport))(url, init);
  }

  /** @param {Record<string, string>} more @param {object} [body] */
  #headers(more, body) {
    /** @type {Record<string, string>} */
    const headers = { accept: "application/json", ...more };
    if (this.token !== null) headers["authorization"] = `Bearer ${this.token}`;
    if (body !== undefined) headers["content-type"] = "application/json";
    return headers;
  }
}

/** @param {Record<string, string | number | undefined>} query */
function queryOf(query) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined);
  const text = pairs.map(([key, value]) => `${key}=${encodeURIComponent(String(value))}`).join("&");
  return text === "" ? "" : `?${text}`;
}

/** @param {Answer} answer */
function foreign({ status }) {
  return new Fault("foreign", `Something other than the server answered with ${status}.`);
}

/** @param {number} status @param {any} body @returns {Fault} */
function problemOf(status, body) {
  const { code, detail, title, temporary, retry_after } = body ?? {};
  if (typeof code !== "string") return new Fault("foreign", `The answer ${status} is none of the server's.`);
  const message = String(detail ?? title ?? code);
  const after = typeof retry_after === "number" && retry_after >= 0 ? { retry_after } : {};
  return new Fault("problem", message, {
    status,
    code,
    message,
    temporary: temporary === true,
    ...after,
    ...ruleOf(body),
  });
}
