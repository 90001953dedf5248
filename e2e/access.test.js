// Who uses a keyboard, a screen reader or less motion.
import assert from "node:assert/strict";
import axe from "axe-core";
import { scene } from "./harness.js";

const room = "دسترسی";

/** What axe-core finds on the page, as sentences. */
async function findings(window) {
  await window.page.evaluate(axe.source);
  const { violations } = await window.page.evaluate(() =>
    globalThis.axe.run({
      resultTypes: ["violations"],
      runOnly: ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"],
    }),
  );
  return violations.flatMap(({ id, nodes }) =>
    nodes.map((node) => `${id}: ${node.html.slice(0, 160)} (${node.failureSummary})`),
  );
}

for (const lang of ["fa", "en"]) {
  for (const colorScheme of ["light", "dark"]) {
    scene(`axe-core finds nothing on any screen (${lang}, ${colorScheme})`, async (stage) => {
      // Without motion nothing is half faded in when its contrast is measured.
      const options = { colorScheme, reducedMotion: "reduce" };
      const window = await stage.window(options);
      await window.visit(`/?lang=${lang}`);
      await window.get("name-input").waitFor();
      assert.deepEqual(await findings(window), [], "start page");

      await window.enter({ room, name: "مریم", query: `?lang=${lang}` });
      assert.deepEqual(await findings(window), [], "empty room");
      const member = await stage.member({ room, name: "علی" });
      await member.say(
        "سلام، https://example.org را ببین",
        `\`\`\`\nwide ${"code ".repeat(60)}\n\`\`\``,
        "دوباره، `x = 1`",
      );
      await window.say("پاسخ");
      await window.sees("پاسخ");
      assert.deepEqual(await findings(window), [], "room");

      await window.get("connection").click();
      await window.get("transport-card").waitFor();
      assert.deepEqual(await findings(window), [], "transport card");
      await window.page.keyboard.press("Escape");

      await window.get("share-button").first().click();
      await window.get("share-dialog").waitFor();
      assert.deepEqual(await findings(window), [], "share dialog");
      await window.page.keyboard.press("Escape");
      await window.get("share-dialog").waitFor({ state: "hidden" });

      const phone = await stage.window({ ...options, viewport: { width: 390, height: 844 } });
      await phone.enter({ room, name: "تلفن", query: `?lang=${lang}` });
      assert.deepEqual(await findings(phone), [], "room on a phone");
      await phone.get("members-open").click();
      await phone.get("members").waitFor();
      assert.deepEqual(await findings(phone), [], "drawer");

      const refused = await stage.window(options);
      await refused.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
      await refused.introduce("مریم");
      await refused.get("closed").waitFor();
      assert.deepEqual(await findings(refused), [], "closed");
    });
  }
}

/** Presses Tab until this has the focus; fails if it is not reached. */
async function tabTo(window, id) {
  const focused = () => window.page.evaluate(() => document.activeElement?.closest("[data-testid]")?.dataset.testid);
  for (let press = 0; press < 30; press += 1) {
    if ((await focused()) === id) return;
    await window.page.keyboard.press("Tab");
  }
  assert.fail(`Tab does not lead to ${id}`);
}

scene("a keyboard is enough from the start page to a sent message and back out of a dialog", async (stage) => {
  const window = await stage.window();
  const { keyboard } = window.page;
  await window.visit("/");
  await window.get("name-input").waitFor();
  await tabTo(window, "name-input");
  await keyboard.type("مریم");
  await tabTo(window, "room-input");
  await keyboard.press("ControlOrMeta+a");
  await keyboard.type(room);
  await keyboard.press("Enter");
  await window.connected();
  await tabTo(window, "composer");
  await keyboard.type("با صفحه‌کلید");
  await keyboard.press("Enter");
  await window.sees("با صفحه‌کلید");
  await tabTo(window, "share-button");
  await keyboard.press("Enter");
  await window.get("share-dialog").waitFor();
  const inside = await window.page.evaluate(
    () => document.activeElement.closest("[data-testid=share-dialog]") !== null,
  );
  assert.ok(inside, "the focus is in the dialog");
  await keyboard.press("Escape");
  await window.get("share-dialog").waitFor({ state: "hidden" });
  assert.equal(await window.page.evaluate(() => document.activeElement.dataset.testid), "share-button");
});

scene("what has the focus shows it", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  for (const id of ["share-button", "language-switch", "theme-switch"]) {
    await tabTo(window, id);
    const shown = await window.page.evaluate(() => {
      const style = getComputedStyle(document.activeElement);
      return (style.outlineStyle !== "none" && parseFloat(style.outlineWidth) > 0) || style.boxShadow !== "none";
    });
    assert.ok(shown, `${id} shows its focus`);
  }
});

scene("a screen reader is told of new messages and of the connection", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("سلام");
  await window.sees("سلام");
  assert.equal(
    await window
      .get("message")
      .first()
      .evaluate((node) => node.closest("[role=log], [aria-live=polite]") !== null),
    true,
  );
  const live = await window
    .get("connection")
    .evaluate(
      (node) =>
        node.closest("[role=status], [aria-live]") !== null ||
        node.querySelector("[role=status], [aria-live]") !== null,
    );
  assert.ok(live || (await window.page.locator("[role=status]").count()) > 0);
  for (const id of ["composer", "send-button", "share-button", "language-switch", "theme-switch"]) {
    const snapshot = await window.get(id).first().ariaSnapshot();
    assert.match(snapshot, /"[^"]+"/, `${id} has a name: ${snapshot}`);
  }
});

scene("nothing moves for who wants no motion", async (stage) => {
  const window = await stage.window({ reducedMotion: "reduce" });
  await window.enter({ room, name: "مریم" });
  await window.say("آرام");
  await window.sees("آرام");
  await window.get("share-button").first().click();
  await window.get("share-dialog").waitFor();
  const moving = await window.page.evaluate(() =>
    [...document.querySelectorAll("*")].flatMap((node) => {
      const { animationName, animationDuration, animationIterationCount, transitionDuration, scrollBehavior } =
        getComputedStyle(node);
      const longest = Math.max(
        ...`${transitionDuration},${animationName === "none" ? "0s" : animationDuration}`.split(",").map(parseFloat),
      );
      const moves =
        longest > 0.01 ||
        (animationName !== "none" && animationIterationCount === "infinite") ||
        scrollBehavior === "smooth";
      return moves ? [`${node.tagName}.${node.className}: ${animationName} ${longest}s`] : [];
    }),
  );
  assert.deepEqual(moving, []);
});
