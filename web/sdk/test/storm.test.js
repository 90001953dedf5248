import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../fakes/clock.js";
import { Desk } from "../fakes/desk.js";
import { FakeServer } from "../fakes/server.js";
import { FakeWeb } from "../fakes/web.js";

const MEMBERS = ["مریم", "علی", "سارا", "رضا", "نگار"];
const SEEDS = 60;

/**
 * Members talk for two minutes while things happen to them, then for two more nothing happens.
 *
 * @param {number} seed
 * @param {(server: FakeServer, desks: Desk[], clock: FakeClock) => void} happen once in 300 ms on average
 */
function storm(seed, happen) {
  const clock = new FakeClock(seed);
  const server = new FakeServer(clock);
  const desks = MEMBERS.map((name) => {
    const desk = new Desk({ name }, clock);
    server.serve(desk.network, name);
    desk.room.join();
    return desk;
  });
  // A fresh join starts at the head: everyone is in before the first word.
  clock.advance(5_000);
  for (const desk of desks) assert.equal(desk.room.state, "connected");
  const said = desks.map(() => 0);
  for (let step = 0; step < 1_200; step += 1) {
    clock.advance(clock.random() * 200);
    const who = Math.floor(clock.random() * desks.length);
    if (clock.random() < 0.6) {
      said[who] = (said[who] ?? 0) + 1;
      desks[who]?.room.send(`${MEMBERS[who]} ${said[who]}`);
    }
    if (clock.random() < 1 / 3) happen(server, desks, clock);
  }
  for (const desk of desks) {
    desk.room.setOnline(true);
    desk.room.setVisible(true);
  }
  clock.advance(120_000);
  return { clock, server, desks, said };
}

/** @param {Desk} desk @returns {string[]} */
const seen = (desk) => desk.all("event").map(({ content }) => content);

/** @param {FakeServer} server @param {Desk[]} desks @param {FakeClock} clock */
function trouble(server, desks, clock) {
  const desk = desks[Math.floor(clock.random() * desks.length)];
  const dice = clock.random();
  if (dice < 0.4) server.cut();
  else if (dice < 0.5) server.swallow();
  else if (dice < 0.7) desk?.room.setVisible(clock.random() < 0.5);
  else if (dice < 0.9) desk?.room.setOnline(clock.random() < 0.5);
  else desk?.room.reconnectNow();
}

/** A page is loaded again: it does not leave, and what is under way is lost. @param {FakeServer} server @param {Desk[]} desks @param {FakeClock} clock */
function reload(server, desks, clock) {
  const who = Math.floor(clock.random() * desks.length);
  const old = /** @type {Desk} */ (desks[who]);
  const name = MEMBERS[who] ?? "";
  const resume = JSON.parse(JSON.stringify(old.room.resumption));
  old.isGone = true;
  for (const socket of old.network.sockets) server.cutSocket(socket);
  const desk = new Desk({ name, resume }, clock);
  desk.told.push(...old.told);
  server.serve(desk.network, name);
  desk.room.join();
  desks[who] = desk;
}

/** @param {FakeServer} server @param {Desk[]} desks @param {FakeClock} clock */
function troubleOrReload(server, desks, clock) {
  if (clock.random() < 0.2) reload(server, desks, clock);
  else trouble(server, desks, clock);
}

test("through cut connections, lost events, hidden pages, dead networks and reloads, all see the same, once and in order", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { server, desks, said, clock } = storm(seed, troubleOrReload);
    const log = server.log.map(({ content }) => content);
    desks.forEach((desk, who) => {
      assert.deepEqual(seen(desk), log, `seed ${seed}: ${MEMBERS[who]} has seen the log`);
      assert.deepEqual(desk.room.outgoing, [], `seed ${seed}: all is acknowledged`);
      const own = log.filter((content) => content.startsWith(`${MEMBERS[who]} `));
      const expected = Array.from({ length: said[who] ?? 0 }, (_, i) => `${MEMBERS[who]} ${i + 1}`);
      assert.deepEqual(own, expected, `seed ${seed}: what ${MEMBERS[who]} said is there in the order of saying`);
      desk.room.leave();
    });
    assert.equal(server.refusals, 0, `seed ${seed}: nobody was too fast`);
    clock.advance(20_000);
    assert.equal(clock.timers, 1, "only the server's heartbeat is left");
  }
});

test("through restarts of the server too, nothing is shown twice or out of order and nothing that was said is dropped", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { server, desks, said } = storm(seed, (server, desks, clock) => {
      if (clock.random() < 0.03) server.restart();
      else trouble(server, desks, clock);
    });
    desks.forEach((desk, who) => {
      const shown = seen(desk);
      assert.equal(new Set(shown).size, shown.length, `seed ${seed}: nothing twice`);
      for (const name of MEMBERS) {
        const numbers = shown.filter((one) => one.startsWith(`${name} `)).map((one) => Number(one.split(" ")[1]));
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          `seed ${seed}: ${name} in order`,
        );
      }
      const own = shown.filter((content) => content.startsWith(`${MEMBERS[who]} `));
      assert.equal(own.length, said[who], `seed ${seed}: ${MEMBERS[who]} sees all that was said`);
      assert.deepEqual(desk.room.outgoing, []);
      assert.equal(desk.room.position, `${server.epoch}:${server.log.length}`);
    });
  }
});

