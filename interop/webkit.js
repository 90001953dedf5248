// A window of WebKit's MiniBrowser, driven by WebKitWebDriver in the WebDriver protocol (W3C): requests of JSON, no client library.
import { spawn } from "node:child_process";
import { once } from "node:events";
import { access, readdir } from "node:fs/promises";
import net from "node:net";

const PATIENCE_MS = 30_000;
/** What the protocol calls a reference to an element. */
const ELEMENT = "element-6066-11e4-a52e-4f735466cecf";
const ENTER = "\uE007";

async function freePort() {
  const listener = net.createServer().listen(0, "127.0.0.1");
  await once(listener, "listening");
  const { port } = listener.address();
  listener.close();
  return port;
}

/** Calls until it does not throw. */
async function patiently(what, call) {
  const end = performance.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (performance.now() > end) throw new Error(`waited ${PATIENCE_MS / 1_000} s for ${what}: ${error.message}`);
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

export class WebKit {
  #driver;
  #base;
  #session = "";

  constructor(driver, base) {
    this.#driver = driver;
    this.#base = base;
  }

  /** Needs a display (`DISPLAY`, or Xvfb's). */
  static async launch() {
    const port = await freePort();
    const driver = spawn(process.env.WEBKIT_DRIVER ?? "WebKitWebDriver", [`--port=${port}`], {
      stdio: "ignore",
      detached: true,
    });
    driver.on("error", () => {});
    const browser = new WebKit(driver, `http://127.0.0.1:${port}`);
    try {
      await patiently("WebKitWebDriver", () => browser.#call("GET", "/status"));
      const options = { binary: await miniBrowser(), args: ["--automation"] };
      const { sessionId } = await browser.#call("POST", "/session", {
        capabilities: { alwaysMatch: { "webkitgtk:browserOptions": options } },
      });
      browser.#session = `/session/${sessionId}`;
    } catch (error) {
      browser.#end();
      throw error;
    }
    return browser;
  }

  async close() {
    await this.#call("DELETE", this.#session).catch(() => {});
    this.#end();
  }

  /** The driver's group: it started the browser. */
  #end() {
    try {
      process.kill(-this.#driver.pid, "SIGKILL");
    } catch {
      // It has ended, or was never there.
    }
  }

  async #call(method, path, body) {
    const answer = await fetch(this.#base + path, {
      method,
      body: body && JSON.stringify(body),
      headers: { "content-type": "application/json" },
      signal: AbortSignal.timeout(PATIENCE_MS),
    });
    const { value } = await answer.json();
    if (!answer.ok) throw new Error(`${value.error}: ${value.message}`);
    return value;
  }

  async goto(url) {
    await this.#call("POST", `${this.#session}/url`, { url });
  }

  /** Runs the body of a function in the page. */
  async run(script, ...args) {
    return this.#call("POST", `${this.#session}/execute/sync`, { script, args });
  }

  /** The element of a test id, and more of a selector behind it. */
  async get(id, more = "") {
    return patiently(
      `${id}${more}`,
      async () =>
        (
          await this.#call("POST", `${this.#session}/element`, {
            using: "css selector",
            value: `[data-testid=${id}]${more}`,
          })
        )[ELEMENT],
    );
  }

  async type(id, text) {
    const element = await this.get(id);
    await patiently(id, () => this.#call("POST", `${this.#session}/element/${element}/value`, { text }));
  }

  async press(id) {
    await this.type(id, ENTER);
  }

  async click(id) {
    const element = await this.get(id);
    await this.#call("POST", `${this.#session}/element/${element}/click`, {});
  }

  /** Waits for a message of this text that the server has. */
  async sees(text) {
    await patiently(`the message ${text}`, async () => {
      const is = await this.run(
        "return [...document.querySelectorAll('[data-testid=message][data-status=sent]')].some((one) => one.textContent.includes(arguments[0]))",
        text,
      );
      if (!is) throw new Error("it is not there");
    });
  }
}

/** MiniBrowser stands beside WebKit's library, in a folder of the machine's architecture. */
async function miniBrowser() {
  if (process.env.WEBKIT) return process.env.WEBKIT;
  for (const folder of await readdir("/usr/lib")) {
    for (const version of ["4.1", "4.0"]) {
      const path = `/usr/lib/${folder}/webkit2gtk-${version}/MiniBrowser`;
      if (
        await access(path).then(
          () => true,
          () => false,
        )
      )
        return path;
    }
  }
  throw new Error("there is no MiniBrowser; WEBKIT names one");
}
