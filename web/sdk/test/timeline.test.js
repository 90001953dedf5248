import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk, message, welcome } from "../fakes/desk.js";

/** @param {Desk} desk */
const contents = (desk) => desk.all("event").map(({ content }) => content);

test("events come once and in order, and the position follows them", () => {
  const desk = new Desk().enter({ position: "e:40" });
  for (const offset of [41, 42, 42, 41, 43]) desk.socket.say(message(offset));
  assert.deepEqual(contents(desk), ["m41", "m42", "m43"]);
  assert.equal(desk.room.position, "e:43");
});

test("a resume reads from the last event and drops what comes twice", () => {
  const desk = new Desk().enter({ position: "e:40" });
  desk.socket.say(message(41));
  desk.socket.end();
  desk.untilNextTry().open();
  assert.deepEqual(desk.socket.sent, [{ type: "join", token: "t1", after: "e:41", attempt: desk.clock.wall() }]);
  desk.socket.say(welcome({ position: "e:40", recovered: true }));
  for (const offset of [41, 42]) desk.socket.say(message(offset));
  assert.deepEqual(contents(desk), ["m41", "m42"]);
  assert.deepEqual([desk.all("gap"), desk.all("reset")], [[], []]);
});

test("a room that has never had an event resumes from the position of its welcome", () => {
  const desk = new Desk().enter({ position: "e:7" });
  desk.socket.end();
  desk.untilNextTry().open();
  assert.equal(desk.socket.sent[0]?.after, "e:7");
});

test("a hole is not shown over: the room comes back and reads from before it", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1));
  const first = desk.socket;
  first.say(message(3));
  assert.notEqual(first.closed?.code, 1000);
  assert.notEqual(first.closed, null);
  assert.equal(desk.all("state").at(-1).error.name, "hole");
  desk.untilNextTry().open();
  assert.equal(desk.socket.sent[0]?.after, "e:1");
  desk.socket.say(welcome({ position: "e:1", recovered: true }));
  for (const offset of [2, 3]) desk.socket.say(message(offset));
  assert.deepEqual(contents(desk), ["m1", "m2", "m3"]);
});

test("a hole that a resume does not fill is a gap, so that the room does not turn in circles", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(3));
  desk.untilNextTry();
  desk.welcome({ position: "e:0", recovered: true });
  desk.socket.say(message(3));
  assert.deepEqual(desk.all("gap"), [{ missed: 2 }]);
  assert.deepEqual(contents(desk), ["m3"]);
  assert.equal(desk.room.state, "connected");
});

test("a gap tells how many events are gone, once", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1));
  desk.socket.say({ type: "gap", missed: 5, position: "e:6" });
  desk.socket.say({ type: "gap", missed: 5, position: "e:6" });
  desk.socket.say(message(7));
  assert.deepEqual(desk.all("gap"), [{ missed: 5 }]);
  assert.deepEqual(contents(desk), ["m1", "m7"]);
});

test("an incomplete resume in the same epoch is a gap, whether the welcome or the gap says where reading goes on", () => {
  for (const position of ["e:11", "e:1"]) {
    const desk = new Desk().enter();
    desk.socket.say(message(1));
    desk.socket.end();
    desk.untilNextTry();
    desk.welcome({ position, recovered: false });
    desk.socket.say({ type: "gap", missed: 10, position: "e:11" });
    desk.socket.say(message(12));
    assert.deepEqual(desk.all("gap"), [{ missed: 10 }], position);
    assert.deepEqual(contents(desk), ["m1", "m12"]);
    assert.deepEqual(desk.all("reset"), []);
  }
});

test("another epoch is a reset, told before its first event", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1));
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "f:0", recovered: false, member: "me2", token: "t2", session: "s2" });
  desk.socket.say(message(1, { content: "new" }));
  assert.deepEqual(
    desk.told.filter(({ type }) => type === "event" || type === "reset").map(({ type }) => type),
    ["event", "reset", "event"],
  );
  assert.equal(desk.room.position, "f:1");
});

test("an epoch whose log has lost what was seen of it is a reset too", () => {
  const desk = new Desk().enter({ position: "e:40" });
  desk.socket.say(message(41));
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "e:30", recovered: false });
  desk.socket.say(message(31, { content: "after the loss" }));
  assert.equal(desk.all("reset").length, 1);
  assert.deepEqual(contents(desk), ["m41", "after the loss"]);
});

test("a message that its sender says again after a restart is not shown twice", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1, { id: "x-1", content: "hello" }));
  desk.socket.say(message(2, { id: "x-2", content: "bye" }));
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "f:0", recovered: false });
  desk.socket.say(message(1, { id: "x-1", content: "hello", member: "ali2" }));
  desk.socket.say(message(2, { id: "x-1", content: "hello", client_id: "other" }));
  desk.socket.say(message(3, { id: "x-2", content: "another" }));
  desk.socket.say(message(4, { content: "hello" }));
  assert.deepEqual(contents(desk), ["hello", "bye", "hello", "another", "hello"]);
  assert.equal(desk.room.position, "f:4");
});

test("in one epoch the same words under the same id are two messages", () => {
  const desk = new Desk().enter();
  for (const offset of [1, 2]) desk.socket.say(message(offset, { id: "1", content: "again" }));
  assert.deepEqual(contents(desk), ["again", "again"]);
});

test("a message is own by its member, over all members this room has been", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1, { member: "me" }));
  desk.socket.say(message(2, { member: "ali", client_id: "مریم" }));
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "f:0", recovered: false, member: "me2" });
  desk.socket.say(message(1, { member: "me" }));
  desk.socket.say(message(2, { member: "me2" }));
  assert.deepEqual(
    desk.all("event").map(({ own }) => own),
    [true, false, true, true],
  );
});
