// Over TLS with a certificate that the server made, the browser speaks HTTP/2, and its WebSocket is a stream of it.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

/** Who goes on in spite of the certificate has no service worker: browsers fetch none from there, and say so in the console. */
const UNTRUSTED = { ignoreHTTPSErrors: true, serviceWorkers: "block" };

scene("two windows chat over one HTTP/2 connection each", { server: ["--tls", "self-signed"] }, async (stage) => {
  const answers = [];
  const enter = async (name) => {
    const window = await stage.window(UNTRUSTED);
    const inspector = await window.page.context().newCDPSession(window.page);
    await inspector.send("Network.enable");
    inspector.on("Network.webSocketHandshakeResponseReceived", ({ response }) => answers.push(response.status));
    await window.enter({ room: "کلاس", name });
    const [page] = await window.page.evaluate(() =>
      performance.getEntriesByType("navigation").map((entry) => entry.nextHopProtocol),
    );
    assert.equal(page, "h2");
    return window;
  };
  const maryam = await enter("مریم");
  const ali = await enter("علی");
  await maryam.say("سلام علی");
  await ali.sees("سلام علی");
  await ali.say("سلام مریم");
  await maryam.sees("سلام مریم");
  // Over HTTP/1.1 it would be 101 (RFC 8441, section 5).
  assert.deepEqual(answers, [200, 200]);
});

scene(
  "where HTTP/2 is spoken, the other transports are streams of the page's own connection",
  { server: ["--tls", "self-signed"] },
  async (stage) => {
    const maryam = await stage.window(UNTRUSTED);
    await maryam.enter({ room: "کلاس", name: "مریم", query: "?transport=sse" });
    await maryam.travelsBy("sse");
    const ali = await stage.window(UNTRUSTED);
    await ali.enter({ room: "کلاس", name: "علی", query: "?transport=long-polling" });
    await ali.travelsBy("long-polling");
    await maryam.say("سلام علی");
    await ali.sees("سلام علی");
    await ali.say("سلام مریم");
    await maryam.sees("سلام مریم");
    const protocols = await ali.page.evaluate(() =>
      performance
        .getEntriesByType("resource")
        .filter(({ name }) => name.includes("/api/rooms/"))
        .map(({ nextHopProtocol }) => nextHopProtocol),
    );
    assert.deepEqual([...new Set(protocols)], ["h2"]);
  },
);
