// A bad network: a TCP proxy before the server that cuts and stalls connections.
import { once } from "node:events";
import { connect, createServer } from "node:net";

/** Passes bytes on to one port of the loopback address until told otherwise. */
export class Proxy {
  #port;
  #listener;
  #pairs = new Set();
  #refusing = false;
  #stalled = false;

  /** @param {number} port the server's */
  static async start(port) {
    const proxy = new Proxy();
    proxy.#port = port;
    proxy.#listener = createServer((client) => proxy.#accept(client));
    proxy.#listener.listen(0, "127.0.0.1");
    await once(proxy.#listener, "listening");
    return proxy;
  }

  get origin() {
    return `http://127.0.0.1:${this.#listener.address().port}`;
  }

  #accept(client) {
    if (this.#refusing) {
      client.on("error", () => {});
      client.resetAndDestroy();
      return;
    }
    const server = connect(this.#port, "127.0.0.1");
    const pair = [client, server];
    this.#pairs.add(pair);
    for (const socket of pair) {
      socket.setNoDelay(true);
      socket.on("error", () => {});
      socket.on("close", () => {
        this.#pairs.delete(pair);
        for (const other of pair) other.destroy();
      });
    }
    if (!this.#stalled) flow(pair);
  }

  /** Resets every connection; new ones pass. */
  cut() {
    for (const pair of this.#pairs) for (const socket of pair) socket.resetAndDestroy();
  }

  /** Resets every connection and every attempt at one, until `restore`. */
  refuse() {
    this.#refusing = true;
    this.cut();
  }

  /** Keeps the connections and passes nothing on, in either direction, until `restore`. */
  stall() {
    this.#stalled = true;
    for (const [client, server] of this.#pairs) {
      client.unpipe(server).pause();
      server.unpipe(client).pause();
    }
  }

  /** Is a good network again. */
  restore() {
    this.#refusing = false;
    if (this.#stalled) for (const pair of this.#pairs) flow(pair);
    this.#stalled = false;
  }

  close() {
    this.cut();
    this.#listener.close();
  }
}

function flow([client, server]) {
  client.pipe(server);
  server.pipe(client);
}
