import assert from "node:assert/strict";
import { test } from "node:test";
import { ruleOf } from "../name-rule.js";

test("the broken rule of a name is taken out of an error, with its place where there is one", () => {
  const error = { type: "error", code: "name_refused", message: "…", temporary: false };
  assert.deepEqual(ruleOf({ ...error, rule: "bidi", at: 3, character: "U+202E" }), {
    rule: "bidi",
    at: 3,
    character: "U+202E",
  });
  assert.deepEqual(ruleOf({ ...error, rule: "reserved" }), { rule: "reserved" });
  assert.deepEqual(ruleOf({ ...error, rule: "bidi", at: -1, character: "U+202E" }), { rule: "bidi" });
  for (const other of [error, null, undefined, { rule: 7 }]) assert.deepEqual(ruleOf(other), {});
});
