import assert from "node:assert/strict";
import { test } from "node:test";
import { isEmojiAlone } from "../text/emoji.js";

test("one to three emoji alone are shown large, however they are composed", () => {
  for (const text of ["🙂", "🙂👍🎉", " 👩‍👩‍👧‍👦 ", "🇮🇷", "👍🏽", "❤️", "1️⃣", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🧑🏽‍🚀 🇮🇷"])
    assert.equal(isEmojiAlone(text), true, text);
  for (const text of ["", "🙂🙂🙂🙂", "سلام 🙂", "12", "#", "©", "🙂a", "\u200d", "🙂".repeat(4000)])
    assert.equal(isEmojiAlone(text), false, text.slice(0, 20));
});
