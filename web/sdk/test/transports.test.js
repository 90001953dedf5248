import assert from "node:assert/strict";
import { test } from "node:test";
import { scene } from "../fakes/scene.js";

/** @typedef {import("../ladder.js").Transport} Transport */

test("where everything passes, it is a WebSocket", async () => {
  const it = scene();
  it.desk.room.join();
  await it.pass(2_000);
  assert.deepEqual(it.standing, ["connected", "websocket", null]);
  it.say();
  await it.complete();
  assert.deepEqual(it.web.asked, []);
});

test("a proxy that refuses upgrades costs no second, one that swallows them six", async () => {
  for (const [how, ms, why] of /** @type {const} */ ([
    ["refuse", 1_000, "upgrade_refused"],
    ["hold", 7_000, "upgrade_unanswered"],
  ])) {
    const it = scene();
    it.upgrades(how);
    it.desk.room.join();
    await it.pass(ms);
    assert.deepEqual(it.standing, ["connected", "sse", why]);
    assert.deepEqual(
      it.desk.states.filter((state) => state === "waiting"),
      [],
    );
    it.say();
    it.desk.room.send("own");
    await it.complete();
  }
});

test("a proxy that holds streams back costs four seconds, one that refuses them none", async () => {
  for (const [how, ms, why] of /** @type {const} */ ([
    ["refuse", 1_500, "stream_refused"],
    ["hold", 5_500, "stream_buffered"],
  ])) {
    const it = scene();
    it.upgrades("refuse");
    it.web.streams = how;
    it.desk.room.join();
    await it.pass(1_000);
    it.say();
    await it.pass(ms);
    assert.deepEqual(it.standing, ["connected", "long-polling", why]);
    await it.complete();
  }
});

test("where not even a waiting request passes, it is asked every second or two", async () => {
  for (const how of /** @type {const} */ (["refuse", "hold"])) {
    const it = scene();
    it.upgrades("refuse");
    it.web.streams = "refuse";
    it.web.waits = how;
    it.desk.room.join();
    await it.pass(11_000);
    assert.deepEqual(it.standing, ["connected", "polling", "waiting_refused"]);
    it.say();
    const before = it.web.asked.filter((what) => what === "GET /events").length;
    await it.complete();
    const polls = it.web.asked.filter((what) => what === "GET /events").length - before;
    assert.ok(polls >= 5 && polls <= 13, `${polls} in ten seconds`);
  }
});

test("a hidden page that polls leaves the time between two questions to the server, if that may wait two seconds", async () => {
  for (const waits of /** @type {const} */ (["pass", "refuse", "hold"])) {
    const it = scene({ transport: "polling" });
    it.web.waits = waits;
    it.desk.room.join();
    await it.pass(5_000);
    it.desk.room.setVisible(false);
    it.say();
    await it.pass(20_000);
    it.web.patience.length = 0;
    it.say();
    await it.pass(10_000);
    assert.ok(it.web.patience.length >= 4, `${waits}: asked ${it.web.patience.length} times in 10 s`);
    assert.deepEqual([...new Set(it.web.patience)], [waits === "pass" ? 2 : 0], waits);
    it.desk.room.setVisible(true);
    await it.pass(3_000);
    assert.equal(it.web.patience.at(-1), 0);
    await it.complete();
    assert.deepEqual(it.standing, ["connected", "polling", "forced"]);
    it.desk.room.leave();
  }
});

test("what is blocked in the middle of the chat is left one after the other, and nothing is lost", async () => {
  const it = scene();
  it.desk.room.join();
  await it.pass(2_000);
  it.say();
  it.upgrades("refuse");
  it.desk.socket.end();
  it.say();
  it.desk.room.send("one");
  await it.pass(6_000);
  assert.equal(it.standing[1], "sse");
  it.say();
  it.web.streams = "hold";
  it.say();
  await it.pass(45_000);
  assert.equal(it.standing[1], "long-polling");
  it.desk.room.send("two");
  it.web.waits = "refuse";
  it.web.cut();
  it.say();
  await it.pass(60_000);
  assert.equal(it.standing[1], "polling");
  it.say();
  await it.complete();
  const own = it.desk.all("event").filter((event) => event.own);
  assert.deepEqual(
    own.map(({ content }) => content),
    ["one", "two"],
  );
});

test("a WebSocket that worked is tried twice before it is left", async () => {
  const it = scene();
  it.desk.room.join();
  await it.pass(2_000);
  it.upgrades("refuse");
  it.desk.socket.end();
  it.desk.untilNextTry();
  await it.pass(20);
  assert.deepEqual([it.standing[0], it.web.asked.length], ["waiting", 0]);
  await it.pass(5_000);
  assert.deepEqual(it.standing.slice(0, 2), ["connected", "sse"]);
});

