import assert from "node:assert/strict";
import { test } from "node:test";
import { Desk } from "../fakes/desk.js";

const me = { member: "me", client_id: "مریم" };
const ali = { member: "ali", client_id: "علی" };
const sara = { member: "sara", client_id: "سارا" };

/** @param {object} more */
const presence = (more) => ({ type: "presence", timestamp: "2026-11-21T10:02:03.000004+00:00", ...more });

test("the welcome, snapshots and differences make the list, in order of joining", () => {
  const desk = new Desk().enter({ users: [me], count: 1, version: 3 });
  desk.socket.say(presence({ joined: [ali, sara], left: [], base: 3, version: 5, count: 3 }));
  assert.deepEqual(desk.room.users, [me, ali, sara]);
  desk.socket.say(presence({ joined: [], left: ["ali"], base: 5, version: 6, count: 2 }));
  assert.deepEqual(desk.all("presence").at(-1), { users: [me, sara], count: 2 });
  desk.socket.say(presence({ users: [sara], version: 7, count: 1 }));
  assert.deepEqual(desk.all("presence").at(-1), { users: [sara], count: 1 });
});

test("a difference from a version that is not ours changes the count alone, until a snapshot comes", () => {
  const desk = new Desk().enter({ users: [me], count: 1, version: 3 });
  desk.socket.say(presence({ joined: [sara], left: [], base: 4, version: 5, count: 3 }));
  assert.deepEqual(desk.all("presence").at(-1), { users: [me], count: 3 });
  desk.socket.say(presence({ users: [me, ali, sara], version: 6, count: 3 }));
  assert.deepEqual(desk.room.users, [me, ali, sara]);
});

test("a difference that the welcome already holds changes nothing", () => {
  const desk = new Desk().enter({ users: [me, ali], count: 2, version: 5 });
  desk.socket.say(presence({ joined: [sara], left: [], base: 3, version: 4, count: 9 }));
  assert.deepEqual([desk.room.users, desk.room.count], [[me, ali], 2]);
});

test("a room too large for a list has a count, and a list again once it is small enough", () => {
  const desk = new Desk().enter({ users: undefined, count: 1500, version: 9 });
  assert.deepEqual([desk.room.users, desk.room.count], [null, 1500]);
  desk.socket.say(presence({ version: 10, count: 1499 }));
  assert.deepEqual([desk.room.users, desk.room.count], [null, 1499]);
  desk.socket.say(presence({ users: [me], version: 11, count: 1 }));
  assert.deepEqual([desk.room.users, desk.room.count], [[me], 1]);
});
