import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk, message } from "../fakes/desk.js";

const HOUR = 3_600_000;
const DAY = 24 * HOUR;
const limited = { type: "error", code: "rate_limited", message: "Too many.", temporary: true };

/** The contents of what was sent on the latest connection. @param {Desk} desk */
const sent = (desk) => desk.socket.all("send").map(({ content }) => content);

/** Answers every unanswered send, in order. @param {Desk} desk */
function answer(desk, from = 1) {
  let offset = from;
  for (const { id } of desk.socket.all("send")) {
    if (desk.room.outgoing.some((one) => one.id === id && one.status === "pending"))
      desk.socket.say({ type: "ack", id, offset });
    offset += 1;
  }
}

/** @param {Desk} desk */
const statuses = (desk) => desk.all("outgoing").map(({ content, status }) => `${content} ${status}`);

test("a message is pending at once and sent when it is acknowledged", () => {
  const desk = new Desk().enter();
  const { id, status } = desk.room.send("سلام");
  assert.equal(status, "pending");
  assert.deepEqual(
    desk.room.outgoing.map((outgoing) => outgoing.id),
    [id],
  );
  desk.socket.say({ type: "ack", id, offset: 1 });
  assert.deepEqual(statuses(desk), ["سلام pending", "سلام sent"]);
  assert.deepEqual(desk.room.outgoing, []);
});

test("the event itself is an acknowledgement, and whichever comes second changes nothing", () => {
  for (const eventFirst of [true, false]) {
    const desk = new Desk().enter();
    const { id } = desk.room.send("hi");
    const event = message(1, { member: "me", id, content: "hi" });
    const ack = { type: "ack", id, offset: 1 };
    for (const one of eventFirst ? [event, ack] : [ack, event]) desk.socket.say(one);
    const order = desk.told.map(({ type }) => type).filter((type) => type === "outgoing" || type === "event");
    assert.deepEqual(order, ["outgoing", "outgoing", "event"]);
    assert.equal(desk.all("event")[0].own, true);
  }
});

test("another member's event with the same id acknowledges nothing", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("hi");
  desk.socket.say(message(1, { member: "ali", id }));
  assert.equal(desk.room.outgoing.length, 1);
});

test("what is said before joining and while disconnected goes out in order after the welcome", () => {
  const desk = new Desk();
  desk.room.send("a");
  desk.enter();
  answer(desk);
  desk.socket.end();
  desk.room.send("b");
  desk.room.send("c");
  desk.untilNextTry();
  desk.welcome({ recovered: true });
  assert.deepEqual(sent(desk), ["b", "c"]);
});

test("what was not acknowledged is sent again with the same id, before what is new", () => {
  const desk = new Desk().enter();
  desk.room.send("a");
  desk.room.send("b");
  const ids = desk.socket.all("send").map(({ id }) => id);
  desk.socket.say({ type: "ack", id: ids[0], offset: 1 });
  desk.socket.end();
  desk.room.send("c");
  desk.untilNextTry();
  desk.welcome({ recovered: true });
  assert.deepEqual(sent(desk), ["b", "c"]);
  assert.equal(desk.socket.all("send")[0]?.id, ids[1]);
});

test("ids are printable, short and of this room object alone", () => {
  const ids = new Set();
  for (let seed = 0; seed < 50; seed += 1) {
    const desk = new Desk({}, seed);
    for (let i = 0; i < 3; i += 1) ids.add(desk.room.send("x").id);
  }
  assert.equal(ids.size, 150);
  for (const id of ids) assert.match(id, /^[!-~]{1,64}$/);
});

test("more is never sent than the server's limit is sure to accept", () => {
  const desk = new Desk().enter({ limits: { burst: 3, rate: 2 } });
  for (let i = 0; i < 10; i += 1) desk.room.send(String(i));
  assert.deepEqual(sent(desk), ["0", "1", "2"]);
  answer(desk);
  assert.equal(sent(desk).length, 3);
  desk.clock.advance(499);
  assert.equal(sent(desk).length, 3);
  desk.clock.advance(1);
  assert.equal(sent(desk).length, 4);
  // The fourth may be under way for long: until its answer its token counts as taken now, not when it was sent.
  desk.clock.advance(400);
  answer(desk);
  desk.clock.advance(400);
  assert.equal(sent(desk).length, 5);
});

test("what was under way when the connection broke may have used up the limit", () => {
  const desk = new Desk().enter({ limits: { burst: 3, rate: 2 } });
  for (let i = 0; i < 3; i += 1) desk.room.send(String(i));
  desk.clock.advance(10_000);
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ recovered: true, limits: { burst: 3, rate: 2 } });
  assert.deepEqual(sent(desk), []);
  desk.clock.advance(500);
  assert.deepEqual(sent(desk), ["0"]);
});

