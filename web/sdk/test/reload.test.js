import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk, message } from "../fakes/desk.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;

/** The page is loaded again: nobody leaves, and what is left went through a text. @param {Desk} desk @param {object} [more] options */
function reload(desk, more) {
  const text = JSON.stringify(desk.room.resumption);
  return new Desk({ resume: JSON.parse(text), ...more }, desk.clock);
}

/** The contents of what was sent on the latest connection. @param {Desk} desk */
const sent = (desk) => desk.socket.all("send").map(({ content }) => content);

/** @param {Desk} desk */
const listed = (desk) => desk.room.outgoing.map(({ content, status }) => `${content} ${status}`);

/** Whatever is sent is acknowledged, until nothing more is. @param {Desk} desk */
function answerAll(desk) {
  for (let i = 0; i < 50; i += 1) {
    for (const { id } of desk.socket.all("send")) desk.socket.say({ type: "ack", id, offset: 10 + i });
    desk.clock.advance(200);
  }
}

test("what was not acknowledged is there from the start after a reload, and goes out in order under the same ids", () => {
  const first = new Desk().enter();
  const [acknowledged, underWay] = ["a", "b"].map((content) => first.room.send(content));
  first.socket.say({ type: "ack", id: acknowledged?.id, offset: 1 });
  first.socket.say(message(1, { member: "me", id: acknowledged?.id, content: "a" }));
  first.socket.end();
  const unsent = first.room.send("c");
  first.clock.advance(60_000);

  const second = reload(first);
  assert.deepEqual(listed(second), ["b pending", "c pending"]);
  assert.deepEqual(
    second.room.outgoing.map(({ id, at }) => [id, at]),
    [underWay, unsent].map((one) => [one?.id, one?.at]),
  );
  second.enter({ recovered: true, position: "e:1" });
  second.room.send("d");
  answerAll(second);
  assert.deepEqual(sent(second), ["b", "c", "d"]);
  assert.deepEqual(
    second.socket
      .all("send")
      .slice(0, 2)
      .map(({ id }) => id),
    [underWay?.id, unsent.id],
  );
  assert.deepEqual(second.room.outgoing, []);
});

test("it survives one reload after the other, and also if there never was a welcome", () => {
  const first = new Desk();
  first.room.send("a");
  const second = reload(first);
  second.room.send("b");
  second.room.join();
  second.socket.end();
  const third = reload(second);
  third.room.send("c");
  third.enter();
  assert.deepEqual(third.socket.sent[0], { type: "join" });
  assert.deepEqual(sent(third), ["a", "b", "c"]);
});

test("what is read in the log first is not sent again", () => {
  const first = new Desk().enter();
  const { id } = first.room.send("a");
  const second = reload(first).enter({ recovered: true });
  second.socket.say(message(1, { member: "me", id, content: "a" }));
  second.clock.advance(10_000);
  assert.deepEqual(sent(second), []);
  assert.deepEqual(
    second.all("outgoing").map(({ status }) => status),
    ["sent"],
  );
  assert.equal(second.all("event")[0].own, true);
});

test("if the session cannot be taken up again it is sent all the same", () => {
  const first = new Desk().enter();
  first.room.send("a");
  const second = reload(first).enter({ position: "f:0", recovered: false, session: "s2", member: "me2", token: "t2" });
  answerAll(second);
  assert.deepEqual(sent(second), ["a"]);
});

test("nothing is sent in another room or under another name", () => {
  for (const other of [{ room: "x" }, { name: "x" }]) {
    const first = new Desk().enter();
    first.room.send("a");
    const second = reload(first, other).enter();
    second.clock.advance(10_000);
    assert.deepEqual([second.room.outgoing, sent(second)], [[], []]);
  }
});

test("a failed message is still failed, with its reason, and can be said again", () => {
  const first = new Desk().enter();
  const { id } = first.room.send("a");
  first.socket.say({ type: "error", code: "room_readonly", message: "No.", temporary: false, id });
  const second = reload(first).enter({ recovered: true });
  assert.deepEqual(listed(second), ["a failed"]);
  assert.deepEqual(second.room.outgoing[0]?.error, { code: "room_readonly", message: "No.", temporary: false });
  second.clock.advance(10_000);
  assert.deepEqual(sent(second), []);
  second.room.retry(id);
  assert.deepEqual(sent(second), ["a"]);
});

test("what the server acknowledged and the log does not show after a reload is said again only if the log is a new one", () => {
  const acknowledged = () => {
    const desk = new Desk().enter();
    const { id } = desk.room.send("a");
    desk.room.send("b");
    desk.socket.say({ type: "ack", id, offset: 1 });
    return reload(desk);
  };
  const same = acknowledged().enter({ recovered: true });
  same.socket.say({ type: "gap", missed: 5, position: "e:5" });
  answerAll(same);
  assert.deepEqual(sent(same), ["b"]);
  const lost = acknowledged().enter({ position: "f:0", recovered: false });
  answerAll(lost);
  assert.deepEqual(sent(lost), ["a", "b"]);
});

test("what never went out is sent after a reload, however long ago it was said", () => {
  const first = new Desk();
  first.room.send("a");
  first.clock.sleep(7 * DAY);
  const second = reload(reload(first)).enter();
  assert.deepEqual(sent(second), ["a"]);
});

