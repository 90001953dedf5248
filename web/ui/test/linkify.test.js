import assert from "node:assert/strict";
import { test } from "node:test";
import { linkify } from "../text/linkify.js";

/** @param {string} text */
const links = (text) =>
  linkify(text)
    .filter((piece) => piece.href !== undefined)
    .map((piece) => piece.text);

test("nothing of the text is lost", () => {
  for (const text of [
    "",
    "سلام",
    "a https://x.example/b. c",
    "(http://a.example)(http://b.example)",
    "http://",
    "mailto:",
  ]) {
    assert.equal(
      linkify(text)
        .map((piece) => piece.text)
        .join(""),
      text,
    );
  }
});

test("a sentence's punctuation does not belong to the link, in either script", () => {
  assert.deepEqual(links("ببین https://a.example/x، بعد http://b.example؛ و https://c.example/؟"), [
    "https://a.example/x",
    "http://b.example",
    "https://c.example/",
  ]);
  assert.deepEqual(links("«https://a.example/» (https://b.example/x_(y)) https://c.example!?"), [
    "https://a.example/",
    "https://b.example/x_(y)",
    "https://c.example",
  ]);
});

test("only http, https and mailto become links", () => {
  for (const text of [
    "javascript:alert(1)",
    "data:text/html,x",
    "ftp://a.example",
    "xhttp://a.example",
    "https:/a.example",
    "//a.example",
    "file:///etc/passwd",
  ]) {
    assert.deepEqual(links(text), [], text);
  }
  assert.deepEqual(links("mailto:a@b.example HTTPS://A.example"), ["mailto:a@b.example", "HTTPS://A.example"]);
});

test("an address that shows one host and opens another is no link", () => {
  assert.deepEqual(links("https://bank.example@evil.example/"), []);
  assert.deepEqual(links("https://user:secret@evil.example/"), []);
});

test("invisible and bidi-changing characters end a link", () => {
  assert.deepEqual(links("https://a.example/\u202egpj.exe"), ["https://a.example/"]);
  assert.deepEqual(links("https://a.example/\u200bb"), ["https://a.example/"]);
  assert.deepEqual(links("https://a.example/\u2066x\u2069"), ["https://a.example/"]);
});

test("a Persian address is shown in letters and opens its encoded form", () => {
  const [piece] = linkify("https://fa.example/ویکی");
  assert.equal(piece.text, "https://fa.example/ویکی");
  assert.equal(piece.shown, "https://fa.example/ویکی");
  assert.equal(piece.href, "https://fa.example/%D9%88%DB%8C%DA%A9%DB%8C");
});

test("an apostrophe and a half-space belong to a link, what stands right behind it does not", () => {
  const cases = [
    ["https://en.example/wiki/Hadamard's_code", "https://en.example/wiki/Hadamard's_code"],
    ["'https://a.example/x'", "https://a.example/x"],
    ["https://fa.example/می\u200cروم", "https://fa.example/می\u200cروم"],
    ["https://a.example/x\u200cy", "https://a.example/x"],
    ["https://a.example/x\u200c", "https://a.example/x"],
    ["https://a.example/x،بعد", "https://a.example/x"],
    ["https://a.example/تهران،_ایران", "https://a.example/تهران،_ایران"],
    ["(https://a.example/x)بعد", "https://a.example/x"],
    ["«https://a.example/x»،", "https://a.example/x"],
    ["https://a.example/x؟ نه", "https://a.example/x"],
  ];
  for (const [text, link] of cases) assert.deepEqual(links(text), [link], text);
});

test("bare hosts and e-mail addresses are links, names of files and sloppy sentences are none", () => {
  const found = [
    ["www.example.org", "https://www.example.org/"],
    ["docs.rs/tokio", "https://docs.rs/tokio"],
    ["irna.ir", "https://irna.ir/"],
    ["example.com:8080/a", "https://example.com:8080/a"],
    ["(t.me/kelas)", "https://t.me/kelas"],
    ["a.b+c@example.ir", "mailto:a.b+c@example.ir"],
    ["ببین:example.org", "https://example.org/"],
  ];
  for (const [text, href] of found)
    assert.deepEqual(
      linkify(text).flatMap((piece) => piece.href ?? []),
      [href],
      text,
    );
  for (const text of [
    "file.js",
    "main.rs",
    "e.g.this",
    "thanks.it",
    "README.md",
    "1.2.3",
    "سلام.خوبی",
    "a..com",
    "ftp://a.com",
    "@example.com",
    "x@y",
    "etc.",
  ]) {
    assert.deepEqual(links(text), [], text);
  }
});

/** @param {string} text */
const shown = (text) =>
  linkify(text)
    .flatMap((piece) => piece.shown ?? [])
    .join(" ");

test("a host is shown in letters only where they mislead nobody", () => {
  assert.equal(shown("https://بانک.ir/"), "https://بانک.ir/");
  assert.equal(shown("https://münchen.de"), "https://münchen.de");
  assert.equal(shown("https://пример.рф"), "https://пример.рф");
  for (const text of [
    "https://аррӏе.com",
    "https://gооgle.com",
    "https://ѕсоре.com",
    "https://بانك‌ی.ir".replace("\u200c", ""),
    "https://bank.ir\u2044login.evil.example",
    "https://bank.ir\u2215login.evil.example",
    "https://bank.ir\u29f8login.evil.example",
    "https://gοοgle.com",
  ]) {
    const [piece] = linkify(text);
    if (piece.href !== undefined) assert.match(String(piece.shown), /^https:\/\/[\x00-\x7f]*xn--[\x00-\x7f]*$/, text);
  }
  assert.equal(shown("https://example。com/"), "https://example.com/");
  assert.deepEqual(links("https://bank.ir\uff0flogin.evil.example"), []);
});

test("a long address is shown as its host and a cut path, the whole is in the title; what would mislead stays encoded", () => {
  const [piece] = linkify(`https://example.org/${"a".repeat(300)}/end`);
  assert.match(String(piece.shown), /^example\.org\/a+…a+\/end$/);
  assert.equal(piece.title, `https://example.org/${"a".repeat(300)}/end`);
  assert.equal(
    shown("https://a.example/%D8%B3%20%E2%80%AE%2F%252F%E2%81%84"),
    "https://a.example/س%20%E2%80%AE%2F%252F%E2%81%84",
  );
  assert.equal(shown("https://a.example/%ff%D8"), "https://a.example/%ff%D8");
});

test("no part of a text is parsed more than once as an address and once to be shown", () => {
  const Plain = globalThis.URL;
  let parsed = 0;
  globalThis.URL = class extends Plain {
    /** @param {string | URL} address */
    constructor(address) {
      parsed += String(address).length;
      super(address);
    }
  };
  try {
    // The second of each: an address that is refused after it was read to its end.
    for (const unit of [
      "http://",
      "a.com:99999/,",
      "a@",
      "https://a.example/(",
      "www.",
      "،http://a",
      "a.com/'",
      "https://a@b,",
      "a.com,",
      "mailto:",
    ]) {
      const text = unit.repeat(Math.floor(16_384 / unit.length));
      parsed = 0;
      linkify(text);
      assert.ok(parsed <= 8 * text.length, `${unit}: ${parsed}`);
    }
  } finally {
    globalThis.URL = Plain;
  }
});

test("brackets that were not opened are left out, however many they are", () => {
  assert.deepEqual(links(`https://a.example/${")".repeat(16_000)}`), ["https://a.example/"]);
  assert.deepEqual(links("[https://a.example/[x]]] {http://b.example}"), ["https://a.example/[x]", "http://b.example"]);
});
