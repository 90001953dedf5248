// People talk: two windows, one room, Persian.
import assert from "node:assert/strict";
import { ascii, eventually, fromTheNetwork, scene } from "./harness.js";

const room = "کلاس ۷";

scene("two windows chat in Persian in one room", async (stage) => {
  const maryam = await stage.window();
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });

  await maryam.say("سلام بچه‌ها، خوبید؟");
  await ali.sees("سلام بچه‌ها، خوبید؟");
  await ali.say("سلام! می‌شنویم.");
  await maryam.sees("سلام! می‌شنویم.");

  for (const [window, own] of [
    [maryam, [true, false]],
    [ali, [false, true]],
  ]) {
    const messages = await window.messages();
    assert.deepEqual(
      messages.map(({ text }) => text),
      ["سلام بچه‌ها، خوبید؟", "سلام! می‌شنویم."],
    );
    assert.deepEqual(
      messages.map((message) => message.own),
      own,
    );
    assert.ok(messages.every(({ status }) => status === "sent"));
    assert.deepEqual((await window.get("member").allTextContents()).map((text) => text.trim()).length, 2);
  }
});

scene("both see who is there and that one leaves", async (stage) => {
  const maryam = await stage.window();
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await maryam.get("member").filter({ hasText: "علی" }).waitFor();
  await eventually(
    async () => ascii(await maryam.get("member-count").innerText()),
    (text) => /2/.test(text),
    "two members are counted",
  );
  await eventually(
    () => maryam.notices(),
    (notices) => notices.some((text) => text.includes("علی")),
    "the notice names who joined",
  );
});

scene("what is said in one room is not heard in another", async (stage) => {
  const here = await stage.window();
  const there = await stage.window();
  await here.enter({ room: "ریاضی", name: "مریم" });
  await there.enter({ room: "فیزیک", name: "علی" });
  await here.say("فقط اینجا");
  await there.say("فقط آنجا");
  await here.sees("فقط اینجا");
  await there.sees("فقط آنجا");
  assert.deepEqual(await here.texts(), ["فقط اینجا"]);
  assert.deepEqual(await there.texts(), ["فقط آنجا"]);
});

scene("the start page asks for a name and a room and leads into it", async (stage) => {
  const window = await stage.window();
  await window.visit("/");
  await window.get("room-input").fill(room);
  await window.introduce("مریم");
  await window.connected();
  assert.equal(decodeURIComponent(new URL(window.page.url()).pathname), `/r/${room}`);
  const guest = await stage.window();
  await guest.page.goto(window.page.url());
  await guest.introduce("علی");
  await guest.connected();
  await guest.say("با پیوند آمدم");
  await window.sees("با پیوند آمدم");
});

scene("a client of the seeds and a window understand each other", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const seed = await stage.member({ room, name: "دانه" });
  await seed.say("من چیزی مذاکره نکردم");
  await window.sees("من چیزی مذاکره نکردم");
});

scene("Enter sends, Shift+Enter breaks the line and the line stays broken", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const composer = window.get("composer");
  await composer.focus();
  await window.page.keyboard.type("خط یک");
  await window.page.keyboard.press("Shift+Enter");
  await window.page.keyboard.type("خط دو");
  assert.equal(await composer.inputValue(), "خط یک\nخط دو");
  assert.deepEqual(await window.texts(), []);
  await window.page.keyboard.press("Enter");
  await window.sees("خط دو");
  assert.deepEqual(await window.texts(), ["خط یک\nخط دو"]);
  assert.equal(await composer.inputValue(), "");
  assert.ok(await composer.evaluate((node) => node === document.activeElement), "one can go on typing");
});

scene("Enter that ends an input method's composition does not send", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const composer = window.get("composer");
  await composer.focus();
  const devtools = await window.page.context().newCDPSession(window.page);
  await devtools.send("Input.imeSetComposition", { text: "にほ", selectionStart: 2, selectionEnd: 2 });
  // What a browser reports for a key that the input method takes.
  await devtools.send("Input.dispatchKeyEvent", {
    type: "rawKeyDown",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 229,
  });
  await devtools.send("Input.dispatchKeyEvent", {
    type: "keyUp",
    key: "Enter",
    code: "Enter",
    windowsVirtualKeyCode: 13,
  });
  await devtools.send("Input.insertText", { text: "日本" });
  assert.equal(await composer.inputValue(), "日本");
  assert.deepEqual(await window.texts(), []);
  await composer.press("Enter");
  await window.sees("日本");
  assert.deepEqual(await window.texts(), ["日本"]);
});

