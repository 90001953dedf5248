import assert from "node:assert/strict";
import { FakeClock } from "./clock.js";
import { Desk } from "./desk.js";
import { FakeServer } from "./server.js";
import { FakeWeb } from "./web.js";

/** A room whose network can be told what to let through. @param {Partial<import("../room.js").RoomOptions>} [options] */
export function scene(options = {}) {
  const clock = new FakeClock(7);
  const server = new FakeServer(clock);
  const web = new FakeWeb(server, clock, "مریم");
  const desk = new Desk({ fetch: web.fetch, ...options }, clock);
  server.serve(desk.network, "مریم");
  const serve = desk.network.onsocket;
  const other = new Desk({ name: "علی" }, clock);
  server.serve(other.network, "علی");
  other.room.join();
  let said = 0;
  return {
    clock,
    server,
    web,
    desk,
    pass: (/** @type {number} */ ms) => clock.pass(ms),
    /** What becomes of a WebSocket. @param {"pass" | "refuse" | "hold"} how */
    upgrades: (how) => {
      desk.network.onsocket = (socket) => {
        if (how === "pass") serve(socket);
        else if (how === "refuse") clock.setTimeout(() => socket.end(), 20);
      };
    },
    /** The other member says the next number. */
    say: () => void other.room.send(String((said += 1))),
    /** Waits, and checks that all numbers have come, once and in order. */
    complete: async () => {
      await clock.pass(10_000);
      const seen = desk
        .all("event")
        .filter(({ own, type }) => type === "message" && !own)
        .map(({ content }) => Number(content));
      assert.deepEqual(
        seen,
        Array.from({ length: said }, (_, i) => i + 1),
      );
      assert.deepEqual([desk.all("gap"), desk.all("reset"), desk.room.outgoing], [[], [], []]);
    },
    /** Which transport it is on, and why on no better one. */
    get standing() {
      const { state, transport, why } = desk.all("state").at(-1);
      return [state, transport, why];
    },
  };
}
