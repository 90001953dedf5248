// The network fails, the server dies, the page is loaded again: nobody has to do anything, and nothing is lost.
import assert from "node:assert/strict";
import { ascii, eventually, fromTheNetwork, scene } from "./harness.js";

const room = "کلاس";

/** Whether any notice tells of this person. */
const tells = (notices, name, word) => notices.some((text) => text.includes(name) && word.test(text));
const LEFT = /left|رفت|ترک|خارج/;
const JOINED = /joined|آمد|پیوست|وارد/;

scene("the server is killed and started again, and both windows come back by themselves and chat on", async (stage) => {
  const maryam = await stage.window({ offlineExpected: true });
  const ali = await stage.window({ offlineExpected: true });
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await maryam.say("پیش از قطع");
  await ali.sees("پیش از قطع");

  await stage.server.kill();
  await maryam.stateOtherThan("connected");
  await ali.stateOtherThan("connected");
  await stage.server.restart();
  await maryam.connected();
  await ali.connected();

  await maryam.say("برگشتم");
  await ali.sees("برگشتم");
  await ali.say("من هم");
  await maryam.sees("من هم");
  // The old messages stay on the page, and a line says that nobody knows what happened between them.
  for (const window of [maryam, ali]) {
    assert.deepEqual(await window.texts(), ["پیش از قطع", "برگشتم", "من هم"]);
    assert.equal(await window.get("reset").count(), 1);
  }
});

scene("a server that is told to end and started again loses nobody", async (stage) => {
  const maryam = await stage.window({ offlineExpected: true });
  await maryam.enter({ room, name: "مریم" });
  assert.equal(await stage.server.terminate(), 0);
  await maryam.stateOtherThan("connected");
  await stage.server.restart();
  await maryam.connected();
  await maryam.say("دوباره");
  await maryam.sees("دوباره");
});

scene("a message typed while disconnected is shown as pending and arrives exactly once", async (stage) => {
  const network = await stage.proxy();
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });

  network.refuse();
  await maryam.stateOtherThan("connected");
  await maryam.say("نامه‌ای در راه");
  await maryam.say("و یکی دیگر");
  assert.deepEqual(
    (await maryam.messages()).map(({ status }) => status),
    ["pending", "pending"],
  );
  assert.deepEqual(await ali.texts(), []);
  network.restore();
  await maryam.connected();

  await maryam.sees("و یکی دیگر");
  await ali.sees("و یکی دیگر");
  for (const window of [maryam, ali]) assert.deepEqual(await window.texts(), ["نامه‌ای در راه", "و یکی دیگر"]);
});

scene("a short cut makes no leave and no join, and what was said meanwhile arrives in order", async (stage) => {
  const network = await stage.proxy();
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await ali.say("یک");
  await maryam.sees("یک");
  const before = [await maryam.notices(), await ali.notices()];

  network.refuse();
  await maryam.stateOtherThan("connected");
  await ali.say("دو");
  await ali.say("سه");
  await ali.sees("سه");
  network.restore();
  await maryam.connected();
  await maryam.sees("سه");

  assert.deepEqual(await maryam.texts(), ["یک", "دو", "سه"]);
  assert.deepEqual([await maryam.notices(), await ali.notices()], before);
  assert.equal(await maryam.get("gap").count(), 0);
  assert.equal(await ali.get("member").count(), 2);
});

scene("a connection that was cut twenty times leaves every message once and in order", async (stage) => {
  const network = await stage.proxy();
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  const said = [];
  for (let turn = 1; turn <= 20; turn += 1) {
    said.push(`پیام ${turn}`);
    await maryam.say(`پیام ${turn}`);
    network.cut();
    // Cut at different moments: connected, on the way back, waiting.
    if (turn % 5 === 0) await maryam.connected();
  }
  await maryam.connected();
  await eventually(
    () => maryam.messages(),
    (list) => list.length >= 20 && list.every(({ status }) => status === "sent"),
    "all are sent",
  );
  await ali.sees("پیام 20");
  for (const window of [maryam, ali]) assert.deepEqual(await window.texts(), said);
});

