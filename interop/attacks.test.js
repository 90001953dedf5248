// One attacker must not hurt the others (promises 3 and 7). Each attack runs against the release binary for a few seconds, beside a
// bystander who chats: `attacks/siege.js`. Heading by heading, they are those that once succeeded.
import assert from "node:assert/strict";
import { attack } from "./attacks/siege.js";
import { deflated, frame, handshake } from "./attacks/frames.js";
import { Talk } from "./talk.js";

const V1 = ["Sec-WebSocket-Protocol: hamhame.v1"];
const DEFLATE = [
  "Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover",
];

/** Attacks of messages are to reach what they attack, and not the rate of an address. */
const UNHURRIED = ["--address-message-rate", "1000000", "--address-message-burst", "1000000"];

attack(
  "a small compressed message full of directions costs no more than its bytes",
  { server: UNHURRIED },
  async (siege) => {
    const content = `a${"\u202a".repeat(10_800)}${"\u2069".repeat(10_800)}`;
    const message = deflated(JSON.stringify({ type: "send", id: "1", content }));
    const join = frame(JSON.stringify({ type: "join" }));
    for (let at = 0; await siege.goesOn(); at += 1) {
      const socket = await siege.connect();
      await siege.write(socket, handshake(`/ws/directions/attacker${at % 200}`, [...V1, ...DEFLATE]));
      await siege.write(socket, join);
      // As many as a session may say at once; the next connection has an allowance of its own.
      await siege.write(socket, Buffer.concat(Array(10).fill(message)));
      await new Promise((resolve) => setTimeout(resolve, 20));
      socket.destroy();
    }
  },
);

attack(
  "20,000 acknowledgements of pings that nobody sent write no line each, and nobody has to read the log",
  {},
  async (siege) => {
    const preface = "505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000";
    const ping = Buffer.from(`000008060100000000${"61".repeat(8)}`, "hex");
    while (await siege.goesOn()) {
      const socket = await siege.connect();
      await siege.write(socket, Buffer.from(preface, "hex"));
      for (let at = 0; at < 20 && (await siege.write(socket, Buffer.concat(Array(1_000).fill(ping)))); at += 1);
      socket.destroy();
    }
    const lines = siege.server.log.split("\n").length;
    assert.ok(lines < 30, `${lines} lines in the log`);
  },
);

// A9: frames of control cost nothing to send, and were answered or kept without limit.
for (const [kind, hex] of [
  ["PING", `000008060000000000${"61".repeat(8)}`],
  ["SETTINGS", "000000040000000000"],
  ["WINDOW_UPDATE", "00000408000000000000000001"],
  ["an unknown kind", "0000004f0000000000"],
]) {
  attack(`frames of ${kind} without end, over HTTP/2, are asked to be calm`, { milliseconds: 2_000 }, async (siege) => {
    const preface = Buffer.from("505249202a20485454502f322e300d0a0d0a534d0d0a0d0a000000040000000000", "hex");
    const many = Buffer.concat(Array(2_000).fill(Buffer.from(hex, "hex")));
    let ended = 0;
    while (await siege.goesOn()) {
      const socket = await siege.connect();
      await siege.write(socket, preface);
      for (let at = 0; at < 100 && (await siege.write(socket, many)); at += 1);
      if (socket.destroyed || socket.closed) ended += 1;
      socket.destroy();
    }
    assert.notEqual(ended, 0, "a connection like that is ended");
    const memory = await siege.memory();
    assert.ok(memory < 100, `${memory} MiB`);
  });
}

// A10: a page of another site, whose name suddenly means this machine, was welcome.
attack("a page whose name was made to mean this machine gets in by no door", { milliseconds: 1_000 }, async (siege) => {
  const foreign = (request) =>
    request.replace("Host: 127.0.0.1", "Host: rebind.example\r\nOrigin: http://rebind.example");
  while (await siege.goesOn()) {
    for (const path of ["/ws/room/page", "/ws", "/lab/echo", "/api/rooms/room/events", "/", "/metrics"]) {
      let answer = "";
      const socket = await siege.connect((bytes) => (answer += bytes));
      await siege.write(socket, foreign(handshake(path, V1)));
      while (!answer.includes("\r\n\r\n") && !socket.closed) await new Promise((resolve) => setTimeout(resolve, 2));
      socket.destroy();
      assert.match(answer, /^HTTP\/1\.1 421 /, path);
    }
  }
  const lines = siege.server.log.split("\n").length;
  assert.ok(lines < 40, `${lines} lines in the log`);
});

