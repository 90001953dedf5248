// What people type stays text.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const room = "ایمن";

scene("a link is a link, opens elsewhere and takes nothing with it", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("ببین: https://example.org/a?b=1&c=2، یا http://example.com/x.");
  await window.sees("ببین");
  const links = window.get("message").locator("a");
  const found = await links.evaluateAll((nodes) => nodes.map(({ href, target, rel }) => ({ href, target, rel })));
  assert.deepEqual(
    found.map(({ href }) => href),
    ["https://example.org/a?b=1&c=2", "http://example.com/x"],
  );
  for (const { target, rel } of found) {
    assert.equal(target, "_blank");
    assert.match(rel, /noopener/);
    assert.match(rel, /noreferrer/);
  }
});

scene("what only looks like a link is none", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,<script>alert(1)</script>",
    "vbscript:x",
    "file:///etc/passwd",
    "JaVaScRiPt://example.org/%0aalert(1)",
  ]) {
    await window.say(text);
    await window.sees(text);
  }
  const links = await window
    .get("message")
    .locator("a")
    .evaluateAll((nodes) => nodes.map(({ protocol }) => protocol));
  assert.ok(
    links.every((protocol) => ["http:", "https:"].includes(protocol)),
    `found ${links}`,
  );
  assert.equal(await window.message("javascript:alert(1)").locator("a").count(), 0);
});

scene("markup in a name, a room and a message is text", async (stage) => {
  const markup = "<img src=x onerror=globalThis.owned=1>";
  const name = "<b onclick=owned=1>x</b>";
  const window = await stage.window();
  const other = await stage.window();
  await other.enter({ room: markup, name: "شاهد" });
  await window.enter({ room: markup, name });
  await window.say(`${markup}<script>globalThis.owned=1</script>{{7*7}}`);
  await window.say('"><svg onload=globalThis.owned=1>');
  await other.sees("<svg onload");
  assert.deepEqual(await other.texts(), [
    `${markup}<script>globalThis.owned=1</script>{{7*7}}`,
    '"><svg onload=globalThis.owned=1>',
  ]);
  await other.get("member").filter({ hasText: name }).waitFor();
  for (const { page } of [window, other]) {
    assert.equal(await page.evaluate(() => globalThis.owned), undefined);
    assert.equal(await page.locator("img[src=x], [onerror], [onload], [onclick], main b[onclick]").count(), 0);
  }
  assert.match(await other.page.title(), /<img src=x/, "the room's name is in the title, as text");
});

scene("a text that would turn the rest of the page around stays in its message", async (stage) => {
  const window = await stage.window();
  const member = await stage.member({ room, name: "چپ" });
  await window.enter({ room, name: "مریم" });
  await member.say("\u202eabc", "\u2067hello");
  await window.sees("hello");
  const kept = await window.texts();
  const opened = (text) =>
    (text.match(/[\u202a\u202b\u202d\u202e]/gu) ?? []).length - (text.match(/\u202c/gu) ?? []).length;
  const isolated = (text) => (text.match(/[\u2066-\u2068]/gu) ?? []).length - (text.match(/\u2069/gu) ?? []).length;
  for (const text of kept) assert.deepEqual([opened(text), isolated(text)], [0, 0], JSON.stringify(text));
});

scene("the page's policy allows no inline script and no other origin", { violates: true }, async (stage) => {
  const window = await stage.window();
  const response = await window.page.goto(stage.server.origin);
  const policy = response.headers()["content-security-policy"];
  assert.match(policy, /default-src '(none|self)'/);
  assert.doesNotMatch(policy, /unsafe-inline|unsafe-eval|https?:|\*/);
  assert.match(policy, /frame-ancestors '(none|self)'/);
  assert.equal(response.headers()["x-content-type-options"], "nosniff");
  const ran = await window.page.evaluate(() => {
    const script = document.createElement("script");
    script.textContent = "globalThis.inline = true";
    document.head.append(script);
    script.remove();
    return globalThis.inline === true;
  });
  assert.equal(ran, false);
  await eventually(
    () => window.complaints(),
    (list) => list.some((text) => text.startsWith("policy violated")),
    "it is reported",
  );
});
