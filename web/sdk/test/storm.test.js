import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../fakes/clock.js";
import { Desk } from "../fakes/desk.js";
import { FakeServer } from "../fakes/server.js";

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

test("through cut connections, lost events, hidden pages and dead networks, all see the same, once and in order", () => {
  for (let seed = 1; seed <= SEEDS; seed += 1) {
    const { server, desks, said, clock } = storm(seed, trouble);
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
        assert.deepEqual(numbers, [...numbers].sort((a, b) => a - b), `seed ${seed}: ${name} in order`);
      }
      const own = shown.filter((content) => content.startsWith(`${MEMBERS[who]} `));
      assert.equal(own.length, said[who], `seed ${seed}: ${MEMBERS[who]} sees all that was said`);
      assert.deepEqual(desk.room.outgoing, []);
      assert.equal(desk.room.position, `${server.epoch}:${server.log.length}`);
    });
  }
});
