import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeClock } from "../fakes/clock.js";
import { Guest, LiveServer, until, Wire } from "../live/server.js";

const binary = process.env["HAMHAME_BIN"];
const skip = binary ? false : "HAMHAME_BIN does not name the server's binary";
const MEMBERS = ["مریم", "علی", "سارا", "رضا", "نگار"];

/**
 * A server behind a wire, and everything stopped afterwards.
 *
 * @param {{args?: string[]}} options
 * @param {(house: {server: LiveServer, wire: Wire, address: string, random: () => number,
 *   guest: (name: string, more?: object) => Guest, restart: (signal: NodeJS.Signals) => Promise<number | null>}) => Promise<void>} visit
 */
async function house(options, visit) {
  let server = await LiveServer.start(binary ?? "", options);
  const { port } = server;
  const wire = new Wire(() => port);
  const address = await wire.open();
  const { random } = new FakeClock(2026);
  /** @type {Guest[]} */
  const guests = [];
  try {
    await visit({
      server,
      wire,
      address,
      random,
      guest: (name, more) => {
        const guest = new Guest({ server: address, room: "کلاس", name, ...more });
        guests.push(guest);
        return guest;
      },
      restart: async (signal) => {
        const code = await server.stop(signal);
        server = await LiveServer.start(binary ?? "", { ...options, port });
        return code;
      },
    });
  } finally {
    for (const { room } of guests) room.leave();
    await wire.close();
    await server.stop();
  }
}

/** Every member says so many numbered things, a few at a time. @param {Guest[]} guests @param {number} many @param {() => Promise<void> | void} between */
async function talk(guests, many, between) {
  for (let i = 1; i <= many; i += 1) {
    guests.forEach((guest, who) => guest.room.send(`${MEMBERS[who]} ${i}`));
    await new Promise((resolve) => setTimeout(resolve, 10));
    await between();
  }
}

/** @param {string[]} contents @param {string} name */
const numbers = (contents, name) =>
  contents.filter((content) => content.startsWith(`${name} `)).map((content) => Number(content.split(" ")[1]));

/** @param {number} many */
const upTo = (many) => Array.from({ length: many }, (_, i) => i + 1);

