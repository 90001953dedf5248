// A person's window: what is on it, and what a person does with it. The page's `data-testid`s are known here alone.

/** What the browser itself writes to the console when a connection fails. */
const FAILED_CONNECTION = /WebSocket connection to|net::ERR_|ERR_CONNECTION|status of (504|404)/;
/** What Playwright writes there where a window is to go without a service worker. */
const BLOCKED_WORKER = /^Service Worker registration blocked by Playwright/;

export class Window {
  #complaints = [];
  #origin;

  /** @type {import("playwright-core").Page} */
  page;

  /** Wraps a page and watches it from its first byte. */
  static async open(page, origin, offlineExpected) {
    const window = new Window();
    window.page = page;
    window.#origin = origin;
    await window.#watch(offlineExpected);
    return window;
  }

  async #watch(offlineExpected) {
    const { page } = this;
    const complain = (text) => this.#complaints.push(text);
    const own = new Set([this.#origin, this.#origin.replace("http", "ws")]);
    const check = (kind) => (request) => {
      const url = new URL(request.url());
      // data: and blob: are made by the page and leave no machine.
      if (!["data:", "blob:"].includes(url.protocol) && !own.has(url.origin)) complain(`${kind} to ${url}`);
    };
    page.on("request", check("request"));
    page.on("websocket", check("WebSocket"));
    page.on("pageerror", (error) => complain(`uncaught: ${error.stack}`));
    page.on("console", (message) => {
      if (!["error", "warning"].includes(message.type())) return;
      if (BLOCKED_WORKER.test(message.text())) return;
      if (offlineExpected && FAILED_CONNECTION.test(message.text())) return;
      complain(`console ${message.type()}: ${message.text()} (${message.location().url})`);
    });
    await page.addInitScript(() => {
      globalThis.violations = [];
      document.addEventListener("securitypolicyviolation", (event) => {
        globalThis.violations.push(`${event.violatedDirective}: ${event.blockedURI} ${event.sample}`);
      });
    });
  }

  /** What a page of this server must not do, as sentences; empty if all is well. */
  async complaints() {
    const violations = this.page.isClosed() ? [] : await this.page.evaluate(() => globalThis.violations ?? []);
    return [...this.#complaints, ...violations.map((text) => `policy violated: ${text}`)];
  }

  get(id) {
    return this.page.getByTestId(id);
  }

  async visit(path = "/") {
    await this.page.goto(this.#origin + path);
  }

  /** Waits until the browser has drawn the page: with its styles, which a measurement does not wait for. */
  async drawn() {
    await this.page.evaluate(
      () =>
        new Promise((resolve) => {
          const observer = new PerformanceObserver((list) => {
            if (!list.getEntriesByName("first-contentful-paint").length) return;
            observer.disconnect();
            resolve();
          });
          observer.observe({ type: "paint", buffered: true });
        }),
    );
  }

  /** Enters a room by its link, as one who got that link does, and is connected. */
  async enter({ room, name, query = "" }) {
    await this.visit(`/r/${encodeURIComponent(room)}${query}`);
    await this.introduce(name);
    await this.connected();
  }

  async introduce(name) {
    await this.get("name-input").fill(name);
    await this.get("join-button").click();
  }

  async connected() {
    await this.state("connected");
  }

  /** Waits for the state of the connection. */
  async state(state) {
    await this.page.locator(`[data-testid=connection][data-state=${state}]`).waitFor({ state: "attached" });
  }

  /** Waits until the connection is in another state than this. */
  async stateOtherThan(state) {
    await this.page.locator(`[data-testid=connection]:not([data-state=${state}])`).waitFor({ state: "attached" });
  }

  /** Waits until the room is on this transport. */
  async travelsBy(transport) {
    await this.page
      .locator(`[data-testid=connection][data-state=connected][data-transport=${transport}]`)
      .waitFor({ state: "attached", timeout: 40_000 });
  }

  async type(text) {
    await this.get("composer").fill(text);
  }

  /** Types and sends. */
  async say(text) {
    await this.type(text);
    await this.get("composer").press("Enter");
  }

  message(text) {
    return this.get("message").filter({ hasText: text });
  }

  /** Waits for a message of this text that the server has. */
  async sees(text) {
    await this.page.locator("[data-testid=message][data-status=sent]").filter({ hasText: text }).first().waitFor();
  }

  /** What stands in the list of messages, from top to bottom. */
  async messages() {
    return this.get("message").evaluateAll((nodes) =>
      nodes.map((node) => ({
        // The time stands in the text's last line, and what copies code beside it: they are no part of it.
        text: [...node.querySelector(".message-text").childNodes]
          .filter((child) => !(child instanceof Element && child.matches(".message-meta")))
          .map((child) => child.textContent)
          .join(""),
        status: node.dataset.status,
        own: node.dataset.own === "true",
        offset: Number(node.dataset.offset),
      })),
    );
  }

  /** The texts of the messages, from top to bottom. */
  async texts() {
    return (await this.messages()).map(({ text }) => text);
  }

  /** The texts of the quiet lines (joined, left), from top to bottom. */
  async notices() {
    return this.get("system").allTextContents();
  }

  /** Whether the page is wider than the window. */
  async overflows() {
    return this.page.evaluate(() => {
      const root = document.scrollingElement;
      return root.scrollWidth > root.clientWidth;
    });
  }

  /** The list of messages: what scrolls around them. */
  async scroller() {
    return this.get("message")
      .first()
      .evaluateHandle((node) => {
        let scroller = node.parentElement;
        while (scroller && !/auto|scroll/.test(getComputedStyle(scroller).overflowY)) scroller = scroller.parentElement;
        return scroller ?? document.scrollingElement;
      });
  }

  /** Scrolls with the wheel over the messages; negative is up. */
  async wheel(pixels) {
    await this.get("message").last().hover();
    await this.page.mouse.wheel(0, pixels);
  }

  /** Makes the page believe that it is in a background tab, or in front again. */
  async hidden(hidden) {
    await this.page.evaluate((hidden) => {
      Object.defineProperty(document, "hidden", { configurable: true, get: () => hidden });
      Object.defineProperty(document, "visibilityState", {
        configurable: true,
        get: () => (hidden ? "hidden" : "visible"),
      });
      document.hasFocus = () => !hidden;
      document.dispatchEvent(new Event("visibilitychange"));
      dispatchEvent(new Event(hidden ? "blur" : "focus"));
    }, hidden);
  }
}
