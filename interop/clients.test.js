// Clients that others wrote, on WebSockets in both dialects.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { Server } from "../e2e/server.js";
import { Talk } from "./talk.js";

const PYTHON = process.env.INTEROP_PYTHON ?? "python3";
const TIMEOUT = { timeout: 60_000 };
const CONTENT = "می‌خواهم بگویم: سلام! ".repeat(30).trim();

/** A program of somebody else's, whose lines are read one by one. */
class Program {
  #lines;

  constructor(command, ...args) {
    this.child = spawn(command, args, { stdio: ["pipe", "pipe", "pipe"] });
    this.#lines = createInterface(this.child.stdout)[Symbol.asyncIterator]();
    this.complaint = "";
    this.child.stderr.setEncoding("utf8").on("data", (text) => (this.complaint += text));
    this.ended = Promise.race([
      once(this.child, "close"),
      once(this.child, "error").then(([error]) => Promise.reject(error)),
    ]);
    this.ended.catch(() => {});
    process.once("exit", () => this.child.kill("SIGKILL"));
  }

  write(line) {
    this.child.stdin.write(`${line}\n`);
  }

  async line() {
    const { value, done } = await this.#lines.next();
    if (done) throw new Error(`the program ended:\n${this.complaint}`);
    return value;
  }

  /** The next message of a kind. */
  async next(type) {
    for (;;) {
      const message = JSON.parse(await this.line());
      if (message.type === type) return message;
    }
  }

  async exitCode() {
    const [code] = await this.ended;
    return code;
  }
}

async function withServer(run) {
  const server = await Server.start(["--drain", "200ms"]);
  try {
    await run(server);
  } finally {
    await server.kill();
  }
}

for (const library of ["websockets", "aiohttp"]) {
  test(`Python's ${library}`, TIMEOUT, () =>
    withServer(async (server) => {
      const script = fileURLToPath(new URL(`python/by_${library}.py`, import.meta.url));
      const program = new Program(PYTHON, script, server.origin);
      assert.equal(await program.line(), "ready for the end");
      assert.equal(await server.terminate(), 0);
      assert.equal(await program.line(), "done");
      assert.equal(await program.exitCode(), 0, program.complaint);
    }),
  );
}

test("Python's aiohttp reads a stream", TIMEOUT, () =>
  withServer(async (server) => {
    const room = `${server.origin}/api/rooms/${encodeURIComponent("کلاس")}`;
    const post = async (path, body, token) => {
      const headers = { "Content-Type": "application/json", ...(token && { Authorization: `Bearer ${token}` }) };
      const answer = await fetch(`${room}/${path}`, { method: "POST", headers, body: JSON.stringify(body) });
      assert.equal(answer.status, 201);
      return answer.json();
    };
    const program = new Program(
      PYTHON,
      fileURLToPath(new URL("python/stream_by_aiohttp.py", import.meta.url)),
      server.origin,
    );
    assert.equal((await program.next("position")).position.split(":")[1], "0");
    const { token } = await post("sessions", { client_id: "مریم" });
    // Each comes while the stream is open, before the next one is said.
    for (const content of [CONTENT, "تمام"]) {
      await post("messages", { content }, token);
      assert.equal((await program.next("message")).content, content);
    }
    assert.equal(await program.exitCode(), 0, program.complaint);
  }),
);

test("Node's ws", TIMEOUT, () =>
  withServer(async (server) => {
    const address = (name) => `${server.origin.replace("http", "ws")}/ws/${encodeURIComponent("کلاس")}/${name}`;
    const maryam = await Talk.join(address("maryam"));
    const ali = await Talk.open(address("ali"));
    assert.equal(maryam.socket.protocol, "hamhame.v1");
    assert.equal(ali.socket.protocol, "");
    assert.match(maryam.socket.extensions, /permessage-deflate/);
    maryam.send({ type: "send", id: "1", content: CONTENT });
    const { offset } = await maryam.next("ack");
    assert.equal((await ali.next("message", CONTENT)).offset, offset);
    ali.socket.send(`${CONTENT}!`);
    assert.equal((await maryam.next("message", `${CONTENT}!`)).client_id, "ali");
    const again = await Talk.open(address("maryam"), { protocol: "hamhame.v1" });
    again.send({ type: "join", token: maryam.welcome.token, after: maryam.welcome.position });
    assert.equal((await again.next("welcome")).recovered, true);
    assert.deepEqual(await maryam.closed, { code: 4506, reason: "session_replaced" });
    assert.equal(await server.terminate(), 0);
    for (const { code } of await Promise.all([ali.closed, again.closed]))
      assert.ok([1001, 1012].includes(code), `${code}`);
  }),
);

test("websocat", TIMEOUT, () =>
  withServer(async (server) => {
    const room = `${server.origin.replace("http", "ws")}/ws/${encodeURIComponent("کلاس")}`;
    const maryam = new Program("websocat", "--exit-on-eof", "--protocol", "hamhame.v1", `${room}/maryam`);
    maryam.write('{"type":"join"}');
    assert.equal((await maryam.next("welcome")).room_id, "کلاس");
    const ali = new Program("websocat", "--exit-on-eof", `${room}/ali`);
    await ali.next("system");
    maryam.write(JSON.stringify({ type: "send", id: "1", content: CONTENT }));
    assert.ok((await maryam.next("ack")).offset > 0);
    assert.equal((await ali.next("message")).content, CONTENT);
    ali.write("سلام مریم");
    assert.equal((await maryam.next("message")).content, CONTENT);
    assert.equal((await maryam.next("message")).content, "سلام مریم");
    assert.equal(await server.terminate(), 0);
    // It ends with the connection, which was closed and not cut.
    assert.equal(await maryam.exitCode(), 0, maryam.complaint);
    assert.equal(await ali.exitCode(), 0, ali.complaint);
  }),
);