/** @type {("pass" | "refuse" | "hold")[]} */
const FATES = ["pass", "refuse", "hold"];
const HOPS = 6;

/** @param {number} seed @param {number} [restarts] how often the server is killed, in a step */
async function hops(seed, restarts = 0) {
  const clock = new FakeClock(seed);
  const server = new FakeServer(clock);
  const pick = (/** @type {any[]} */ list) => list[Math.floor(clock.random() * list.length)];
  const members = MEMBERS.map((name) => {
    const web = new FakeWeb(server, clock, name);
    const desk = new Desk({ name, fetch: web.fetch }, clock);
    server.serve(desk.network, name);
    const serve = desk.network.onsocket;
    let upgrades = "pass";
    desk.network.onsocket = (socket) => {
      if (upgrades === "pass") serve(socket);
      else if (upgrades === "refuse") clock.setTimeout(() => socket.end(), 20);
    };
    desk.room.join();
    return {
      name,
      web,
      desk,
      said: 0,
      /** What lies between this member and the server now. */
      let: (/** @type {string} */ sockets, /** @type {any} */ streams, /** @type {any} */ waits) => {
        [upgrades, web.streams, web.waits] = [sockets, streams, waits];
        if (sockets !== "pass") for (const socket of desk.network.sockets) if (!socket.isOver) server.cutSocket(socket);
        web.cut();
      },
    };
  });
  await clock.pass(5_000);
  const used = new Set();
  for (let step = 0; step < 900; step += 1) {
    await clock.pass(clock.random() * 300);
    const one = pick(members);
    if (clock.random() < 0.5) one.desk.room.send(`${one.name} ${(one.said += 1)}`);
    const other = pick(members);
    const dice = clock.random();
    if (dice < 0.03) other.let(pick(FATES), pick(FATES), pick(FATES));
    else if (dice < 0.06) other.web.cut();
    else if (dice < 0.08) server.cut();
    else if (dice < 0.09) other.desk.room.setVisible(clock.random() < 0.7);
    else if (dice < 0.1) other.desk.room.setOnline(clock.random() < 0.7);
    else if (dice < 0.11) clock.setWall((clock.random() - 0.5) * 7_200_000);
    if (clock.random() < restarts) server.restart();
    used.add(other.desk.all("state").at(-1).transport);
  }
  for (const { desk, let: allow } of members) {
    allow("pass", "pass", "pass");
    desk.room.setOnline(true);
    desk.room.setVisible(true);
  }
  await clock.pass(120_000);
  return { clock, server, members, used };
}

test("through proxies that change what they let through, over all transports, all see the same, once and in order", async () => {
  const used = new Set();
  for (let seed = 1; seed <= HOPS; seed += 1) {
    const { server, members, clock, used: here } = await hops(seed);
    for (const transport of here) used.add(transport);
    const log = server.log.map(({ content }) => content);
    for (const { name, desk, said } of members) {
      assert.deepEqual(seen(desk), log, `seed ${seed}: ${name} has seen the log`);
      assert.deepEqual(
        [desk.room.outgoing, desk.all("gap"), desk.all("reset")],
        [[], [], []],
        `seed ${seed}: all is acknowledged`,
      );
      const own = log.filter((content) => content.startsWith(`${name} `));
      assert.deepEqual(
        own,
        Array.from({ length: said }, (_, i) => `${name} ${i + 1}`),
        `seed ${seed}: ${name} in the order of saying`,
      );
      desk.room.leave();
    }
    assert.equal(server.refusals, 0, `seed ${seed}: nobody was too fast`);
    await clock.pass(60_000);
    assert.equal(clock.timers, 1, "only the server's heartbeat is left");
  }
  for (const transport of ["websocket", "sse", "long-polling", "polling"]) assert.ok(used.has(transport), transport);
});

test("through restarts too, over all transports, nothing is shown twice or out of order and nothing said is dropped", async () => {
  for (let seed = 1; seed <= HOPS; seed += 1) {
    const { server, members } = await hops(seed, 0.005);
    for (const { name, desk, said } of members) {
      const shown = seen(desk);
      assert.equal(new Set(shown).size, shown.length, `seed ${seed}: nothing twice`);
      for (const other of MEMBERS) {
        const numbers = shown.filter((one) => one.startsWith(`${other} `)).map((one) => Number(one.split(" ")[1]));
        assert.deepEqual(
          numbers,
          [...numbers].sort((a, b) => a - b),
          `seed ${seed}: ${other} in order`,
        );
      }
      const own = shown.filter((content) => content.startsWith(`${name} `));
      assert.equal(own.length, said, `seed ${seed}: ${name} sees all that was said`);
      assert.deepEqual(desk.room.outgoing, []);
      assert.equal(desk.room.position, server.head);
    }
  }
});
