import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";
import { Agent, fetch, WebSocket } from "undici";
import { LiveServer } from "../live/server.js";

const binary = process.env["HAMHAME_BIN"];
const skip = binary ? false : "HAMHAME_BIN does not name the server's binary";

/** The next message of a kind. @param {WebSocket} socket @param {string} type */
async function next(socket, type) {
  for (;;) {
    const [event] = await once(socket, "message");
    const message = JSON.parse(event.data);
    if (message.type === type) return message;
  }
}

test("a client that others wrote opens WebSockets on streams of HTTP/2 over TLS", { skip }, async () => {
  const server = await LiveServer.start(binary ?? "", { args: ["--tls", "self-signed"] });
  // With HTTP/2 as all that it offers, nothing else can be what it spoke.
  const dispatcher = new Agent({ allowH2: true, connect: { rejectUnauthorized: false, ALPNProtocols: ["h2"] } });
  const place = `127.0.0.1:${server.port}`;
  try {
    const answer = await fetch(`https://${place}/healthz`, { dispatcher });
    assert.equal(await answer.text(), "ok\n");
    const [one, two] = ["one", "two"].map(
      (name) => new WebSocket(`wss://${place}/ws/room/${name}`, { protocols: ["hamhame.v1"], dispatcher }),
    );
    assert.ok(one && two);
    // Listened for at once: the second may open while the first is welcomed.
    await Promise.all([once(one, "open"), once(two, "open")]);
    for (const socket of [one, two]) {
      assert.equal(socket.protocol, "hamhame.v1");
      const welcome = next(socket, "welcome");
      socket.send('{"type":"join"}');
      await welcome;
    }
    const heard = next(two, "message");
    one.send('{"type":"send","id":"1","content":"سلام"}');
    assert.equal((await heard).content, "سلام");
    const closed = Promise.all([once(one, "close"), once(two, "close")]);
    one.close(1000);
    two.close(1000);
    for (const [event] of await closed) assert.equal(event.code, 1000);
  } finally {
    await dispatcher.destroy();
    await server.stop();
  }
});
