// WebKit at the page, in both languages: from the form into the room, a message each way, and back after a restart of the server.
import assert from "node:assert/strict";
import { after, test } from "node:test";
import { Server } from "../e2e/server.js";
import { Talk } from "./talk.js";
import { WebKit } from "./webkit.js";

const CONTENT = "می‌خواهم بگویم: سلام! ".repeat(30).trim();
const ROOM = encodeURIComponent("کلاس");
let running;
const webkit = () => (running ??= WebKit.launch());
after(async () => (await running)?.close());

for (const [lang, dir] of [
  ["fa", "rtl"],
  ["en", "ltr"],
]) {
  test(`people talk in WebKit, and the page speaks ${lang}`, { timeout: 120_000 }, async () => {
    const server = await Server.start(["--drain", "200ms"]);
    try {
      const page = await webkit();
      await page.goto(`${server.origin}/r/${ROOM}?lang=${lang}`);
      await page.type("name-input", "مریم");
      await page.click("join-button");
      await page.get("connection", "[data-state=connected][data-transport=websocket]");
      assert.deepEqual(
        await page.run("return [document.documentElement.lang, getComputedStyle(document.body).direction]"),
        [lang, dir],
      );

      const ali = await Talk.join(`${server.origin.replace("http", "ws")}/ws/${ROOM}/${encodeURIComponent("علی")}`);
      ali.send({ type: "send", id: "1", content: CONTENT });
      await page.sees(CONTENT);
      await page.type("composer", "سلام علی");
      await page.press("composer");
      assert.equal((await ali.next("message", "سلام علی")).client_id, "مریم");
      await page.sees("سلام علی");
      assert.equal(
        await page.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth"),
        false,
      );

      assert.equal(await server.terminate(), 0);
      await page.get("connection", ":not([data-state=connected])");
      await server.restart();
      await page.get("connection", "[data-state=connected]");
    } finally {
      await server.kill();
    }
  });
}
