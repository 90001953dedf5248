// What stands in the log: numbers, names with piles of marks, the printed page.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

const room = "گفت‌وگو";

/** Where the characters of a text stand, from left to right. */
const order = (locator) =>
  locator.evaluate((node) => {
    const walker = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
    const found = [];
    while (walker.nextNode()) {
      const text = walker.currentNode;
      if (text.parentElement.closest(".message-meta")) continue;
      for (let at = 0; at < text.length; at += 1) {
        if (!/\S/.test(text.data[at])) continue;
        const range = document.createRange();
        range.setStart(text, at);
        range.setEnd(text, at + 1);
        const { left, top } = range.getBoundingClientRect();
        found.push({ character: text.data[at], left, top });
      }
    }
    return found
      .sort((a, b) => (Math.abs(a.top - b.top) > 8 ? a.top - b.top : a.left - b.left))
      .map(({ character }) => character)
      .join("");
  });

scene("numbers run from left to right on a Persian page, in the log, in the composer and as a name", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const numbers = ["6037 9911 2222 3333", "+98 912 345", "۶۰۳۷ ۹۹۱۱", "٦٠٣٧ ٩٩١١", "1-2", "192.168.1.1"];
  for (const text of numbers) {
    await window.type(text);
    assert.equal(await window.get("composer").evaluate((node) => getComputedStyle(node).direction), "ltr");
    await window.get("composer").press("Enter");
    await window.sees(text);
    assert.equal(await order(window.message(text).last().locator(".message-text")), text.replaceAll(" ", ""));
  }
  await window.say("کارت:\n6037 9911");
  await window.sees("کارت");
  assert.match(await order(window.message("کارت").locator(".message-text")), /60379911$/);
  assert.deepEqual((await window.texts()).at(-1), "کارت:\n6037 9911");
  await stage.member({ room, name: "+98 912 777" });
  const name = window.get("member").filter({ hasText: "777" }).locator("bdi");
  await name.waitFor();
  assert.equal(await order(name), "+98912777");
});

scene("a pile of marks on a name stays in its line", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  // As many as the server lets through: two on each letter, in the order that it gives them.
  const pile = `${"ا\u064e\u0651".repeat(8)}ب`;
  const member = await stage.member({ room, name: pile });
  await member.say("سلام");
  await window.sees("سلام");
  const open = await window.page
    .locator("bdi")
    .evaluateAll((nodes) =>
      nodes
        .filter((node) => node.checkVisibility() && !/clip|hidden/.test(getComputedStyle(node).overflowY))
        .map((node) => node.outerHTML.slice(0, 80)),
    );
  assert.deepEqual(open, []);
});

scene("printing gives the whole conversation in light colours, and nothing else", async (stage) => {
  const window = await stage.window({ colorScheme: "dark" });
  await window.enter({ room, name: "مریم" });
  const member = await stage.member({ room, name: "علی" });
  await member.say(...Array.from({ length: 9 }, (_, index) => `پیام ${index}.${"\nسطر".repeat(5)}`));
  await window.sees("پیام 8.");
  await window.say("از خودم");
  await window.sees("از خودم");
  assert.equal(await window.message("از خودم").getByText("مریم").isVisible(), false);
  await window.page.emulateMedia({ media: "print" });
  assert.equal(await window.message("از خودم").getByText("مریم").isVisible(), true);
  const seen = await window.page.evaluate(() => ({
    paper: getComputedStyle(document.documentElement).backgroundColor,
    height: document.scrollingElement.scrollHeight,
    first: document.querySelector("[data-testid=message]").getBoundingClientRect().top + scrollY,
    others: ["composer", "members", "share-button", "connection"].filter((id) =>
      document.querySelector(`[data-testid=${id}]`)?.checkVisibility(),
    ),
  }));
  assert.deepEqual(seen.others, []);
  assert.ok(seen.first >= 0 && seen.height > 1000, JSON.stringify(seen));
  assert.equal(seen.paper, "rgb(251, 247, 240)");
});