scene(
  "a line says how many messages are gone when the room has gone on too far",
  { server: ["--history", "5", "--limits", "off"] },
  async (stage) => {
    const network = await stage.proxy();
    const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
    await maryam.enter({ room, name: "مریم" });
    const ali = await stage.member({ room, name: "علی" });
    await ali.say("پیش");
    await maryam.sees("پیش");

    network.refuse();
    await maryam.stateOtherThan("connected");
    await ali.say(...Array.from({ length: 20 }, (_, index) => `پیام ${index + 1}.`));
    network.restore();
    await maryam.connected();
    await maryam.sees("پیام 20.");

    const gap = maryam.get("gap");
    assert.equal(await gap.count(), 1);
    const shown = (await maryam.texts()).slice(1);
    const missed = Number(/\d+/.exec(ascii(await gap.innerText()))[0]);
    assert.equal(missed + shown.length, 20, "every message is either shown or counted as missed");
    assert.deepEqual(shown, Array.from({ length: 20 }, (_, index) => `پیام ${index + 1}.`).slice(missed));
    assert.ok(missed > 0);
  },
);

scene(
  "a connection that hangs without a word is given up and replaced",
  { server: ["--heartbeat", "300ms"] },
  async (stage) => {
    const network = await stage.proxy();
    const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
    await maryam.enter({ room, name: "مریم" });
    network.stall();
    await maryam.stateOtherThan("connected");
    network.cut();
    network.restore();
    await maryam.connected();
    await maryam.say("زنده");
    await maryam.sees("زنده");
  },
);

scene("a reload keeps the place in the room without a leave or a join", async (stage) => {
  const maryam = await stage.window();
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await maryam.say("پیش از بارگذاری");
  await ali.sees("پیش از بارگذاری");
  const before = await ali.notices();
  await maryam.page.reload();
  await maryam.connected();
  await maryam.say("پس از بارگذاری");
  await ali.sees("پس از بارگذاری");
  assert.deepEqual(await ali.notices(), before);
  assert.equal(await ali.get("member").count(), 2);
  assert.equal(tells(await maryam.notices(), "مریم", LEFT), false);
});

scene("a closed window is told to the room", { server: ["--grace", "200ms"] }, async (stage) => {
  const maryam = await stage.window();
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await maryam.get("member").filter({ hasText: "علی" }).waitFor();
  assert.ok(tells(await maryam.notices(), "علی", JOINED));
  await ali.page.close();
  await eventually(
    () => maryam.notices(),
    (notices) => tells(notices, "علی", LEFT),
    "the leave is told",
  );
  await maryam.get("member").filter({ hasText: "علی" }).waitFor({ state: "detached" });
});

scene("a tab that is duplicated does not fight with the first one", async (stage) => {
  const first = await stage.window();
  await first.enter({ room, name: "مریم" });
  const ali = await stage.window();
  await ali.enter({ room, name: "علی" });
  // window.open copies the session storage, as "duplicate tab" does.
  const standing = (window) =>
    window.page.evaluate(() => {
      const find = (id) => document.querySelector(`[data-testid=${id}]`);
      if (find("closed")) return "closed";
      return find("connection")?.dataset.state ?? (find("name-input") ? "asks" : "nothing");
    });
  const [page] = await Promise.all([
    first.page.context().waitForEvent("page"),
    first.page.evaluate(() => void window.open(location.href)),
  ]);
  const second = await stage.windowIn(first.page.context(), { page });
  await eventually(
    () => standing(second),
    (it) => ["connected", "closed", "asks"].includes(it),
    "the second tab knows where it stands",
  );
  const working = (await standing(second)) === "connected" ? second : first;
  await working.connected();
  await working.say("یکی از ما");
  await ali.sees("یکی از ما");
  assert.equal((await ali.texts()).length, 1);
});

scene("the page says plainly that it is not connected", async (stage) => {
  const network = await stage.proxy();
  const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
  await maryam.enter({ room, name: "مریم" });
  const connected = await maryam.get("connection").innerText();
  network.refuse();
  await maryam.stateOtherThan("connected");
  assert.notEqual(await maryam.get("connection").innerText(), connected);
});