// A2: bounds per room, and a burst per session, multiplied to gigabytes in a minute.
attack(
  "long messages in many rooms, a session each, stay within the budget of memory",
  { server: ["--memory", "4M"] },
  async (siege) => {
    const content = "x".repeat(3_900);
    const message = (id) => frame(JSON.stringify({ type: "send", id, content }));
    for (let at = 0; await siege.goesOn(); at += 1) {
      const socket = await siege.connect();
      await siege.write(socket, handshake(`/ws/full${at % 900}/attacker${at}`, V1));
      await siege.write(socket, frame(JSON.stringify({ type: "join" })));
      await siege.write(socket, Buffer.concat(Array.from({ length: 20 }, (_, n) => message(`m${n}`))));
      await new Promise((resolve) => setTimeout(resolve, 10));
      socket.destroy();
    }
    const metric = await siege.metrics();
    const used = metric("memory_log_bytes") + metric("memory_buffer_bytes");
    assert.ok(used <= metric("memory_budget_bytes"), `${used} bytes`);
  },
);

// A3, A5: spoken-in rooms closed the server to new ones, and each request for another walked all of them.
attack(
  "a message in each of all rooms closes the server to nobody",
  { server: ["--max-rooms", "500"] },
  async (siege) => {
    let rooms = 0;
    while (await siege.goesOn()) {
      const socket = await siege.connect();
      await siege.write(socket, handshake(`/ws/spoken${(rooms += 1)}/attacker`, V1));
      await siege.write(
        socket,
        Buffer.concat([
          frame(JSON.stringify({ type: "join" })),
          frame(JSON.stringify({ type: "send", id: "1", content: "x" })),
        ]),
      );
      socket.end(frame([0x03, 0xe8], { opcode: 8 })); // 1000: leaves for good
      if (rooms % 50 === 0) {
        const answer = await fetch(`${siege.origin}/api/rooms/new${rooms}/events`);
        assert.equal(answer.status, 200, await answer.text());
      }
    }
    const metric = await siege.metrics();
    assert.ok(metric("rooms") <= 500);
  },
);

attack(
  "half messages go when their time is over, and leave no memory behind",
  { server: ["--message-timeout", "2s", "--heartbeat", "1s"] },
  async (siege) => {
    const before = await siege.memory();
    const half = Buffer.concat([Buffer.from([0x01, 0xfe, 0xff, 0xff, 0, 0, 0, 0]), Buffer.alloc(65_000, "x")]);
    const pong = frame("", { opcode: 10 });
    const sockets = [];
    for (let at = 0; at < 2_000; at += 1) {
      const socket = await siege.connect();
      await siege.write(socket, handshake(`/ws/halves/attacker${at}`));
      await siege.write(socket, Buffer.concat([half, Buffer.alloc(535, "x")]));
      sockets.push(socket);
    }
    const held = await siege.memory();
    assert.ok(held - before < 100, `half messages hold ${held - before} MiB`);
    const isOpen = (socket) => !socket.destroyed && socket.readyState === "open";
    for (const end = performance.now() + 15_000; sockets.some(isOpen) && performance.now() < end;) {
      for (const socket of sockets) await siege.write(socket, pong);
      await new Promise((resolve) => setTimeout(resolve, 200));
    }
    assert.ok(!sockets.some(isOpen), "each is closed, whatever it says meanwhile");
  },
);

attack("what comes after the server's close frame is thrown away unread", {}, async (siege) => {
  const bomb = Buffer.concat(Array(30).fill(deflated("x".repeat(60_000))));
  while (await siege.goesOn()) {
    const socket = await siege.connect();
    await siege.write(socket, handshake("/ws/goodbye/attacker", DEFLATE));
    // A binary message ends the connection.
    await siege.write(socket, frame("binary", { opcode: 2 }));
    const end = performance.now() + 500;
    while (performance.now() < end && (await siege.write(socket, bomb))) await new Promise(setImmediate);
    socket.destroy();
  }
});

attack("nobody gets a name by cutting in while its holder comes back", {}, async (siege) => {
  const url = `${siege.origin.replace("http", "ws")}/ws/kept/ali`;
  let owner = await Talk.join(url);
  while (await siege.goesOn()) {
    const { token, member } = owner.welcome;
    owner.socket.terminate();
    const thief = await Talk.open(url, { protocol: "hamhame.v1" });
    thief.send({ type: "join" });
    const error = await thief.next("error");
    assert.equal(error.code, "name_taken");
    assert.ok(error.temporary && error.retry_after > 0 && error.retry_after <= 8, JSON.stringify(error));
    assert.equal((await thief.closed).code, 4006);
    owner = await Talk.open(url, { protocol: "hamhame.v1" });
    owner.send({ type: "join", token });
    owner.welcome = await owner.next("welcome");
    assert.equal(owner.welcome.member, member);
  }
});
