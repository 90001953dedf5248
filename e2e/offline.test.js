// The page where there is no network, and where there is nothing at an address.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const PACKED = ["--packed"];

scene(
  "without a network the page opens from the device and says so, and goes on when the network is back",
  { server: PACKED },
  async (stage) => {
    const network = await stage.proxy();
    const window = await stage.window({ origin: network.origin, offlineExpected: true, locale: "fa-IR" });
    const reader = await stage.window();
    await reader.enter({ room: "کلاس", name: "علی" });
    await window.enter({ room: "کلاس", name: "مریم" });
    await window.say("پیش از قطع");
    await reader.sees("پیش از قطع");
    await window.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));

    network.refuse();
    const offline = window.page.locator(".join-offline:visible");
    for (const path of ["/", `/r/${encodeURIComponent("کلاس")}`]) {
      await window.page.evaluate(() => sessionStorage.clear());
      await window.visit(path);
      await offline.waitFor();
      assert.match(await offline.innerText(), /شبکه نیست/);
      assert.equal(await window.get("room-input").isVisible(), path === "/");
    }
    // Of the conversation nothing was kept.
    const kept = await window.page.evaluate(async () => {
      const caches = await Promise.all((await globalThis.caches.keys()).map((name) => globalThis.caches.open(name)));
      return (await Promise.all(caches.map((cache) => cache.keys()))).flat().map(({ url }) => new URL(url).pathname);
    });
    assert.equal(kept.length, 7, kept.join(" "));
    for (const path of kept) assert.match(path, /^\/(assets\/[\w.-]+|r\/-|)$/);

    await window.introduce("مریم");
    await window.say("بی‌شبکه نوشته شد");
    network.restore();
    await window.connected();
    await reader.sees("بی‌شبکه نوشته شد");
  },
);

scene("the word about the missing network goes when the server answers", { server: PACKED }, async (stage) => {
  const network = await stage.proxy();
  const window = await stage.window({ origin: network.origin, offlineExpected: true });
  await window.visit("/?lang=en");
  await window.page.evaluate(() => navigator.serviceWorker.ready.then(() => {}));
  network.refuse();
  await window.visit("/r/class?lang=en");
  const offline = window.page.locator(".join-offline:visible");
  assert.match(await offline.innerText(), /no network/);
  network.restore();
  await offline.waitFor({ state: "hidden" });
  await window.introduce("Sara");
  await window.connected();
});

for (const server of [[], PACKED]) {
  scene(
    `an address without anything has a page in the reader's language that leads on (${server.length ? "packed" : "from the tree"})`,
    { server: [...server, "--lang", "auto"] },
    async (stage) => {
      for (const [locale, text, dir] of [
        ["fa-IR", /اینجا چیزی نیست/, "rtl"],
        ["en-GB", /There is nothing here/, "ltr"],
      ]) {
        // The status is in the console, as a browser has it.
        const window = await stage.window({ locale, offlineExpected: true, viewport: { width: 390, height: 844 } });
        const answer = await window.page.goto(`${stage.server.origin}/nope`);
        assert.equal(answer.status(), 404);
        assert.match(await window.page.locator("h1:visible").innerText(), text);
        assert.equal(await window.page.evaluate(() => document.documentElement.dir), dir);
        assert.match(await window.page.locator("code").innerText(), /there is nothing at \/nope/);
        assert.ok(!(await window.overflows()));
        // Who chose the other language earlier reads that.
        await window.page.evaluate(
          (other) => localStorage.setItem("hamhame.language", other),
          dir === "rtl" ? "en" : "fa",
        );
        await window.page.reload();
        assert.equal(await window.page.evaluate(() => document.documentElement.dir), dir === "rtl" ? "ltr" : "rtl");
        assert.doesNotMatch(await window.page.locator("h1:visible").innerText(), text);
        await window.page.getByTestId("fault-home").click();
        await window.get("name-input").waitFor();
      }
    },
  );
}