test("a network that is down teaches nothing about transports", async () => {
  const it = scene();
  it.desk.room.join();
  await it.pass(2_000);
  it.upgrades("refuse");
  it.web.isDown = true;
  it.desk.socket.end();
  await it.pass(60_000);
  assert.equal(it.desk.room.remembered, null);
  it.upgrades("pass");
  it.web.isDown = false;
  await it.pass(25_000);
  assert.deepEqual(it.standing, ["connected", "websocket", null]);
  const used = it.desk
    .all("state")
    .filter(({ state }) => state === "connected")
    .map(({ transport }) => transport);
  assert.deepEqual(used, ["websocket", "websocket"]);
  it.say();
  await it.complete();
});

test("what has come once is not asked for again", async () => {
  for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
    const it = scene({ transport });
    it.desk.room.join();
    await it.pass(3_000);
    for (let i = 0; i < 20; i += 1) {
      it.say();
      await it.pass(2_000);
      if (i % 7 === 0) it.desk.room.reconnectNow();
    }
    await it.complete();
    assert.equal(it.web.told, it.server.log.length, transport);
  }
});

test("a message whose request is lost is said again at once, and the room stays where it is", async () => {
  const it = scene({ transport: "polling" });
  it.desk.room.join();
  await it.pass(3_000);
  it.web.losses = 1;
  it.desk.room.send("one");
  await it.complete();
  assert.deepEqual(
    it.desk.states.filter((state) => state === "waiting"),
    [],
  );
  assert.deepEqual(
    it.desk.all("outgoing").map(({ status }) => status),
    ["pending", "sent"],
  );
});

test("a message whose request broke off while the machine slept for a day is not said again by itself", async () => {
  const it = scene({ transport: "polling" });
  it.desk.room.join();
  await it.pass(3_000);
  it.web.isSilent = true;
  it.desk.room.send("one");
  it.clock.setWall(24 * 3_600_000);
  it.web.isSilent = false;
  it.web.cut();
  await it.pass(30_000);
  assert.equal(it.standing[0], "connected");
  assert.equal(it.web.asked.filter((request) => request === "POST /messages").length, 1);
  assert.deepEqual(
    it.desk.room.outgoing.map(({ error }) => error?.code),
    ["maybe_sent"],
  );
});

test("it climbs again when the way is free, without a moment in which the room is not there", async () => {
  const it = scene();
  it.upgrades("refuse");
  it.web.streams = it.web.waits = "refuse";
  it.desk.room.join();
  await it.pass(3_000);
  assert.equal(it.standing[1], "polling");
  const before = it.desk.states.length;
  it.web.waits = "pass";
  for (let i = 0; i < 60; i += 1, it.say()) await it.pass(1_000);
  assert.equal(it.standing[1], "long-polling");
  it.web.streams = "pass";
  for (let i = 0; i < 120; i += 1, it.say()) await it.pass(1_000);
  assert.equal(it.standing[1], "sse");
  it.upgrades("pass");
  for (let i = 0; i < 200; i += 1, it.say()) await it.pass(1_000);
  assert.equal(it.standing[1], "websocket");
  assert.deepEqual([...new Set(it.desk.states.slice(before))], ["connected"]);
  await it.complete();
});

test("a try to climb that fails is not noticed, and the next one is later", async () => {
  const it = scene();
  it.upgrades("refuse");
  it.desk.room.join();
  await it.pass(2_000);
  const [told, before] = [it.desk.states.length, it.desk.network.sockets.length];
  await it.pass(600_000);
  const tries = it.desk.network.sockets.length - before;
  assert.ok(tries >= 4 && tries <= 7, `${tries} tries in ten minutes`);
  assert.equal(it.desk.states.length, told);
});

test("a WebSocket that opens and then brings nothing is tried ever more seldom, and nothing is lost", async () => {
  const it = scene();
  it.desk.network.onsocket = (socket) => void it.clock.setTimeout(() => socket.open(), 20);
  it.desk.room.join();
  await it.pass(10_000);
  assert.deepEqual(it.standing, ["connected", "sse", "upgrade_unanswered"]);
  for (let i = 0; i < 60; i += 1, it.say()) await it.pass(10_000);
  const { length } = it.desk.network.sockets;
  assert.ok(length >= 4 && length <= 8, `${length} tries in ten minutes`);
  assert.equal(it.standing[1], "sse");
  await it.complete();
});

