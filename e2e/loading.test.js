// What one sees and can do before the script is there, without it, and at the second visit.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const PACKED = ["--packed"];

const STYLES = /\.css$/;
const MAIN = /\/(assets\/main\.[0-9a-f]+|ui\/main)\.js$/;

/** Opens a page, as a slow network has it: styles come late, and the script when it is let go. */
async function openWithoutScript(window, address) {
  let release = () => {};
  const gate = new Promise((resolve) => (release = resolve));
  await window.page.route(MAIN, async (route) => {
    await gate;
    await route.continue();
  });
  await window.page.route(STYLES, (route) => setTimeout(() => route.continue(), 500));
  await window.page.goto(address, { waitUntil: "commit" });
  await window.drawn();
  return release;
}

const taken = (window) =>
  eventually(
    () => window.page.evaluate(() => document.activeElement?.tagName),
    (tag) => tag === "INPUT",
    "the script takes the form over",
  );

for (const server of [[], PACKED]) {
  const how = server.length ? "packed" : "from the tree";

  scene(
    `what is typed before the script runs is kept, and the form does not move (${how})`,
    { server },
    async (stage) => {
      for (const [name, options] of [
        ["Sara", { colorScheme: "dark" }],
        ["Reza", { viewport: { width: 390, height: 844 } }],
      ]) {
        const window = await stage.window(options);
        const release = await openWithoutScript(window, `${stage.server.origin}/`);
        await window.get("name-input").fill(name);
        await window.get("room-input").fill("کلاس");
        // The font may come meanwhile; it is not what this is about.
        await window.page.evaluate(() => document.fonts.ready);
        const places = () =>
          window.page.evaluate(() =>
            [
              "name-input",
              "room-input",
              "suggest-room",
              "join-button",
              "language-switch",
              "theme-switch",
              "calendar-switch",
            ]
              .map((id) => {
                const { x, y, width, height } = document.querySelector(`[data-testid=${id}]`).getBoundingClientRect();
                return [id, x, y, width, height].join(" ");
              })
              .concat(getComputedStyle(document.body).color, document.querySelector("form").innerText),
          );
        const before = await places();
        await window.page.evaluate(() => (globalThis.form = document.querySelector("form")));
        assert.match(before.at(-1), /نام شما/);
        release();
        await eventually(
          () => window.page.evaluate(() => document.querySelectorAll("[data-live]").length),
          (n) => n > 10,
          "the script takes over",
        );
        assert.deepEqual(await places(), before);
        assert.ok(
          await window.page.evaluate(() => globalThis.form === document.querySelector("form")),
          "it is the same form",
        );
        assert.equal(await window.get("name-input").inputValue(), name);
        await window.get("join-button").click();
        await window.connected();
        assert.match(decodeURIComponent(window.page.url()), /\/r\/کلاس$/);
      }
    },
  );

  scene(`who enters before the script is there is in as soon as it is (${how})`, { server }, async (stage) => {
    const window = await stage.window();
    const release = await openWithoutScript(window, `${stage.server.origin}/r/${encodeURIComponent("کلاس شبکه")}`);
    await window.get("name-input").fill("مریم");
    assert.match(await window.page.locator("h1:visible").innerText(), /ورود به کلاس شبکه/);
    assert.ok(!(await window.get("room-input").isVisible()));
    await window.get("name-input").press("Enter");
    release();
    await window.connected();
  });

  scene(
    `who chose a language, a theme and a name finds them before the script is there (${how})`,
    { server },
    async (stage) => {
      const window = await stage.window();
      await window.page.goto(`${stage.server.origin}/r/class?lang=en`);
      await window.introduce("Sara");
      await window.connected();
      await window.page.evaluate(() => {
        localStorage.setItem("hamhame.language", "en");
        localStorage.setItem("hamhame.theme", "dark");
      });
      const again = await stage.windowIn(window.page.context());
      await openWithoutScript(again, `${stage.server.origin}/r/class`);
      assert.match(await again.page.locator("h1:visible").innerText(), /Enter class/);
      assert.equal(await again.get("name-input").inputValue(), "Sara");
      assert.doesNotMatch(
        await again.page.locator("#app").innerText(),
        /\p{Script=Arabic}{2}(?<!فارسی)(?<!فا)(?<!فار)(?<!فارس)/u,
      );
      assert.equal(
        await again.page.evaluate(() => document.documentElement.dir + document.documentElement.dataset.theme),
        "ltrdark",
      );
      await again.page.unrouteAll({ behavior: "ignoreErrors" });
    },
  );

  scene(`without JavaScript the form is there and says what it needs (${how})`, { server }, async (stage) => {
    for (const [query, text] of [
      ["", /جاوااسکریپت/],
      ["?lang=en", /needs JavaScript/],
    ]) {
      const window = await stage.window({ javaScriptEnabled: false });
      await window.page.goto(`${stage.server.origin}/${query}`);
      await window.get("join-button").waitFor();
      assert.match(await window.page.locator("body").innerText(), text);
      await window.page.context().close();
    }
  });
}

scene("the second visit asks for one document", { server: PACKED }, async (stage) => {
  const gateway = await stage.gateway();
  const asked = [];
  const window = await stage.window({ origin: gateway.origin });
  await window.visit("/");
  await taken(window);
  await window.page.waitForLoadState("networkidle");
  const second = await stage.windowIn(window.page.context(), { origin: gateway.origin });
  const cdp = await second.page.context().newCDPSession(second.page);
  await cdp.send("Network.enable");
  cdp.on("Network.responseReceived", ({ response }) => {
    if (!response.fromDiskCache && response.url.startsWith("http")) asked.push(response.url);
  });
  const cached = new Set();
  cdp.on("Network.requestServedFromCache", ({ requestId }) => cached.add(requestId));
  await second.visit("/");
  await taken(second);
  await second.page.waitForLoadState("networkidle");
  assert.deepEqual(
    asked.filter((url) => url !== `${gateway.origin}/`),
    [],
    `${cached.size} came from the cache`,
  );
});
