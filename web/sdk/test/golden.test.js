import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { closeCodes, mayReconnect } from "../codes.js";
import { Desk, message, welcome } from "../fakes/desk.js";
import { formatPosition, parseMessage, parsePosition } from "../wire.js";

/** The vectors that the Rust tests read too. @param {string} file @returns {any[]} */
function vectors(file) {
  const found = JSON.parse(readFileSync(new URL(`../../../testdata/wire/${file}.json`, import.meta.url), "utf8"));
  assert.ok(found.length > 0, file);
  return found;
}

test("every message that a server may send is taken as it is", () => {
  for (const { name, json, expect } of vectors("server.v1")) {
    if (expect.valid) assert.deepEqual(parseMessage(JSON.stringify(json)), json, name);
  }
});

test("every message that a server may send does something, and none that it may not hurts", () => {
  for (const { name, json, expect } of vectors("server.v1")) {
    const desk = new Desk();
    desk.room.join();
    desk.socket.open();
    // Three events before a gap's position, one before an event's.
    const offset = json.type === "gap" ? 38 : (json.offset ?? 42) - 1;
    if (json.type !== "welcome") desk.socket.say(welcome({ position: `k3J9x0aQ2Zc:${offset}`, version: 7 }));
    const before = desk.told.length + desk.clock.timers;
    desk.socket.say(json);
    const isQuiet = ["ack", "shutdown"].includes(json.type) || name === "nobody is typing" || json.id !== undefined;
    if (expect.valid && (!isQuiet || json.type === "message")) {
      assert.ok(desk.told.length + desk.clock.timers > before, name);
    }
    assert.ok(["connected", "connecting"].includes(desk.room.state), name);
  }
});

test("positions are read as the server writes them, and what is taken is said back unchanged", () => {
  for (const { name, input, expect } of vectors("positions")) {
    const position = parsePosition(input);
    if (expect.invalid) assert.ok(position === null || formatPosition(position) === input, name);
    else assert.deepEqual([position, formatPosition(expect)], [expect, input], name);
  }
});

test("every close code is obeyed, also one that is in no table yet", () => {
  for (const { name, code, expect } of vectors("closes")) {
    assert.equal(mayReconnect(code), expect.reconnect, name);
    const desk = new Desk().enter();
    desk.socket.end(code);
    assert.equal(desk.room.state, expect.reconnect ? "waiting" : "closed", name);
    assert.equal(desk.all("state").at(-1).error.name, closeCodes[code]?.name ?? String(code), name);
  }
});

test("whatever the SDK sends has the members of a command that the server accepts, and no others", () => {
  /** @type {Set<string>} */
  const accepted = new Set();
  const shape = (/** @type {object} */ value) =>
    Object.entries(value)
      .map(([key, one]) => `${key}:${key === "type" ? one : typeof one}`)
      .sort()
      .join(" ");
  for (const { expect } of vectors("client.v1")) if (expect.command) accepted.add(shape(expect.command));
  const desk = new Desk();
  desk.room.join();
  desk.socket.open();
  desk.socket.say(welcome());
  desk.room.typing(true);
  for (const content of ["سلام", "", "a\ud83d", "two\nlines"]) desk.room.send(content);
  desk.socket.say(message(1));
  desk.socket.end();
  desk.untilNextTry();
  desk.welcome({ recovered: true, position: "e:1" });
  const sent = desk.network.sockets.flatMap((socket) => socket.sent);
  assert.deepEqual(new Set(sent.map(({ type }) => type)), new Set(["join", "heartbeat", "typing", "send"]));
  for (const one of sent) {
    assert.ok(accepted.has(shape(one)), shape(one));
    if (one["type"] === "send") assert.match(one["id"], /^[\x20-\x7e]{1,64}$/);
    assert.doesNotMatch(JSON.stringify(one), /\\ud[89a-f]/);
  }
});
