import { Room } from "../room.js";
import { FakeClock } from "./clock.js";
import { FakeNetwork } from "./network.js";

/** @typedef {import("../room.js").RoomOptions} RoomOptions */
/** @typedef {keyof import("../room.js").RoomDetails} Type */

/** A room on a fake network at a fake time, and everything that it has told. */
export class Desk {
  network = new FakeNetwork();
  /** @type {{type: Type, detail: any}[]} */
  told = [];
  /** The page is gone, and with it its timers. */
  isGone = false;
  room;

  /** @param {Partial<RoomOptions>} [options] @param {number | FakeClock} [time] a seed, or a clock that is shared */
  constructor(options = {}, time = 1) {
    this.clock = typeof time === "number" ? new FakeClock(time) : time;
    const { now, wall, random, clearTimeout } = this.clock;
    const setTimeout = (/** @type {() => void} */ run, /** @type {number} */ ms) =>
      this.clock.setTimeout(() => this.isGone || run(), ms);
    const { WebSocket } = this.network;
    const server = "http://chat.example:8000";
    this.room = new Room({
      server,
      room: "کلاس",
      name: "مریم",
      WebSocket,
      fetch: null,
      now,
      wall,
      random,
      setTimeout,
      clearTimeout,
      ...options,
    });
    /** @type {Type[]} */
    const types = ["state", "welcome", "event", "gap", "reset", "presence", "typing", "outgoing", "latency", "refused"];
    for (const type of types) this.room.on(type, (detail) => this.told.push({ type, detail }));
  }

  /** The details told of one type. @param {Type} type */
  all(type) {
    return this.told.filter((one) => one.type === type).map(({ detail }) => detail);
  }

  /** The states in the order they were told. */
  get states() {
    return this.all("state").map(({ state }) => state);
  }

  get socket() {
    return this.network.socket;
  }

  /** Joins, opens and welcomes. @param {object} [more] */
  enter(more) {
    this.room.join();
    this.welcome(more);
    return this;
  }

  /** The latest socket opens and is welcomed. @param {object} [more] */
  welcome(more) {
    this.socket.open();
    this.socket.say(welcome(more));
  }

  /** Time passes until the room tries again. */
  untilNextTry() {
    const before = this.network.sockets.length;
    for (let ms = 0; this.network.sockets.length === before && ms < 30_000; ms += 100) this.clock.advance(100);
    return this.socket;
  }
}

/** @param {object} [more] */
export function welcome(more) {
  return {
    type: "welcome",
    room_id: "کلاس",
    client_id: "مریم",
    session: "s1",
    token: "t1",
    member: "me",
    position: "e:0",
    users: [{ member: "me", client_id: "مریم" }],
    count: 1,
    version: 1,
    limits: { content_graphemes: 4000, content_bytes: 16384, message_bytes: 65536, burst: 20, rate: 5 },
    heartbeat: 10,
    timestamp: "2026-11-21T10:02:03.000004+00:00",
    ...more,
  };
}

/** A message of another member. @param {number} offset @param {object} [more] */
export function message(offset, more) {
  return {
    type: "message",
    room_id: "کلاس",
    client_id: "علی",
    content: `m${offset}`,
    timestamp: "2026-11-21T10:02:03.000004+00:00",
    member: "ali",
    offset,
    ...more,
  };
}
