// hamhame behind the proxies that people put in front of it, with the files of deploy/.
import assert from "node:assert/strict";
import { once } from "node:events";
import http2 from "node:http2";
import { after, before, describe, test } from "node:test";
import WebSocket from "ws";
import { Room } from "../web/sdk/room.js";
import { Server } from "../e2e/server.js";
import { PROXIES, Proxy, reach } from "./proxy.js";
import { Talk } from "./talk.js";

const BOUND = 3;
const ROOM = encodeURIComponent("کلاس");

for (const name of Object.keys(PROXIES)) {
  describe(`behind ${name}`, { timeout: 120_000 }, () => {
    let server, proxy;

    before(async () => {
      server = await Server.start(["--trusted-proxy", "127.0.0.1", "--max-connections-per-address", `${BOUND}`, "--drain", "500ms"]);
      proxy = await Proxy.start(name, server.port);
    });
    after(async () => {
      await proxy?.stop();
      await server?.kill();
    });

    const address = (who, room = ROOM) => `wss://localhost:${proxy.port}/ws/${room}/${encodeURIComponent(who)}`;

    test("the page loads, over HTTP/1.1 and HTTP/2", async () => {
      const { status, text } = await proxy.request("/");
      assert.equal(status, 200);
      assert.match(text, /<html lang="fa" dir="rtl"/);
      const session = http2.connect(proxy.origin, reach());
      const stream = session.request({ ":path": "/" });
      const [headers] = await once(stream, "response");
      assert.equal(session.alpnProtocol, "h2");
      assert.equal(headers[":status"], 200);
      let page = "";
      for await (const piece of stream.setEncoding("utf8")) page += piece;
      assert.equal(page, text);
      session.close();
    });

    test("people talk by WebSocket, in both dialects", async () => {
      // As a page does it: with its origin, which must be the host that the server sees.
      const options = { ...reach(), origin: proxy.origin };
      const maryam = await Talk.join(address("مریم"), options);
      const ali = await Talk.open(address("علی"), options);
      assert.equal(maryam.socket.protocol, "hamhame.v1");
      assert.match(maryam.socket.extensions, /permessage-deflate/);
      const content = "می‌خواهم بگویم: سلام! ".repeat(30).trim();
      maryam.send({ type: "send", id: "1", content });
      assert.ok((await maryam.next("ack")).offset > 0);
      assert.equal((await ali.next("message")).content, content);
      ali.socket.send("سلام مریم");
      assert.equal((await maryam.next("message", "سلام مریم")).client_id, "علی");
      assert.equal((await maryam.leave()).code, 1000);
      assert.equal((await ali.leave()).code, 1000);
    });

    test("a page of another origin may not connect", async () => {
      await assert.rejects(Talk.open(address("نا"), { ...reach(), origin: "https://evil.example" }), { status: 403 });
    });

    test("each client's own address is what its connections count for", async () => {
      const ali = reach("127.0.0.7");
      const forged = { ...ali, headers: { "X-Forwarded-For": "203.0.113.9", Forwarded: "for=203.0.113.9" } };
      const open = [];
      for (let n = 0; n < BOUND; n += 1) open.push(await Talk.open(address(`a${n}`), ali));
      await assert.rejects(Talk.open(address("more"), ali), { status: 429 });
      await assert.rejects(Talk.open(address("more"), forged), { status: 429 });
      assert.equal((await proxy.request("/healthz", { from: "127.0.0.7" })).status, 429);
      open.push(await Talk.open(address("another"), reach("127.0.0.8")));
      await Promise.all(open.map((talk) => talk.leave()));
    });

    test("people are back by themselves after a restart, and say what they had to say", async () => {
      class Socket extends WebSocket {
        constructor(url, protocols) {
          super(url, protocols, reach());
        }
      }
      const room = new Room({ server: proxy.origin, room: "restart", name: "مریم", WebSocket: Socket });
      const states = [];
      const said = new Promise((resolve) => room.on("event", ({ content }) => content === "دوباره" && resolve()));
      const connected = () => new Promise((resolve) => room.on("state", ({ state }) => (states.push(state), state === "connected" && resolve())));
      const first = connected();
      room.join();
      await first;
      const again = connected();
      const other = await Talk.join(address("علی", "restart"), reach());
      assert.equal(await server.terminate(), 0);
      assert.ok([1001, 1012].includes((await other.closed).code), "the goodbye comes through");
      room.send("دوباره");
      await server.restart();
      await again;
      await said;
      room.leave();
    });
  });
}
