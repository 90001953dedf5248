// Many messages: where one reads, what is new, and that a long talk stays whole.
import assert from "node:assert/strict";
import { ascii, eventually, scene } from "./harness.js";

const room = "پرحرف";
const server = ["--limits", "off", "--history", "5000"];
const lines = (from, to) => Array.from({ length: to - from + 1 }, (_, index) => `پیام شمارهٔ ${from + index}.`);

/** A window in a room where so much was said that it scrolls. */
async function reader(stage, count = 60) {
  const window = await stage.window();
  await window.enter({ room, name: "خواننده" });
  const member = await stage.member({ room, name: "گوینده" });
  await member.say(...lines(1, count));
  await window.sees(lines(count, count)[0]);
  return { window, member };
}

const distanceFromEnd = (scroller) =>
  scroller.evaluate((node) => node.scrollHeight - node.clientHeight - node.scrollTop);

scene("who reads the end stays at the end", { server }, async (stage) => {
  const { window, member } = await reader(stage);
  const scroller = await window.scroller();
  await eventually(
    () => distanceFromEnd(scroller),
    (distance) => distance < 4,
    "it is at the end",
  );
  await member.say("پیام شمارهٔ 61.");
  await window.sees("پیام شمارهٔ 61.");
  await eventually(
    () => distanceFromEnd(scroller),
    (distance) => distance < 4,
    "it is at the end again",
  );
  assert.equal(await window.get("new-messages-pill").isVisible(), false);
});

scene(
  "who reads further up keeps the place, is told how many are new, and gets there by one click",
  { server },
  async (stage) => {
    const { window, member } = await reader(stage);
    const scroller = await window.scroller();
    await window.wheel(-1200);
    await eventually(
      () => distanceFromEnd(scroller),
      (distance) => distance > 500,
      "it scrolled up",
    );
    const place = () =>
      window
        .message("پیام شمارهٔ 40.")
        .first()
        .evaluate((node) => node.getBoundingClientRect().top);
    await eventually(
      async () => [await place(), await place()],
      ([one, other]) => one === other,
      "it came to rest",
    );
    const before = await place();
    await member.say(...lines(61, 63));
    const pill = window.get("new-messages-pill");
    await pill.waitFor();
    await eventually(
      async () => ascii(await pill.innerText()),
      (text) => /3/.test(text),
      "three are new",
    );
    assert.equal(await place(), before);
    await pill.click();
    await eventually(
      () => distanceFromEnd(scroller),
      (distance) => distance < 4,
      "the click leads to the end",
    );
    await pill.waitFor({ state: "hidden" });
  },
);

scene("one's own message leads to the end", { server }, async (stage) => {
  const { window } = await reader(stage);
  const scroller = await window.scroller();
  await window.wheel(-1200);
  await eventually(
    () => distanceFromEnd(scroller),
    (distance) => distance > 500,
    "it scrolled up",
  );
  await window.say("من اینجام");
  await window.sees("من اینجام");
  await eventually(
    () => distanceFromEnd(scroller),
    (distance) => distance < 4,
    "it is at the end",
  );
});

scene("the title counts what came while the page was in the background", async (stage) => {
  const { window, member } = await reader(stage, 3);
  const title = await window.page.title();
  await window.hidden(true);
  await member.say("یک", "دو");
  await eventually(
    async () => ascii(await window.page.title()),
    (text) => /\(2\)/.test(text),
    "two are unread",
  );
  await window.hidden(false);
  await eventually(
    () => window.page.title(),
    (text) => text === title,
    "all is read",
  );
});

scene("two thousand messages are all there, in order, once, and one can go on", { server }, async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "خواننده" });
  const member = await stage.member({ room, name: "گوینده" });
  for (let from = 1; from <= 2000; from += 100) await member.say(...lines(from, from + 99));
  await window.sees(lines(2000, 2000)[0]);
  const messages = await window.messages();
  assert.equal(messages.length, 2000);
  // One by one, or a failure would print all of them.
  for (const [index, line] of lines(1, 2000).entries()) {
    assert.equal(messages[index].text, line);
    assert.equal(messages[index].offset, messages[0].offset + index);
  }
  await window.say("هنوز هم");
  await window.sees("هنوز هم");
  const scroller = await window.scroller();
  await eventually(
    () => distanceFromEnd(scroller),
    (distance) => distance < 4,
    "it is at the end",
  );
});

scene("a counter shows near the limit, and what is over it is not sent", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const counter = window.get("counter");
  await window.type("الف");
  assert.equal(await counter.isVisible(), false);
  await window.type("م".repeat(3990));
  await counter.waitFor();
  assert.match(ascii(await counter.innerText()), /10/);
  await window.type("م".repeat(4003));
  await eventually(
    async () => ascii(await counter.innerText()),
    (text) => /3/.test(text),
    "it says by how much",
  );
  await window.get("composer").press("Enter");
  assert.equal((await window.get("composer").inputValue()).length, 4003, "the text is still there");
  assert.deepEqual(await window.texts(), []);
  await window.type("م".repeat(4000));
  await window.get("composer").press("Enter");
  await window.sees("م".repeat(4000));
  assert.deepEqual(
    (await window.texts()).map(({ length }) => length),
    [4000],
  );
});

scene(
  "who writes too fast is told and can send again",
  { server: ["--message-burst", "2", "--message-rate", "0.5"] },
  async (stage) => {
    const window = await stage.window();
    await window.enter({ room, name: "عجول" });
    const said = ["یک", "دو", "سه", "چهار"];
    for (const text of said) await window.say(text);
    // Whether the page waits by itself or asks, in the end all are there once.
    await eventually(
      async () => {
        const retry = window.get("retry-button").first();
        if (await retry.isVisible()) await retry.click();
        return window.messages();
      },
      (messages) => messages.every(({ status }) => status === "sent"),
      "all are sent",
    );
    assert.deepEqual((await window.texts()).toSorted(), said.toSorted());
  },
);
