import assert from "node:assert/strict";
import { test } from "node:test";
import { Timeline, foldNotices, place } from "../state/timeline.js";

const NOON = new Date(2026, 10, 21, 12).getTime();
const MINUTE = 60_000;

/** @param {number} offset @param {Partial<import("../state/timeline.js").Message>} [more] @returns {import("../state/timeline.js").Message} */
const message = (offset, more = {}) => ({
  kind: "message",
  member: "m1",
  name: "مریم",
  content: `${offset}`,
  at: NOON,
  own: false,
  offset,
  id: null,
  ...more,
});
/** @param {"join" | "leave"} event @param {string} name @returns {import("../state/timeline.js").Notice} */
const notice = (event, name) => ({ kind: "notice", event, member: `m-${name}`, name, at: NOON, offset: 1 });
/** @param {string} id @param {"pending" | "sent" | "failed"} status @returns {import("../state/timeline.js").Outgoing} */
const outgoing = (id, status) => ({ id, content: id, status, error: null, at: NOON });

/** What a view shows after the steps: settled entries, then held ones. */
class Shown {
  /** @type {string[]} */ settled = [];
  /** @type {string[]} */ held = [];
  /** @param {import("../state/timeline.js").Step[]} steps */
  draw(steps) {
    for (const step of steps) {
      if (step.step === "hold") {
        this.held = [...this.held.filter((id) => id !== step.outgoing.id), step.outgoing.id];
      } else if (step.step === "drop" || step.step === "settle") {
        assert.ok(this.held.includes(step.id), "only what is shown can move");
        this.held = this.held.filter((id) => id !== step.id);
      }
      if (step.step === "append" || step.step === "settle") {
        this.settled.push(step.entry.kind === "message" ? step.entry.content : step.entry.kind);
      }
    }
  }
}

test("an own message takes its place in the log when its event comes, and is never shown twice", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  shown.draw(timeline.outgoing(outgoing("c2", "pending")));
  shown.draw(timeline.event(message(1)));
  assert.deepEqual([shown.settled, shown.held], [["1"], ["c1", "c2"]]);
  shown.draw(timeline.outgoing(outgoing("c1", "sent")));
  shown.draw(timeline.event(message(2, { own: true, id: "c1", content: "c1" })));
  shown.draw(timeline.event(message(3)));
  shown.draw(timeline.event(message(4, { own: true, id: "c2", content: "c2" })));
  shown.draw(timeline.outgoing(outgoing("c2", "sent")));
  assert.deepEqual([shown.settled, shown.held], [["1", "c1", "3", "c2"], []]);
});

test("another's message with the same id does not take one's own", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  shown.draw(timeline.event(message(1, { id: "c1" })));
  assert.deepEqual([shown.settled, shown.held], [["1"], ["c1"]]);
});

test("what is tried again stands after the others", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  shown.draw(timeline.outgoing(outgoing("c1", "failed")));
  shown.draw(timeline.outgoing(outgoing("c2", "pending")));
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  assert.deepEqual(shown.held, ["c2", "c1"]);
});

test("what was acknowledged but lies in a gap stands before the gap", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  shown.draw(timeline.outgoing(outgoing("c2", "pending")));
  shown.draw(timeline.outgoing(outgoing("c1", "sent")));
  shown.draw(timeline.hole({ kind: "gap", missed: 7, at: NOON }));
  assert.deepEqual([shown.settled, shown.held], [["c1", "gap"], ["c2"]]);
});

test("after a reset, what is said again stays at the end", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  shown.draw(timeline.outgoing(outgoing("c1", "sent")));
  shown.draw(timeline.hole({ kind: "reset", at: NOON }));
  shown.draw(timeline.outgoing(outgoing("c1", "pending")));
  assert.deepEqual([shown.settled, shown.held], [["reset"], ["c1"]]);
});

test("a discarded message is gone, and its text can be had before", () => {
  const timeline = new Timeline();
  const shown = new Shown();
  shown.draw(timeline.outgoing(outgoing("c1", "failed")));
  assert.equal(timeline.contentOf("c1"), "c1");
  shown.draw(timeline.drop("c1"));
  assert.deepEqual(shown.held, []);
  assert.deepEqual(timeline.drop("c1"), []);
  assert.equal(timeline.contentOf("c1"), null);
});

test("messages of one member within five minutes are one group", () => {
  const first = message(1);
  assert.equal(place(first, message(2, { at: NOON + 5 * MINUTE - 1 })).grouped, true);
  assert.equal(place(first, message(2, { at: NOON + 5 * MINUTE })).grouped, false);
  assert.equal(place(first, message(2, { member: "m2" })).grouped, false);
  assert.equal(place(notice("join", "علی"), message(2)).grouped, false);
  assert.equal(place({ kind: "gap", missed: 1, at: NOON }, message(2)).grouped, false);
  assert.equal(place(null, first).grouped, false);
});

test("a new local day is separated, and begins a new group", () => {
  const late = new Date(2026, 10, 21, 23, 59).getTime();
  assert.deepEqual(place(message(1, { at: late }), message(2, { at: late + 2 * MINUTE })), {
    newDay: true,
    grouped: false,
    folded: false,
  });
  assert.equal(place(message(1), message(2)).newDay, false);
  assert.equal(place(null, message(1)).newDay, true);
});

test("joins and leaves in a row are folded, each member once", () => {
  assert.equal(place(notice("join", "a"), notice("leave", "b")).folded, true);
  assert.equal(place(message(1), notice("join", "a")).folded, false);
  const run = [
    notice("join", "a"),
    notice("join", "b"),
    notice("leave", "c"),
    notice("leave", "b"),
    notice("join", "c"),
    notice("leave", "d"),
    notice("join", "a"),
  ];
  assert.deepEqual(foldNotices(run), { joined: ["a"], left: ["d"], visited: ["b"], returned: ["c"] });
});
