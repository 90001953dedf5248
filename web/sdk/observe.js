/** What goes over the wire, told to whoever watches. Without an observer none of this is at work. */

/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./request.js").Fetch} Fetch */
/** @typedef {import("./socket.js").SocketConstructor} SocketConstructor */

/**
 * @typedef {object} Observed something that went over the wire
 * @property {number} at ms since 1970
 * @property {Transport} transport
 * @property {number} exchange which connection or request it belongs to: a number that grows
 * @property {"sent" | "received"} direction
 * @property {"open" | "text" | "close" | "request" | "response"} kind `open`, `text` and `close` are of a WebSocket or a stream
 * @property {string} head of an `open` the address, and then the protocol or the status; of a `request` the method and the path, of a
 *   `response` the status; of a `close` the code, or what went wrong
 * @property {string} data the text itself: a message, a body, a piece of a stream; the reason of a `close`
 * @property {number} bytes of `data`
 *
 * @typedef {(observed: Observed) => void} Observe
 */

/**
 * @typedef {Pick<Observed, "direction" | "kind"> & {head?: string, data?: string, bytes?: number}} Seen
 * @typedef {(transport: Transport) => (seen: Seen) => void} Watch begins to watch a connection or a request
 */

/**
 * @param {unknown} observe the page's; what it throws is its own affair
 * @param {import("./clock.js").Clock} clock
 * @returns {Watch | null}
 */
export function watchFor(observe, clock) {
  if (typeof observe !== "function") return null;
  const encoder = new /** @type {any} */ (globalThis).TextEncoder();
  let last = 0;
  return (transport) => {
    const exchange = (last += 1);
    return ({ direction, kind, head = "", data = "", bytes = encoder.encode(data).length }) => {
      try {
        observe({ at: clock.wall(), transport, exchange, direction, kind, head, data, bytes });
      } catch {
        // The room goes on.
      }
    };
  };
}

/** @param {any} WebSocket the constructor @param {Watch} watch @returns {SocketConstructor} the same, watched */
export function watchedSocket(WebSocket, watch) {
  return class {
    /** @type {((event: any) => void) | null} */
    onopen = null;
    /** @type {((event: any) => void) | null} */
    onmessage = null;
    /** @type {((event: any) => void) | null} */
    onerror = null;
    /** @type {((event: any) => void) | null} */
    onclose = null;
    #socket;
    #tell;

    /** @param {string} url @param {string[]} protocols */
    constructor(url, protocols) {
      const socket = new WebSocket(url, protocols);
      const tell = watch("websocket");
      tell({ direction: "sent", kind: "open", head: url });
      socket.onopen = (/** @type {any} */ event) => {
        tell({ direction: "received", kind: "open", head: socket.protocol });
        this.onopen?.(event);
      };
      socket.onmessage = (/** @type {any} */ event) => {
        tell({ direction: "received", kind: "text", data: String(event.data) });
        this.onmessage?.(event);
      };
      socket.onerror = (/** @type {any} */ event) => this.onerror?.(event);
      socket.onclose = (/** @type {any} */ event) => {
        tell({ direction: "received", kind: "close", head: String(event.code ?? 1006), data: event.reason ?? "" });
        this.onclose?.(event);
      };
      this.#socket = socket;
      this.#tell = tell;
    }

    get protocol() {
      return this.#socket.protocol;
    }

    /** @param {string} data */
    send(data) {
      this.#socket.send(data);
      this.#tell({ direction: "sent", kind: "text", data });
    }

    /** @param {number} [code] @param {string} [reason] */
    close(code, reason = "") {
      this.#socket.close(code, reason);
      this.#tell({ direction: "sent", kind: "close", head: String(code ?? 1005), data: reason });
    }
  };
}

/** @param {Fetch} fetch @param {(seen: Seen) => void} tell @returns {Fetch} the same, for one request that is watched */
export function watchedFetch(fetch, tell) {
  return async (url, init) => {
    tell({ direction: "sent", kind: "request", head: `${init.method} ${pathOf(url)}`, data: init.body });
    try {
      const answer = await fetch(url, init);
      return watchedAnswer(answer, tell);
    } catch (error) {
      tell({ direction: "received", kind: "close", head: String(error) });
      throw error;
    }
  };
}

/** @param {string} url */
function pathOf(url) {
  return url.replace(/^[a-z]+:\/\/[^/]*/i, "");
}

/** @param {import("./request.js").Answer} answer @param {(seen: Seen) => void} tell @returns {import("./request.js").Answer} */
function watchedAnswer(answer, tell) {
  const { status, headers, body } = answer;
  const kind = headers.get("content-type") ?? "";
  const head = `${status} ${kind}`.trim();
  if (kind.startsWith("text/event-stream") && body != null) {
    tell({ direction: "received", kind: "open", head });
    const [text, json] = [() => answer.text(), () => answer.json()];
    return { status, headers, text, json, body: { getReader: () => watchedReader(body.getReader(), tell) } };
  }
  // The body of anything but an answer of the server's is not read.
  const data = status !== 204 && /[/+]json\b/.test(kind) ? answer.text() : Promise.resolve("");
  data.then(
    (data) => tell({ direction: "received", kind: "response", head, data }),
    (error) => tell({ direction: "received", kind: "close", head: String(error) }),
  );
  return { status, headers, text: () => data, json: async () => JSON.parse(await data), body };
}

/**
 * @param {{read: () => Promise<{done: boolean, value?: any}>}} reader
 * @param {(seen: Seen) => void} tell
 */
function watchedReader(reader, tell) {
  const decoder = new /** @type {any} */ (globalThis).TextDecoder();
  return {
    read: async () => {
      try {
        const piece = await reader.read();
        const { done, value } = piece;
        if (done) tell({ direction: "received", kind: "close" });
        else {
          const data = decoder.decode(value, { stream: true });
          tell({ direction: "received", kind: "text", data, bytes: value.length });
        }
        return piece;
      } catch (error) {
        tell({ direction: "received", kind: "close", head: String(error) });
        throw error;
      }
    },
  };
}
