// The page is loaded again before what was said has arrived: it is still there, and everyone sees it once.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const room = "کلاس";
/** Only a WebSocket may carry the room, so that a network that lets pages through and refuses those cuts it off. */
const query = "?transport=websocket";

/** What stands at the end of the list, and is not in the log. */
const waiting = async (window) =>
  (await window.messages()).filter(({ status }) => status === "pending").map(({ text }) => text);

/** Two in a room, and the first is behind a network that can be told to let nothing but pages through. */
async function twoInTheRoom(stage) {
  const network = await stage.gateway();
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  const ali = await stage.window({ offlineExpected: true });
  await maryam.enter({ room, name: "مریم", query });
  await ali.enter({ room, name: "علی" });
  return { network, maryam, ali };
}

scene(
  "what was said while disconnected is still waiting after two reloads, and then arrives once and in order",
  async (stage) => {
    const { network, maryam, ali } = await twoInTheRoom(stage);
    await maryam.say("یک");
    await ali.sees("یک");
    network.set("upgrades", "refuse");
    await maryam.stateOtherThan("connected");
    await maryam.say("دو");
    await maryam.say("سه");
    for (let turn = 0; turn < 2; turn += 1) {
      await maryam.page.reload();
      await maryam.message("سه").waitFor();
      assert.deepEqual(await waiting(maryam), ["دو", "سه"]);
    }
    await maryam.say("چهار");
    assert.deepEqual(await ali.texts(), ["یک"]);

    network.set("upgrades", "pass");
    await maryam.connected();
    for (const window of [maryam, ali]) {
      await window.sees("چهار");
      assert.deepEqual(await window.texts(), ["یک", "دو", "سه", "چهار"]);
    }
    // Nothing is left that a further reload would send.
    await maryam.page.reload();
    await maryam.connected();
    await maryam.say("پنج");
    await ali.sees("پنج");
    assert.deepEqual(await ali.texts(), ["یک", "دو", "سه", "چهار", "پنج"]);
  },
);

for (const [name, arrive, outcome] of [
  ["مریم", ["یک", "دو", "منم"], "is sent when its sender enters again"],
  ["سارا", ["منم"], "is not sent when somebody else enters"],
]) {
  scene(`what was said before a reload in vain, for want of a server, ${outcome}`, async (stage) => {
    // Without the worker that would open the page from the device: as over plain HTTP.
    const maryam = await stage.window({ offlineExpected: true, serviceWorkers: "block" });
    const ali = await stage.window({ offlineExpected: true });
    await maryam.enter({ room, name: "مریم" });
    await ali.enter({ room, name: "علی" });
    await stage.server.kill();
    await maryam.stateOtherThan("connected");
    await maryam.say("یک");
    await maryam.say("دو");
    await assert.rejects(maryam.page.reload(), /ERR_CONNECTION_REFUSED/);
    // What is loaded again is the browser's own page about the failure.
    const stands = () => maryam.page.evaluate(() => location.protocol).catch(() => "none");
    await eventually(stands, (protocol) => protocol === "chrome-error:", "the failure is shown");
    await stage.server.restart();
    await maryam.page.reload();
    await maryam.introduce(name);
    await maryam.connected();
    await maryam.say("منم");
    await ali.connected();
    for (const window of [maryam, ali]) {
      await window.sees("منم");
      assert.deepEqual(await window.texts(), arrive);
    }
  });
}

scene("what was said before the room ever answered survives a reload as well", async (stage) => {
  const network = await stage.gateway();
  network.set("upgrades", "refuse");
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  const ali = await stage.window();
  await ali.enter({ room, name: "علی" });
  await maryam.visit(`/r/${encodeURIComponent(room)}${query}`);
  await maryam.introduce("مریم");
  await maryam.say("کسی هست؟");
  await maryam.page.reload();
  await maryam.message("کسی هست؟").waitFor();
  network.set("upgrades", "pass");
  await ali.sees("کسی هست؟");
  assert.deepEqual(await ali.texts(), ["کسی هست؟"]);
});