scene("several messages are copied with who said them and when, and a part of one as it is", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم", query: "?lang=en" });
  const member = await stage.member({ room, name: "علی" });
  await member.say("سلام\nخوبی؟");
  await window.sees("خوبی");
  await window.say("ممنون");
  await window.sees("ممنون");
  const copied = (from, to) =>
    window.page.evaluate(
      ([from, to]) => {
        const texts = [...document.querySelectorAll("[data-testid=message] .message-text")];
        const selection = getSelection();
        selection.removeAllRanges();
        const range = document.createRange();
        range.setStart(texts[from], 0);
        range.setEndAfter(texts[to].firstChild);
        selection.addRange(range);
        const clipboardData = new DataTransfer();
        const event = new ClipboardEvent("copy", { clipboardData, bubbles: true, cancelable: true });
        texts[from].dispatchEvent(event);
        return { prevented: event.defaultPrevented, text: clipboardData.getData("text/plain") };
      },
      [from, to],
    );
  const several = await copied(0, 1);
  assert.equal(several.text.replaceAll(/\[\d\d:\d\d\]/g, "[time]"), "[time] علی: سلام\nخوبی؟\n[time] مریم: ممنون");
  assert.equal(several.prevented, true);
  assert.equal((await copied(1, 1)).prevented, false);
});

scene("with the device's own colours, one's own messages and those of others are told apart", async (stage) => {
  const window = await stage.window({ forcedColors: "active" });
  await window.enter({ room, name: "مریم" });
  const member = await stage.member({ room, name: "علی" });
  await member.say("سلام");
  await window.sees("سلام");
  await window.say("ممنون");
  await window.sees("ممنون");
  const border = (text) =>
    window
      .message(text)
      .locator(".message-bubble")
      .evaluate((node) => {
        const { borderInlineEndWidth, borderInlineEndColor, borderBlockStartWidth } = getComputedStyle(node);
        return { borderInlineEndWidth, borderInlineEndColor, borderBlockStartWidth };
      });
  const [own, other] = [await border("ممنون"), await border("سلام")];
  for (const side of Object.keys(own)) assert.notEqual(own[side], other[side], side);
});

scene(
  "the time stands once in a group, in the end corner of its last message, whichever way the text runs",
  async (stage) => {
    for (const [lang, side] of [
      ["fa", "left"],
      ["en", "right"],
    ]) {
      const window = await stage.window({ viewport: { width: 390, height: 800 } });
      await window.enter({ room: room + lang, name: "مریم", query: `?lang=${lang}` });
      const member = await stage.member({ room: room + lang, name: "علی" });
      const texts = ["سلام", "hello", "سلام ".repeat(30).trim(), `${"hello ".repeat(30)}end`];
      for (const text of texts) {
        await member.say(text);
        await window.sees(text);
        await window.say(`${text} :)`);
        await window.sees(`${text} :)`);
      }
      const corners = await window.get("message").evaluateAll(
        (nodes, side) =>
          nodes.map((node) => {
            const [bubble, meta] = [".message-bubble", ".message-meta"].map((each) =>
              node.querySelector(each).getBoundingClientRect(),
            );
            const words = document.createRange();
            words.selectNodeContents(node.querySelector(".message-text"));
            words.setEndBefore(node.querySelector(".message-meta"));
            const over = [...words.getClientRects()].some(
              (rect) =>
                rect.left < meta.right - 1 &&
                rect.right > meta.left + 1 &&
                rect.top < meta.bottom - 6 &&
                rect.bottom > meta.top + 6,
            );
            return {
              gap: Math.abs(bubble[side] - meta[side]),
              below: bubble.bottom - meta.bottom,
              over,
              text: node.textContent,
            };
          }),
        side,
      );
      for (const { gap, below, over, text } of corners) {
        assert.ok(gap < 20 && below < 16 && below >= 0 && !over, `${lang} ${gap} ${below} ${over} ${text}`);
      }
      for (const text of ["یک", "دو", "سه"]) await window.say(text);
      await window.sees("سه");
      await window.message("دو").and(window.page.locator("[data-status=sent]")).waitFor();
      assert.deepEqual(
        await Promise.all(["یک", "دو", "سه"].map((text) => window.message(text).last().locator("time").isVisible())),
        [false, false, true],
      );
    }
  },
);
