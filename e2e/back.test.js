// Back, on a phone the button that is pressed most: it closes what lies over the page, and leaves a room only after asking.
import assert from "node:assert/strict";
import { eventually, scene } from "./harness.js";

const room = "کلاس شبکه";
const PHONE = { viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true };

scene("Back closes the drawer or the dialog that is open, and the room stays", async (stage) => {
  const phone = await stage.window(PHONE);
  // As if the server listened for the network: it has a code to show then.
  await phone.page.route("**/api/address", (route) => route.fulfill({ json: { host: "192.0.2.7" } }));
  await phone.enter({ room, name: "مریم" });
  await phone.get("members-open").click();
  await phone.get("members").waitFor();
  await phone.page.goBack();
  await phone.get("members").waitFor({ state: "hidden" });
  await phone.get("share-button").click();
  await phone.get("qr-large").click();
  await phone.get("qr-screen").waitFor();
  await phone.page.goBack();
  await phone.get("qr-screen").waitFor({ state: "hidden" });
  await phone.state("connected");
  assert.equal(await phone.get("leave-dialog").isVisible(), false);
});

scene("what was closed otherwise leaves nothing behind for Back", async (stage) => {
  const phone = await stage.window(PHONE);
  await phone.enter({ room, name: "مریم" });
  const before = await phone.page.evaluate(() => history.length);
  for (let round = 0; round < 3; round += 1) {
    await phone.get("members-open").click();
    await phone.get("members").waitFor();
    await phone.page.keyboard.press("Escape");
    await phone.get("members").waitFor({ state: "hidden" });
    await eventually(
      () => phone.page.evaluate(() => history.state?.layer ?? false),
      (layer) => layer === false,
      "the entry is gone",
    );
  }
  assert.ok((await phone.page.evaluate(() => history.length)) <= before + 1, "no heap of entries");
  await phone.page.goBack();
  await phone.get("leave-dialog").waitFor();
});

scene("Back out of a room asks, and who stays has never been away", async (stage) => {
  const maryam = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  const phone = await stage.window(PHONE);
  await phone.enter({ room, name: "علی" });
  await phone.say("سلام");
  await maryam.sees("سلام");
  await phone.page.goBack();
  await phone.get("leave-dialog").waitFor();
  await phone.get("leave-stay").click();
  await phone.get("leave-dialog").waitFor({ state: "hidden" });
  await phone.say("هنوز اینجایم");
  await maryam.sees("هنوز اینجایم");
  assert.deepEqual(
    (await maryam.notices()).filter((text) => text.includes("ترک")),
    [],
  );
});

scene("who leaves by Back and comes back at once has never been away", async (stage) => {
  const maryam = await stage.window();
  await maryam.enter({ room, name: "مریم" });
  const phone = await stage.window(PHONE);
  await phone.enter({ room, name: "علی" });
  await phone.say("یک");
  await maryam.sees("یک");
  await phone.page.goBack();
  await phone.get("leave-confirm").click();
  await phone.get("name-input").waitFor();
  await maryam.say("دو");
  await phone.page.goForward();
  await phone.sees("دو");
  await phone.say("سه");
  await maryam.sees("سه");
  assert.equal((await maryam.notices()).filter((text) => text.includes("علی")).length, 1, "he joined, once");
});

scene("a link within the page is no way out of the room", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  await window.page.evaluate(() => {
    location.hash = "x";
  });
  await eventually(
    () => window.page.evaluate(() => history.state?.joined),
    (joined) => joined === true,
    "it is an entry of the room",
  );
  await window.state("connected");
  await window.page.goBack();
  await window.say("هنوز اینجا");
  await window.sees("هنوز اینجا");
  assert.equal(await window.get("leave-dialog").isVisible(), false);
});

scene("who leaves by the button is not asked, and lands on the start page", async (stage) => {
  const phone = await stage.window(PHONE);
  await phone.enter({ room, name: "مریم" });
  await phone.get("members-open").click();
  await phone.get("leave-button").click();
  await phone.get("room-input").waitFor();
  assert.equal(new URL(phone.page.url()).pathname, "/");
});

scene("the side panel folds away for a projector, and stays so; the text grows", async (stage) => {
  const window = await stage.window();
  await window.enter({ room, name: "مریم" });
  const height = () => window.get("composer").evaluate((node) => parseFloat(getComputedStyle(node).fontSize));
  const before = await height();
  await window.get("text-switch").click();
  assert.ok((await height()) > before * 1.2, "larger");
  await window.get("side-fold").click();
  await window.get("members").waitFor({ state: "hidden" });
  await window.page.reload();
  await window.connected();
  assert.equal(await window.get("members").isVisible(), false);
  assert.ok((await height()) > before * 1.2, "still larger");
  await window.get("members-open").click();
  await window.get("members").waitFor();
  assert.equal(await window.overflows(), false);
});

scene("a phone on its side has a place for the members", async (stage) => {
  for (const member of ["الف", "ب", "پ", "ت", "ث"]) await stage.member({ room, name: member });
  const phone = await stage.window({ ...PHONE, viewport: { width: 844, height: 390 } });
  await phone.enter({ room, name: "مریم" });
  const last = phone.get("member").last();
  await last.scrollIntoViewIfNeeded();
  const box = await last.boundingBox();
  assert.ok(box.height >= 40 && box.y >= 0 && box.y + box.height <= 390, "a member is seen whole");
  await phone.get("leave-button").scrollIntoViewIfNeeded();
  assert.equal(await phone.overflows(), false);
});

scene("a lost connection is told in a row of its own, which covers no message", async (stage) => {
  const proxy = await stage.proxy();
  const window = await stage.window({ origin: proxy.origin, offlineExpected: true });
  await window.enter({ room, name: "مریم" });
  await window.say("آخرین پیام");
  await window.sees("آخرین پیام");
  proxy.refuse();
  const notice = window.get("connection-notice");
  await notice.waitFor();
  const [above, log] = await Promise.all([notice.boundingBox(), window.page.getByRole("log").boundingBox()]);
  assert.ok(above.y + above.height <= log.y + 1, "the log begins where the notice ends");
});