scene("an empty message is not sent", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("   ");
  await window.get("composer").press("Enter");
  await window.say("بعدی");
  await window.sees("بعدی");
  assert.deepEqual(await window.texts(), ["بعدی"]);
});

scene("the half-space of Persian and emoji arrive as they were typed", async (stage) => {
  const window = await stage.window();
  const other = await stage.window();
  await window.enter({ room, name: "علی‌رضا" });
  await other.enter({ room, name: "نیم‌فاصله" });
  const text = "می‌خواهم کتاب‌هایم را 👩‍👩‍👧‍👦 ببینم";
  await window.say(text);
  await other.sees("ببینم");
  assert.deepEqual(await other.texts(), [text]);
});

scene("each message has the direction of its own text", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("سلام hello");
  await window.say("hello سلام");
  await window.sees("hello سلام");
  const directions = await window
    .get("message")
    .evaluateAll((nodes) => nodes.map((node) => getComputedStyle(node.querySelector(".message-text")).direction));
  assert.deepEqual(directions, ["rtl", "ltr"]);
  await window.type("english first");
  assert.equal(await window.get("composer").evaluate((node) => getComputedStyle(node).direction), "ltr");
});

scene("one sees that another is writing, and when it stops", async (stage) => {
  const maryam = await stage.window();
  const ali = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  await ali.enter({ room, name: "علی" });
  await ali.get("composer").pressSequentially("دارم");
  await maryam.get("typing").filter({ hasText: "علی" }).waitFor();
  assert.equal(await ali.get("typing").filter({ hasText: "علی" }).count(), 0);
  await ali.get("composer").press("Enter");
  await maryam.sees("دارم");
  await maryam.get("typing").filter({ hasText: "علی" }).waitFor({ state: "hidden" });
});

scene("a class in the same network needs no TLS", async (stage) => {
  const teacher = await stage.window();
  const student = await stage.window({ origin: fromTheNetwork(stage.server.origin) });
  await teacher.enter({ room, name: "استاد" });
  await student.enter({ room, name: "شاگرد" });
  assert.equal(await student.page.evaluate(() => isSecureContext), false);
  await student.say("صدایتان می‌آید");
  await teacher.sees("صدایتان می‌آید");
  await student.get("share-button").first().click();
  const link = new URL(await student.get("share-dialog").getByRole("textbox").inputValue());
  assert.equal(link.origin, fromTheNetwork(stage.server.origin));
});

/** What the dialog has that others could be sent. */
const invitations = (dialog) =>
  Promise.all(
    [dialog.locator("img"), dialog.getByRole("textbox"), dialog.getByTestId("copy-link")].map((one) => one.count()),
  );

scene(
  "who is on the server's own machine is told that others do not reach it, and gets a link for this machine alone",
  async (stage) => {
    for (const [lang, only] of [
      ["fa", /فقط برای همین دستگاه/],
      ["en", /for this machine only/],
    ]) {
      const window = await stage.window({ permissions: ["clipboard-read", "clipboard-write"] });
      await window.enter({ room, name: `مریم ${lang}`, query: `?lang=${lang}` });
      await window.get("share-button").first().click();
      const dialog = window.get("share-dialog");
      await dialog.getByTestId("share-local").waitFor();
      assert.match(await dialog.getByTestId("share-local").innerText(), /--lan/);
      assert.deepEqual(await invitations(dialog), [0, 0, 0]);
      assert.doesNotMatch(await dialog.innerText(), /127\.0\.0\.1|localhost|0\.0\.0\.0/);
      const copy = dialog.getByRole("button", { name: only });
      await copy.click();
      const link = `${stage.server.origin}/r/${encodeURIComponent(room)}`;
      await eventually(
        () => window.page.evaluate(() => navigator.clipboard.readText()),
        (text) => text === link,
        "the link is copied",
      );
      // The same without a clipboard.
      await window.page.evaluate(() => {
        Object.defineProperty(navigator, "clipboard", { configurable: true, value: undefined });
        document.addEventListener("copy", () => {
          globalThis.selected = document.activeElement.value;
        });
      });
      await copy.click();
      await window.page.waitForFunction(() => globalThis.selected !== undefined);
      assert.equal(await window.page.evaluate(() => globalThis.selected), link);
      assert.equal(await window.page.evaluate(() => document.activeElement.dataset.testid), "copy-local-link");
    }
  },
);