test("a transport that is forced is the only one, whether it works or not", async () => {
  for (const transport of /** @type {Transport[]} */ (["websocket", "sse", "long-polling", "polling"])) {
    const it = scene({ transport });
    it.desk.room.join();
    await it.pass(3_000);
    assert.deepEqual(it.standing, ["connected", transport, "forced"]);
    it.say();
    it.desk.room.send("own");
    await it.complete();
  }
  const it = scene({ transport: "websocket" });
  it.upgrades("refuse");
  it.desk.room.join();
  await it.pass(20_000);
  assert.notEqual(it.standing[0], "connected");
  assert.deepEqual(it.web.asked, []);
});

test("a room can be told to change its transport, and loses nothing by it", async () => {
  const it = scene();
  it.desk.room.join();
  await it.pass(2_000);
  const { member } = it.desk.room;
  for (const transport of /** @type {(Transport | null)[]} */ (["polling", "sse", "websocket", "long-polling", null])) {
    it.say();
    it.desk.room.send(`on to ${transport}`);
    it.desk.room.setTransport(transport);
    it.say();
    await it.pass(2_000);
    assert.deepEqual(it.standing, ["connected", transport ?? "websocket", transport && "forced"]);
  }
  await it.complete();
  assert.equal(it.desk.room.member, member);
  assert.equal(it.desk.all("event").filter(({ own }) => own).length, 5);
});

test("a platform that has none of the transports that may be used is told so", () => {
  const { desk } = scene({ WebSocket: null, fetch: null });
  desk.room.join();
  assert.deepEqual([desk.room.state, desk.all("state").at(-1).error.name], ["closed", "unsupported"]);
});

test("what worked is remembered, and another life of the page begins with it", async () => {
  const it = scene();
  it.upgrades("refuse");
  it.web.streams = "hold";
  it.desk.room.join();
  await it.pass(8_000);
  const { remembered } = it.desk.room;
  assert.deepEqual([remembered?.transport, remembered?.why], ["long-polling", "stream_buffered"]);
  const later = scene({ remembered: remembered && { ...remembered, at: remembered.at - 60_000 } });
  later.desk.room.join();
  await later.pass(8_000);
  assert.deepEqual(
    [later.standing, later.desk.network.sockets.length],
    [["connected", "long-polling", "stream_buffered"], 0],
  );
  const muchLater = scene({ remembered: remembered && { ...remembered, at: remembered.at - 3_600_000 } });
  muchLater.desk.room.join();
  await muchLater.pass(8_000);
  assert.equal(muchLater.standing[1], "websocket");
});

test("without a WebSocket constructor the HTTP transports do", async () => {
  const it = scene({ WebSocket: null });
  it.desk.room.join();
  await it.pass(2_000);
  assert.deepEqual(it.standing, ["connected", "sse", "unsupported"]);
});

test("a room that is left over HTTP says so, and leaves no timer and no request", async () => {
  for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
    const it = scene({ transport });
    it.desk.room.join();
    await it.pass(5_000);
    it.desk.room.leave();
    await it.pass(0);
    assert.equal(it.web.asked.at(-1), "DELETE /sessions/current");
    const { length } = it.web.asked;
    await it.pass(60_000);
    assert.equal(it.web.asked.length, length);
  }
});

test("a session that another page takes over is closed and not taken back", async () => {
  for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
    const it = scene({ transport });
    it.desk.room.join();
    await it.pass(5_000);
    it.server.enter("مریم", { token: it.desk.room.resumption?.token ?? "" });
    await it.pass(30_000);
    assert.equal(it.desk.room.state, "closed");
    assert.equal(it.desk.all("state").at(-1).error.code, 4506);
  }
});

test("a quiet room is no dead one, and a dead network is found within half a minute, whether anybody looks or not", async () => {
  for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
    for (const visible of [true, false]) {
      const it = scene({ transport });
      it.desk.room.join();
      await it.pass(3_000);
      it.desk.room.setVisible(visible);
      const told = it.desk.states.length;
      await it.pass(900_000);
      assert.deepEqual(it.desk.states.slice(told), [], `${transport}, ${visible}`);
      it.web.isSilent = true;
      await it.pass(31_000);
      assert.notEqual(it.desk.room.state, "connected", `${transport}, ${visible}`);
    }
  }
});

test("the latency is told over every transport", async () => {
  for (const transport of /** @type {Transport[]} */ (["sse", "long-polling", "polling"])) {
    const it = scene({ transport });
    it.desk.room.join();
    await it.pass(30_000);
    const measured = it.desk.all("latency");
    assert.ok(measured.length >= 2 && measured.every((ms) => ms >= 10 && ms <= 320), `${measured}`);
  }
});
