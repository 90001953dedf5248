import assert from "node:assert/strict";
import { test } from "node:test";
import { dayKey, dayText, formatsFor, lookUpZone } from "../text/dates.js";

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

test("a device that travels takes times and days along, at once and together", () => {
  const before = process.env.TZ;
  try {
    process.env.TZ = "Asia/Tehran";
    lookUpZone();
    const evening = Date.parse("2026-11-21T19:00:00Z");
    const night = Date.parse("2026-11-21T21:00:00Z");
    assert.equal(formatsFor("en", "gregory").time.format(night), "00:30");
    assert.notEqual(dayKey(evening), dayKey(night));
    process.env.TZ = "America/New_York";
    assert.notEqual(
      dayKey(evening),
      dayKey(night),
      "until it is looked up, times and days are those of the former zone",
    );
    assert.equal(formatsFor("en", "gregory").time.format(night), "00:30");
    assert.equal(lookUpZone(), true);
    assert.equal(lookUpZone(), false);
    assert.equal(formatsFor("en", "gregory").time.format(night), "16:00");
    assert.equal(dayKey(evening), dayKey(night));
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
    lookUpZone();
  }
});

test("days are told apart where the clock is set within them, and in half hours", () => {
  const before = process.env.TZ;
  try {
    for (const zone of [
      "America/Santiago",
      "Africa/Cairo",
      "Asia/Kathmandu",
      "Australia/Lord_Howe",
      "Pacific/Apia",
      "Europe/Berlin",
    ]) {
      process.env.TZ = zone;
      lookUpZone();
      const plain = new Intl.DateTimeFormat("en-CA", { timeZone: zone });
      for (let at = Date.parse("2024-01-01T00:10:00Z"); at < Date.parse("2025-01-01T00:00:00Z"); at += 2_700_000) {
        assert.equal(
          dayKey(at) === dayKey(at + 2_700_000),
          plain.format(at) === plain.format(at + 2_700_000),
          `${zone} ${at}`,
        );
      }
    }
  } finally {
    if (before === undefined) delete process.env.TZ;
    else process.env.TZ = before;
    lookUpZone();
  }
});