test("what went out a day before the reload and was not answered has failed as maybe_sent, and a person decides", () => {
  const first = new Desk().enter();
  const { id } = first.room.send("a");
  first.socket.end();
  first.room.send("b");
  const second = reload(first);
  second.clock.sleep(DAY);
  const third = reload(second);
  assert.deepEqual(listed(third), ["a pending", "b pending"]);
  third.enter({ recovered: true });
  answerAll(third);
  assert.deepEqual([sent(third), listed(third)], [["b"], ["a failed"]]);
  assert.equal(third.room.outgoing[0]?.error?.code, "maybe_sent");
  third.room.retry(id);
  const [, again] = third.socket.all("send");
  assert.deepEqual([again?.id, again?.content], [id, "a"]);
});

test("what went out an hour before the reload goes out again, also if the time of day was corrected meanwhile", () => {
  for (const correction of [0, -2 * HOUR, 2 * HOUR]) {
    const first = new Desk().enter();
    first.room.send("a");
    first.clock.sleep(HOUR);
    const { resumption: resume } = first.room;
    first.clock.setWall(correction);
    const second = new Desk({ resume }, first.clock).enter({ recovered: true });
    second.clock.advance(1_000);
    assert.deepEqual(sent(second), ["a"], String(correction));
  }
});

test("if the time of day was set back by days it is not known how long ago a message went out", () => {
  const first = new Desk().enter();
  first.room.send("a");
  const { resumption: resume } = first.room;
  first.clock.setWall(-2 * DAY);
  const second = new Desk({ resume }, first.clock).enter({ recovered: true });
  second.clock.advance(1_000);
  assert.deepEqual([sent(second), second.room.outgoing[0]?.error?.code], [[], "maybe_sent"]);
});

test("what an older page kept without saying whether it went out may have gone out when it was said", () => {
  const { clock } = new Desk();
  for (const transmitted of [undefined, "soon", -1, NaN, {}]) {
    const outgoing = /** @type {any[]} */ (
      [DAY, HOUR].map((ago) => ({ id: `c${ago}`, content: `${ago}`, at: clock.wall() - ago, transmitted }))
    );
    const desk = new Desk({ resume: { token: "t1", position: "e:0", outgoing } }, clock).enter({ recovered: true });
    desk.clock.advance(1_000);
    assert.deepEqual([sent(desk), listed(desk)], [[`${HOUR}`], [`${DAY} failed`, `${HOUR} pending`]]);
  }
});

test("a page that was loaded again is never faster than the server's limit, whatever was sent before", () => {
  const first = new Desk().enter({ limits: { burst: 3, rate: 5 } });
  for (let i = 0; i < 5; i += 1) first.room.send(String(i));
  const second = reload(first).enter({ recovered: true, limits: { burst: 3, rate: 5 } });
  for (const [ms, many] of [
    [199, 0],
    [1, 1],
    [199, 1],
    [1, 2],
  ]) {
    second.clock.advance(ms ?? 0);
    assert.equal(sent(second).length, many);
  }
});

test("of junk in what was kept only messages are taken, each once, and nothing throws", () => {
  const good = { id: "c1", content: "good", at: 5, transmitted: null };
  const error = { code: "too_long", message: "?", temporary: false };
  const junk = [
    null,
    5,
    "x",
    [],
    {},
    { ...good, id: 5 },
    { ...good, id: "" },
    { ...good, id: "خ" },
    { ...good, id: "x".repeat(65) },
    { id: "c2" },
    { ...good, id: "c2", content: ["x"] },
    { ...good, id: "c2", error: "no" },
    { ...good, id: "c2", error: { code: 5 } },
    { ...good, id: "c2", error: null },
    { ...good, id: "c2", offset: -1 },
    { ...good, id: "c2", offset: "1" },
  ];
  const resume = /** @type {any} */ ({
    outgoing: [...junk, good, { ...good, content: "twice" }, { ...good, id: "c3", error }],
  });
  const desk = new Desk({ resume });
  assert.deepEqual(
    desk.room.outgoing.map(({ id, content, status }) => [id, content, status]),
    [
      ["c1", "good", "pending"],
      ["c3", "good", "failed"],
    ],
  );
  desk.enter();
  assert.deepEqual(sent(desk), ["good"]);
  for (const outgoing of /** @type {any[]} */ ([null, 5, "text", {}, { length: 3 }])) {
    assert.deepEqual(
      new Desk({ resume: /** @type {any} */ ({ token: "t", position: null, outgoing }) }).room.outgoing,
      [],
    );
  }
});

test("a time that cannot be is now, and half a character is one that JSON can hold", () => {
  for (const at of [undefined, null, "soon", -1, 1e300, NaN]) {
    const resume = /** @type {any} */ ({ outgoing: [{ id: "c1", content: "a\ud83d", at }] });
    const desk = new Desk({ resume });
    assert.deepEqual(
      desk.room.outgoing.map(({ content, at }) => [content, at]),
      [["a\ufffd", desk.clock.wall()]],
    );
  }
});

test("what is kept fits into a browser's storage: the oldest, as many as there is room for", () => {
  const many = new Desk();
  for (let i = 0; i < 1_000; i += 1) many.room.send(String(i));
  assert.deepEqual(
    reload(many).room.outgoing.map(({ content }) => content),
    Array.from({ length: 500 }, (_, i) => String(i)),
  );
  const large = new Desk();
  for (let i = 0; i < 100; i += 1) large.room.send("\u0001".repeat(10_000));
  const { resumption } = large.room;
  assert.ok(JSON.stringify(resumption).length <= 1_001_000);
  assert.ok((resumption?.outgoing?.length ?? 0) > 10);
  const resume = /** @type {any} */ ({
    outgoing: Array.from({ length: 1_000 }, (_, i) => ({ id: `c${i}`, content: "x", at: 1 })),
  });
  assert.equal(new Desk({ resume }).room.outgoing.length, 500);
});