scene("a page without a network does not try, and is back at once when there is one", async (stage) => {
  const maryam = await stage.window({ offlineExpected: true });
  const network = await stage.proxy();
  // A loopback address is reached without a network, so the page must not know that it is one.
  const ali = await stage.window({ origin: fromTheNetwork(network.origin), offlineExpected: true });
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await ali.page.context().setOffline(true);
  network.refuse();
  await ali.state("offline");
  network.restore();
  await maryam.say("نیستی؟");
  await ali.page.context().setOffline(false);
  await ali.connected();
  await ali.sees("نیستی؟");
});

scene(
  "a hidden page that is cut off comes back by itself, so that nobody sees it leave and its title counts on",
  async (stage) => {
    const network = await stage.proxy();
    const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
    const ali = await stage.window();
    await maryam.enter({ room, name: "مریم" });
    await ali.enter({ room, name: "علی" });
    const before = await ali.notices();
    await maryam.hidden(true);
    for (let turn = 1; turn <= 2; turn += 1) {
      network.refuse();
      await maryam.stateOtherThan("connected");
      network.restore();
      await maryam.connected();
      await ali.say(`پیام ${turn}`);
      await eventually(
        () => maryam.page.title(),
        (title) => ascii(title).includes(String(turn)),
        "the title counts it",
      );
    }
    assert.deepEqual(await ali.notices(), before);
    assert.equal(await ali.get("member").count(), 2);
  },
);

scene(
  "a time of day that is set back hides no dead connection, and makes no countdown of an hour",
  { server: ["--heartbeat", "300ms"] },
  async (stage) => {
    const network = await stage.proxy();
    const maryam = await stage.window({ origin: network.origin, offlineExpected: true });
    await maryam.enter({ room, name: "مریم" });
    const set = (ms) =>
      maryam.page.evaluate((ms) => {
        const real = Date.now;
        Date.now = () => real() + ms;
      }, ms);
    await set(-3_600_000);
    network.stall();
    await maryam.stateOtherThan("connected");
    network.cut();
    network.refuse();
    await maryam.state("waiting");
    await set(-3_600_000);
    await eventually(
      async () => Number(/\d+/.exec(ascii(await maryam.get("connection").innerText()))?.[0] ?? 0),
      (seconds) => seconds < 25,
      "the countdown is short",
    );
    network.restore();
    await maryam.connected();
  },
);

scene(
  "a name is kept for who was cut off: the newcomer waits and is offered another, and the owner has it back",
  { server: ["--heartbeat", "2s", "--grace", "25s"] },
  async (stage) => {
    const network = await stage.proxy();
    const owner = await stage.window({ origin: network.origin, offlineExpected: true });
    await owner.enter({ room, name: "مریم" });
    network.refuse();
    await owner.stateOtherThan("connected");
    for (const lang of ["fa", "en"]) {
      const newcomer = await stage.window({ offlineExpected: true });
      await newcomer.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
      await newcomer.introduce("مریم");
      await newcomer.state("waiting");
      await newcomer.get("other-name").click();
      assert.equal(await newcomer.get("closed").getAttribute("data-code"), "name_kept");
      await newcomer.get("closed").getByTestId("name-input").fill(`مریم ${lang}`);
      await newcomer.get("closed").getByTestId("join-button").click();
      await newcomer.connected();
    }
    network.restore();
    await owner.connected();
    await owner.say("من برگشتم");
    await owner.sees("من برگشتم");
  },
);

scene(
  "who waits for a name that nobody comes back for gets it by waiting",
  { server: ["--grace", "3s"] },
  async (stage) => {
    const network = await stage.proxy();
    const owner = await stage.window({ origin: network.origin, offlineExpected: true });
    await owner.enter({ room, name: "مریم" });
    const newcomer = await stage.window({ offlineExpected: true });
    await newcomer.visit(`/r/${encodeURIComponent(room)}`);
    network.refuse();
    await owner.stateOtherThan("connected");
    await newcomer.introduce("مریم");
    await newcomer.connected();
  },
);
