import assert from "node:assert/strict";
import { test } from "node:test";
import { nothingKnown, roomView } from "../state/room-view.js";
import { entryOf } from "../state/timeline.js";
import { isSame, renderer } from "../widgets/render.js";

/** @typedef {import("../state/room-view.js").Known} Known */

/** @param {Partial<Known["state"]>} state @param {Partial<Known>} [more] */
const viewOf = (state, more = {}) => {
  const known = nothingKnown();
  return roomView({ ...known, ...more, state: { ...known.state, ...state } });
};
/** @param {number} code @param {string} [name] */
const reason = (code, name = "") => ({ code, name, message: "" });

test("an empty room says that one is on the way in, alone, or the first to speak, and nothing once something is said", () => {
  assert.equal(viewOf({ state: "connecting" }).empty, "waiting");
  assert.equal(viewOf({ state: "connected" }, { here: 1 }).empty, "alone");
  assert.equal(viewOf({ state: "connected" }, { here: 2 }).empty, "together");
  assert.equal(viewOf({ state: "connected" }, { here: 2, isBlank: false }).empty, "none");
  assert.equal(viewOf({ state: "closed" }).empty, "none");
});

test("a row above the log says why there is no connection, and offers another name while the name is kept", () => {
  assert.equal(viewOf({ state: "connected" }).connection.notice, null);
  assert.equal(viewOf({ state: "offline" }).connection.notice?.words, "notice.offline");
  for (const [error, why, words] of /** @type {const} */ ([
    [null, null, "notice.waiting"],
    [reason(1012), null, "notice.shutdown"],
    [reason(1013), null, "notice.server_full"],
    [reason(1006), "forced", "notice.forced"],
    [reason(4006, "name_taken"), null, "notice.name_kept"],
  ])) {
    const { notice } = viewOf({ state: "waiting", error, why }).connection;
    assert.deepEqual(notice, { words, state: "waiting", offersName: words === "notice.name_kept" });
  }
});

test("what is known of a connection is shown while there is one", () => {
  const more = { latency: 12, retryAt: 700 };
  const { latency, retryAt, isUnusual } = viewOf({ state: "connected", why: "upgrade_refused" }, more).connection;
  assert.deepEqual({ latency, retryAt, isUnusual }, { latency: 12, retryAt: null, isUnusual: true });
  const waiting = viewOf({ state: "waiting", why: "upgrade_refused" }, more).connection;
  assert.deepEqual([waiting.latency, waiting.retryAt, waiting.isUnusual], [null, 700, false]);
});

test("a closed room says why, by the close code", () => {
  assert.equal(viewOf({ state: "waiting", error: reason(4006) }).closed, null);
  for (const [code, kind] of /** @type {const} */ ([
    [1000, "left"],
    [4501, "name_refused"],
    [4502, "name_taken"],
    [4504, "room_full"],
    [4599, "other"],
  ])) {
    assert.deepEqual(viewOf({ state: "closed", error: reason(code) }).closed, { kind, reason: reason(code) });
  }
  assert.deepEqual(viewOf({ state: "closed" }).closed, { kind: "left", reason: null });
  assert.equal(viewOf({ state: "closed" }, { choosesName: true }).closed?.kind, "name_kept");
});

test("the way down is there while the reader is not at the bottom", () => {
  assert.deepEqual(viewOf({}, { unread: 3, isAtBottom: false }).newMessages, { count: 3, isShown: true });
  assert.deepEqual(viewOf({}, { unread: 3, isAtBottom: true }).newMessages, { count: 3, isShown: false });
});

test("a widget is given its part when that is another one than before", () => {
  /** @type {string[]} */
  const shown = [];
  const render = renderer({
    list: (/** @type {string[]} */ list) => shown.push(`list ${list}`),
    n: (/** @type {number} */ n) => shown.push(`n ${n}`),
  });
  render({ list: ["a"], n: 1 });
  render({ list: ["a"], n: 2 });
  render({ list: ["a"], n: 2 });
  render({ list: ["a", "b"], n: 2 });
  assert.deepEqual(shown, ["list a", "n 1", "n 2", "list a,b"]);
});

test("parts are compared by what is in them", () => {
  assert.ok(isSame({ a: [1, { b: null }] }, { a: [1, { b: null }] }));
  assert.ok(!isSame({ a: undefined }, { b: undefined }));
  assert.ok(!isSame([], {}));
  assert.ok(!isSame(null, {}));
  assert.ok(!isSame({ a: 1 }, { a: 1, b: 2 }));
});

test("messages and comings and goings are shown, other events of the system are not", () => {
  const at = "2026-01-02T03:04:05Z";
  const message = {
    type: /** @type {const} */ ("message"),
    timestamp: at,
    offset: 7,
    own: true,
    content: "سلام",
    room_id: "r",
  };
  assert.deepEqual(entryOf({ ...message, member: "m1", client_id: "مریم", id: "i1" }), {
    kind: "message",
    member: "m1",
    name: "مریم",
    content: "سلام",
    at: Date.parse(at),
    own: true,
    offset: 7,
    id: "i1",
  });
  const system = { type: /** @type {const} */ ("system"), timestamp: at, offset: 8, own: false, content: "" };
  const join = /** @type {any} */ ({ ...system, event: "join", member: "m2", name: "علی" });
  assert.equal(entryOf(join)?.kind, "notice");
  assert.equal(entryOf({ ...join, event: "weather" }), null);
  assert.equal(entryOf({ ...join, name: undefined }), null);
});
