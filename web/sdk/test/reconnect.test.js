import assert from "node:assert/strict";
import { test } from "node:test";
import { backoff } from "../backoff.js";
import { Desk } from "../fakes/desk.js";

test("the wait is drawn from the whole range, which doubles up to twenty seconds", () => {
  for (const [failures, most] of [
    [0, 1_000],
    [1, 1_500],
    [2, 2_500],
    [3, 4_500],
    [5, 16_500],
    [6, 20_000],
    [5_000, 20_000],
  ]) {
    assert.equal(
      backoff(failures ?? 0, () => 0),
      500,
    );
    assert.ok(Math.abs(backoff(failures ?? 0, () => 0.999_999) - (most ?? 0)) < 1, `${failures} failures`);
  }
});

test("a room that cannot connect tries again and again, each time after another wait", () => {
  const desk = new Desk();
  desk.room.join();
  for (let i = 0; i < 12; i += 1) {
    desk.socket.end();
    desk.untilNextTry();
  }
  const waits = desk.all("state").filter(({ state }) => state === "waiting");
  assert.deepEqual(
    waits.map(({ attempt }) => attempt),
    [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12],
  );
  assert.equal(new Set(waits.map(({ retryIn }) => retryIn)).size, 12);
  assert.equal(waits[0].error.name, "abnormal");
});

test("the state says until when it waits, and the try is made then and not before", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.end();
  const { retryIn } = desk.all("state").at(-1);
  desk.clock.advance(retryIn - 1);
  assert.equal(desk.network.sockets.length, 1);
  desk.clock.advance(1);
  assert.equal(desk.network.sockets.length, 2);
  assert.equal(desk.room.state, "connecting");
});

test("reconnectNow ends the waiting", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.end();
  desk.room.reconnectNow();
  desk.room.reconnectNow();
  assert.equal(desk.network.sockets.length, 2);
  desk.clock.advance(5_000);
  assert.equal(desk.network.sockets.length, 2);
});

test("a server that accepts and does not welcome is given up after ten seconds", () => {
  for (const open of [false, true]) {
    const desk = new Desk();
    desk.room.join();
    if (open) desk.socket.open();
    desk.clock.advance(9_999);
    assert.equal(desk.room.state, "connecting");
    desk.clock.advance(1);
    assert.equal(desk.room.state, "waiting");
    assert.equal(desk.all("state").at(-1).error.name, "timeout");
    assert.notEqual(desk.socket.closed, null);
  }
});

test("a server that does not speak the protocol is told apart", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.open("");
  assert.deepEqual(desk.socket.sent, []);
  assert.equal(desk.all("state").at(-1).error.name, "protocol");
});

test("a close code says whether to come back", () => {
  for (const code of [1001, 1006, 1011, 1012, 1013, 4000, 4005, 4499]) {
    const desk = new Desk().enter();
    desk.socket.end(code);
    assert.equal(desk.room.state, "waiting", String(code));
  }
  for (const code of [1000, 1002, 1009, 4500, 4502, 4506, 4999]) {
    const desk = new Desk().enter();
    desk.socket.end(code);
    assert.equal(desk.room.state, "closed", String(code));
    assert.equal(desk.clock.timers, 0);
  }
});

test("the error before a close is the reason given", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.open();
  desk.socket.say({ type: "error", code: "name_taken", message: "The name is taken.", temporary: false });
  desk.socket.end(4502);
  assert.deepEqual(desk.all("state").at(-1).error, { code: 4502, name: "name_taken", message: "The name is taken." });
  assert.equal(desk.all("refused").length, 1);
});

test("a name that is kept for somebody is waited for, by a WebSocket and by HTTP", async () => {
  const refusal = { code: "name_taken", temporary: true, retry_after: 6.5 };
  const desk = new Desk();
  desk.room.join();
  desk.socket.open();
  desk.socket.say({ type: "error", message: "Kept.", ...refusal });
  desk.socket.end(4006);
  const body = { ...refusal, detail: "Kept." };
  const fetch = async () => ({
    status: 409,
    headers: { get: () => "application/problem+json" },
    json: async () => body,
  });
  const other = new Desk({ transport: "long-polling", fetch });
  other.room.join();
  await other.clock.pass(0);
  for (const { told } of [desk, other]) {
    const { state, error, retryIn } = told.filter(({ type }) => type === "state").at(-1)?.detail;
    assert.deepEqual([state, error, retryIn], ["waiting", { code: 4006, name: "name_taken", message: "Kept." }, 6_500]);
  }
  desk.clock.advance(6_500);
  desk.welcome();
  assert.equal(desk.room.state, "connected");
  // Over HTTP as well it is for good as soon as the server says so.
  body.temporary = false;
  await other.clock.pass(6_500);
  assert.deepEqual([other.room.state, other.all("state").at(-1).error.code], ["closed", 4502]);
});

test("an error that something else followed is not the reason", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "error", code: "unknown_type", message: "?", temporary: false });
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.socket.end(4000, "slow");
  assert.deepEqual(desk.all("state").at(-1).error, { code: 4000, name: "slow", message: "slow" });
});

test("an error that names a time is not tried again before it", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.open();
  desk.socket.say({ type: "error", code: "server_full", message: "Full.", temporary: true, retry_after: 7.5 });
  desk.socket.end(4004);
  assert.equal(desk.all("state").at(-1).retryIn, 7_500);
});

test("after a shutdown the first try is when the server said, and the next by chance again", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "shutdown", retry_after: 3.25 });
  desk.socket.end(1012);
  assert.equal(desk.all("state").at(-1).retryIn, 3_250);
  desk.clock.advance(3_250);
  desk.socket.end();
  const { retryIn, attempt } = desk.all("state").at(-1);
  assert.equal(attempt, 2);
  assert.ok(retryIn <= 1_500);
});

