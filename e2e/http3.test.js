// With --http3 the browser speaks HTTP/3, and its WebSocket is a stream of it (RFC 9220). Chromium does so by flags only: it
// trusts no certificate of the server's own making over QUIC, and has WebSockets over HTTP/3 behind a feature.
import assert from "node:assert/strict";
import { createHash, X509Certificate } from "node:crypto";
import { once } from "node:events";
import { connect } from "node:tls";
import { scene } from "./harness.js";

/** SHA-256 of the public key that the server at this port shows, as Chromium's flag wants it. */
async function keyHash(port) {
  const socket = connect({ port, host: "127.0.0.1", rejectUnauthorized: false });
  await once(socket, "secureConnect");
  const key = new X509Certificate(socket.getPeerCertificate().raw).publicKey.export({ type: "spki", format: "der" });
  socket.destroy();
  return createHash("sha256").update(key).digest("base64");
}

const stageSet = {
  server: ["--tls", "self-signed", "--http3"],
  flags: async (server) => [
    "--enable-features=EnableWebsocketsOverHttp3",
    `--origin-to-force-quic-on=127.0.0.1:${server.port}`,
    `--ignore-certificate-errors-spki-list=${await keyHash(server.port)}`,
  ],
};

/** Reloads until the WebSocket comes by HTTP/3: a browser that finds its connection busy just then may take another way. */
const TRIES = 6;

scene("two windows chat over one HTTP/3 connection each, and the pages come by it too", stageSet, async (stage) => {
  let reloads = 0;
  const enter = async (name) => {
    const window = await stage.window();
    const inspector = await window.page.context().newCDPSession(window.page);
    await inspector.send("Network.enable");
    const answers = [];
    inspector.on("Network.webSocketHandshakeResponseReceived", ({ response }) => answers.push(response.status));
    await window.enter({ room: "کلاس", name });
    const [page] = await window.page.evaluate(() =>
      performance.getEntriesByType("navigation").map((entry) => entry.nextHopProtocol),
    );
    assert.equal(page, "h3");
    // Over HTTP/1.1 it would be 101 (RFC 9220, section 3).
    for (let tries = 1; answers.at(-1) !== 200 && tries < TRIES; tries++) {
      const again = new Promise((done) => inspector.once("Network.webSocketHandshakeResponseReceived", done));
      await window.page.reload();
      await again;
      reloads += 1;
    }
    assert.equal(answers.at(-1), 200);
    return window;
  };
  const maryam = await enter("مریم");
  const ali = await enter("علی");
  await maryam.say("سلام علی");
  await ali.sees("سلام علی");
  await ali.say("سلام مریم");
  await maryam.sees("سلام مریم");
  if (reloads > 0) return;
  // Two connections and two WebSockets: none came by another way.
  const metrics = await maryam.page.evaluate(async () => (await fetch("/metrics")).text());
  assert.match(metrics, /^hamhame_connections 4$/m);
});
