// One attacker must not hurt the others (promises 3 and 7). Each attack runs against the release binary for a few seconds, beside a
// bystander who chats: `attacks/siege.js`. Heading by heading, they are those that once succeeded.
import assert from "node:assert/strict";
import { attack } from "./attacks/siege.js";
import { deflated, frame, handshake } from "./attacks/frames.js";

const V1 = ["Sec-WebSocket-Protocol: hamhame.v1"];
const DEFLATE = ["Sec-WebSocket-Extensions: permessage-deflate; client_no_context_takeover; server_no_context_takeover"];

attack("a small compressed message full of directions costs no more than its bytes", {}, async (siege) => {
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
});

attack("20,000 acknowledgements of pings that nobody sent write no line each, and nobody has to read the log", {}, async (siege) => {
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
});
