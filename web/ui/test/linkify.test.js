import assert from "node:assert/strict";
import { test } from "node:test";
import { linkify } from "../linkify.js";

/** @param {string} text */
const links = (text) => linkify(text).filter((piece) => piece.href !== undefined).map((piece) => piece.text);

test("nothing of the text is lost", () => {
  for (const text of ["", "سلام", "a https://x.example/b. c", "(http://a.example)(http://b.example)", "http://", "mailto:"]) {
    assert.equal(linkify(text).map((piece) => piece.text).join(""), text);
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
  for (const text of ["javascript:alert(1)", "data:text/html,x", "ftp://a.example", "xhttp://a.example", "https:/a.example", "//a.example", "file:///etc/passwd"]) {
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

test("a Persian address stays as it was written and opens its encoded form", () => {
  const [piece] = linkify("https://fa.example/ویکی");
  assert.equal(piece.text, "https://fa.example/ویکی");
  assert.equal(piece.href, "https://fa.example/%D9%88%DB%8C%DA%A9%DB%8C");
});

test("brackets that were not opened are left out, however many they are", () => {
  assert.deepEqual(links(`https://a.example/${")".repeat(16_000)}`), ["https://a.example/"]);
  assert.deepEqual(links("[https://a.example/[x]]] {http://b.example}"), ["https://a.example/[x]", "http://b.example"]);
});
