// The stage for browser tests: a server, a network that can fail, and windows that look at it.
//
//   scene("a sentence about what people see", async (stage) => {
//     const maryam = await stage.window();
//     await maryam.enter({ room: "کلاس", name: "مریم" });
//   });
//
// Every scene has a server of its own, and ends with the same questions to every window: did it ask anyone but that
// server for anything, did it break its own content security policy, did anything land in the console?
import assert from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { after, test } from "node:test";
import { chromium } from "playwright-core";
import { Gateway } from "../web/sdk/live/gateway.js";
import { Proxy } from "./proxy.js";
import { Server } from "./server.js";
import { Window } from "./window.js";

const FAILURES = fileURLToPath(new URL("out/failures/", import.meta.url));

/** Flags for a browser that may be root's and asks nobody for anything. */
const FLAGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
  // A name for the loopback address: to the page it is another machine, and no secure context.
  "--host-resolver-rules=MAP class.test 127.0.0.1",
];

/** The same server as a class in the same network sees it: by a name, without TLS. */
export function fromTheNetwork(origin) {
  return origin.replace("127.0.0.1", "class.test");
}

let running;

/** The browser that all scenes of this process share; each scene has contexts of its own in it. */
export function browser() {
  running ??= launch();
  return running;
}

function launch(flags = []) {
  return chromium.launch({ executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium", args: [...FLAGS, ...flags] });
}

export async function closeBrowser() {
  await (await running)?.close();
  running = undefined;
}

/** One test's server, proxies and windows. */
export class Stage {
  #windows = [];
  #proxies = [];
  #contexts = [];
  #others = [];
  /** Only of a stage whose browser needs flags of its own. */
  #browser;

  /** @type {Server} */
  server;

  static async set({ server = [], flags } = {}) {
    const stage = new Stage();
    stage.server = await Server.start(server);
    if (flags) stage.#browser = await launch(await flags(stage.server));
    return stage;
  }

  /** A network of its own between windows and the server; `proxy.origin` is where windows find it. */
  async proxy() {
    const proxy = await Proxy.start(this.server.port);
    this.#proxies.push(proxy);
    return proxy;
  }

  /** A further server, with its own options. */
  async anotherServer(args) {
    const server = await Server.start(args);
    this.#others.push(server);
    return server;
  }

  /** A proxy that knows HTTP, before the server or whichever `port` names; it lets through what it is told to. */
  async gateway(port = () => this.server.port) {
    const gateway = new Gateway(port);
    await gateway.open();
    this.#proxies.push(gateway);
    return gateway;
  }

  /**
   * A window in a context of its own: another person's browser.
   *
   * @param {object} [options] playwright's options for a context, and
   * @param {string} [options.origin] where it finds the server, for example a proxy's
   * @param {boolean} [options.offlineExpected] whether failed connections may be in its console
   */
  async window({ origin = this.server.origin, offlineExpected = false, ...options } = {}) {
    return this.windowIn(await this.context(options), { origin, offlineExpected });
  }

  /** Another person's browser, for pages that are not hamhame's. @param {object} [options] playwright's */
  async context(options) {
    const context = await (this.#browser ?? (await browser())).newContext({
      viewport: { width: 1280, height: 800 },
      ...options,
    });
    this.#contexts.push(context);
    context.setDefaultTimeout(15_000);
    return context;
  }

  /** A further window of the same browser, or of the page another opened. */
  async windowIn(context, { origin = this.server.origin, offlineExpected = false, page } = {}) {
    const window = await Window.open(page ?? (await context.newPage()), origin, offlineExpected);
    this.#windows.push(window);
    return window;
  }

  /** A member without a page: a plain WebSocket in the seed dialect, opened from a blank page of this server. */
  async member({ room, name }) {
    const context = await (await browser()).newContext();
    this.#contexts.push(context);
    const page = await context.newPage();
    await page.goto(`${this.server.origin}/healthz`);
    await page.evaluate(
      ([room, name]) =>
        new Promise((resolve, reject) => {
          const path = `/ws/${encodeURIComponent(room)}/${encodeURIComponent(name)}`;
          const socket = new WebSocket(location.origin.replace("http", "ws") + path);
          let heard = () => {};
          globalThis.say = (content) =>
            new Promise((resolve) => {
              heard = resolve;
              socket.send(JSON.stringify({ content }));
            });
          socket.onopen = resolve;
          socket.onerror = () => reject(new Error("no connection"));
          socket.onmessage = ({ data }) => {
            const event = JSON.parse(data);
            if (event.type === "message" && event.client_id === name) heard();
          };
        }),
      [room, name],
    );
    return {
      /** Says these, each when the one before is back: who runs ahead of a short log loses sight of its own words. */
      say: (...contents) =>
        page.evaluate(async (contents) => {
          for (const content of contents) await globalThis.say(content);
        }, contents),
      leave: () => context.close(),
    };
  }

  /** Asks every window the questions at the end. */
  async inspect() {
    for (const window of this.#windows) assert.deepEqual(await window.complaints(), []);
  }

  /** The error, with what the windows and the server had to say meanwhile. */
  async explained(error) {
    const said = await Promise.all(this.#windows.map((window) => window.complaints().catch(() => [])));
    error.message += said.flatMap((list, index) => list.map((text) => `\n  window ${index + 1}: ${text}`)).join("");
    if (/panicked|ERROR/.test(this.server.log)) error.message += `\n  server: ${this.server.log.slice(-2000)}`;
    return error;
  }

  /** Pictures of all windows, into out/failures. */
  async photograph(name) {
    await mkdir(FAILURES, { recursive: true });
    for (const [index, window] of this.#windows.entries()) {
      const file = `${FAILURES}${name.replaceAll(/[^\p{L}\p{N}]+/gu, "-")}-${index + 1}.png`;
      await window.page.screenshot({ path: file }).catch(() => {});
    }
  }

  async clear() {
    for (const context of this.#contexts) await context.close();
    for (const proxy of this.#proxies) proxy.close();
    await this.#browser?.close();
    for (const server of [this.server, ...this.#others]) await server.kill();
  }
}

let cleaning = false;

/**
 * A test on a stage.
 *
 * @param {string} name a sentence
 * @param {((stage: Stage) => Promise<void>) | {
 *   server?: string[], violates?: boolean, flags?: (server: Server) => Promise<string[]>
 * }} options options of the server's command line, whether the scene breaks the page's policy on purpose, and flags for a
 *   browser of its own
 * @param {(stage: Stage) => Promise<void>} [body]
 */
export function scene(name, options, body) {
  if (typeof options === "function") return scene(name, {}, options);
  if (!cleaning) after(closeBrowser);
  cleaning = true;
  return test(name, { timeout: 120_000 }, async () => {
    const stage = await Stage.set(options);
    try {
      await body(stage);
      if (!options.violates) await stage.inspect();
    } catch (error) {
      await stage.photograph(name);
      throw await stage.explained(error);
    } finally {
      await stage.clear();
    }
  });
}

/**
 * Reads until the value is accepted. For what no locator can wait for; it fails with what it read last.
 *
 * @template T
 * @param {() => Promise<T>} read
 * @param {(value: T) => boolean} accept
 * @param {string} what
 */
export async function eventually(read, accept, what) {
  const deadline = performance.now() + 20_000;
  for (;;) {
    const value = await read();
    if (accept(value)) return value;
    if (performance.now() > deadline) assert.fail(`${what}; it was ${JSON.stringify(value)}`);
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
}

/** Persian digits as ASCII ones. */
export function ascii(text) {
  return text.replaceAll(/[۰-۹]/g, (digit) => String(digit.charCodeAt(0) - 0x6f0)).replaceAll(/[٬,]/g, "");
}
