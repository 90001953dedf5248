import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { en } from "../../i18n/en.js";
import { fa } from "../../i18n/fa.js";
import { listParts, number, parts, setLanguage, t } from "../text/strings.js";

afterEach(() => setLanguage("fa"));

/** @param {import("../../i18n/fa.js").Text} text */
const forms = (text) => (typeof text === "string" ? [text] : [text.one, text.other]);
/** @param {import("../../i18n/fa.js").Text} text */
const holes = (text) => [...new Set(forms(text).flatMap((form) => form.match(/\{\w+\}/g) ?? []))].sort();

test("both languages have the same texts with the same values in them", () => {
  assert.deepEqual(Object.keys(en).sort(), Object.keys(fa).sort());
  for (const key of /** @type {import("../text/strings.js").Key[]} */ (Object.keys(fa))) {
    assert.deepEqual(holes(en[key]), holes(fa[key]), key);
    assert.ok(
      forms(fa[key]).every((form) => form.trim() !== ""),
      key,
    );
    assert.ok(
      forms(en[key]).every((form) => form.trim() !== ""),
      key,
    );
  }
});

test("Persian texts use Persian letters", () => {
  for (const [key, text] of Object.entries(fa)) {
    for (const form of forms(text)) assert.doesNotMatch(form, /[يىك٠-٩]/u, key);
  }
});

test("numbers and plural forms are those of the language", () => {
  assert.equal(t("log.new", { n: 12345 }), "۱۲٬۳۴۵ پیام تازه");
  setLanguage("en");
  assert.equal(t("room.count", { n: 1 }), "1 person");
  assert.equal(t("room.count", { n: 12345 }), "12,345 people");
  assert.equal(number(300), "300");
});

test("a value stands in a directional isolate", () => {
  assert.equal(t("join.title_room", { room: "Lab 3" }), "ورود به \u2068Lab 3\u2069");
});

test("a value that looks like a placeholder stays what it is", () => {
  assert.deepEqual(parts("join.title_room", { room: "{room}" }), [{ text: "ورود به " }, { value: "{room}" }]);
});

test("a list joins names as the language does and keeps each name apart", () => {
  assert.deepEqual(listParts(["علی", "سارا"]), [{ value: "علی" }, { text: " و " }, { value: "سارا" }]);
});

test("a value without a letter keeps its order, and no letter carries a pile of marks", () => {
  assert.equal(t("join.title_room", { room: "+98 912" }), "ورود به \u2066\u202d+98 912\u202c\u2069");
  assert.equal(
    t("join.title_room", { room: `a${"\u0301".repeat(30)}b` }),
    `ورود به \u2068a${"\u0301".repeat(6)}b\u2069`,
  );
  assert.equal(t("join.title_room", { room: "مُحَمَّد" }), "ورود به \u2068مُحَمَّد\u2069");
});
