// The front ends of the seed documents run as they are: beside the rooms, from another port, from a file. The pages in seed-pages/
// have the documents' scripts and words of their own. Two things are changed, as a student would change them: where the deck's page
// asks for `window.location.host` and comes from elsewhere, the host stands in its place; and the second tutorial's other two servers
// are chosen by `?mode=`. For `localhost:8000`, which the tutorials' pages name, the browser goes to the scene's own server.
import assert from "node:assert/strict";
import { mkdtemp, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:http";
import { once } from "node:events";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after } from "node:test";
import { fileURLToPath, pathToFileURL } from "node:url";
import { eventually, scene } from "./harness.js";

const FOLDER = fileURLToPath(new URL("seed-pages/", import.meta.url));
const HOST = "localhost:8000";

const flags = (server) => [`--host-resolver-rules=MAP ${HOST} 127.0.0.1:${server.port}`];

const elsewhere = await mkdtemp(join(tmpdir(), "seed-pages-"));
for (const file of await readdir(FOLDER)) {
  const text = (await readFile(FOLDER + file, "utf8")).replace("${window.location.host}", HOST);
  await writeFile(join(elsewhere, file), text);
  for (const mode of ["broadcast", "heartbeat"]) {
    await writeFile(join(elsewhere, `${mode}-${file}`), text.replace(/\/ws(?=["'])/, `/ws?mode=${mode}`));
  }
}

/** What `python3 -m http.server` is to a student. */
const pages = createServer(async (request, response) => {
  const text = await readFile(join(elsewhere, request.url.split("?")[0])).catch(() => "");
  response.setHeader("content-type", "text/html; charset=utf-8");
  response.end(text);
}).listen(0, "127.0.0.1");
await once(pages, "listening");

after(async () => {
  pages.close();
  await rm(elsewhere, { recursive: true });
});

const files = pathToFileURL(`${elsewhere}/`).href;
const places = [
  { from: "beside the rooms", server: ["--pages", FOLDER], folder: `http://${HOST}/pages/` },
  { from: "from another port", server: [], folder: `http://localhost:${pages.address().port}/` },
  { from: "from a file", server: ["--origin", "null"], folder: files },
];

/** One person with one of the pages; what its script throws, and what it logs, is kept. */
class Student {
  page;
  logged = [];
  #faults = [];

  static async open(stage, address, { refused = false } = {}) {
    const student = new Student();
    student.page = await (await stage.context()).newPage();
    student.page.on("pageerror", (error) => student.#faults.push(error.stack));
    student.page.on("console", (message) => {
      // Browsers ask for an icon that these pages do not have.
      if (message.location().url.endsWith("/favicon.ico")) return;
      const isFault = message.type() === "error" && !refused;
      (isFault ? student.#faults : student.logged).push(message.text());
    });
    await student.page.goto(address);
    return student;
  }

  /** Fills in the deck's form. */
  async enter(room, name) {
    await this.page.locator("#username").fill(name);
    await this.page.locator("#room").fill(room);
    await this.page.locator("#connectBtn").click();
  }

  /** Types and presses the button. */
  async say(text) {
    const input = this.page.locator("#messageInput, #messageText");
    await input.fill(text);
    await this.page.locator("#sendBtn, button:not([id])").click();
    assert.equal(await input.inputValue(), "");
  }

  texts(selector) {
    return this.page.locator(selector).allTextContents();
  }

  /** Waits until these are the last texts of what the selector finds. */
  async sees(selector, expected) {
    const last = async () => (await this.texts(selector)).slice(-expected.length);
    await eventually(
      last,
      (texts) => texts.join("\n") === expected.join("\n"),
      `${selector} ends in ${JSON.stringify(expected)}`,
    );
  }

  /** Waits until the list of who is there is this. */
  async seesUsers(...names) {
    await eventually(
      () => this.texts("#usersList li"),
      (users) => users.join("\n") === names.join("\n"),
      `the users are ${names}`,
    );
  }

  async hasLogged(text) {
    await eventually(
      async () => this.logged,
      (logged) => logged.includes(text),
      `"${text}" is logged`,
    );
  }

  isSound() {
    assert.deepEqual(this.#faults, []);
  }
}

const ROOM = "کلاس ۷";

for (const { from, server, folder } of places) {
  scene(
    `the deck's page ${from}: two of it and a window of hamhame talk and see each other come and go`,
    { server: [...server, "--grace", "300ms"], flags },
    async (stage) => {
      const ali = await Student.open(stage, `${folder}deck.html`);
      await ali.enter(ROOM, "علی‌رضا");
      await ali.sees("#roomTitle", [`اتاق: ${ROOM}`]);
      await ali.sees(".message.system p", [`علی‌رضا joined ${ROOM}.`]);
      await ali.seesUsers("علی‌رضا");

      const sara = await Student.open(stage, `${folder}deck.html`);
      await sara.enter(` ${ROOM} `, "سارا");
      const maryam = await stage.window();
      await maryam.enter({ room: ROOM, name: "مریم" });
      for (const student of [ali, sara]) {
        await student.seesUsers("علی‌رضا", "سارا", "مریم");
        await student.sees(".message.system p", [`سارا joined ${ROOM}.`, `مریم joined ${ROOM}.`]);
      }

      await ali.say("  می‌شنوید؟ <b>«بله»</b>  ");
      await maryam.sees("می‌شنوید؟ <b>«بله»</b>");
      await maryam.say("از همهمه هم سلام");
      await maryam.sees("از همهمه هم سلام");
      await sara.say("سلام");
      const talk = ["می‌شنوید؟ <b>«بله»</b>", "از همهمه هم سلام", "سلام"];
      for (const [student, own] of [
        [ali, talk[0]],
        [sara, talk[2]],
      ]) {
        await student.sees(".message:not(.system) p", talk);
        assert.deepEqual(await student.texts(".message.mine p"), [own]);
        // Who said it, and a time that the page can read.
        assert.match((await student.texts(".message:not(.system) header"))[1], /^مریم · [۰-۹:]+$/);
      }
      assert.deepEqual(await maryam.texts(), talk);
      assert.equal(await maryam.get("member").count(), 3);

      await sara.page.locator("#disconnectBtn").click();
      await sara.sees("#roomTitle", ["قطع شد"]);
      await ali.sees(".message.system p", [`سارا left ${ROOM}.`]);
      await ali.seesUsers("علی‌رضا", "مریم");
      await sara.seesUsers();
      // A window that is closed leaves after the grace period.
      await maryam.page.close();
      await ali.sees(".message.system p", [`مریم left ${ROOM}.`]);
      await ali.seesUsers("علی‌رضا");
      // A page that comes again under a name that left is let in.
      await sara.enter(ROOM, "سارا");
      await ali.seesUsers("علی‌رضا", "سارا");
      for (const student of [ali, sara]) student.isSound();
    },
  );

  scene(
    `the first tutorial's page ${from}: everyone hears what a number says, and that it left`,
    { server, flags },
    async (stage) => {
      const first = await Student.open(stage, `${folder}chat.html`);
      const second = await Student.open(stage, `${folder}chat.html`);
      const numbers = [await first.page.locator("#ws-id").innerText(), await second.page.locator("#ws-id").innerText()];
      await eventually(
        () => second.page.evaluate("ws.readyState"),
        (state) => state === 1,
        "the second is connected",
      );
      await first.say("salâm سلام");
      await first.sees("#messages li", ["You wrote: salâm سلام", `Client #${numbers[0]} says: salâm سلام`]);
      await second.sees("#messages li", [`Client #${numbers[0]} says: salâm سلام`]);
      await second.say('{"content": 1}');
      await first.sees("#messages li", [`Client #${numbers[1]} says: {"content": 1}`]);
      await second.page.close();
      await first.sees("#messages li", [`Client #${numbers[1]} left the chat`]);
      assert.equal((await first.texts("#messages li")).length, 4);
      first.isSound();
      second.isSound();
    },
  );

  scene(
    `the second tutorial's pages ${from}: an echo, in the page and in the console`,
    { server, flags },
    async (stage) => {
      const first = await Student.open(stage, `${folder}echo.html`);
      const second = await Student.open(stage, `${folder}echo.html`);
      for (const [student, text] of [
        [first, "یک"],
        [second, "دو"],
      ]) {
        await eventually(
          () => student.page.evaluate("ws.readyState"),
          (state) => state === 1,
          "it is connected",
        );
        await student.say(text);
        await student.sees("#messages li", [`Message text was: ${text}`]);
        assert.equal((await student.texts("#messages li")).length, 1);
      }
      const logs = await Student.open(stage, `${folder}console.html`);
      await logs.hasLogged("Received: Message text was: Hello from a page!");
      await stage.server.terminate();
      await logs.hasLogged("It is closed.");
      assert.deepEqual(logs.logged, ["It is open.", "Received: Message text was: Hello from a page!", "It is closed."]);
      for (const student of [first, second, logs]) student.isSound();
    },
  );
}

scene(
  "the second tutorial's pages, told the mode, are a broadcast and a heartbeat",
  { server: ["--pages", elsewhere], flags },
  async (stage) => {
    const folder = `http://${HOST}/pages/`;
    const first = await Student.open(stage, `${folder}broadcast-echo.html`);
    const second = await Student.open(stage, `${folder}broadcast-echo.html`);
    await eventually(
      () => second.page.evaluate("ws.readyState"),
      (state) => state === 1,
      "the second is connected",
    );
    await first.say("به همه");
    for (const student of [first, second]) await student.sees("#messages li", ["Broadcast: به همه"]);
    const logs = await Student.open(stage, `${folder}heartbeat-console.html`);
    await logs.hasLogged("Received: ping");
    for (const student of [first, second, logs]) student.isSound();
  },
);

scene(
  "a page from a file that nobody allowed is refused, and the log says by what it would be allowed",
  { flags },
  async (stage) => {
    const ali = await Student.open(stage, `${files}deck.html`, { refused: true });
    await ali.enter(ROOM, "علی");
    await ali.sees("#roomTitle", ["قطع شد"]);
    assert.match(ali.logged.join("\n"), /403/);
    await eventually(
      async () => stage.server.log,
      (log) => /refused a page.*--origin/.test(log),
      "the log names the option",
    );
    assert.match(stage.server.log, /origin="?null/);
  },
);
