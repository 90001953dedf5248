import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../fakes/clock.js";
import { Desk, message, welcome } from "../fakes/desk.js";
import { scene } from "../fakes/scene.js";

test("a room joins by its first message, without a secret in the address", () => {
  const desk = new Desk({ resume: { token: "secret", position: "e:5", room: "کلاس", name: "مریم" } });
  desk.room.join();
  desk.socket.open();
  assert.deepEqual(desk.socket.protocols, ["hamhame.v1"]);
  assert.equal(desk.socket.url, "ws://chat.example:8000/ws/%DA%A9%D9%84%D8%A7%D8%B3/%D9%85%D8%B1%DB%8C%D9%85");
  assert.deepEqual(desk.socket.sent, [{ type: "join", token: "secret", after: "e:5", attempt: desk.clock.wall() }]);
});

test("what another room or name left behind is not used", () => {
  for (const other of [
    { room: "x", name: "مریم" },
    { room: "کلاس", name: "x" },
  ]) {
    const desk = new Desk({ resume: { token: "secret", position: "e:5", ...other } });
    desk.room.join();
    desk.socket.open();
    assert.deepEqual(desk.socket.sent, [{ type: "join" }]);
  }
});

test("a token or position that the server does not understand is given up, not sent for ever", () => {
  const desk = new Desk({ resume: { token: "t0", position: "old:5" } });
  desk.room.join();
  desk.socket.open();
  desk.socket.say({ type: "error", code: "bad_request", message: '"after" is no position.', temporary: false });
  assert.equal(desk.all("state").at(-1).error.name, "bad_request");
  desk.untilNextTry().open();
  assert.deepEqual(desk.socket.sent, [{ type: "join" }]);
  desk.socket.say(welcome({ position: "new:9" }));
  assert.equal(desk.all("reset").length, 1);
  assert.equal(desk.room.position, "new:9");
});

test("what is left behind is the token, the last position, the last attempt, the room, the name and what is not acknowledged", () => {
  const desk = new Desk();
  assert.equal(desk.room.resumption, null);
  desk.enter({ position: "e:4" });
  desk.socket.say(message(5));
  const place = { token: "t1", position: "e:5", attempt: 0, room: "کلاس", name: "مریم" };
  assert.deepEqual(desk.room.resumption, { ...place, outgoing: [] });
  const { id } = desk.room.send("hi");
  assert.deepEqual(desk.room.resumption, {
    ...place,
    outgoing: [{ id, content: "hi", at: desk.clock.wall(), transmitted: desk.clock.wall() }],
  });
});

test("each join with a token has a greater number than the one before, whatever the clock does and in each life of the page", () => {
  const first = new Desk().enter();
  /** @type {number[]} */
  const attempts = [];
  const comeBack = (/** @type {Desk} */ desk) => {
    desk.welcome({ recovered: true, position: "e:0" });
    attempts.push(desk.socket.sent[0]["attempt"]);
    desk.socket.end();
    desk.untilNextTry();
  };
  first.socket.end();
  first.untilNextTry();
  for (let n = 0; n < 3; n += 1) comeBack(first);
  const earlier = new FakeClock(2);
  earlier.wall = () => 1_000_000;
  const second = new Desk({ resume: first.room.resumption }, earlier);
  second.room.join();
  for (let n = 0; n < 3; n += 1) comeBack(second);
  assert.equal(attempts.length, 6);
  for (let n = 1; n < attempts.length; n += 1) assert.ok(attempts[n] > attempts[n - 1], `${attempts}`);
});

test("a newcomer asks for the last events, over a WebSocket and over HTTP, and nobody who comes back does", async () => {
  for (const transport of /** @type {const} */ (["websocket", "sse", "long-polling", "polling"])) {
    const it = scene({ transport, history: 3 });
    await it.pass(3_000);
    for (let n = 0; n < 5; n += 1) it.say();
    await it.pass(8_000);
    it.desk.room.join();
    await it.pass(8_000);
    const contents = () => it.desk.all("event").map(({ content }) => content);
    assert.deepEqual(contents(), ["3", "4", "5"], transport);
    assert.equal(it.desk.all("welcome")[0].position, "e0:2");
    /** @type {any[]} */
    const joins = [];
    it.desk.network.onsocket = ((open) => (/** @type {import("../fakes/network.js").FakeSocket} */ socket) => {
      open(socket);
      const carry = socket.onsent;
      socket.onsent = (sent) => {
        if (sent["type"] === "join") joins.push(sent["history"]);
        carry(sent);
      };
    })(it.desk.network.onsocket);
    it.server.cut();
    it.web.cut();
    it.say();
    await it.pass(20_000);
    assert.deepEqual(contents(), ["3", "4", "5", "6"], transport);
    assert.deepEqual([it.desk.all("gap"), it.desk.all("reset")], [[], []]);
    assert.ok(joins.every((history) => history === undefined));
  }
});

