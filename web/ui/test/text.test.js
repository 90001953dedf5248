import assert from "node:assert/strict";
import { afterEach, test } from "node:test";
import { colourOf, initialOf } from "../widgets/avatar.js";
import { baseOf, directionOf, isMixed, isPlain, paragraphs } from "../text/direction.js";
import { bytes, graphemes, measure } from "../text/length.js";
import { NAME, anotherName, nameFault, suggestRoom, ROOM, visible } from "../text/names.js";
import { match, pathTo, roomOf } from "../state/address.js";
import { number, setLanguage } from "../text/strings.js";
import { rereadFrom } from "../state/session.js";
import { titled } from "../widgets/unread.js";

afterEach(() => setLanguage("fa"));

const limits = { content_graphemes: 4000, content_bytes: 16384 };

test("length is counted in what people see and in UTF-8", () => {
  assert.equal(graphemes("می‌روم👨‍👩‍👧"), 6);
  assert.equal(bytes("سلام"), 8);
});

test("the counter shows near the limit and refuses beyond it", () => {
  assert.deepEqual(measure("سلام", limits), { unit: "graphemes", left: Infinity, near: false, over: false });
  assert.deepEqual(measure("س".repeat(3600), limits), { unit: "graphemes", left: 400, near: true, over: false });
  assert.deepEqual(measure("س".repeat(4000), limits), { unit: "graphemes", left: 0, near: true, over: false });
  assert.deepEqual(measure("س".repeat(4001), limits), { unit: "graphemes", left: -1, near: true, over: true });
});

test("what cannot be seen is taken out of a name, and a ZWNJ stays", () => {
  for (const [text, shown] of [
    ["علی\u200cرضا", "علی\u200cرضا"],
    ["\u202eعلی\u200f\u2069", "علی"],
    ["a\u200bb\ufeff\u00ad\u2060", "ab"],
    ["a\u0007b", "ab"],
    ["a\u2800b", "ab"],
    ["👩\u200d🏫", "👩🏫"],
    ["क्\u200dष", "क्\u200dष"],
    ["❤\ufe0f", "❤\ufe0f"],
    ["مُحَمَّد 🧕", "مُحَمَّد 🧕"],
  ])
    assert.equal(visible(text), shown, JSON.stringify(text));
});

test("few but heavy characters come to the limit in bytes", () => {
  const families = "👨‍👩‍👧‍👦".repeat(656);
  assert.deepEqual(measure(families, limits), { unit: "bytes", left: 16384 - 16400, near: true, over: true });
});

test("a server without limits has none", () => {
  assert.equal(measure("a".repeat(100_000), { content_graphemes: null, content_bytes: null }).over, false);
  assert.equal(measure("a".repeat(100_000), {}).over, false);
});

test("names that are missing or too long are told before asking", () => {
  assert.equal(nameFault("", NAME), "missing");
  assert.equal(nameFault("..", ROOM), "missing", "an address cannot hold it");
  assert.equal(nameFault("م".repeat(32), NAME), null);
  assert.equal(nameFault("م".repeat(33), NAME), "long");
  assert.equal(nameFault("👨‍👩‍👧‍👦".repeat(6), NAME), "long");
});

test("a taken name is offered with the next number, which keeps its digits and its zeros", () => {
  const offers = [
    ["مریم", "مریم ۲"],
    ["مریم ۲", "مریم ۳"],
    ["مریم۹", "مریم۱۰"],
    ["مریم9", "مریم10"],
    ["Maryam ٤", "Maryam ٥"],
    ["Sara1999", "Sara2000"],
    ["Sara007", "Sara008"],
    ["Sara099", "Sara100"],
    ["Sara999", "Sara1000"],
    ["سارا۰۰۹", "سارا۰۱۰"],
    ["a 123456", "a 123457"],
    ["7", "8"],
    ["x99999999999999999999", "x100000000000000000000"],
    ["a1b", "a1b ۲"],
    ["कमल९", "कमल१०"],
  ];
  for (const [taken, offered] of offers) assert.equal(anotherName(taken, number), offered);
  setLanguage("en");
  assert.equal(anotherName("Maryam", number), "Maryam 2");
});

test("the name that is offered may be used: what is too long loses letters, not its number", () => {
  for (const taken of ["م".repeat(32), `${"م".repeat(31)}9`, "9".repeat(32), "👨‍👩‍👧‍👦".repeat(5), `${"é".repeat(60)}9`]) {
    const offered = anotherName(taken, number);
    if (!/^9+$/.test(taken)) assert.equal(nameFault(offered, NAME), null, offered);
    assert.notEqual(offered, taken);
    assert.match(offered, /(۲|10)$|^10+$/);
  }
});

