import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk, message } from "../fakes/desk.js";

/** @param {Desk} desk */
const said = (desk) => desk.socket.all("typing").map(({ typing }) => typing);

test("who writes on and on says so once in three seconds", () => {
  const desk = new Desk().enter();
  for (let i = 0; i < 60; i += 1) {
    desk.room.typing(true);
    desk.clock.advance(100);
  }
  assert.deepEqual(said(desk), [true, true]);
});

test("stopping is said once, and only after writing was said", () => {
  const desk = new Desk().enter();
  desk.room.typing(false);
  desk.room.typing(true);
  desk.room.typing(false);
  desk.room.typing(false);
  desk.room.typing(true);
  assert.deepEqual(said(desk), [true, false, true]);
});

test("sending a message ends the writing", () => {
  const desk = new Desk().enter();
  desk.room.typing(true);
  desk.room.send("سلام");
  assert.deepEqual(
    desk.socket.sent.slice(-2).map(({ type }) => type),
    ["send", "typing"],
  );
  assert.deepEqual(said(desk), [true, false]);
});

test("without a connection nothing is said, and after it writing is said anew", () => {
  const desk = new Desk();
  desk.room.typing(true);
  desk.enter();
  desk.room.typing(true);
  desk.socket.end();
  desk.room.typing(true);
  desk.untilNextTry();
  desk.welcome({ recovered: true });
  desk.room.typing(true);
  assert.deepEqual(said(desk), [true]);
});

test("others who write are told without oneself, and forgotten after six seconds", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "typing", members: ["me", "ali"] });
  desk.clock.advance(5_999);
  assert.deepEqual(desk.all("typing"), [{ members: ["ali"] }]);
  desk.clock.advance(1);
  assert.deepEqual(desk.all("typing"), [{ members: ["ali"] }, { members: [] }]);
});

test("whose message came no longer writes", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "typing", members: ["ali", "sara"] });
  desk.socket.say(message(1, { member: "ali" }));
  assert.deepEqual(desk.all("typing").at(-1), { members: ["sara"] });
});

test("nobody writes on a connection that is gone", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "typing", members: ["ali"] });
  desk.socket.end();
  assert.deepEqual(desk.all("typing").at(-1), { members: [] });
});