test("without the option, and with one that is no number of events, none are asked for", () => {
  for (const history of [undefined, 0, -1, 1.5, NaN, Infinity, /** @type {any} */ ("9")]) {
    const desk = new Desk({ history }).enter();
    assert.deepEqual(desk.socket.sent[0], { type: "join" });
  }
});

test("a new life of the server's log is not asked for its past", () => {
  const desk = new Desk({ history: 50 });
  desk.room.join();
  desk.socket.open();
  assert.deepEqual(desk.socket.sent[0], { type: "join", history: 50 });
  desk.socket.say(welcome());
  desk.socket.end();
  desk.untilNextTry().open();
  assert.equal(desk.socket.sent[0]?.["history"], undefined);
  const other = new Desk({ history: 50, resume: { token: "old", position: "e:3" } });
  other.room.join();
  other.socket.open();
  assert.equal(other.socket.sent[0]?.["history"], undefined);
});

test("junk in what was left behind does not hinder joining", () => {
  const junk = /** @type {any} */ ({ token: 5, position: ["x"], attempt: -1 });
  const desk = new Desk({ resume: junk }).enter();
  assert.equal(desk.room.state, "connected");
  assert.deepEqual(desk.socket.sent[0], { type: "join" });
});

test("the welcome is told after the state and fills the getters", () => {
  const desk = new Desk().enter({ count: 3 });
  assert.deepEqual(
    desk.told.map(({ type }) => type),
    ["state", "state", "welcome", "presence"],
  );
  assert.deepEqual([desk.room.member, desk.room.count, desk.room.limits?.burst], ["me", 3, 20]);
});

test("leaving closes with 1000 and leaves no timer behind, in every state", () => {
  /** @type {Record<string, (desk: Desk) => void>} */
  const states = {
    idle: () => {},
    connecting: (desk) => desk.room.join(),
    opened: (desk) => (desk.room.join(), desk.socket.open()),
    connected: (desk) => {
      desk.enter({ limits: { burst: 1, rate: 1 } });
      for (const content of ["a", "b"]) desk.room.send(content);
      desk.socket.say({ type: "typing", members: ["ali"] });
      desk.socket.say({ type: "heartbeat", position: "e:9" });
      desk.socket.say({ type: "error", code: "rate_limited", message: "", temporary: true, retry_after: 9, id: "x" });
      desk.room.setVisible(false);
      desk.room.setVisible(true);
    },
    limited: (desk) => {
      desk.enter();
      const { id } = desk.room.send("a");
      desk.socket.say({ type: "error", code: "rate_limited", message: "", temporary: true, retry_after: 9, id });
    },
    waiting: (desk) => desk.enter().socket.end(),
    offline: (desk) => (desk.enter().room.setOnline(false), desk.socket.end()),
  };
  for (const [name, reach] of Object.entries(states)) {
    const desk = new Desk();
    reach(desk);
    desk.room.leave();
    assert.equal(desk.clock.timers, 0, name);
    assert.equal(desk.room.state, "closed", name);
    const last = desk.network.sockets.at(-1);
    if (last !== undefined && !last.isOver) assert.equal(last.closed?.code, 1000, name);
    desk.clock.advance(600_000);
    assert.equal(desk.network.sockets.length, last === undefined ? 0 : 1, name);
  }
});

test("a room that was left hears nothing more, and can be entered again", () => {
  const desk = new Desk().enter();
  const first = desk.socket;
  desk.room.leave();
  const before = desk.told.length;
  first.say(message(1));
  first.end(1000);
  assert.equal(desk.told.length, before);
  desk.room.join();
  desk.socket.open();
  assert.deepEqual(desk.socket.sent, [{ type: "join", token: "t1", after: "e:0", attempt: desk.clock.wall() }]);
});

