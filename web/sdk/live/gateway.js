import { once } from "node:events";
import http from "node:http";
import net from "node:net";

/** @typedef {"upgrades" | "streams" | "waits"} Kind */

/** What a proxy may do with each: let it pass, refuse it, or (streams and waiting requests) hold the answer back. */
/** @typedef {"pass" | "refuse" | "hold"} Fate */

/** A proxy that knows HTTP, as companies and hotels have them, and lets through what the test says. */
export class Gateway {
  /** @type {Record<Kind, Fate>} */
  #fates = { upgrades: "pass", streams: "pass", waits: "pass" };
  /** What is under way, by kind. @type {Record<Kind, Set<() => void>>} */
  #underWay = { upgrades: new Set(), streams: new Set(), waits: new Set() };
  #server = http.createServer((request, response) => this.#request(request, response));
  #target;

  /** @param {() => number} target the port behind it */
  constructor(target) {
    this.#target = target;
    this.#server.on("upgrade", (request, socket, head) =>
      this.#upgrade(request, /** @type {net.Socket} */ (socket), head),
    );
  }

  /** @returns {Promise<string>} its address */
  async open() {
    this.#server.listen(0, "127.0.0.1");
    await once(this.#server, "listening");
    return this.origin;
  }

  get origin() {
    return `http://127.0.0.1:${/** @type {net.AddressInfo} */ (this.#server.address()).port}`;
  }

  /** From now on, and for what is under way. @param {Kind} kind @param {Fate} fate */
  set(kind, fate) {
    this.#fates[kind] = fate;
    if (fate === "refuse") for (const end of [...this.#underWay[kind]]) end();
  }

  /** How many of a kind are under way. @param {Kind} kind */
  count(kind) {
    return this.#underWay[kind].size;
  }

  close() {
    for (const ends of Object.values(this.#underWay)) for (const end of [...ends]) end();
    this.#server.closeAllConnections();
    this.#server.close();
  }

  /** @param {http.IncomingMessage} request @param {http.ServerResponse} response */
  #request(request, response) {
    const kind = kindOf(request);
    if (kind !== null && this.#fates[kind] === "refuse") {
      response.writeHead(504, { "content-type": "text/html" }).end("<h1>Gateway time-out</h1>");
      return;
    }
    const { method, url, headers } = request;
    const onward = http.request({ host: "127.0.0.1", port: this.#target(), method, path: url, headers });
    const end = () => {
      onward.destroy();
      response.destroy();
    };
    if (kind !== null) {
      this.#underWay[kind].add(end);
      response.on("close", () => this.#underWay[kind].delete(end));
    }
    response.on("close", () => onward.destroy());
    onward.on("error", () => response.destroy());
    onward.on("response", (answer) => {
      const holds = () => kind !== null && this.#fates[kind] === "hold";
      if (holds()) return;
      response.writeHead(answer.statusCode ?? 502, answer.headers);
      response.flushHeaders();
      answer.on("data", (piece) => holds() || response.write(piece));
      answer.on("end", () => holds() || response.end());
      answer.on("error", () => response.destroy());
    });
    request.pipe(onward);
  }

  /** @param {http.IncomingMessage} request @param {net.Socket} near @param {Buffer} head */
  #upgrade(request, near, head) {
    near.on("error", () => {});
    const fate = this.#fates.upgrades;
    if (fate === "refuse")
      return void near.end("HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\nconnection: close\r\n\r\n");
    const end = () => near.destroy();
    this.#underWay.upgrades.add(end);
    near.on("close", () => this.#underWay.upgrades.delete(end));
    if (fate === "hold") return;
    const far = net.connect(this.#target(), "127.0.0.1");
    far.on("error", () => near.destroy());
    far.on("close", () => near.destroy());
    near.on("close", () => far.destroy());
    const { rawHeaders } = request;
    let text = `${request.method} ${request.url} HTTP/1.1\r\n`;
    for (let i = 0; i < rawHeaders.length; i += 2) text += `${rawHeaders[i]}: ${rawHeaders[i + 1]}\r\n`;
    far.write(`${text}\r\n`);
    far.write(head);
    near.pipe(far).pipe(near);
  }
}

/** @param {http.IncomingMessage} request @returns {"streams" | "waits" | null} */
function kindOf({ headers, url }) {
  if (headers.accept?.includes("text/event-stream")) return "streams";
  return /[?&]wait=/.test(url ?? "") ? "waits" : null;
}