test("without limits a window of messages is under way, and answers let the next ones out", () => {
  const desk = new Desk().enter({ limits: { burst: null, rate: null } });
  for (let i = 0; i < 100; i += 1) desk.room.send(String(i));
  assert.equal(sent(desk).length, 16);
  for (let i = 0; i < 100; i += 1) answer(desk);
  assert.deepEqual(
    sent(desk),
    Array.from({ length: 100 }, (_, i) => String(i)),
  );
});

test("what is refused for now holds up what is behind it and goes out by itself", () => {
  const desk = new Desk().enter();
  for (const content of ["a", "b", "c"]) desk.room.send(content);
  const [a, b, c] = desk.socket.all("send").map(({ id }) => id);
  desk.socket.say({ type: "ack", id: a, offset: 1 });
  desk.socket.say({ ...limited, id: b, retry_after: 1.5 });
  desk.socket.say({ ...limited, id: c, retry_after: 1.5 });
  desk.room.send("d");
  desk.clock.advance(1_499);
  assert.deepEqual(sent(desk), ["a", "b", "c"]);
  desk.clock.advance(1);
  assert.equal(sent(desk)[3], "b");
  for (let i = 0; i < 10; i += 1) {
    answer(desk);
    desk.clock.advance(250);
  }
  assert.deepEqual(sent(desk).slice(3), ["b", "c", "d"]);
  assert.ok(!statuses(desk).some((status) => status.endsWith("failed")));
});

test("what is refused for now without a time is tried again, but not for ever", () => {
  const desk = new Desk().enter({ limits: { burst: null, rate: null } });
  const { id } = desk.room.send("a");
  for (let i = 0; i < 20; i += 1) {
    desk.socket.say({ type: "error", code: "internal", message: "?", temporary: true, id });
    desk.clock.advance(20_000);
    desk.socket.say({ type: "heartbeat", position: "e:0" });
  }
  assert.equal(desk.all("outgoing").at(-1).status, "failed");
  assert.equal(sent(desk).length, 6);
});

test("what is refused for good has failed, and the others go on", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("long");
  desk.room.send("short");
  desk.socket.say({ type: "error", code: "too_long", message: "Too long.", temporary: false, id });
  answer(desk);
  assert.deepEqual(statuses(desk).slice(2), ["long failed", "short sent"]);
  assert.equal(desk.all("outgoing")[2].error.code, "too_long");
  assert.deepEqual(
    desk.room.outgoing.map(({ content }) => content),
    ["long"],
  );
  assert.deepEqual(desk.all("refused"), []);
});

test("a failed message is said again as the last, or discarded", () => {
  const desk = new Desk().enter({ limits: { burst: 2, rate: 1 } });
  const one = desk.room.send("1").id;
  const two = desk.room.send("2").id;
  desk.room.send("3");
  for (const id of [one, two]) {
    desk.socket.say({ type: "error", code: "too_long", message: "?", temporary: false, id });
  }
  desk.room.discard(two);
  desk.room.retry(two);
  desk.room.retry(one);
  desk.room.retry(one);
  desk.clock.advance(2_000);
  assert.deepEqual(sent(desk), ["1", "2", "3", "1"]);
  answer(desk);
  assert.deepEqual(desk.room.outgoing, []);
});

test("what the server could not even read is not sent: it would close the connection", () => {
  const desk = new Desk().enter({ limits: { message_bytes: 100 } });
  desk.room.send("س".repeat(60));
  desk.room.send("ok");
  assert.deepEqual(sent(desk), ["ok"]);
  assert.deepEqual(
    desk.room.outgoing.map(({ error }) => error?.code),
    ["too_long", undefined],
  );
});

test("half a character is sent as one that JSON can hold", () => {
  const desk = new Desk().enter();
  desk.room.send("a\ud83d");
  assert.deepEqual(sent(desk), ["a\ufffd"]);
});

test("a message acknowledged by a log that is gone before we read it there is said again, first", () => {
  const desk = new Desk().enter();
  for (const content of ["seen", "unseen", "unanswered"]) desk.room.send(content);
  const [seen, unseen] = desk.socket.all("send").map(({ id }) => id);
  desk.socket.say({ type: "ack", id: seen, offset: 1 });
  desk.socket.say(message(1, { member: "me", id: seen, content: "seen" }));
  desk.socket.say({ type: "ack", id: unseen, offset: 2 });
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "f:0", recovered: false, member: "me2", session: "s2" });
  assert.deepEqual(sent(desk), ["unseen", "unanswered"]);
  assert.equal(desk.socket.all("send")[0]?.id, unseen);
});

