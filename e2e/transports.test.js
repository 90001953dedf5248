// Proxies as companies, hotels and phones have them: what does not get through one way takes another.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

const room = "کلاس";
// A stream that was held back in the middle shows it by its missing heartbeats.
const server = ["--heartbeat", "1s"];

scene(
  "a proxy blocks WebSockets, then streams, then requests that wait, and the chat goes on each time",
  { server },
  async (stage) => {
    const gateway = await stage.gateway();
    const maryam = await stage.window({ origin: gateway.origin, offlineExpected: true });
    const ali = await stage.window();
    await maryam.enter({ room, name: "مریم" });
    await ali.enter({ room, name: "علی" });
    await maryam.travelsBy("websocket");
    await maryam.page.evaluate(() => (globalThis.sameLife = true));
    const notices = await ali.notices();
    const said = [];
    const talk = async (window, text) => {
      said.push(text);
      await window.say(text);
      for (const one of [maryam, ali]) await one.sees(text);
    };
    await talk(maryam, "با وب‌سوکت");

    for (const [kind, fate, transport] of [
      ["upgrades", "refuse", "sse"],
      ["streams", "hold", "long-polling"],
      ["waits", "refuse", "polling"],
    ]) {
      gateway.set(kind, fate);
      said.push(`هنوز نمی‌داند: ${transport}`);
      await ali.say(said.at(-1));
      await maryam.travelsBy(transport);
      await maryam.sees(said.at(-1));
      await talk(maryam, `مریم با ${transport}`);
      await talk(ali, `علی با ${transport}`);
      await ali.type("در حال نوشتن");
      await maryam.page.locator("[data-testid=typing].shown").filter({ hasText: "علی" }).waitFor();
      await ali.type("");
    }
    for (const window of [maryam, ali]) {
      assert.deepEqual(await window.texts(), said);
      for (const line of ["gap", "reset"]) assert.equal(await window.get(line).count(), 0);
      assert.equal(await window.get("member").count(), 2);
    }
    assert.deepEqual(await ali.notices(), notices, "nobody seemed to leave");
    assert.ok(await maryam.page.evaluate(() => globalThis.sameLife), "the page was not loaded again");
  },
);

scene("a page behind a proxy that refuses WebSockets says so when asked, and a reload remembers it", async (stage) => {
  const gateway = await stage.gateway();
  gateway.set("upgrades", "refuse");
  const maryam = await stage.window({ origin: gateway.origin, offlineExpected: true });
  let sockets = 0;
  maryam.page.on("websocket", () => (sockets += 1));
  await maryam.enter({ room, name: "مریم", query: "?lang=en" });
  await maryam.travelsBy("sse");
  assert.equal(sockets, 1);
  await maryam.get("connection").click();
  await maryam.get("transport-card").filter({ hasText: "SSE" }).waitFor();
  await maryam.get("transport-card").filter({ hasText: "does not let WebSockets through" }).waitFor();
  await maryam.page.keyboard.press("Escape");
  await maryam.get("transport-card").waitFor({ state: "hidden" });
  await maryam.page.reload();
  await maryam.travelsBy("sse");
  assert.equal(sockets, 1, "no second was spent on what does not work");
});

for (const transport of ["websocket", "sse", "long-polling", "polling"]) {
  scene(`an address that asks for ${transport} gets it, and the page says that it was asked for`, async (stage) => {
    const maryam = await stage.window();
    const ali = await stage.window();
    await maryam.enter({ room, name: "مریم", query: `?lang=en&transport=${transport}` });
    await maryam.travelsBy(transport);
    await ali.enter({ room, name: "علی" });
    await maryam.get("member").filter({ hasText: "علی" }).waitFor();
    await ali.say("سلام مریم");
    await maryam.sees("سلام مریم");
    await maryam.say("سلام علی");
    await ali.sees("سلام علی");
    await maryam.get("connection").click();
    await maryam.get("transport-card").filter({ hasText: "The address of this page asks for" }).waitFor();
    await maryam.page.keyboard.press("Escape");
    // A reload keeps the place over every transport.
    const before = await ali.notices();
    await maryam.page.reload();
    await maryam.travelsBy(transport);
    await maryam.say("پس از بارگذاری");
    await ali.sees("پس از بارگذاری");
    assert.deepEqual(await ali.notices(), before);
    await maryam.get("leave-button").click();
    await ali.get("member").filter({ hasText: "مریم" }).waitFor({ state: "detached" });
  });
}
