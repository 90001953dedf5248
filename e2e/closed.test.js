// The server says no: what people see, and the way on.
import assert from "node:assert/strict";
import { scene } from "./harness.js";

const room = "در";

scene("a name that is taken is said so, and another name leads in", async (stage) => {
  const first = await stage.window();
  await first.enter({ room, name: "مریم" });
  const second = await stage.window();
  await second.visit(`/r/${encodeURIComponent(room)}`);
  // The same name by another keyboard: the Arabic letter for ye.
  await second.introduce("مريم");
  const closed = second.get("closed");
  await closed.waitFor();
  assert.equal(await closed.getAttribute("data-code"), "name_taken");
  await second.get("closed").getByRole("textbox").fill("مریم ۲");
  await second.get("closed").getByRole("textbox").press("Enter");
  await second.connected();
  await second.say("وارد شدم");
  await first.sees("وارد شدم");
});

scene("one's own ghost does not keep one out", { server: ["--probe", "300ms"] }, async (stage) => {
  const network = await stage.proxy();
  const ghost = await stage.window({ origin: network.origin, offlineExpected: true });
  await ghost.enter({ room, name: "مریم" });
  network.stall();
  const again = await stage.window();
  await again.enter({ room, name: "مریم" });
  await again.say("خودم هستم");
  await again.sees("خودم هستم");
});

scene("a name that the server keeps for itself is refused in words", async (stage) => {
  const window = await stage.window();
  await window.visit(`/r/${encodeURIComponent(room)}`);
  await window.introduce("ѕystem");
  await window.get("closed").waitFor();
  assert.equal(await window.get("closed").getAttribute("data-code"), "name_refused");
  assert.match(await window.get("closed").innerText(), /نام/);
  assert.match(await window.get("broken-rule").innerText(), /خود سامانه/);
});

scene("a full room says so and does not keep knocking", { server: ["--max-members", "1"] }, async (stage) => {
  const first = await stage.window();
  await first.enter({ room, name: "مریم" });
  const second = await stage.window();
  const sockets = [];
  second.page.on("websocket", (socket) => sockets.push(socket.url()));
  await second.visit(`/r/${encodeURIComponent(room)}`);
  await second.introduce("علی");
  await second.get("closed").waitFor();
  assert.equal(await second.get("closed").getAttribute("data-code"), "room_full");
  assert.equal(sockets.length, 1);
});

for (const lang of ["fa", "en"]) {
  scene(
    `the second tab of one browser offers to take the place over, and the first to take it back (${lang})`,
    async (stage) => {
      const first = await stage.window();
      const others = await stage.window();
      await others.enter({ room, name: "علی" });
      await first.enter({ room, name: "مریم", query: `?lang=${lang}` });
      await first.say("از برگهٔ نخست");
      await first.sees("از برگهٔ نخست");
      const before = await others.notices();
      const second = await stage.windowIn(first.page.context(), { page: await first.page.context().newPage() });
      await second.visit(`/r/${encodeURIComponent(room)}?lang=${lang}`);
      await second.introduce("مریم");
      await second.get("take-over").click();
      await second.connected();
      await second.sees("از برگهٔ نخست");
      assert.equal(await first.get("closed").getAttribute("data-code"), "session_replaced");
      await second.say("از برگهٔ دوم");
      await others.sees("از برگهٔ دوم");
      await first.get("closed-action").click();
      await first.connected();
      await first.sees("از برگهٔ دوم");
      assert.equal(await second.get("closed").getAttribute("data-code"), "session_replaced");
      assert.deepEqual(await others.notices(), before, "nobody came or went");
    },
  );
}