scene(
  "what went out a day before a reload without an answer is said again only if its writer wants it",
  async (stage) => {
    for (const [lang, doubt, again] of [
      ["fa", /شاید در اتاق گفته شده باشد/, "دوباره بفرست"],
      ["en", /may be in the room already/, "Send again"],
    ]) {
      const ali = await stage.window();
      await ali.enter({ room: room + lang, name: "علی" });
      const maryam = await stage.window();
      await maryam.enter({ room: room + lang, name: "مریم", query: `?lang=${lang}` });
      await maryam.visit();
      await maryam.page.evaluate(
        (key) => {
          const place = JSON.parse(sessionStorage.getItem(key));
          const at = Date.now() - 24 * 3_600_000;
          place.resume.outgoing = [
            { id: "old-1", content: "دیروز", at, transmitted: at },
            { id: "old-2", content: "نرفته", at, transmitted: null },
          ];
          sessionStorage.setItem(key, JSON.stringify(place));
        },
        `hamhame.place.${room + lang}`,
      );
      await maryam.visit(`/r/${encodeURIComponent(room + lang)}?lang=${lang}`);
      await maryam.introduce("مریم");
      await ali.sees("نرفته");
      assert.deepEqual(await ali.texts(), ["نرفته"]);
      const old = maryam.message("دیروز");
      assert.match(await old.getByRole("alert").innerText(), doubt);
      assert.equal(
        await old.getByRole("img", { name: lang === "fa" ? "شاید فرستاده شده" : "Perhaps sent" }).count(),
        1,
      );
      await old.getByRole("button", { name: again }).click();
      await maryam.sees("دیروز");
      await ali.sees("دیروز");
      assert.deepEqual(await ali.texts(), ["نرفته", "دیروز"]);
    }
  },
);

/** The same tab once more: window.open copies the session storage, as "duplicate tab" does. */
async function duplicateOf(window, stage, network) {
  const context = window.page.context();
  const opened = context.waitForEvent("page");
  await window.page.evaluate(() => void open(location.href));
  return stage.windowIn(context, { page: await opened, origin: network.origin, offlineExpected: true });
}

scene("a duplicate of a tab with waiting messages sends none of them", async (stage) => {
  const { network, maryam, ali } = await twoInTheRoom(stage);
  network.set("upgrades", "refuse");
  await maryam.stateOtherThan("connected");
  await maryam.say("یک بار");
  const duplicate = await duplicateOf(maryam, stage, network);
  await duplicate.get("name-input").waitFor();
  network.set("upgrades", "pass");
  await duplicate.introduce("سارا");
  await duplicate.connected();
  await maryam.page.bringToFront();
  await maryam.connected();
  await maryam.sees("یک بار");
  await duplicate.say("من دیگری‌ام");
  for (const window of [maryam, duplicate, ali]) await window.sees("من دیگری‌ام");
  assert.deepEqual((await ali.texts()).sort(), ["من دیگری‌ام", "یک بار"].sort());
});

scene(
  "a duplicate of a hidden tab has the same messages waiting, and the room gets them once from both",
  async (stage) => {
    const { network, maryam, ali } = await twoInTheRoom(stage);
    network.set("upgrades", "refuse");
    await maryam.stateOtherThan("connected");
    await maryam.say("یک بار");
    await maryam.hidden(true);
    const duplicate = await duplicateOf(maryam, stage, network);
    network.set("upgrades", "pass");
    await duplicate.introduce("مریم");
    // A hidden tab comes back as well, and so which of the two has the place now is chance.
    const takeOver = async (window) => {
      await window.page
        .locator("[data-testid=connection]:is([data-state=connected], [data-state=closed])")
        .waitFor({ state: "attached" });
      await ali.sees("یک بار");
      if (await window.get("closed").isVisible()) await window.get("closed-action").click();
      await window.connected();
      await window.sees("یک بار");
    };
    await takeOver(duplicate);
    await maryam.hidden(false);
    await takeOver(maryam);
    await maryam.say("و تمام");
    await ali.sees("و تمام");
    assert.deepEqual(await ali.texts(), ["یک بار", "و تمام"]);
  },
);