test("only a connection that held counts as a success", () => {
  const desk = new Desk().enter();
  for (let i = 0; i < 3; i += 1) {
    desk.socket.end();
    desk.untilNextTry();
    desk.welcome({ recovered: true });
    desk.clock.advance(9_000);
  }
  desk.socket.end();
  assert.equal(desk.all("state").at(-1).attempt, 4);
  desk.untilNextTry();
  desk.welcome({ recovered: true });
  desk.clock.advance(10_000);
  desk.socket.end();
  assert.equal(desk.all("state").at(-1).attempt, 1);
});

test("on a bad network with a server that answers, no wait is so long that the place in the room is lost", () => {
  const desk = new Desk();
  desk.room.join();
  for (let i = 0; i < 10; i += 1) {
    desk.socket.end();
    desk.untilNextTry();
  }
  for (let i = 0; i < 40; i += 1) {
    desk.welcome({ recovered: true });
    desk.socket.end();
    const { retryIn } = desk.all("state").at(-1);
    assert.ok(retryIn <= 4_500);
    desk.untilNextTry();
  }
});

test("offline there is one try and no more, and back online there is one at once", () => {
  for (const isJoined of [false, true]) {
    const desk = new Desk();
    if (isJoined) desk.enter();
    desk.room.setOnline(false);
    if (isJoined) desk.socket.end();
    else desk.room.join();
    if (isJoined) desk.untilNextTry();
    const before = desk.network.sockets.length;
    assert.deepEqual([desk.room.state, before], ["connecting", isJoined ? 2 : 1]);
    desk.socket.end();
    assert.equal(desk.room.state, "offline");
    desk.clock.advance(600_000);
    assert.equal(desk.network.sockets.length, before);
    desk.room.setOnline(true);
    assert.equal(desk.network.sockets.length, before + 1);
  }
});

test("a network that goes while the next try is waited for ends the waiting, if there was a try", () => {
  const desk = new Desk();
  desk.room.join();
  desk.socket.end();
  desk.room.setOnline(false);
  assert.equal(desk.room.state, "offline");
  desk.room.setVisible(false);
  desk.room.setVisible(true);
  assert.equal(desk.network.sockets.length, 2, "somebody looks: it may be wrong that there is no network");
});

test("that there is no network may be wrong: who joins or was cut is there in spite of it", () => {
  const desk = new Desk();
  desk.room.setOnline(false);
  desk.enter();
  assert.equal(desk.room.state, "connected");
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ recovered: true });
  assert.equal(desk.room.state, "connected");
});

test("a hidden page comes back after a cut as any other, within the time that the server keeps its place", () => {
  for (let seed = 1; seed <= 50; seed += 1) {
    const desk = new Desk({}, seed).enter();
    desk.room.setVisible(false);
    desk.clock.advance(1_000);
    for (let cut = 0; cut < 3; cut += 1) {
      desk.clock.advance(10_000);
      const at = desk.clock.now();
      desk.socket.end();
      desk.untilNextTry();
      // The network is still bad for one try.
      desk.socket.end();
      desk.untilNextTry();
      desk.welcome({ recovered: true });
      assert.equal(desk.room.state, "connected");
      assert.ok(desk.clock.now() - at < 8_000, `seed ${seed}: ${desk.clock.now() - at} ms`);
    }
  }
});

test("a hidden page that long finds no server tries once a minute, and at once when it is seen again", () => {
  const desk = new Desk().enter();
  desk.room.setVisible(false);
  desk.network.onsocket = (socket) => void desk.clock.setTimeout(() => socket.end(), 20);
  desk.socket.end();
  desk.clock.advance(5 * 60_000);
  const before = desk.network.sockets.length;
  desk.clock.advance(10 * 60_000);
  const tries = desk.network.sockets.length - before;
  assert.ok(tries >= 8 && tries <= 10, `${tries} in ten minutes`);
  desk.room.setVisible(true);
  assert.equal(desk.network.sockets.length, before + tries + 1);
  desk.clock.advance(60_000);
  assert.ok(desk.network.sockets.length >= before + tries + 4);
});

test("a hidden page is back at once when there is a network again", () => {
  const desk = new Desk().enter();
  desk.room.setVisible(false);
  desk.room.setOnline(false);
  desk.socket.end();
  desk.untilNextTry().end();
  assert.equal(desk.room.state, "offline");
  desk.room.setOnline(true);
  assert.equal(desk.room.state, "connecting");
});

test("a page that is merely hidden stays connected", () => {
  const desk = new Desk().enter();
  desk.room.setVisible(false);
  for (let i = 0; i < 60; i += 1) {
    desk.clock.advance(10_000);
    desk.socket.say({ type: "heartbeat", position: "e:0" });
  }
  assert.equal(desk.room.state, "connected");
  assert.equal(desk.network.sockets.length, 1);
});

test("a server on this machine needs no network", () => {
  for (const server of ["http://localhost:8000", "http://127.0.0.1:8000", "ws://[::1]:8000"]) {
    const desk = new Desk({ server });
    desk.room.setOnline(false);
    desk.room.join();
    assert.equal(desk.room.state, "connecting", server);
  }
});

test("a try that began without a network starts over with one", () => {
  const desk = new Desk();
  desk.room.join();
  desk.room.setOnline(false);
  desk.room.setOnline(true);
  assert.equal(desk.network.sockets.length, 2);
  assert.notEqual(desk.network.sockets[0]?.closed, null);
  desk.welcome();
  assert.deepEqual(desk.states, ["connecting", "connected"]);
});
