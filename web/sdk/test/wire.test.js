import assert from "node:assert/strict";
import { test } from "node:test";
import { message, welcome } from "../fakes/desk.js";
import { formatPosition, parseMessage, parsePosition, utf8Length, wellFormed } from "../wire.js";

test("a position is an opaque epoch and a whole offset", () => {
  assert.deepEqual(parsePosition("k3J9x0aQ2Zc:41"), { epoch: "k3J9x0aQ2Zc", offset: 41 });
  assert.deepEqual(parsePosition("a:b:0"), { epoch: "a:b", offset: 0 });
  assert.equal(formatPosition({ epoch: "a:b", offset: 7 }), "a:b:7");
  for (const odd of ["", ":1", "e:", "e", "e:-1", "e:1.5", "e:x", "e: 1", "e:01", "e:1000000000000000"]) {
    assert.equal(parsePosition(odd), null, odd);
  }
});

test("a known message is read and keeps members that this version does not know", () => {
  const read = parseMessage(JSON.stringify(message(1, { colour: "blue" })));
  assert.equal(/** @type {any} */ (read).colour, "blue");
  assert.equal(parseMessage(JSON.stringify(welcome()))?.type, "welcome");
});

test("what is not a known message in its shape is nothing", () => {
  const odd = [
    "",
    "{",
    "null",
    "[]",
    "1",
    '"message"',
    "{}",
    '{"type":1}',
    '{"type":"__proto__"}',
    '{"type":"constructor"}',
    '{"type":"sing"}',
    ...[
      message(1.5),
      message(-1),
      message(1, { content: 5 }),
      message(1, { member: undefined }),
      message(1, { id: 3 }),
      welcome({ position: "e" }),
      welcome({ users: [{}] }),
      welcome({ limits: null }),
      welcome({ limits: { rate: "5" } }),
      welcome({ recovered: "yes" }),
      welcome({ heartbeat: "10" }),
      welcome({ token: null }),
      { type: "ack", id: 1, offset: 1 },
      { type: "error", code: "x", message: "y" },
      { type: "typing", members: [1] },
      { type: "presence", users: "all", version: 1, count: 1 },
      { type: "heartbeat" },
      { type: "gap", missed: "2", position: "e:1" },
      { type: "shutdown" },
      { type: "system", offset: 1 },
    ].map((value) => JSON.stringify(value)),
  ];
  for (const text of odd) assert.equal(parseMessage(text), null, text);
  for (const binary of [new ArrayBuffer(2), undefined, null, 5, {}]) assert.equal(parseMessage(binary), null);
});

test("limits that are off are null", () => {
  const off = { content_graphemes: null, content_bytes: null, message_bytes: null, burst: null, rate: null };
  assert.notEqual(parseMessage(JSON.stringify(welcome({ limits: off }))), null);
});

test("half a surrogate pair is replaced and a whole one stays", () => {
  assert.equal(wellFormed("a\ud83db\udc4bc👋"), "a\ufffdb\ufffdc👋");
});

test("the length in UTF-8 is that of the encoder", () => {
  for (const text of ["", "abc", "سلام", "می‌خواهم", "€", "👩‍👩‍👧", "a\u07ff\u0800\uffff"]) {
    assert.equal(utf8Length(text), new TextEncoder().encode(text).length, text);
  }
});
