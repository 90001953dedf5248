// Takes pictures of what people see, to be looked at: every state in both languages, both themes and three widths.
//
//   npm run screenshots            all of them, into e2e/out
//   npm run screenshots -- readme  the README's, into docs/screenshot.png
import { mkdir } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { Stage, closeBrowser } from "./harness.js";

const OUT = fileURLToPath(new URL("out/", import.meta.url));
const README = fileURLToPath(new URL("../docs/screenshot.png", import.meta.url));
const SIZES = [
  { width: 390, height: 844 },
  { width: 820, height: 1180 },
  { width: 1280, height: 800 },
];

/** Names that break a rule which the page leaves to the server. */
const REFUSED = { reserved: "همهمه", mixed_digits: "رضا ۴٤", refused: "م·ن" };

const words = {
  fa: {
    room: "کلاس شبکه",
    names: ["مریم", "علی‌رضا", "سارا", "استاد کریمی"],
    talk: [
      [3, "سلام بچه‌ها! امروز وب‌سوکت را از نزدیک می‌بینیم."],
      [3, "یک پیوند، یک اتاق؛ همین. مشخصاتش اینجاست: https://www.rfc-editor.org/rfc/rfc6455"],
      [1, "سلام استاد. پس دیگر لازم نیست هر ثانیه از سرور بپرسیم خبری هست یا نه؟"],
      [3, "نه؛ خودش می‌گوید. به این می‌گویند full duplex."],
      [2, "وای‌فای من قطع شد و وصل شد، ولی همهٔ پیام‌ها را دارم 👏"],
    ],
    own: ["چون اتاق یک دفتر است و هر کس نشانهٔ خودش را لای آن دارد.", "از همان‌جا ادامه می‌دهد."],
    draft: "یعنی می‌شود",
    pending: "این یکی در راه است",
  },
  en: {
    room: "Network class",
    names: ["Maryam", "Alireza", "Sara", "Dr Karimi"],
    talk: [
      [3, "Good morning! Today we look at WebSocket from close up."],
      [3, "One link, one room. The specification: https://www.rfc-editor.org/rfc/rfc6455"],
      [1, "So we need not ask the server every second whether there is news?"],
      [3, "No, it tells you. That is what full duplex means."],
      [2, "My Wi-Fi went away and came back, and I have every message 👏"],
    ],
    own: ["Because a room is a log, and everyone has a bookmark in it.", "It goes on from there."],
    draft: "Does that mean",
    pending: "This one is on its way",
  },
};

/** One picture after the page has come to rest. */
async function take(window, path) {
  await window.page.evaluate(() => document.fonts.ready);
  await window.page.screenshot({ path, animations: "disabled" });
}

/** A room in which a class talks; resolves to the window of the first, and the others. */
async function classroom(stage, lang, options) {
  const { room, names, talk, own } = words[lang];
  const window = await stage.window(options);
  await window.enter({ room, name: names[0], query: `?lang=${lang}` });
  const others = {};
  for (const [index] of names.entries())
    if (index > 0) others[index] = await stage.member({ room, name: names[index] });
  for (const [index, content] of talk) await others[index].say(content);
  for (const content of own) {
    await window.say(content);
    await window.sees(content);
  }
  return { window, others, room };
}

/** The states of one language, theme and size, each with its name. */
async function states(lang, colorScheme, viewport) {
  const options = { viewport, colorScheme, reducedMotion: "reduce", deviceScaleFactor: 1, offlineExpected: true };
  const shot = (window, state) => take(window, `${OUT}${state}-${lang}-${colorScheme}-${viewport.width}.png`);
  const stage = await Stage.set();
  try {
    const start = await stage.window(options);
    await start.visit(`/?lang=${lang}`);
    await start.get("name-input").waitFor();
    await shot(start, "start");
    await start.visit(`/r/${encodeURIComponent(words[lang].room)}?lang=${lang}`);
    await start.get("name-input").waitFor();
    await shot(start, "door");
    await start.introduce(words[lang].names[0]);
    await start.connected();
    await shot(start, "empty");
    await start.page.context().close();
    await detour(stage, lang, options, shot);
    await full(stage, lang, options, shot);
  } finally {
    await stage.clear();
  }
}

