import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";

const SDK = fileURLToPath(new URL("..", import.meta.url));
const TSC = fileURLToPath(new URL("../../node_modules/.bin/tsc", import.meta.url));

const CONSUMER = `
import { Room, TRANSPORTS, type Kept, type Resumption, type StateDetail, type Transport } from "hamhame-sdk";

const room = new Room({ server: "http://127.0.0.1:1", room: "lab", name: "bot", WebSocket: null });
room.on("event", (event) => console.log(event.offset, event.own, event.type === "message" ? event.member : event.event));
room.on("state", ({ state, transport, why }: StateDetail) => console.log(state, transport, why));
const best: Transport | undefined = TRANSPORTS[0];
const outgoing = room.send("hello");
const status: "pending" | "sent" | "failed" = outgoing.status;
const resume: Resumption | null = room.resumption;
const kept: Kept[] | undefined = resume?.outgoing;
new Room({ server: "http://127.0.0.1:1", room: "lab", name: "bot", resume });
new Room({ server: "", room: "lab", name: "bot", observe: ({ direction, bytes }) => console.log(direction, bytes) });
// @ts-expect-error: there is no such option
new Room({ server: "", room: "", name: "", colour: "red" });
// @ts-expect-error: nothing of this name is told
room.on("nothing", () => {});
console.log(room.state, status, best, kept?.[0]?.content);
`;

/** @param {string} folder @param {string} command @param {string[]} args @returns {string} what it printed */
function run(folder, command, args) {
  const { status, stdout, stderr } = spawnSync(command, args, { cwd: folder, encoding: "utf8" });
  assert.equal(status, 0, `${command} ${args.join(" ")}:\n${stdout}${stderr}`);
  return stdout;
}

test("the package can be packed, installed without a network, compiled against and run", () => {
  const folder = mkdtempSync(join(tmpdir(), "hamhame-sdk-"));
  try {
    run(SDK, "npm", ["pack", "--silent", "--pack-destination", folder]);
    const [archive] = readdirSync(folder);
    assert.match(archive ?? "", /^hamhame-sdk-.*\.tgz$/);
    writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }');
    writeFileSync(join(folder, "consumer.ts"), CONSUMER);
    run(folder, "npm", ["install", "--offline", "--no-audit", "--no-fund", "--silent", `./${archive}`]);
    const packed = readdirSync(join(folder, "node_modules/hamhame-sdk"));
    assert.deepEqual(
      ["fakes", "live", "test"].filter((name) => packed.includes(name)),
      [],
      "only what is needed",
    );
    // Strict, and with the language alone: the declarations must need neither a DOM nor Node.
    const compilerOptions = {
      strict: true,
      module: "nodenext",
      target: "es2022",
      lib: ["es2022"],
      types: [],
      skipLibCheck: false,
    };
    writeFileSync(
      join(folder, "tsconfig.json"),
      JSON.stringify({ compilerOptions, files: ["consumer.ts", "console.d.ts"] }),
    );
    writeFileSync(join(folder, "console.d.ts"), "declare const console: { log(...values: unknown[]): void };");
    run(folder, TSC, ["-p", "."]);
    assert.equal(run(folder, process.execPath, ["consumer.js"]), "idle pending websocket hello\n");
  } finally {
    rmSync(folder, { recursive: true });
  }
});