test("an acknowledged message that a gap passed over was in the log, and is not said again", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("passed over");
  desk.socket.say({ type: "ack", id, offset: 2 });
  desk.socket.say({ type: "gap", missed: 5, position: "e:5" });
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ position: "f:0", recovered: false, member: "me2", session: "s2" });
  assert.deepEqual([sent(desk), desk.room.outgoing], [[], []]);
});

/** The connection is cut, and there is another one only after this time. @param {Desk} desk @param {number} ms @param {object} [welcome] */
function away(desk, ms, welcome) {
  desk.socket.end();
  desk.clock.sleep(ms);
  if (desk.room.state === "waiting") desk.untilNextTry();
  desk.welcome({ recovered: true, ...welcome });
}

/** @param {Desk} desk */
const failures = (desk) =>
  desk.room.outgoing
    .filter(({ status }) => status === "failed")
    .map(({ content, error }) => `${content} ${error?.code}`);

test("what went out a day ago without an answer is not said again by itself, and what never went out is", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("under way");
  desk.socket.end();
  desk.room.send("never");
  away(desk, DAY);
  assert.deepEqual([sent(desk), failures(desk)], [["never"], ["under way maybe_sent"]]);
  assert.deepEqual(desk.room.outgoing[0]?.error?.temporary, false);
  desk.room.retry(id);
  assert.deepEqual(
    desk.socket.all("send").map((one) => [one.content, one.id === id]),
    [
      ["never", false],
      ["under way", true],
    ],
  );
  // That a person said so counts as the first time.
  away(desk, 20 * HOUR);
  assert.deepEqual([sent(desk).at(-1), failures(desk)], ["under way", []]);
});

test("a machine that sleeps may stop the clock that nobody can set: the time of day counts as well", () => {
  const desk = new Desk().enter();
  desk.room.send("a");
  desk.clock.setWall(DAY);
  away(desk, 0);
  assert.deepEqual([sent(desk), failures(desk)], [[], ["a maybe_sent"]]);
});

test("that the time of day is set back makes no old message a young one", () => {
  const desk = new Desk().enter();
  desk.room.send("a");
  desk.clock.setWall(-7 * DAY);
  away(desk, DAY);
  assert.deepEqual([sent(desk), failures(desk)], [[], ["a maybe_sent"]]);
});

test("the first time it went out counts, not the last", () => {
  const desk = new Desk().enter();
  desk.room.send("a");
  away(desk, 12 * HOUR);
  assert.deepEqual(sent(desk), ["a"]);
  away(desk, 12 * HOUR);
  assert.deepEqual([sent(desk), failures(desk)], [[], ["a maybe_sent"]]);
});

test("a new epoch is said what was under way once more, but not what went out a day ago, acknowledged or not", () => {
  for (const [ms, again, failed] of /** @type {const} */ ([
    [HOUR, ["unseen", "unanswered"], []],
    [DAY, [], ["unseen maybe_sent", "unanswered maybe_sent"]],
  ])) {
    const desk = new Desk().enter();
    const { id } = desk.room.send("unseen");
    desk.room.send("unanswered");
    desk.socket.say({ type: "ack", id, offset: 1 });
    away(desk, ms, { position: "f:0", recovered: false, member: "me2", session: "s2" });
    assert.deepEqual([sent(desk), failures(desk)], [again, failed]);
  }
});

test("what may have been said is sent after all if it is read in the log", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("a");
  away(desk, DAY);
  desk.socket.say(message(1, { member: "me", id, content: "a" }));
  assert.deepEqual([statuses(desk), desk.room.outgoing], [["a pending", "a failed", "a sent"], []]);
});

test("what was refused for now is in no log, and goes out however long ago that was", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("a");
  desk.socket.say({ ...limited, id, retry_after: 1 });
  away(desk, DAY);
  desk.clock.advance(1_000);
  assert.deepEqual([sent(desk), failures(desk)], [["a"], []]);
});

test("what a person says again in a closed room goes out when it is entered again, however long ago it went out before", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("a");
  desk.socket.end(4502);
  desk.clock.sleep(DAY);
  desk.room.join();
  desk.room.retry(id);
  desk.welcome({ recovered: true });
  assert.deepEqual(sent(desk), ["a"]);
});

test("what is pending when the room closes for good has failed with the reason, and can be said again later", () => {
  const desk = new Desk().enter();
  const { id } = desk.room.send("a");
  desk.socket.say({ type: "error", code: "name_taken", message: "Taken.", temporary: false });
  desk.socket.end(4502);
  assert.equal(desk.all("outgoing").at(-1).error.code, "name_taken");
  assert.equal(desk.room.send("b").status, "failed");
  desk.enter();
  assert.deepEqual(sent(desk), []);
  desk.room.retry(id);
  assert.deepEqual(sent(desk), ["a"]);
});