scene("an address of the own machine is no invitation, also if the server calls it one", async (stage) => {
  for (const host of ["127.0.0.1", "0.0.0.0", "[::1]", "localhost"]) {
    const window = await stage.window();
    await window.page.route("**/api/address", (route) => route.fulfill({ json: { host } }));
    await window.enter({ room, name: `مریم ${host}` });
    await window.get("share-button").first().click();
    const dialog = window.get("share-dialog");
    await dialog.getByTestId("share-local").waitFor();
    assert.deepEqual(await invitations(dialog), [0, 0, 0], host);
  }
});

scene("where the server listens for the network, its own machine invites by the address there", async (stage) => {
  const window = await stage.window();
  await window.page.route("**/api/address", (route) => route.fulfill({ json: { host: "192.0.2.7" } }));
  await window.enter({ room, name: "مریم" });
  await window.get("share-button").first().click();
  const dialog = window.get("share-dialog");
  await dialog.locator("img").waitFor();
  const link = new URL(await dialog.getByRole("textbox").inputValue());
  assert.equal(link.origin, `http://192.0.2.7:${stage.server.port}`);
  assert.equal(new URL(await dialog.locator("img").getAttribute("src"), link).searchParams.get("text"), link.href);
  assert.equal(await dialog.getByTestId("share-local").count(), 0);
});

scene("an empty room says so and helps to invite, until something is said", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.get("empty").waitFor();
  await window.get("empty-share").click();
  await window.get("share-dialog").waitFor();
  await window.page.keyboard.press("Escape");
  await window.say("اولین پیام");
  await window.sees("اولین پیام");
  await window.get("empty").waitFor({ state: "hidden" });
});

scene("the shared link, copied or scanned, leads into the room", async (stage) => {
  const window = await stage.window({ permissions: ["clipboard-read", "clipboard-write"] });
  // Only a page of the loopback address has a clipboard without https; the network knows the server by another.
  await window.page.route("**/api/address", (route) => route.fulfill({ json: { host: "192.0.2.7" } }));
  await window.enter({ room, name: "مریم" });
  await window.get("share-button").first().click();
  const dialog = window.get("share-dialog");
  await dialog.waitFor();
  await dialog.locator("img").waitFor();
  const link = await dialog.getByRole("textbox").inputValue();
  assert.equal(decodeURIComponent(new URL(link).pathname), `/r/${room}`);
  await dialog.getByTestId("copy-link").click();
  await eventually(
    () => window.page.evaluate(() => navigator.clipboard.readText()),
    (text) => text === link,
    "the link is copied",
  );
  const drawn = await dialog.locator("img").evaluate(async (image) => {
    await image.decode();
    return image.naturalWidth > 0;
  });
  assert.ok(drawn, "there is a QR code");
});

scene(
  "a latecomer sees what was said before, on every transport, and is told if there was more",
  { server: ["--limits", "off"] },
  async (stage) => {
    const ali = await stage.member({ room: "کلاس", name: "علی" });
    const all = Array.from({ length: 40 }, (_, index) => `پیام ${index + 1}.`);
    await ali.say(...all);
    for (const transport of ["websocket", "sse", "long-polling", "polling"]) {
      const window = await stage.window();
      await window.enter({ room: "کلاس", name: `مریم ${transport}`, query: `?transport=${transport}` });
      await window.sees("پیام 40.");
      assert.deepEqual(await window.texts(), all, transport);
      assert.equal(await window.get("empty").isVisible(), false);
      assert.equal(await window.get("earlier").count(), 0, transport);
      // What it reads again after a reload is the same.
      await window.page.reload();
      await window.connected();
      await window.sees("پیام 40.");
      assert.deepEqual(await window.texts(), all, transport);
    }
    await ali.say(...all.map((text) => `باز ${text}`));
    const late = await stage.window();
    await late.enter({ room: "کلاس", name: "سارا" });
    await late.sees("باز پیام 40.");
    assert.equal(await late.get("earlier").count(), 1);
    assert.equal((await late.texts()).at(-1), "باز پیام 40.");
  },
);

scene(
  "a room in which something was said is never called empty, also if nothing of it is shown",
  { server: ["--join-history", "0"] },
  async (stage) => {
    const ali = await stage.member({ room: "کلاس", name: "علی" });
    await ali.say("سلام");
    const maryam = await stage.window();
    await maryam.enter({ room: "کلاس", name: "مریم" });
    await maryam.get("earlier").waitFor();
    assert.equal(await maryam.get("empty").isVisible(), false);
    assert.deepEqual(await maryam.texts(), []);
  },
);
