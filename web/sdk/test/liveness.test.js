import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk, message } from "../fakes/desk.js";

/** The server's heartbeats for a while. @param {Desk} desk @param {number} seconds */
function beat(desk, seconds, position = "e:0") {
  for (let i = 0; i < seconds; i += 5) {
    desk.clock.advance(5_000);
    desk.socket.say({ type: "heartbeat", position });
  }
}

/** Why the latest connection was given up. @param {Desk} desk */
const reason = (desk) => desk.all("state").at(-1).error?.name;

test("a connection that says nothing for two and a half heartbeats is given up", () => {
  const desk = new Desk().enter({ heartbeat: 10 });
  desk.clock.advance(24_999);
  assert.equal(desk.room.state, "connected");
  desk.clock.advance(5_001);
  assert.deepEqual([desk.room.state, reason(desk)], ["waiting", "silent"]);
  assert.notEqual(desk.socket.closed?.code, 1000);
});

test("any message is a sign of life", () => {
  const desk = new Desk().enter({ heartbeat: 10 });
  for (let offset = 1; offset < 20; offset += 1) {
    desk.clock.advance(20_000);
    desk.socket.say(message(offset));
  }
  assert.equal(desk.network.sockets.length, 1);
});

test("after a sleep the connection is asked, and stays if it answers", () => {
  const desk = new Desk().enter();
  beat(desk, 20);
  const before = desk.socket.all("heartbeat").length;
  desk.clock.sleep(3_600_000);
  assert.equal(desk.room.state, "connected");
  assert.equal(desk.socket.all("heartbeat").length, before + 1);
  desk.clock.advance(2_000);
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  beat(desk, 60);
  assert.equal(desk.network.sockets.length, 1);
});

test("after a sleep a connection that does not answer within three seconds is given up", () => {
  const desk = new Desk().enter();
  beat(desk, 20);
  desk.clock.sleep(3_600_000);
  desk.clock.advance(3_000);
  assert.deepEqual([desk.room.state, reason(desk)], ["waiting", "silent"]);
});

test("the late timers of a hidden page are no sleep", () => {
  const desk = new Desk().enter();
  beat(desk, 20);
  desk.room.setVisible(false);
  const before = desk.socket.all("heartbeat").length;
  for (let i = 0; i < 30; i += 1) {
    for (let beats = 0; beats < 6; beats += 1) {
      desk.clock.hold(10_000);
      desk.socket.say({ type: "heartbeat", position: "e:0" });
    }
    desk.clock.advance(0);
  }
  assert.equal(desk.network.sockets.length, 1);
  assert.equal(desk.socket.all("heartbeat").length, before);
});

test("silence behind the late timers of a hidden page is asked about before it is believed", () => {
  const desk = new Desk().enter();
  desk.room.setVisible(false);
  const before = desk.socket.all("heartbeat").length;
  desk.clock.sleep(60_000);
  assert.equal(desk.room.state, "connected");
  assert.equal(desk.socket.all("heartbeat").length, before + 1);
  desk.clock.sleep(60_000);
  assert.deepEqual([desk.room.state, reason(desk)], ["waiting", "silent"]);
});

test("a page that is seen again, and a network that changed, ask the connection", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.room.setVisible(false);
  const before = desk.socket.all("heartbeat").length;
  desk.room.setVisible(true);
  assert.equal(desk.socket.all("heartbeat").length, before + 1);
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.room.setOnline(false);
  assert.equal(desk.socket.all("heartbeat").length, before + 2);
  desk.clock.advance(3_000);
  assert.equal(desk.room.state, "waiting");
  desk.untilNextTry().end();
  assert.equal(desk.room.state, "offline");
});

test("a head that runs away brings the room back to where it was", () => {
  const desk = new Desk().enter();
  desk.socket.say(message(1));
  desk.socket.say({ type: "heartbeat", position: "e:3" });
  desk.clock.advance(4_999);
  assert.equal(desk.room.state, "connected");
  desk.clock.advance(1);
  assert.equal(reason(desk), "behind");
  desk.untilNextTry().open();
  assert.equal(desk.socket.sent[0]?.after, "e:1");
});

test("a head that is reached in time is no reason to worry", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "e:1" });
  desk.clock.advance(3_000);
  desk.socket.say(message(1));
  desk.clock.advance(5_000);
  assert.equal(desk.room.state, "connected");
});

test("who is behind but catching up on a slow network is let be", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "e:9" });
  for (let offset = 1; offset <= 9; offset += 1) {
    desk.clock.advance(4_000);
    desk.socket.say(message(offset));
  }
  desk.clock.advance(10_000);
  assert.equal(desk.network.sockets.length, 1);
});

test("a head of another epoch means that the log is another one", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "f:0" });
  desk.clock.advance(5_000);
  assert.equal(reason(desk), "behind");
});

test("the latency is measured after the welcome and every ten seconds while someone looks", () => {
  const desk = new Desk().enter();
  assert.equal(desk.socket.all("heartbeat").length, 1);
  desk.clock.advance(40);
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  assert.deepEqual(desk.all("latency"), [40]);
  desk.clock.advance(9_960);
  assert.equal(desk.socket.all("heartbeat").length, 2);
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.room.setVisible(false);
  beat(desk, 60);
  assert.equal(desk.socket.all("heartbeat").length, 2);
});

test("a heartbeat of the server's own that crosses ours does not spoil the latency", () => {
  const desk = new Desk().enter();
  for (const ms of [50, 52, 0, 51, 900]) {
    desk.clock.advance(ms);
    desk.socket.say({ type: "heartbeat", position: "e:0" });
    desk.clock.advance(10_000 - ms);
  }
  assert.equal(desk.all("latency").at(-1), 51);
});
