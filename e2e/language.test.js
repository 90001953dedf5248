// Persian first, English one click away, and a page that remembers.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const room = "زبان";
const language = (window) => window.page.evaluate(() => [document.documentElement.lang, document.documentElement.dir]);
const theme = (window) =>
  window.page.evaluate(() => {
    const colours = [document.body, document.documentElement].map((node) => getComputedStyle(node).backgroundColor);
    const [red, green, blue] = colours
      .find((colour) => colour !== "rgba(0, 0, 0, 0)")
      .match(/[\d.]+/g)
      .map(Number);
    return red + green + blue > 384 ? "light" : "dark";
  });

scene("the page is Persian and runs from right to left, whatever the browser's language", async (stage) => {
  const window = await stage.window({ locale: "en-US" });
  await window.visit("/");
  assert.deepEqual(await language(window), ["fa", "rtl"]);
  assert.match(await window.get("join-button").innerText(), /\p{Script=Arabic}/u);
});

scene("the switch to English turns the page around and is remembered", async (stage) => {
  const window = await stage.window();
  await window.visit("/");
  await window.get("language-switch").first().click();
  await window.page.locator("html[lang=en]").waitFor({ state: "attached" });
  assert.deepEqual(await language(window), ["en", "ltr"]);
  assert.doesNotMatch(await window.get("join-button").innerText(), /\p{Script=Arabic}/u);
  await window.page.reload();
  assert.deepEqual(await language(window), ["en", "ltr"]);
  const other = await stage.windowIn(window.page.context());
  await other.visit(`/r/${encodeURIComponent(room)}`);
  assert.deepEqual(await language(other), ["en", "ltr"]);
});

scene("the switch in a room changes the words and keeps the connection, the messages and the draft", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("پیش از تغییر");
  await window.sees("پیش از تغییر");
  await window.type("نیمه‌کاره");
  const sockets = [];
  window.page.on("websocket", (socket) => sockets.push(socket.url()));
  await window.get("language-switch").first().click();
  await window.page.locator("html[lang=en]").waitFor({ state: "attached" });
  assert.deepEqual(await window.texts(), ["پیش از تغییر"]);
  assert.equal(await window.get("composer").inputValue(), "نیمه‌کاره");
  assert.doesNotMatch(await window.get("connection").innerText(), /\p{Script=Arabic}/u);
  assert.deepEqual(sockets, []);
});

scene("?lang= chooses for this visit", async (stage) => {
  const window = await stage.window();
  await window.visit("/?lang=en");
  assert.deepEqual(await language(window), ["en", "ltr"]);
  await window.visit("/?lang=fa");
  assert.deepEqual(await language(window), ["fa", "rtl"]);
  await window.visit("/?lang=xx");
  assert.deepEqual(await language(window), ["fa", "rtl"]);
});

scene("an operator chooses the language by --lang", { server: ["--lang", "en"] }, async (stage) => {
  const window = await stage.window();
  await window.visit("/");
  assert.deepEqual(await language(window), ["en", "ltr"]);
});

scene("with --lang auto the browser's language decides", { server: ["--lang", "auto"] }, async (stage) => {
  const english = await stage.window({ locale: "en-GB" });
  const persian = await stage.window({ locale: "fa-IR" });
  await english.visit("/");
  await persian.visit("/");
  assert.deepEqual(await language(english), ["en", "ltr"]);
  assert.deepEqual(await language(persian), ["fa", "rtl"]);
});

scene("dates are Solar Hijri with Persian digits in Persian, and Gregorian in English", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.say("امروز");
  await window.sees("امروز");
  const times = () => window.get("message").locator("time").allTextContents();
  assert.ok((await times()).every((text) => /[۰-۹]/.test(text) && !/[0-9]/.test(text)));
  const stamp = await window.get("message").locator("time").first().getAttribute("datetime");
  assert.ok(Number.isFinite(Date.parse(stamp)), "machines read it as well");
  const year = (locale) => new Intl.DateTimeFormat(locale, { year: "numeric" }).format(new Date()).replace(/\D+$/u, "");
  const persianYear = new Intl.DateTimeFormat("fa-IR-u-ca-persian", { year: "numeric" }).format(new Date());
  assert.ok((await window.page.locator("main, #app").first().innerText()).includes(persianYear));
  await window.get("language-switch").first().click();
  await window.page.locator("html[lang=en]").waitFor({ state: "attached" });
  assert.ok((await times()).every((text) => /[0-9]/.test(text)));
  assert.ok((await window.page.locator("main, #app").first().innerText()).includes(year("en-GB")));
});

scene("the theme follows the system until one chooses, and the choice is remembered", async (stage) => {
  const window = await stage.window({ colorScheme: "dark" });
  await window.visit("/");
  await eventually(
    () => theme(window),
    (now) => now === "dark",
    "the page is dark",
  );
  await window.page.emulateMedia({ colorScheme: "light" });
  await window.page.reload();
  await eventually(
    () => theme(window),
    (now) => now === "light",
    "the page is light",
  );
  // The switch goes through: as the system, light, dark.
  for (let click = 0; click < 2; click += 1) await window.get("theme-switch").first().click();
  await eventually(
    () => theme(window),
    (now) => now === "dark",
    "the page is dark",
  );
  await window.page.reload();
  await eventually(
    () => theme(window),
    (now) => now === "dark",
    "the page is still dark",
  );
});
