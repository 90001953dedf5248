import assert from "node:assert/strict";
import { test } from "node:test";
import { dayKey, dayText, formatsFor } from "../dates.js";

const AT = Date.parse("2026-11-21T10:02:03.000004+00:00");

test("Persian shows the Solar Hijri calendar with Persian digits", () => {
  const formats = formatsFor("fa", "persian", "Asia/Tehran");
  assert.equal(dayText(formats, AT, "fa"), "شنبه ۳۰ آبان ۱۴۰۵");
  assert.equal(formats.time.format(AT), "۱۳:۳۲");
});

test("the Gregorian calendar is a switch away, in Persian words", () => {
  assert.equal(dayText(formatsFor("fa", "gregory", "Asia/Tehran"), AT, "fa"), "شنبه ۲۱ نوامبر ۲۰۲۶");
});

test("English shows the Gregorian calendar, or the Solar Hijri one on request", () => {
  assert.match(dayText(formatsFor("en", "gregory", "UTC"), AT, "en"), /^Saturday,? 21 November 2026$/);
  assert.match(dayText(formatsFor("en", "persian", "UTC"), AT, "en"), /Aban.*1405/);
});

test("midnight is zero o'clock, and a day changes with it", () => {
  const midnight = new Date(2026, 10, 21, 0, 0).getTime();
  assert.match(formatsFor("en", "gregory").time.format(midnight), /^00:00$/);
  assert.notEqual(dayKey(midnight), dayKey(midnight - 1));
  assert.equal(dayKey(midnight), dayKey(midnight + 86_399_999));
});
