// WebSocket frames and handshakes as an attacker writes them, without a library that would know better.
import { randomBytes } from "node:crypto";
import { deflateRawSync } from "node:zlib";

/** A handshake for a room; `headers` are further lines. */
export function handshake(path, headers = []) {
  return [
    `GET ${path} HTTP/1.1`,
    "Host: 127.0.0.1",
    "Upgrade: websocket",
    "Connection: Upgrade",
    "Sec-WebSocket-Version: 13",
    `Sec-WebSocket-Key: ${randomBytes(16).toString("base64")}`,
    ...headers,
    "\r\n",
  ].join("\r\n");
}

/** One masked frame; the mask is zero, so the payload stands in it as it is. */
export function frame(payload, { opcode = 1, fin = true, compressed = false } = {}) {
  const body = Buffer.from(payload);
  const head = [(fin ? 0x80 : 0) | (compressed ? 0x40 : 0) | opcode];
  if (body.length < 126) head.push(0x80 | body.length);
  else if (body.length < 65_536) head.push(0x80 | 126, body.length >> 8, body.length & 255);
  else throw new Error("an attacker does without such frames");
  return Buffer.concat([Buffer.from(head), Buffer.alloc(4), body]);
}

/** A compressed text message (RFC 7692). */
export function deflated(text) {
  const bytes = deflateRawSync(Buffer.from(text), { finishFlush: 2 /* Z_SYNC_FLUSH */ });
  return frame(bytes.subarray(0, -4), { compressed: true });
}
