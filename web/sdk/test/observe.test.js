// An observer is told of everything that goes over the wire, whichever way it goes.
import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../fakes/scene.js";

/** @typedef {import("../observe.js").Observed} Observed */
/** @typedef {import("../ladder.js").Transport} Transport */

/** A member who comes, says something and leaves, and what was observed of it. @param {Transport} transport */
async function visit(transport) {
  /** @type {Observed[]} */
  const seen = [];
  const one = scene({ transport, observe: (observed) => void seen.push(observed) });
  one.desk.room.join();
  await one.pass(4_000);
  one.desk.room.send("سلام");
  one.say();
  await one.complete();
  one.desk.room.leave();
  await one.pass(10_000);
  return { seen, desk: one.desk };
}

/** In short, without what goes on for ever. @param {Observed[]} seen */
const short = (seen) => seen.map(({ direction, kind, head }) => `${direction} ${kind} ${head}`.trim());

test("an observer of a WebSocket sees it open, every message, and its close", async () => {
  const { seen, desk } = await visit("websocket");
  assert.deepEqual(short(seen).slice(0, 3), [
    "sent open ws://chat.example:8000/ws/%DA%A9%D9%84%D8%A7%D8%B3/%D9%85%D8%B1%DB%8C%D9%85",
    "received open hamhame.v1",
    "sent text",
  ]);
  assert.equal(short(seen).filter((one) => one.includes("close"))[0], "sent close 1000");
  const sent = seen.filter(({ direction, kind }) => direction === "sent" && kind === "text");
  assert.deepEqual(
    sent.map(({ data }) => JSON.parse(data)),
    JSON.parse(JSON.stringify(desk.socket.sent)),
  );
  assert.ok(sent.every(({ data, bytes }) => bytes === Buffer.byteLength(data)));
  assert.ok(seen.some(({ direction, data }) => direction === "received" && data.includes('"content":"سلام"')));
  assert.deepEqual([...new Set(seen.map(({ exchange }) => exchange))], [1]);
});

test("an observer of a stream sees the requests, the stream piece by piece, and its end", async () => {
  const { seen } = await visit("sse");
  const stream = seen.find(({ head }) => head === "200 text/event-stream");
  assert.equal(stream?.kind, "open");
  const pieces = seen.filter(({ exchange, kind }) => exchange === stream?.exchange && kind === "text");
  assert.match(pieces[0]?.data ?? "", /^event: position\n/);
  assert.ok(pieces.some(({ data }) => data.includes('"content":"1"')));
  assert.equal(seen.filter(({ exchange }) => exchange === stream?.exchange).at(-1)?.kind, "close");
});

for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
  test(`an observer of ${transport} sees every request and its response`, async () => {
    const { seen } = await visit(transport);
    assert.deepEqual([...new Set(seen.map((one) => one.transport))], [transport]);
    const [join, welcome] = seen;
    assert.match(join?.head ?? "", /^POST \/api\/rooms\/[^/]+\/sessions$/);
    assert.equal(JSON.parse(join?.data ?? "").client_id, "مریم");
    assert.deepEqual([welcome?.kind, welcome?.head, welcome?.exchange], ["response", "201 application/json", 1]);
    assert.equal(JSON.parse(welcome?.data ?? "").member.length > 0, true);
    const said = seen.find(({ head }) => head.endsWith("/messages"));
    assert.equal(JSON.parse(said?.data ?? "").content, "سلام");
    assert.ok(seen.some(({ head }) => head.startsWith("DELETE ")));
    for (const { exchange, head } of seen.filter(({ kind }) => kind === "request")) {
      const answers = seen.filter((one) => one.exchange === exchange && one.direction === "received");
      assert.ok(answers.length > 0, head);
    }
    assert.ok(seen.every(({ data, bytes, at }) => bytes === Buffer.byteLength(data) && at > 0));
  });
}

test("an observer that throws breaks nothing", async () => {
  for (const transport of /** @type {Transport[]} */ (["websocket", "sse", "long-polling", "polling"])) {
    const observe = () => {
      throw new Error("the observer's");
    };
    const one = scene({ transport, observe });
    one.desk.room.join();
    await one.pass(4_000);
    one.say();
    await one.complete();
    assert.deepEqual(one.standing.slice(0, 2), ["connected", transport]);
    one.desk.room.leave();
  }
});

test("what becomes of a request that fails is told", async () => {
  /** @type {Observed[]} */
  const seen = [];
  const one = scene({ transport: "polling", observe: (observed) => void seen.push(observed) });
  one.web.isDown = true;
  one.desk.room.join();
  await one.pass(1_000);
  assert.deepEqual(short(seen).slice(0, 2), [
    "sent request POST /api/rooms/%DA%A9%D9%84%D8%A7%D8%B3/sessions",
    "received close TypeError: no network",
  ]);
  one.desk.room.leave();
});
