import assert from "node:assert/strict";
import { test } from "node:test";
import { Gateway } from "../live/gateway.js";
import { FakeClock } from "../fakes/clock.js";
import { Guest, LiveServer, until, Wire } from "../live/server.js";

/** @typedef {import("../ladder.js").Transport} Transport */
/** @typedef {Partial<import("../room.js").RoomOptions>} Options */

const binary = process.env["HAMHAME_BIN"];
const skip = binary ? false : "HAMHAME_BIN does not name the server's binary";
/** @type {Transport[]} */
const BY_HTTP = ["sse", "long-polling", "polling"];

/**
 * @param {string[]} args of the server
 * @param {(house: {gateway: Gateway, guest: (name: string, more?: Options) => Guest, restart: (signal: NodeJS.Signals) => Promise<number | null>}) => Promise<void>} visit
 */
async function house(args, visit) {
  let server = await LiveServer.start(binary ?? "", { args });
  const { port } = server;
  const gateway = new Gateway(() => port);
  await gateway.open();
  /** @type {Guest[]} */
  const guests = [];
  try {
    await visit({
      gateway,
      guest: (name, more) => {
        const guest = new Guest({ server: gateway.origin, room: "کلاس", name, ...more });
        guests.push(guest);
        return guest;
      },
      restart: async (signal) => {
        const code = await server.stop(signal);
        server = await LiveServer.start(binary ?? "", { args, port });
        return code;
      },
    });
  } finally {
    for (const { room } of guests) room.leave();
    gateway.close();
    await server.stop();
  }
}

/** @param {Guest} guest */
const standing = (guest) => guest.states.at(-1);
/** @param {number} many @param {string} [before] */
const upTo = (many, before = "") => Array.from({ length: many }, (_, i) => `${before}${i + 1}`);
/** @param {Guest} guest @param {string} before */
const from = (guest, before) => guest.contents.filter((content) => content.startsWith(before));

for (const transport of /** @type {Transport[]} */ (["websocket", ...BY_HTTP])) {
  test(`what goes over ${transport} is told to an observer, both ways`, { skip }, () =>
    house([], async ({ guest }) => {
      /** @type {import("../observe.js").Observed[]} */
      const seen = [];
      const maryam = await guest("مریم", { transport, observe: (observed) => void seen.push(observed) }).join();
      maryam.room.send("سلام");
      await until("the message", () => maryam.contents.includes("سلام"));
      maryam.room.leave();
      assert.deepEqual([...new Set(seen.map((one) => one.transport))], [transport]);
      for (const direction of ["sent", "received"]) {
        const texts = seen.filter((one) => one.direction === direction).map(({ data }) => data);
        assert.ok(
          texts.some((text) => text.includes('"سلام"')),
          direction,
        );
      }
      assert.ok(seen.every(({ data, bytes }) => bytes === Buffer.byteLength(data)));
    }),
  );
}

