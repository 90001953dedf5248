// A phone, a tablet and a desktop.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

const room = "اتاقی با نامی دراز که روی یک تلفن جا نمی‌شود";
const widths = [320, 390, 820, 1280];
const viewport = (width) => ({ width, height: width < 700 ? 844 : 800 });

for (const lang of ["fa", "en"]) {
  scene(`nothing runs out of the window sideways at any width (${lang})`, async (stage) => {
    const window = await stage.window();
    for (const width of widths) {
      await window.page.setViewportSize(viewport(width));
      await window.visit(`/?lang=${lang}`);
      await window.get("name-input").waitFor();
      assert.equal(await window.overflows(), false, `start page at ${width}`);
    }
    await window.enter({ room, name: "نامی که خیلی دراز است واقعاً", query: `?lang=${lang}` });
    await window.say(`${"بی‌فاصله".repeat(60)} https://example.org/${"a".repeat(300)}`);
    await window.sees("example.org");
    for (const width of widths) {
      await window.page.setViewportSize(viewport(width));
      assert.equal(await window.overflows(), false, `room at ${width}`);
      const inside = await window
        .get("message")
        .first()
        .evaluate((node) => {
          const { left, right } = node.getBoundingClientRect();
          return left >= 0 && right <= innerWidth;
        });
      assert.ok(inside, `the message stays inside at ${width}`);
      const composer = await window.get("composer").boundingBox();
      assert.ok(composer.y + composer.height <= viewport(width).height, `the composer is in view at ${width}`);
    }
  });
}

scene("on a phone the members are a drawer, on a desktop they stand beside the messages", async (stage) => {
  const desktop = await stage.window();
  await desktop.enter({ room, name: "میز" });
  await desktop.get("members").waitFor();

  const phone = await stage.window({ viewport: viewport(390), hasTouch: true, isMobile: true });
  await phone.enter({ room, name: "تلفن" });
  assert.equal(await phone.get("members").isVisible(), false);
  await phone.get("members-open").click();
  await phone.get("members").waitFor();
  await phone.get("member").filter({ hasText: "میز" }).waitFor();
  assert.equal(await phone.overflows(), false);
  await phone.page.keyboard.press("Escape");
  await phone.get("members").waitFor({ state: "hidden" });
});

for (const lang of ["fa", "en"]) {
  scene(`on a phone the room keeps its name while the connection is lost (${lang})`, async (stage) => {
    const proxy = await stage.proxy();
    const options = { origin: proxy.origin, viewport: viewport(320), hasTouch: true, isMobile: true };
    const phone = await stage.window({ ...options, offlineExpected: true });
    await phone.enter({ room, name: "تلفن", query: `?lang=${lang}` });
    proxy.refuse();
    await phone.get("connection-notice").waitFor();
    const name = await phone.page.getByRole("heading", { level: 1 }).boundingBox();
    assert.ok(name.width >= 90, `${name.width} pixels are left of the name`);
    assert.equal(await phone.overflows(), false);
  });
}

scene("on a phone the way down to new messages covers none of them, and leads to the end", async (stage) => {
  const phone = await stage.window({ viewport: viewport(390), hasTouch: true, isMobile: true });
  await phone.enter({ room, name: "تلفن" });
  const member = await stage.member({ room, name: "دیگری" });
  for (let line = 1; line <= 19; line += 1) await member.say(`پیام شمارهٔ ${line} که کمی دراز است`);
  await phone.sees("شمارهٔ 19 ");
  const log = phone.page.getByRole("log");
  await log.evaluate((node) => node.scrollTo(0, 0));
  const down = phone.get("new-messages-pill");
  await down.waitFor();
  const [above, below] = await Promise.all([log.boundingBox(), down.boundingBox()]);
  assert.ok(above.y + above.height <= below.y + 1, "the log ends where the row begins");
  await down.click();
  await down.waitFor({ state: "hidden" });
  await phone.page.waitForFunction(() => {
    const { scrollTop, scrollHeight, clientHeight } = document.getElementById("log");
    return scrollHeight - scrollTop - clientHeight < 2;
  });
});

scene("what one touches on a phone is large enough for a finger", async (stage) => {
  const phone = await stage.window({ viewport: viewport(390), hasTouch: true, isMobile: true });
  await phone.enter({ room, name: "تلفن" });
  const small = await phone.page.evaluate(() =>
    [...document.querySelectorAll("button, input, textarea, [role=button]")]
      .filter(
        (node) => node.checkVisibility({ checkVisibilityCSS: true }) && !node.closest("[inert], .visually-hidden"),
      )
      .map((node) => [node.dataset.testid ?? node.outerHTML.slice(0, 80), node.getBoundingClientRect()])
      .filter(([, { width, height }]) => width > 0 && (width < 40 || height < 40))
      .map(([name, { width, height }]) => `${name}: ${width}×${height}`),
  );
  assert.deepEqual(small, []);
});

scene("the composer grows with what is written and stays in the window", async (stage) => {
  const window = await stage.window({ viewport: viewport(390) });
  await window.enter({ room, name: "مریم" });
  const height = async () => (await window.get("composer").boundingBox()).height;
  const one = await height();
  assert.ok(one < 80);
  await window.type("سطر\nسطر\nسطر");
  const three = await height();
  assert.ok(three > one);
  await window.type("سطر\n".repeat(100));
  const hundred = await window.get("composer").boundingBox();
  assert.ok(hundred.height < viewport(390).height / 2);
  assert.ok(hundred.y + hundred.height <= viewport(390).height);
  await window.type("م".repeat(500));
  const unbroken = await window.get("composer").boundingBox();
  assert.ok(unbroken.x >= 0 && unbroken.x + unbroken.width <= 390, "a word without an end does not widen it");
  assert.ok((await window.get("send-button").boundingBox()).x >= 0, "the button stays in view");
});

scene(
  "in Persian one's own messages and in English one's own messages stand on the sides the language expects",
  async (stage) => {
    const window = await stage.window();
    await window.enter({ room, name: "مریم" });
    const member = await stage.member({ room, name: "علی" });
    await member.say("از دیگری");
    await window.say("از خودم");
    await window.sees("از خودم");
    const sides = async () => {
      const own = await window.message("از خودم").locator(".message-text").boundingBox();
      const other = await window.message("از دیگری").locator(".message-text").boundingBox();
      return Math.sign(own.x + own.width / 2 - (other.x + other.width / 2));
    };
    const persian = await sides();
    assert.notEqual(persian, 0);
    await window.get("language-switch").first().click();
    await window.page.locator("html[lang=en]").waitFor({ state: "attached" });
    assert.equal(await sides(), -persian, "the page is mirrored");
  },
);
