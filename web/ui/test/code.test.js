import assert from "node:assert/strict";
import { test } from "node:test";
import { blocks, spans } from "../text/code.js";
import { paragraphs } from "../text/direction.js";

/** Code in angle brackets. @param {string} line */
const marked = (line) =>
  spans(line)
    .map(({ text, code }) => (code ? `<${text}>` : text))
    .join("");

test("what stands between backticks in a line is code", () => {
  for (const [line, expected] of [
    ["بله، `localhost:8000`", "بله، <localhost:8000>"],
    ["`a` و `b`", "<a> و <b>"],
    ["``a ` b`` c", "<a ` b> c"],
    ["`` `a` ``", "<`a`>"],
    ["```one line```", "<one line>"],
    ["`  two`", "<  two>"],
    ["", ""],
    ["هیچ", "هیچ"],
  ])
    assert.equal(marked(line), expected);
});

test("what is not closed, or holds nothing, stays as it is written", () => {
  for (const line of ["`", "a ` b", "``", "` `", "``a`", "it`s", "`` a ` b", "````"]) assert.equal(marked(line), line);
  assert.equal(marked("`` `a`"), "`` <a>");
  assert.equal(marked("` ` b`"), "` < b>");
  for (const text of [
    "```",
    "```\n```",
    "```\n\n \n```",
    "```js\ncode",
    "````\ncode\n```",
    "a\n```\nb",
    "x ```\ny\n```z",
  ]) {
    assert.deepEqual(blocks(text), [{ text }], text);
  }
});

test("lines between fences are a block of code, with their indent", () => {
  assert.deepEqual(blocks("این را:\n```js\nws.onmessage = (e) =>\n    e.data\n```\nممنون"), [
    { text: "این را:" },
    { code: "ws.onmessage = (e) =>\n    e.data" },
    { text: "ممنون" },
  ]);
  assert.deepEqual(blocks("```\n\tif x:\n\n  y\n```"), [{ code: "\tif x:\n\n  y" }]);
  // As people close it.
  assert.deepEqual(blocks("```py\nx = 1```"), [{ code: "x = 1" }]);
  assert.deepEqual(blocks("````md\n```\nx\n```\n````"), [{ code: "```\nx\n```" }]);
  assert.deepEqual(blocks("```\na\n```\n```\nb\n```"), [{ code: "a" }, { code: "b" }]);
  assert.deepEqual(blocks("سلام\nعلی"), [{ text: "سلام\nعلی" }]);
});

test("code does not decide which way a line runs, and code alone runs from left to right", () => {
  const ways = (/** @type {string} */ text) => paragraphs(text).map(({ direction }) => direction);
  assert.deepEqual(ways("`npm test` را بزن"), ["rtl"]);
  assert.deepEqual(ways("run `سلام`"), ["ltr"]);
  assert.deepEqual(ways("`سلام`"), ["ltr"]);
  assert.deepEqual(paragraphs("6037 `x`"), [{ direction: "ltr", lines: [{ text: "6037 `x`", plain: true }] }]);
});

test("the work is linear in the text", () => {
  // Counted by the parts of the text that are looked at, not by a clock: String's methods are watched.
  const work = (/** @type {string} */ text) => {
    let seen = 0;
    const { trimEnd, slice } = String.prototype;
    String.prototype.trimEnd = function () {
      seen += this.length;
      return trimEnd.call(this);
    };
    String.prototype.slice = function (from, to) {
      const part = slice.call(this, from, to);
      seen += part.length;
      return part;
    };
    try {
      for (const block of blocks(text)) if ("text" in block) for (const line of block.text.split("\n")) spans(line);
    } finally {
      Object.assign(String.prototype, { trimEnd, slice });
    }
    return seen;
  };
  const runs = (/** @type {number} */ n) =>
    Array.from({ length: Math.sqrt(n) }, (_, index) => "`".repeat(index + 1)).join(" ");
  for (const shape of ["`", "` ", "`` ` ", "`a", "```\n", "```\na\n", "````\n```\n", "a`\n", "```x", "`\u200c"]
    .map((unit) => (/** @type {number} */ n) => unit.repeat(n / unit.length))
    .concat(runs, (n) => runs(n).replaceAll(" ", "\n"))) {
    const small = work(shape(4096)) + 4096;
    assert.ok(work(shape(4 * 4096)) <= 4.4 * small, shape(40));
  }
});