test("reconnectNow on a connection asks it, and comes back if it does not answer", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.room.reconnectNow();
  assert.equal(desk.socket.all("heartbeat").length, 2);
  desk.clock.advance(3_000);
  assert.equal(desk.room.state, "waiting");
});

test("no odd input makes the room throw or change its state", () => {
  const desk = new Desk().enter();
  const before = desk.told.length;
  const odd = [
    "",
    "{",
    "null",
    "[1]",
    "5",
    '"x"',
    '{"type":null}',
    '{"type":"message"}',
    '{"type":"toString"}',
    new ArrayBuffer(8),
    { type: "ack", id: "nobody", offset: 1 },
    { type: "error", code: "x", message: "", temporary: true, id: "nobody" },
    { type: "gap", missed: 1, position: "e" },
    { type: "presence", version: -1, count: 1 },
    { type: "typing", members: [] },
    welcome({ member: "second" }),
    message(0),
  ];
  for (const one of odd) {
    if (one instanceof ArrayBuffer) desk.socket.onmessage?.({ data: one });
    else desk.socket.say(one);
  }
  assert.equal(desk.told.length, before);
  assert.equal(desk.room.state, "connected");
  desk.socket.say(message(1));
  assert.equal(desk.all("event").length, 1);
});

test("before the welcome only a refusal is heard", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.open();
  desk.socket.say(message(1));
  desk.socket.say({ type: "heartbeat", position: "e:1" });
  assert.deepEqual(
    desk.told.map(({ type }) => type),
    ["state"],
  );
});

test("an address that cannot be one closes the room with a reason", () => {
  const WebSocket = class {
    constructor() {
      throw new SyntaxError("bad address");
    }
  };
  const desk = new Desk({ WebSocket });
  desk.room.join();
  assert.equal(desk.room.state, "closed");
  assert.equal(desk.all("state").at(-1).error.name, "unsupported");
});

test("names that no address can hold are refused without a try", () => {
  /** @type {[object, string][]} */
  const cases = [
    [{ room: ".." }, "room_refused"],
    [{ name: "." }, "name_refused"],
  ];
  for (const [options, name] of cases) {
    const desk = new Desk(options);
    desk.room.join();
    assert.deepEqual([desk.room.state, desk.network.sockets.length], ["closed", 0]);
    assert.equal(desk.all("state").at(-1).error.name, name);
  }
});

test("a listener may leave, and join, from within any event", () => {
  /** @type {import("../fakes/desk.js").Type[]} */
  const types = ["state", "welcome", "presence", "latency", "event", "outgoing"];
  for (const type of types) {
    const desk = new Desk();
    const off = desk.room.on(type, () => (off(), desk.room.leave()));
    desk.room.join();
    if (desk.room.state === "connecting") {
      desk.welcome();
      desk.socket.say({ type: "heartbeat", position: "e:0" });
      desk.socket.say(message(1));
      desk.room.send("x");
    }
    assert.equal(desk.room.state, "closed", type);
    assert.equal(desk.clock.timers, 0, type);
    desk.room.join();
    desk.welcome({ recovered: true });
    assert.equal(desk.room.state, "connected", type);
  }
});

test("a listener that throws does not keep the others from hearing", async () => {
  const desk = new Desk();
  // The runner would take the report for a failure of this test.
  const runners = process.listeners("unhandledRejection");
  process.removeAllListeners("unhandledRejection");
  /** @type {unknown[]} */
  const reported = [];
  process.once("unhandledRejection", (error) => reported.push(error));
  const mistake = new Error("a mistake of the page");
  desk.room.on("presence", () => {
    throw mistake;
  });
  let heard = 0;
  desk.room.on("presence", () => (heard += 1));
  desk.enter();
  assert.deepEqual([heard, desk.room.state], [1, "connected"]);
  await new Promise((resolve) => setImmediate(resolve));
  for (const runner of runners) process.on("unhandledRejection", runner);
  assert.deepEqual(reported, [mistake]);
});

test("a listener is taken off once and for all", () => {
  const desk = new Desk();
  let heard = 0;
  const listener = () => void (heard += 1);
  const off = desk.room.on("presence", listener);
  desk.room.on("presence", listener);
  desk.enter();
  assert.equal(heard, 2);
  off();
  off();
  desk.socket.say({ type: "presence", version: 2, count: 2 });
  assert.equal(heard, 3);
});
