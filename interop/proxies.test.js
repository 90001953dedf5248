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

const BOUND = 6;
const ROOM = encodeURIComponent("کلاس");

/** Reads a body until it holds a text; fails if it ends before. */
async function reads(stream, text) {
  let read = (stream.readSoFar ??= "");
  while (!read.includes(text)) {
    const piece = stream.read();
    if (piece === null) {
      if (stream.readableEnded || stream.destroyed) throw new Error(`it ended before ${text}:\n${read}`);
      await Promise.race([once(stream, "readable"), once(stream, "end")]);
      continue;
    }
    read = stream.readSoFar += piece;
  }
  return read;
}

// The three at the same time, as each waits a minute for its longest poll.
describe("behind", { concurrency: true }, () => {
  for (const name of Object.keys(PROXIES))
    describe(name, { timeout: 120_000, concurrency: false }, () => promises(name));
});

function promises(name) {
  let server, proxy, longest;

  before(async () => {
    server = await Server.start([
      "--trusted-proxy",
      "127.0.0.1",
      "--max-connections-per-address",
      `${BOUND}`,
      "--drain",
      "500ms",
    ]);
    proxy = await Proxy.start(name, server.port);
    longest = proxy.request("/api/rooms/silent/events?wait=60", { patience: 90_000 });
    longest.catch(() => {});
  });
  after(async () => {
    await proxy?.stop();
    await server?.kill();
  });

  const address = (who, room = ROOM) => `wss://localhost:${proxy.port}/ws/${room}/${encodeURIComponent(who)}`;

  /** A member over HTTP. */
  async function member(room, client_id) {
    const { status, text } = await post(`/api/rooms/${room}/sessions`, { client_id });
    assert.equal(status, 201, text);
    const { token, position } = JSON.parse(text);
    const headers = { Authorization: `Bearer ${token}` };
    const say = async (content) =>
      assert.equal((await post(`/api/rooms/${room}/messages`, { content }, headers)).status, 201);
    return { position, headers, say };
  }

  function post(path, body, headers = {}) {
    const text = JSON.stringify(body);
    return proxy.request(path, {
      method: "POST",
      headers: { "Content-Type": "application/json", ...headers },
      body: text,
    });
  }

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

  test("an event of a stream arrives before the next one is said, over HTTP/1.1 and HTTP/2", async () => {
    const { say } = await member("stream", "مریم");
    const path = "/api/rooms/stream/events";
    const stream = await proxy.open(path, { headers: { Accept: "text/event-stream" } });
    assert.equal(stream.headers["content-type"], "text/event-stream");
    const session = http2.connect(proxy.origin, reach());
    const stream2 = session.request({ ":path": path, accept: "text/event-stream" }).setEncoding("utf8");
    for (const one of [stream, stream2]) await reads(one, "event: position");
    for (const content of ["یک", "دو", "سه"]) {
      await say(content);
      for (const one of [stream, stream2]) await reads(one, `"content":"${content}"`);
    }
    stream.destroy();
    session.destroy();
  });

  test("a long poll waits and is woken", async () => {
    const { position, headers, say } = await member("poll", "مریم");
    // The first answer tells of the join; the next one is waited for.
    const joined = JSON.parse(
      (await proxy.request(`/api/rooms/poll/events?after=${position}&wait=30`, { headers })).text,
    );
    const waiting = proxy.request(`/api/rooms/poll/events?after=${joined.position}&wait=50`, { headers });
    await say("بیدار شو");
    const { status, text } = await waiting;
    assert.equal(status, 200);
    assert.deepEqual(
      JSON.parse(text).events.map(({ content }) => content),
      ["بیدار شو"],
    );
  });

  test("each client's own address is what its connections count for", async () => {
    const ali = reach("127.0.0.7");
    const forged = { ...ali, headers: { "X-Forwarded-For": "203.0.113.9", Forwarded: "for=203.0.113.9" } };
    const open = [];
    for (let n = 1; n < BOUND; n += 1) open.push(await Talk.open(address(`a${n}`), ali));
    const stream = await proxy.open("/api/rooms/a/events", {
      headers: { Accept: "text/event-stream" },
      from: "127.0.0.7",
    });
    await reads(stream, "event: position");
    await assert.rejects(Talk.open(address("more"), ali), { status: 429 });
    await assert.rejects(Talk.open(address("more"), forged), { status: 429 });
    assert.equal((await proxy.request("/healthz", { from: "127.0.0.7" })).status, 429);
    open.push(await Talk.open(address("another"), reach("127.0.0.8")));
    await Promise.all(open.map((talk) => talk.leave()));
    stream.destroy();
  });

  test("a poll may wait for the minute that the API allows", async () => {
    const { status, text } = await longest;
    assert.equal(status, 200, text);
    assert.deepEqual(JSON.parse(text).events, []);
  });

  test("people are back by themselves after a restart, and say what they had to say", async () => {
    class Socket extends WebSocket {
      constructor(url, protocols) {
        super(url, protocols, reach());
      }
    }
    const room = new Room({ server: proxy.origin, room: "restart", name: "مریم", WebSocket: Socket });
    const said = new Promise((resolve) => room.on("event", ({ content }) => content === "دوباره" && resolve()));
    const connected = () =>
      new Promise((resolve) => room.on("state", ({ state }) => state === "connected" && resolve()));
    const first = connected();
    room.join();
    await first;
    const again = connected();
    const other = await Talk.join(address("علی", "restart"), reach());
    const stream = await proxy.open("/api/rooms/restart/events", { headers: { Accept: "text/event-stream" } });
    await reads(stream, "event: position");
    // The poll has arrived when there is a room more.
    const rooms = async () =>
      Number(/^hamhame_rooms (\d+)$/m.exec(await (await fetch(`${server.origin}/metrics`)).text())[1]);
    const before = await rooms();
    const polling = proxy.request("/api/rooms/another/events?wait=60");
    while ((await rooms()) === before);
    assert.equal(await server.terminate(), 0);
    assert.ok([1001, 1012].includes((await other.closed).code), "a WebSocket's goodbye comes through");
    await reads(stream, "event: shutdown");
    assert.ok(JSON.parse((await polling).text).retry_after > 0);
    room.send("دوباره");
    await server.restart();
    await again;
    await said;
    room.leave();
  });
}