/** A page behind a proxy that lets no WebSocket through, asked why it is on another transport. */
async function detour(stage, lang, options, shot) {
  const gateway = await stage.gateway();
  gateway.set("upgrades", "refuse");
  const window = await stage.window({ ...options, origin: gateway.origin });
  await window.enter({ room: words[lang].names[1], name: words[lang].names[2], query: `?lang=${lang}` });
  await window.travelsBy("sse");
  await window.say(words[lang].talk[4][1]);
  await window.sees("👏");
  await window.get("connection").click();
  await window.get("transport-card").waitFor();
  await shot(window, "transport");
  await window.page.context().close();
}

/** A room with people in it: at ease, full of words, in a drawer and a dialog, without a network, without a place. */
async function full(stage, lang, options, shot) {
  const network = await stage.proxy();
  const { window, others, room } = await classroom(stage, lang, { ...options, origin: network.origin });
  await window.type(words[lang].draft);
  await shot(window, "room");

  if (await window.get("members-open").isVisible()) {
    await window.get("members-open").click();
    await window.get("members").waitFor();
    await shot(window, "drawer");
    await window.page.keyboard.press("Escape");
  }
  await window.get("share-button").first().click();
  await window.get("share-dialog").waitFor();
  await shot(window, "share");
  await window.page.keyboard.press("Escape");

  const taken = await stage.window(options);
  await taken.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
  await taken.introduce(words[lang].names[0]);
  await taken.get("closed").waitFor();
  await shot(taken, "name-taken");

  for (const [rule, name] of Object.entries(REFUSED)) {
    const refused = await stage.window(options);
    await refused.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
    await refused.introduce(name);
    await refused.get("broken-rule").waitFor();
    await shot(refused, `name-refused-${rule}`);
    await refused.page.context().close();
  }

  for (let line = 1; line <= 12; line += 1) await others[1].say(`${words[lang].talk[line % 5][1]} (${line})`);
  await window.sees("(12)");
  await window.wheel(-900);
  await window.get("new-messages-pill").waitFor();
  await others[2].say("🙂", "👍");
  await window.get("new-messages-pill").filter({ hasText: /[2۲]/ }).waitFor();
  await shot(window, "scrolled-up");

  await window.type("م".repeat(3990));
  await window.get("counter").waitFor();
  await shot(window, "counter");

  network.refuse();
  await window.stateOtherThan("connected");
  await window.say(words[lang].pending);
  await shot(window, "disconnected");

  // Its name is kept for it.
  const kept = await stage.window(options);
  await kept.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
  await kept.introduce(words[lang].names[0]);
  await kept.get("other-name").waitFor();
  await shot(kept, "name-kept");
  await kept.get("other-name").click();
  await kept.get("closed").waitFor();
  await shot(kept, "name-kept-other");
}

/** The picture at the head of the README: desktop and phone would not fit, so the desktop in Persian. */
async function readme() {
  const stage = await Stage.set();
  try {
    const { window } = await classroom(stage, "fa", {
      viewport: { width: 1180, height: 780 },
      reducedMotion: "reduce",
    });
    await window.type(words.fa.draft);
    await take(window, README);
  } finally {
    await stage.clear();
  }
}

await mkdir(OUT, { recursive: true });
if (process.argv[2] === "readme") {
  await readme();
} else {
  for (const lang of ["fa", "en"]) {
    for (const colorScheme of ["light", "dark"]) {
      for (const viewport of SIZES) {
        await states(lang, colorScheme, viewport);
        console.log(`${lang} ${colorScheme} ${viewport.width}`);
      }
    }
  }
}
await closeBrowser();
