// A device that travels while the page is open.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const room = "سفر";

scene("in another time zone, times and the lines between days change at once and together", async (stage) => {
  const window = await stage.window();
  const devtools = await window.page.context().newCDPSession(window.page);
  const travel = async (timezoneId) => {
    await devtools.send("Emulation.setTimezoneOverride", { timezoneId: "" });
    await devtools.send("Emulation.setTimezoneOverride", { timezoneId });
  };
  await travel("Asia/Tehran");
  await window.enter({ room, name: "مسافر", query: "?lang=en" });
  const member = await stage.member({ room, name: "دوست" });
  await member.say("پیش از سفر", "هنوز پیش از سفر");
  await window.sees("هنوز پیش از سفر");
  const read = () =>
    window.page.evaluate(() => ({
      zone: new Intl.DateTimeFormat().resolvedOptions().timeZone,
      days: [...document.querySelectorAll(".line-day")].map((node) => node.textContent),
      times: [...document.querySelectorAll("time")].map(({ dateTime, textContent }) => [dateTime, textContent]),
    }));
  const right = ({ zone, days, times }) => {
    const clock = new Intl.DateTimeFormat("en-GB", { timeZone: zone, hour: "2-digit", minute: "2-digit" });
    const day = new Intl.DateTimeFormat("en-GB", {
      timeZone: zone,
      weekday: "long",
      day: "numeric",
      month: "long",
      year: "numeric",
    });
    const expected = [...new Set(times.map(([at]) => day.format(new Date(at))))];
    return times.every(([at, text]) => clock.format(new Date(at)) === text) && days.join() === expected.join();
  };
  await eventually(read, right, "Tehran's");
  const before = await read();
  // Far enough apart that at any moment one of them has another day.
  for (const timezoneId of ["Pacific/Kiritimati", "Pacific/Pago_Pago"]) {
    await travel(timezoneId);
    await eventually(read, ({ zone }) => zone === timezoneId, "the browser has moved");
    await window.hidden(true);
    await window.hidden(false);
    const now = await read();
    assert.ok(right(now), JSON.stringify(now));
    assert.notDeepEqual(
      now.times.map(([, text]) => text),
      before.times.map(([, text]) => text),
    );
  }
  await travel("Asia/Tokyo");
  await member.say("در راه");
  await window.sees("در راه");
  await eventually(read, right, "what comes next brings all in step");
  assert.equal((await read()).zone, "Asia/Tokyo");
});
