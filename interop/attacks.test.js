// One attacker must not hurt the others (promises 3 and 7). Each attack runs against the release binary for a few seconds, beside a
// bystander who chats: `attacks/siege.js`. Heading by heading, they are those that once succeeded.
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
