import assert from "node:assert/strict";
import { test } from "node:test";
import { EventStream } from "../event-stream.js";

const TEXT = [
  ": a comment\r\n\r\nretry: 1000\n\n",
  'event: position\nid: e:1\ndata: {"a":1}\n\n',
  "data:one\r\ndata: two\r\rdata\n\nid: e:3\n\n",
  "data: last\nunknown: x\nevent:heartbeat\n\ndata: unfinished\n",
].join("");

const EVENTS = [
  { event: "position", id: "e:1", data: '{"a":1}' },
  { event: "", id: null, data: "one\ntwo" },
  { event: "", id: null, data: "" },
  { event: "heartbeat", id: null, data: "last" },
];

test("a stream is cut into the same events wherever its pieces end", () => {
  for (let size = 1; size <= TEXT.length; size += 1) {
    const stream = new EventStream();
    const events = [];
    for (let at = 0; at < TEXT.length; at += size) events.push(...stream.feed(TEXT.slice(at, at + size)));
    assert.deepEqual(events, EVENTS, `pieces of ${size}`);
  }
});
