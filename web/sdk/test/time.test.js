// Somebody sets the time of day, forward or back: nothing that is waited for comes sooner or later by it.
import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { test } from "node:test";
import { Desk, message } from "../fakes/desk.js";
import { scene } from "../fakes/scene.js";

const MINUTE = 60_000;
const SETS = [-60 * MINUTE, -MINUTE, MINUTE, 60 * MINUTE];

/** The server answers every heartbeat after a while. @param {Desk} desk */
function answering(desk) {
  desk.network.onsocket = (socket) => {
    socket.onsent = ({ type }) => {
      if (type === "heartbeat") desk.clock.setTimeout(() => socket.say({ type: "heartbeat", position: "e:0" }), 40);
    };
  };
  return desk;
}

/** @param {Desk} desk */
const reason = (desk) => desk.all("state").at(-1).error?.name;

test("a connection that says nothing is given up in its time", () => {
  for (const ms of SETS) {
    const desk = new Desk().enter({ heartbeat: 10 });
    desk.clock.advance(4_000);
    desk.clock.setWall(ms);
    desk.clock.advance(26_000);
    assert.deepEqual(desk.states.slice(0, 3), ["connecting", "connected", "waiting"], `${ms}`);
    assert.equal(desk.all("state")[2].error.name, "silent");
  }
});

test("a connection that lives stays, and the latency is what it was", () => {
  for (const ms of SETS) {
    const desk = answering(new Desk()).enter();
    desk.clock.advance(9_990);
    for (let i = 0; i < 3; i += 1) {
      // In the middle of a measurement.
      desk.clock.advance(30);
      desk.clock.setWall(ms);
      desk.clock.advance(9_970);
    }
    assert.deepEqual([desk.room.state, desk.network.sockets.length], ["connected", 1], `${ms}`);
    assert.deepEqual([...new Set(desk.all("latency"))], [40], `${ms}`);
  }
});

test("a sleep in which the measured time stood still is noticed by the time of day", () => {
  const desk = new Desk().enter();
  desk.socket.say({ type: "heartbeat", position: "e:0" });
  desk.clock.advance(1_000);
  const before = desk.socket.all("heartbeat").length;
  desk.clock.setWall(60 * MINUTE);
  desk.clock.advance(4_000);
  assert.equal(desk.socket.all("heartbeat").length, before + 1);
  desk.clock.advance(3_000);
  assert.deepEqual([desk.room.state, reason(desk)], ["waiting", "silent"]);
});

test("events that do not come are missed in their time", () => {
  for (const ms of SETS) {
    const desk = new Desk().enter();
    desk.socket.say(message(1));
    desk.socket.say({ type: "heartbeat", position: "e:3" });
    desk.clock.setWall(ms);
    desk.clock.advance(4_999);
    assert.notEqual(reason(desk), "behind");
    desk.socket.say(message(1));
    desk.clock.advance(1);
    assert.equal(reason(desk), "behind", `${ms}`);
  }
});

test("the next try is made in its time, and whether a connection held is not changed either", () => {
  for (const ms of SETS) {
    const desk = answering(new Desk()).enter();
    desk.clock.setWall(ms);
    desk.clock.advance(9_999);
    desk.socket.end();
    const first = desk.all("state").at(-1);
    desk.clock.setWall(ms);
    desk.clock.advance(first.retryIn - 1);
    assert.equal(desk.network.sockets.length, 1);
    desk.clock.advance(1);
    assert.equal(desk.network.sockets.length, 2);
    desk.welcome({ recovered: true });
    desk.clock.setWall(ms);
    desk.clock.advance(9_000);
    desk.socket.end();
    assert.equal(desk.all("state").at(-1).attempt, first.attempt + 1, `${ms}`);
  }
});

test("who writes says so every three seconds", () => {
  for (const ms of SETS) {
    const desk = new Desk().enter();
    desk.room.typing(true);
    desk.clock.setWall(ms);
    desk.clock.advance(2_999);
    desk.room.typing(true);
    assert.equal(desk.socket.all("typing").length, 1, `${ms}`);
    desk.clock.advance(1);
    desk.room.typing(true);
    assert.equal(desk.socket.all("typing").length, 2, `${ms}`);
  }
});

test("no more is sent than the server accepts, and no less", () => {
  for (const ms of SETS) {
    const desk = new Desk().enter({ limits: { burst: 1, rate: 1 } });
    desk.room.send("one");
    desk.socket.say({ type: "ack", id: desk.socket.all("send")[0]?.["id"], offset: 1 });
    desk.room.send("two");
    desk.clock.setWall(ms);
    desk.clock.advance(998);
    assert.equal(desk.socket.all("send").length, 1, `${ms}`);
    desk.clock.advance(2);
    assert.equal(desk.socket.all("send").length, 2, `${ms}`);
  }
});

test("a page reads on over every transport, hidden or not, and its server hears of it", async () => {
  for (const transport of /** @type {const} */ (["websocket", "sse", "long-polling", "polling"])) {
    for (const ms of SETS) {
      const it = scene({ transport });
      it.desk.room.join();
      await it.pass(5_000);
      for (const visible of [false, true]) {
        it.desk.room.setVisible(visible);
        await it.pass(400);
        it.clock.setWall(ms);
        it.say();
        await it.pass(3_000);
        assert.equal(
          it.desk.all("event").filter(({ own, type }) => type === "message" && !own).length,
          visible ? 2 : 1,
          `${transport} ${ms}`,
        );
      }
      await it.complete();
      assert.deepEqual(it.desk.states, ["connecting", "connected"], `${transport} ${ms}`);
    }
  }
});

test("an attempt is never less than the one before", () => {
  for (const ms of SETS) {
    const desk = new Desk().enter();
    const attempts = [];
    for (let i = 0; i < 3; i += 1) {
      desk.socket.end();
      desk.clock.setWall(ms);
      desk.untilNextTry();
      desk.welcome({ recovered: true });
      attempts.push(desk.socket.sent[0]?.["attempt"]);
    }
    assert.deepEqual(
      attempts,
      [...new Set(attempts)].sort((a, b) => a - b),
      `${ms}`,
    );
  }
});

test("which transport worked is remembered from when it worked, also if the time was set since", async () => {
  for (const ms of SETS) {
    const it = scene();
    it.upgrades("refuse");
    it.desk.room.join();
    await it.pass(1_000);
    it.clock.setWall(ms);
    const { remembered } = it.desk.room;
    assert.equal(remembered?.transport, "sse");
    const age = it.clock.wall() - Number(remembered?.at);
    assert.ok(age >= 0 && age <= 1_000, `${ms}: ${age}`);
  }
});

test("only clock.js asks the platform for the time, and the page takes no difference of times of day", async () => {
  const root = new URL("../../", import.meta.url);
  for (const folder of ["sdk/", "ui/"]) {
    for (const file of await readdir(new URL(folder, root))) {
      if (!file.endsWith(".js") || file === "clock.js") continue;
      const source = await readFile(new URL(folder + file, root), "utf8");
      if (folder === "sdk/") assert.doesNotMatch(source, /\bDate(\.\w+)?\(|\bperformance\.\w+\(/, file);
      else
        assert.doesNotMatch(
          source,
          /Date\.now\(\)\s*[-<>]|[-<>]\s*Date\.now\(\)|\+ Date\.now\(\)|Date\.now\(\) \+/,
          file,
        );
    }
  }
});