for (const transport of BY_HTTP) {
  test(`over ${transport} a member talks, sees who is here and who is writing, and leaves`, { skip }, () =>
    house([], async ({ guest }) => {
      const maryam = await guest("مریم", { transport }).join();
      const ali = await guest("علی", { transport: "websocket" }).join();
      /** @type {string[][]} */
      const typing = [];
      maryam.room.on("typing", ({ members }) => typing.push(members));
      /** @type {string[][]} */
      const heard = [];
      ali.room.on("typing", ({ members }) => heard.push(members));
      for (const { room } of [maryam, ali]) await until("the list", () => room.users?.length === 2);
      maryam.room.typing(true);
      ali.room.typing(true);
      await until("ali writes", () => typing.some((members) => members[0] === ali.room.member));
      await until("maryam writes", () => heard.some((members) => members[0] === maryam.room.member));
      maryam.room.send("سلام ‌علی");
      ali.room.send("سلام");
      for (const one of [maryam, ali]) await until("both messages", () => one.contents.length === 2);
      assert.deepEqual(maryam.contents, ali.contents);
      assert.deepEqual(
        maryam.outgoing.map(({ status }) => status),
        ["pending", "sent"],
      );
      assert.deepEqual([standing(maryam)?.transport, standing(maryam)?.why], [transport, "forced"]);
      maryam.room.leave();
      await until("the leave", () => ali.room.users?.length === 1);
    }),
  );

  test(`over ${transport} a flood is slowed down to the server's limit and nothing is refused`, { skip }, () =>
    house([], async ({ guest }) => {
      const maryam = await guest("مریم", { transport }).join();
      const { burst = 0, rate = 0 } = maryam.room.limits ?? {};
      assert.ok(burst && rate, "the server has a limit by default");
      const many = burst + 3 * Math.ceil(rate);
      for (const word of upTo(many)) maryam.room.send(word);
      await until("all messages", () => maryam.contents.length === many);
      assert.deepEqual(maryam.contents, upTo(many));
      assert.deepEqual(
        maryam.outgoing.filter(({ status }) => status === "failed"),
        [],
      );
    }),
  );

  test(`a name that is held over ${transport} by one who is there stays that member's`, { skip }, () =>
    house([], async ({ guest }) => {
      const maryam = await guest("مریم", { transport }).join();
      for (const [isSeen, other] of /** @type {[boolean, Transport][]} */ ([
        [true, "websocket"],
        [true, transport],
        [false, "websocket"],
      ])) {
        maryam.room.setVisible(isSeen);
        // What is read from here on is read by a page that is seen, or that is not.
        maryam.room.send(`${isSeen}, ${other}`);
        await until("the message", () => maryam.contents.at(-1) === `${isSeen}, ${other}`);
        const second = guest("مريم", { transport: other });
        second.room.join();
        await until("the refusal", () => second.room.state === "closed");
        assert.deepEqual([standing(second)?.error?.code, standing(second)?.error?.name], [4502, "name_taken"]);
      }
      maryam.room.send("still here");
      await until("the message", () => maryam.contents.at(-1) === "still here");
      assert.equal(maryam.states.filter(({ state }) => state === "connected").length, 1);
    }),
  );

  test(
    `a session on ${transport} goes on over a WebSocket in another page, and back, and misses nothing`,
    { skip },
    () =>
      house([], async ({ guest }) => {
        const ali = await guest("علی", { transport: "websocket" }).join();
        const first = await guest("مریم", { transport }).join();
        ali.room.send("1");
        await until("the first", () => first.contents.length === 1);
        const second = await guest("مریم", { transport: "websocket", resume: first.room.resumption }).join();
        await until("the end of the first", () => first.room.state === "closed");
        assert.equal(standing(first)?.error?.code, 4506);
        ali.room.send("2");
        await until("the second", () => second.contents.length === 1);
        const third = await guest("مریم", { transport, resume: second.room.resumption }).join();
        await until("the end of the second", () => second.room.state === "closed");
        ali.room.send("3");
        await until("the third", () => third.contents.length === 1);
        assert.deepEqual(
          [first, second, third].map(({ contents }) => contents),
          [["1"], ["2"], ["3"]],
        );
        assert.equal(third.room.member, first.room.member);
        const notices = ali.events.filter(({ type }) => type === "system").map(({ content }) => content);
        assert.equal(notices.length, 2, `nobody seems to leave: ${notices}`);
      }),
  );

  test(`over ${transport} everyone finds a server again that was killed, and one that was told to stop`, { skip }, () =>
    house([], async ({ guest, gateway, restart }) => {
      const maryam = await guest("مریم", { transport }).join();
      const ali = await guest("علی", { transport }).join();
      maryam.room.send("before");
      await until("before", () => ali.contents.length === 1);
      await restart("SIGKILL");
      maryam.room.send("between");
      for (const one of [maryam, ali]) await until("between", () => one.contents.includes("between"));
      if (transport === "long-polling") await until("both wait", () => gateway.count("waits") === 2);
      const past = maryam.states.length;
      assert.equal(await restart("SIGTERM"), 0);
      ali.room.send("after");
      for (const one of [maryam, ali]) await until("after", () => one.contents.includes("after"));
      assert.deepEqual(maryam.contents, ["before", "between", "after"]);
      const waiting = maryam.states.slice(past).find(({ state }) => state === "waiting");
      // Who polls may find the next server already, which does not know the session.
      assert.ok(
        waiting?.error?.code === 1012 || transport === "polling",
        `it was told that the server goes: ${waiting?.error?.code}`,
      );
      assert.ok(maryam.resets >= 1);
    }),
  );
}

for (const transport of BY_HTTP) {
  test(`through cut connections over ${transport} everyone sees the same, once and in order`, { skip }, () =>
    house(["--limits", "off"], async ({ gateway, guest }) => {
      const wire = new Wire(() => Number(new URL(gateway.origin).port));
      const server = await wire.open();
      const { random } = new FakeClock(2026);
      const names = ["a", "b", "c"];
      /** @type {Guest[]} */
      const guests = [];
      try {
        for (const name of names) guests.push(await guest(name, { server, transport }).join());
        const many = 60;
        for (let i = 1; i <= many; i += 1) {
          for (const { room } of guests) room.send(`${room.resumption?.name}${i}`);
          await new Promise((resolve) => setTimeout(resolve, 10));
          if (random() < 0.3) wire.cut(random);
          for (const { room } of guests) if (random() < 0.1) room.reconnectNow();
        }
        assert.ok(wire.cuts > 8, `${wire.cuts} cuts`);
        for (const { room } of guests) await until("acknowledgements", () => room.outgoing.length === 0);
        for (const one of guests) await until("all messages", () => one.contents.length >= many * names.length);
        for (const one of guests) {
          assert.deepEqual(one.contents, guests[0]?.contents);
          assert.deepEqual([one.gaps, one.resets], [0, 0]);
        }
        for (const name of names) assert.deepEqual(from(/** @type {Guest} */ (guests[0]), name), upTo(many, name));
      } finally {
        for (const { room } of guests) room.leave();
        await wire.close();
      }
    }),
  );
}