/** What a page that goes away does: it does not leave, its connection just ends. @param {Guest} guest @param {Wire} wire */
async function goesAway(guest, wire) {
  const { room } = guest;
  guest.isGone = true;
  while (room.state === "connected") {
    wire.cut(Math.random);
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
}

test("two members talk, each sees both and knows which words are its own", { skip }, () =>
  house({}, async ({ guest }) => {
    const [maryam, ali] = [await guest("مریم").join(), await guest("علی").join()];
    await until("the list", () => maryam.room.users?.length === 2);
    assert.deepEqual(
      maryam.room.users?.map(({ client_id }) => client_id),
      ["مریم", "علی"],
    );
    maryam.room.send("سلام ‌علی");
    ali.room.send("سلام");
    for (const one of [maryam, ali]) await until("both messages", () => one.contents.length === 2);
    assert.deepEqual(maryam.contents, ali.contents);
    for (const one of [maryam, ali]) {
      const own = one.events.filter((event) => event.own && event.type === "message");
      assert.deepEqual(
        own.map(({ client_id }) => client_id),
        [one === maryam ? "مریم" : "علی"],
      );
      assert.deepEqual(
        one.outgoing.map(({ status }) => status),
        ["pending", "sent"],
      );
    }
  }),
);

test(
  "through cut connections everyone sees the same events, once and in order, and nobody seems to leave",
  { skip },
  () =>
    house({ args: ["--limits", "off"] }, async ({ guest, wire, random }) => {
      /** @type {Guest[]} */
      const guests = [];
      for (const name of MEMBERS) guests.push(await guest(name).join());
      const many = 200;
      await talk(guests, many, () => {
        if (random() < 0.3) wire.cut(random);
        for (const { room } of guests) if (random() < 0.1) room.reconnectNow();
      });
      assert.ok(wire.cuts > 30, `${wire.cuts} cuts`);
      // So many cuts in a row make for long waits, longer than the server keeps a place.
      for (const { room } of guests) room.reconnectNow();
      const all = many * MEMBERS.length;
      for (const { room } of guests) await until("acknowledgements", () => room.outgoing.length === 0);
      for (const one of guests) await until("all messages", () => one.contents.length >= all);
      const [first] = guests;
      for (const one of guests) {
        assert.deepEqual(one.contents, first?.contents);
        assert.deepEqual([one.gaps, one.resets], [0, 0]);
        const offsets = one.events.map(({ offset }) => offset);
        assert.deepEqual(
          offsets,
          upTo(offsets.length).map((i) => i - 1 + (offsets[0] ?? 0)),
          "no hole",
        );
      }
      for (const name of MEMBERS) assert.deepEqual(numbers(first?.contents ?? [], name), upTo(many), name);
      const noise = first?.events.filter(({ type }) => type === "system").map(({ content }) => content);
      assert.ok((noise?.length ?? 0) <= MEMBERS.length, `only the first joins: ${noise}`);
    }),
);

test(
  "a server that is killed and comes back finds everyone again, and nobody's words are lost or doubled",
  { skip },
  () =>
    house({ args: ["--limits", "off"] }, async ({ guest, restart }) => {
      /** @type {Guest[]} */
      const guests = [];
      for (const name of MEMBERS) guests.push(await guest(name).join());
      const many = 60;
      let step = 0;
      await talk(guests, many, async () => {
        step += 1;
        if (step === 20 || step === 40) await restart("SIGKILL");
        for (const { room } of guests) if (step % 10 === 5) room.reconnectNow();
      });
      for (const { room } of guests) await until("acknowledgements", () => room.outgoing.length === 0);
      for (const [who, one] of guests.entries()) {
        const name = MEMBERS[who] ?? "";
        await until("one's own words", () => numbers(one.contents, name).length >= many);
        assert.deepEqual(numbers(one.contents, name), upTo(many), `${name} sees every own word once, in order`);
        assert.ok(one.resets >= 1, "a new life of the log is told");
      }
      const last = guests.map((_, who) => `${MEMBERS[who]} ${many}`);
      for (const one of guests) {
        await until("the last words", () => last.every((content) => one.contents.includes(content)));
        assert.equal(new Set(one.contents).size, one.contents.length, "nothing twice");
        for (const name of MEMBERS) {
          const heard = numbers(one.contents, name);
          assert.deepEqual(
            heard,
            [...heard].sort((a, b) => a - b),
            `${name} in order`,
          );
        }
      }
    }),
);

test("a server that is told to stop says so, ends well, and everyone comes back to the next one", { skip }, () =>
  house({}, async ({ guest, restart }) => {
    /** @type {Guest[]} */
    const guests = [];
    for (const name of MEMBERS) guests.push(await guest(name).join());
    assert.equal(await restart("SIGTERM"), 0);
    for (const one of guests) {
      await until("the way back", () => one.room.state === "connected");
      const waiting = one.states.find(({ state }) => state === "waiting");
      assert.equal(waiting?.error?.code, 1012);
    }
    guests[0]?.room.send("دوباره سلام");
    for (const one of guests) await until("a message", () => one.contents.includes("دوباره سلام"));
  }),
);

test("the SDK keeps to the server's limit, so that a flood is slowed down and nothing is refused", { skip }, () =>
  house({}, async ({ guest }) => {
    const maryam = await guest("مریم").join();
    const { burst, rate } = maryam.room.limits ?? {};
    assert.ok(burst && rate, "the server has a limit by default");
    const many = burst + 3 * Math.ceil(rate);
    for (let i = 1; i <= many; i += 1) maryam.room.send(`مریم ${i}`);
    await until("all messages", () => maryam.contents.length === many);
    assert.deepEqual(numbers(maryam.contents, "مریم"), upTo(many));
    assert.deepEqual(
      maryam.outgoing.filter(({ status }) => status === "failed"),
      [],
    );
  }),
);

test("a name that someone present has closes the room with the reason", { skip }, () =>
  house({}, async ({ guest }) => {
    await guest("مریم").join();
    const other = guest("مريم");
    other.room.join();
    await until("the refusal", () => other.room.state === "closed");
    assert.deepEqual([other.states.at(-1)?.error?.code, other.states.at(-1)?.error?.name], [4502, "name_taken"]);
  }),
);

test("a page that is loaded again continues where it was, under its own name", { skip }, () =>
  house({}, async ({ guest, wire }) => {
    const [maryam, ali] = [await guest("مریم").join(), await guest("علی").join()];
    ali.room.send("first");
    await until("the first", () => maryam.contents.length === 1);
    const resume = maryam.room.resumption;
    const { member } = maryam.room;
    await goesAway(maryam, wire);
    ali.room.reconnectNow();
    ali.room.send("second");
    await until("the acknowledgement", () => ali.room.outgoing.length === 0);
    const again = await guest("مریم", { resume }).join();
    await until("the second", () => again.contents.length === 1);
    assert.deepEqual(again.contents, ["second"]);
    assert.equal(again.room.member, member);
  }),
);

test(
  "what a page said and the server did not acknowledge arrives from the next page, once and in order, also at another server",
  { skip },
  async () => {
    for (const another of [false, true]) {
      await house({}, async ({ server, guest, wire, restart }) => {
        const aside = { server: `http://127.0.0.1:${server.port}` };
        const [maryam, ali] = [await guest("مریم").join(), await guest("علی", aside).join()];
        const say = (/** @type {number[]} */ ...numbers) =>
          numbers.forEach((number) => maryam.room.send(`مریم ${number}`));
        say(1);
        await until("the first", () => ali.contents.length === 1 && maryam.contents.length === 1);
        // Under way as the connection ends, and said without one.
        say(2, 3);
        await goesAway(maryam, wire);
        say(4, 5);
        const resume = JSON.parse(JSON.stringify(maryam.room.resumption));
        // What was acknowledged goes with its server: nobody says it again.
        const acknowledged = maryam.outgoing.filter(({ status }) => status === "sent");
        await until("what is acknowledged", () => acknowledged.every(({ content }) => ali.contents.includes(content)));
        if (another) await restart("SIGKILL");
        const again = await guest("مریم", { resume }).join();
        await until("acknowledgements", () => again.room.outgoing.length === 0);
        ali.room.reconnectNow();
        await until("the last words", () => ali.contents.includes("مریم 5"));
        assert.deepEqual(numbers(ali.contents, "مریم"), upTo(5));
        assert.equal(ali.contents.length, 5);
      });
    }
  },
);

test("a newcomer sees the last events that it asks for, and a name that is kept is had by waiting", { skip }, () =>
  house({ args: ["--grace", "2s"] }, async ({ guest, wire }) => {
    for (const transport of ["websocket", "sse", "long-polling", "polling"]) {
      const first = await guest(`مریم ${transport}`).join();
      for (const n of upTo(5)) first.room.send(`${transport} ${n}`);
      await until("all are said", () => first.outgoing.filter(({ status }) => status === "sent").length === 5);
      const late = await guest(`علی ${transport}`, { transport, history: 3 }).join();
      await until("the last of them", () => late.contents.length === 3);
      assert.deepEqual(
        late.contents,
        upTo(5)
          .slice(2)
          .map((n) => `${transport} ${n}`),
      );
      late.room.leave();
      await goesAway(first, wire);
      const next = guest(`مریم ${transport}`, { transport });
      await next.join();
      const kept = next.states.find(({ state }) => state === "waiting");
      assert.deepEqual([kept?.error?.name, kept?.error?.code], ["name_taken", 4006], transport);
      next.room.leave();
    }
  }),
);
