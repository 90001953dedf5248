// Firefox at the page: over HTTP/1.1, and over TLS, where page and WebSocket are streams of HTTP/2.
import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { after, test } from "node:test";
import puppeteer from "puppeteer-core";
import { Server } from "../e2e/server.js";
import { Talk } from "./talk.js";

const CONTENT = "می‌خواهم بگویم: سلام! ".repeat(30).trim();
let running;

function firefox() {
  running ??= puppeteer.launch({
    browser: "firefox",
    executablePath: process.env.FIREFOX ?? "/usr/bin/firefox-esr",
    acceptInsecureCerts: true,
  });
  return running;
}
after(async () => (await running)?.close());

/** A way to the server that notes what each connection offers to speak. */
async function relay(port) {
  const offers = [];
  const listener = net.createServer((near) => {
    const far = net.connect(port, "127.0.0.1");
    near.once("data", (hello) => offers.push(hello.includes("\x02h2") ? "h2" : "http/1.1"));
    near.pipe(far).pipe(near);
    near.on("error", () => far.destroy());
    far.on("error", () => near.destroy());
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  return { offers, port: listener.address().port, close: () => listener.close() };
}

for (const [version, args] of [
  ["http/1.1", []],
  ["h2", ["--tls", "self-signed"]],
]) {
  test(`people talk in Firefox over ${version}`, { timeout: 60_000 }, async () => {
    const server = await Server.start([...args, "--drain", "200ms"]);
    const way = await relay(server.port);
    const origin = server.origin.replace(`:${server.port}`, `:${way.port}`);
    const context = await (await firefox()).createBrowserContext();
    try {
      const page = await context.newPage();
      await page.goto(`${origin}/r/${encodeURIComponent("کلاس")}`);
      assert.equal(await page.evaluate(() => performance.getEntriesByType("navigation")[0].nextHopProtocol), version);
      await page.locator("[data-testid=name-input]").fill("مریم");
      await page.locator("[data-testid=join-button]").click();
      await page.waitForSelector("[data-testid=connection][data-state=connected]");
      // A WebSocket of HTTP/1.1 over TLS would be a connection that does not offer HTTP/2.
      assert.ok(
        way.offers.every((offer) => offer === version),
        `${way.offers}`,
      );

      const sees = (text) =>
        page.waitForFunction(
          (text) =>
            [...document.querySelectorAll("[data-testid=message]")].some((message) =>
              message.textContent.includes(text),
            ),
          {},
          text,
        );
      const address = `${server.origin.replace("http", "ws")}/ws/${encodeURIComponent("کلاس")}/${encodeURIComponent("علی")}`;
      const ali = await Talk.join(address, { rejectUnauthorized: false });
      ali.send({ type: "send", id: "1", content: CONTENT });
      await sees(CONTENT);
      await page.type("[data-testid=composer]", "سلام علی");
      await page.keyboard.press("Enter");
      assert.equal((await ali.next("message", "سلام علی")).client_id, "مریم");

      assert.equal(await server.terminate(), 0);
      await page.waitForSelector("[data-testid=connection]:not([data-state=connected])");
      await server.restart();
      await page.waitForSelector("[data-testid=connection][data-state=connected]");
    } finally {
      await context.close();
      way.close();
      await server.kill();
    }
  });
}
