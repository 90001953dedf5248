// Code in what is said.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

const room = "برنامه‌نویسی";
const code = "if (ready) {\n    console.log(\"سلام\", 'https://example.org/', `x`);\n\n\treturn;\n}";
const text = `این را امتحان کنید:\n\`\`\`js\n${code}\n\`\`\`\nممنون`;

scene(
  "code stands from left to right with its indent, in letters of one width, and scrolls inside its bubble",
  async (stage) => {
    for (const [lang, viewport] of [
      ["fa", { width: 390, height: 800 }],
      ["en", { width: 1280, height: 800 }],
    ]) {
      const window = await stage.window({ viewport });
      await window.enter({ room: room + lang, name: "مریم", query: `?lang=${lang}` });
      const member = await stage.member({ room: room + lang, name: "علی" });
      await member.say(text, `\`\`\`\n${"wide ".repeat(60)}\n\`\`\``);
      await window.sees("wide");
      const block = window.message("ممنون").getByTestId("code");
      assert.equal((await block.locator("code").textContent()).trimEnd(), code);
      assert.equal(await block.locator("a").count(), 0);
      const look = await block.locator("code").evaluate((node) => {
        const { direction, whiteSpaceCollapse, textAlign } = getComputedStyle(node);
        const at = (part) => {
          const start = node.firstChild.data.indexOf(part);
          const range = document.createRange();
          range.setStart(node.firstChild, start);
          range.setEnd(node.firstChild, start + part.length);
          return range.getBoundingClientRect();
        };
        return {
          direction,
          whiteSpaceCollapse,
          textAlign,
          narrow: at("iii".slice(0, 1)).width,
          wide: at("d").width,
          indent: at("console").left - at("if").left,
        };
      });
      assert.equal(look.direction, "ltr");
      assert.equal(look.whiteSpaceCollapse, "preserve");
      assert.ok(Math.abs(look.narrow - look.wide) < 0.1, "letters of one width");
      assert.ok(Math.abs(look.indent - 4 * look.wide) < 0.5, "four spaces of indent");
      const long = window.message("wide").locator("pre");
      await long.evaluate((node) => {
        node.scrollLeft = 40;
      });
      assert.equal(await long.evaluate((node) => node.scrollLeft), 40);
      assert.equal(await window.overflows(), false);
      const [bubble, inner] = await Promise.all([
        window.message("wide").locator(".message-bubble").boundingBox(),
        long.boundingBox(),
      ]);
      assert.ok(inner.x >= bubble.x && inner.x + inner.width <= bubble.x + bubble.width, "inside the bubble");
    }
  },
);

scene(
  "code within a line keeps its order in Persian, opens nothing, and leaves the direction to the words",
  async (stage) => {
    const window = await stage.window();
    await window.enter({ room, name: "مریم" });
    await window.say("`npm i https://example.org/a` را بزنید، نه `--x = y`");
    await window.sees("را بزنید");
    const message = window.message("را بزنید");
    assert.equal(await message.locator(".message-text").getAttribute("dir"), "rtl");
    assert.deepEqual(await message.locator("code").allTextContents(), ["npm i https://example.org/a", "--x = y"]);
    assert.equal(await message.locator("a").count(), 0);
    for (const direction of await message
      .locator("code")
      .evaluateAll((nodes) => nodes.map((node) => getComputedStyle(node).direction))) {
      assert.equal(direction, "ltr");
    }
    await window.say("`باز است");
    await window.sees("`باز است");
  },
);

scene(
  "a block of code is copied by its button, by keyboard too, in either language and without a clipboard",
  async (stage) => {
    for (const [lang, name] of [
      ["fa", "رونوشت کد"],
      ["en", "Copy the code"],
    ]) {
      const window = await stage.window({ viewport: { width: 390, height: 800 }, hasTouch: true });
      await window.enter({ room: room + lang, name: "مریم", query: `?lang=${lang}` });
      await window.say(text);
      await window.sees("ممنون");
      await window.page.evaluate(() => {
        globalThis.copied = [];
        Object.defineProperty(navigator, "clipboard", {
          configurable: true,
          value: { writeText: async (text) => void globalThis.copied.push(text) },
        });
      });
      const button = window.message("ممنون").getByRole("button", { name, includeHidden: false });
      const { width, height } = await button.boundingBox();
      assert.ok(width >= 40 && height >= 40, `${width} × ${height}`);
      await button.tap();
      await window.page
        .getByRole("status")
        .filter({ hasText: lang === "fa" ? "رونوشت شد" : "copied" })
        .waitFor();
      await window.message("ممنون").focus();
      await window.page.keyboard.press("Tab");
      await window.page.keyboard.press("Tab");
      await window.page.keyboard.press("Enter");
      await window.page.waitForFunction(() => globalThis.copied.length === 2);
      assert.deepEqual(await window.page.evaluate(() => globalThis.copied), [code, code]);
      await window.page.evaluate(() => {
        delete navigator.clipboard;
        Object.defineProperty(navigator, "clipboard", { configurable: true, value: undefined });
        document.addEventListener("copy", () => {
          globalThis.selected = String(getSelection());
        });
      });
      await button.tap();
      await window.page.waitForFunction(() => globalThis.selected !== undefined);
      assert.equal((await window.page.evaluate(() => globalThis.selected)).trimEnd(), code);
    }
  },
);