test("a suggested room may be entered", () => {
  for (const value of [0, 0.5, 0.999999])
    assert.equal(
      nameFault(
        suggestRoom(() => value, number),
        ROOM,
      ),
      null,
    );
  assert.equal(
    suggestRoom(() => 0, number),
    "باغ نیلوفر ۱۰",
  );
});

test("the address names the room, whatever is in its name", () => {
  for (const room of ["کلاس مهندسی اینترنت", "a/b?c#d", "50%", "می‌روم", "..."])
    assert.equal(roomOf(pathTo(room)), room);
  assert.deepEqual(match("/", "/"), {});
  assert.deepEqual(match("/learn/{lesson}", "/learn/1/"), { lesson: "1" });
  for (const path of ["/learn", "/learn/", "/learn/1/2"]) assert.equal(match("/learn/{lesson}", path), null, path);
  for (const path of ["/", "/r", "/r/", "/r/%", "/r/%20", "/r/a/b", "/x/a"]) assert.equal(roomOf(path), null, path);
});

test("a reloaded page reads the last events again, but none from before it came, nor from another epoch", () => {
  assert.equal(rereadFrom("e:10", "e:41"), "e:10");
  assert.equal(rereadFrom("e:10", "e:1041"), "e:841");
  assert.equal(rereadFrom("d:10", "e:41"), "e:41");
  assert.equal(rereadFrom(null, "e:41"), "e:41");
  assert.equal(rereadFrom("e:10", null), null);
});

test("a line runs the way of its first letter, and lines that run both ways are noticed", () => {
  assert.equal(directionOf("۱۲. سلام world"), "rtl");
  assert.equal(directionOf("(1) hello سلام"), "ltr");
  assert.equal(directionOf("🙂 ۱۲"), null);
  assert.equal(isMixed("سلام\nabc"), true);
  assert.equal(isMixed("سلام abc\n\n۱۲\nخوبی؟"), false);
  assert.equal(isMixed("کارت:\n6037 9911"), true, "the number is typed from left to right as well");
});

test("what has no letter runs from left to right, whatever the page does", () => {
  for (const text of [
    "6037 9911 2222 3333",
    "+98 912 345 6789",
    "۶۰۳۷ ۹۹۱۱",
    "٦٠٣٧ ٩٩١١",
    "1405/09/07",
    "192.168.1.1",
    "1-2",
    "🙂 ۱۲",
    "🇮🇷 (2)",
  ]) {
    assert.equal(baseOf(text), "ltr", text);
    assert.equal(isPlain(text), true, text);
    assert.deepEqual(paragraphs(text), [{ direction: "ltr", lines: [{ text, plain: true }] }]);
  }
  for (const text of ["", " \n"]) assert.equal(isPlain(text), false);
  assert.equal(baseOf("۱۲ سلام"), "rtl");
});

test("a line without a letter keeps its own order and stands with the lines around it; an address says nothing of its line", () => {
  assert.deepEqual(paragraphs("کارت:\n6037 9911\n\nok\n1-2"), [
    {
      direction: "rtl",
      lines: [
        { text: "کارت:", plain: false },
        { text: "6037 9911", plain: true },
        { text: "", plain: false },
      ],
    },
    {
      direction: "ltr",
      lines: [
        { text: "ok", plain: false },
        { text: "1-2", plain: true },
      ],
    },
  ]);
  assert.equal(paragraphs("\n12\nسلام").length, 1);
  assert.equal(paragraphs("https://a.example را ببین")[0].direction, "rtl");
  assert.equal(paragraphs("https://a.example")[0].direction, "ltr");
});

test("unread messages are counted before the title", () => {
  assert.equal(titled(3, "کلاس"), "(۳) کلاس");
  assert.equal(titled(0, "کلاس"), "کلاس");
});

test("a member's colour and initial follow from the name", () => {
  assert.equal(colourOf("مریم"), colourOf("مریم"));
  assert.ok(new Set(["مریم", "علی", "سارا", "رضا", "Dr. Rahimi", "پریسا"].map(colourOf)).size >= 4);
  assert.equal(initialOf("«علی»"), "ع");
  assert.equal(initialOf("dr"), "D");
  assert.equal(initialOf("🙂"), "🙂");
});