test("a page that went down a step goes up again when the way is free, without a moment away", { skip }, () =>
  house([], async ({ guest, gateway }) => {
    const ali = await guest("علی", { transport: "sse" }).join();
    gateway.set("upgrades", "refuse");
    // Tries to climb come after seconds instead of a quarter of a minute.
    const maryam = await guest("مریم", {
      setTimeout: (run, ms) => setTimeout(run, ms > 11_000 && ms < 19_000 ? ms / 10 : ms),
    }).join();
    await until("sse", () => standing(maryam)?.transport === "sse");
    ali.room.send("1");
    gateway.set("upgrades", "pass");
    await until("websocket", () => standing(maryam)?.transport === "websocket");
    ali.room.send("2");
    maryam.room.send("3");
    for (const one of [maryam, ali]) await until("all of it", () => one.contents.length === 3);
    assert.deepEqual([standing(maryam)?.state, standing(maryam)?.why], ["connected", null]);
    assert.deepEqual(
      maryam.states.filter(({ state }) => state !== "connected" && state !== "connecting"),
      [],
    );
    assert.equal(
      maryam.states.filter(({ state }) => state === "connecting").length,
      2,
      "one for each rung tried at first",
    );
    const notices = ali.events.filter(({ type }) => type === "system");
    assert.ok(notices.length <= 2, "nobody seems to leave");
  }),
);

test("what is blocked during the chat is left for what is not, in one session, and nothing is lost", { skip }, () =>
  house(["--heartbeat", "1s", "--limits", "off"], async ({ guest, gateway }) => {
    const ali = await guest("علی", { transport: "websocket" }).join();
    const maryam = await guest("مریم").join();
    assert.equal(standing(maryam)?.transport, "websocket");
    let said = 0;
    const talk = setInterval(() => ali.room.send(`ali ${(said += 1)}`), 50);
    try {
      for (const [kind, fate, transport, why] of /** @type {const} */ ([
        ["upgrades", "refuse", "sse", "upgrade_refused"],
        ["streams", "hold", "long-polling", "stream_buffered"],
        ["waits", "refuse", "polling", "waiting_refused"],
      ])) {
        maryam.room.send(`before ${kind}`);
        gateway.set(kind, fate);
        // Ali keeps his own WebSocket from elsewhere: the gateway closed it like every other.
        ali.room.setTransport(transport);
        await until(
          `${transport}, as ${kind} do not pass`,
          () => standing(maryam)?.transport === transport && maryam.room.state === "connected",
        );
        assert.equal(standing(maryam)?.why, why);
        maryam.room.send(`after ${kind}`);
      }
    } finally {
      clearInterval(talk);
    }
    for (const { room } of [maryam, ali]) await until("acknowledgements", () => room.outgoing.length === 0);
    for (const one of [maryam, ali])
      await until("all of it", () => from(one, "ali ").length === said && one.contents.length === said + 6);
    assert.deepEqual(from(maryam, "ali "), upTo(said, "ali "));
    assert.deepEqual(maryam.contents, ali.contents);
    assert.deepEqual([maryam.gaps, maryam.resets], [0, 0]);
  }),
);

test(
  "one member hops through all transports while another says fifty things a second: each once and in order",
  { skip },
  () =>
    house(["--limits", "off"], async ({ guest }) => {
      const ali = await guest("علی", { transport: "websocket" }).join();
      const maryam = await guest("مریم").join();
      const { member } = maryam.room;
      let said = 0;
      const talk = setInterval(() => ali.room.send(`ali ${(said += 1)}`), 20);
      /** @type {(Transport | null)[]} */
      const hops = ["sse", "long-polling", "polling", "websocket", "polling", "sse", "websocket", "long-polling", null];
      try {
        for (const round of [1, 2]) {
          for (const transport of hops) {
            maryam.room.setTransport(transport);
            maryam.room.send(`maryam to ${transport} ${round}`);
            // Now and then a hop begins before the last one has ended.
            if (transport !== "polling") await until(String(transport), () => maryam.room.state === "connected");
            const past = said + (round === 1 ? 25 : 5);
            await until("some talk", () => said >= past);
          }
        }
      } finally {
        clearInterval(talk);
      }
      for (const { room } of [maryam, ali]) await until("acknowledgements", () => room.outgoing.length === 0);
      for (const one of [maryam, ali]) await until("all of it", () => one.contents.length >= said + 2 * hops.length);
      assert.deepEqual(from(maryam, "ali "), upTo(said, "ali "));
      assert.deepEqual(
        from(maryam, "maryam "),
        [1, 2].flatMap((round) => hops.map((transport) => `maryam to ${transport} ${round}`)),
      );
      assert.deepEqual(maryam.contents, ali.contents);
      const offsets = maryam.events.map(({ offset }) => offset);
      assert.deepEqual(
        offsets,
        offsets.map((_, i) => i + (offsets[0] ?? 0)),
        "no hole",
      );
      assert.deepEqual([maryam.gaps, maryam.resets, maryam.room.member], [0, 0, member]);
      const notices = ali.events.filter(({ type }) => type === "system");
      assert.ok(notices.length <= 2, "nobody seems to leave");
    }),
);
