import assert from "node:assert/strict";
import { test } from "node:test";
import { digitValue, withPlainDigits, zeroOf } from "../text/digits.js";
import { searchKey } from "../text/search-key.js";

test("one name is found however it was typed", () => {
  const pairs = [
    ["علي", "علی"],
    ["كاظم", "کاظم"],
    ["رضا2", "رضا۲"],
    ["رضا٢", "رضا۲"],
    ["رضا２", "رضا۲"],
    ["José", "Jose\u0301"],
    ["JOSÉ", "jose"],
    ["علی‌رضا", "علیرضا"],
    ["عـلـی", "علی"],
    ["مُحَمَّد", "محمد"],
    ["فاطمة", "فاطمه"],
    ["خانهٔ", "خانه"],
    ["خانۀ", "خانه"],
    ["آرش", "ارش"],
    ["أحمد", "احمد"],
    ["مؤمن", "مومن"],
    ["رئیس", "رییس"],
    ["موسى", "موسی"],
    ["ﻋﻠﯽ", "علی"],
    ["Ａｌｉ", "ali"],
    ["Straße", "STRASSE"],
    ["İrem", "irem"],
    ["ΣΟΦΟΣ", "σοφος"],
    ["  مریم   بانو ", "مریم بانو"],
    ["\u200fعلی\u200e", "علی"],
    ["ي\u0654", "ی"],
    ["कमल१", "कमल1"],
  ];
  for (const [one, other] of pairs) assert.equal(searchKey(one), searchKey(other), `${one} and ${other}`);
});

test("different names stay apart", () => {
  const names = [
    "علی",
    "علیرضا",
    "رضا۲",
    "رضا۳",
    "سارا",
    "Sara",
    "Zara",
    "کاظم",
    "گاظم",
    "پری",
    "بری",
    "مریم بانو",
    "🙂",
  ];
  assert.equal(new Set(names.map(searchKey)).size, names.length);
  assert.equal(searchKey("\u200c"), "");
});

test("digits of every script have a value and a zero", () => {
  for (const zero of ["0", "٠", "۰", "०", "߀", "᠐", "０", "𑁦"]) {
    const code = /** @type {number} */ (zero.codePointAt(0));
    for (let value = 0; value < 10; value += 1) {
      assert.equal(digitValue(String.fromCodePoint(code + value)), value);
      assert.equal(zeroOf(String.fromCodePoint(code + value)), zero);
    }
  }
  assert.equal(withPlainDigits("۱۲a٣"), "12a3");
});
