// A page of another site that loads the SDK from this server and chats, where the operator names that site.
import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import { after, test } from "node:test";
import { browser, closeBrowser, Stage } from "./harness.js";

after(closeBrowser);

const page = (server) => `<!doctype html><title>elsewhere</title><script type="module">
  import { Room } from "${server}/sdk/index.js";
  globalThis.chat = (transport) => new Promise((resolve) => {
    const room = new Room({ server: "${server}", room: "lab", name: "guest of " + transport, transport });
    room.on("event", ({ type, own, content }) => own && type === "message" && resolve([content, room.state]));
    room.join();
    room.send("by " + transport);
  });
  globalThis.ready = true;
</script>`;

test("a page of a site that the operator names chats over every transport", { timeout: 120_000 }, async () => {
  let origin = "";
  const site = createServer((_, response) => response.setHeader("content-type", "text/html").end(page(origin)));
  site.listen(0, "127.0.0.1");
  await once(site, "listening");
  const address = `http://127.0.0.1:${site.address().port}`;
  const stage = await Stage.set({ server: ["--origin", address] });
  const context = await (await browser()).newContext();
  try {
    origin = stage.server.origin;
    const visitor = await context.newPage();
    await visitor.goto(address);
    await visitor.waitForFunction(() => globalThis.ready);
    for (const transport of ["websocket", "sse", "long-polling", "polling"]) {
      assert.deepEqual(await visitor.evaluate((one) => globalThis.chat(one), transport), [
        `by ${transport}`,
        "connected",
      ]);
    }
  } finally {
    await context.close();
    await stage.clear();
    site.close();
  }
});
