// docs/how-to/curl.md does what it says: its commands are run in order, and what they print is compared.
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { Server } from "../e2e/server.js";

const PAGE = new URL("../docs/how-to/curl.md", import.meta.url);
const MARK = "--- end of block";

/** A stream's heartbeat may come at any moment, so the page does not print any. */
const HEARTBEAT = /^event: heartbeat\ndata: .*\n+/gm;

/** What curl says when `-m` ended it. */
const TIMED_OUT = 28;

/** Pairs of commands and what they print. */
function examples(page) {
  const blocks = [...page.matchAll(/^```(\w+)\n(.*?)^```$/gms)].map(([, kind, text]) => ({ kind, text }));
  const pairs = [];
  for (const { kind, text } of blocks) {
    if (kind === "sh") pairs.push({ commands: text, prints: "" });
    else pairs.at(-1).prints = text;
  }
  return pairs;
}

/** What is printed, where `…` stands for anything. */
function pattern(prints) {
  const parts = prints
    .trim()
    .split("…")
    .map((part) => part.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(`^${parts.join(".*?")}$`, "s");
}

test("the page about curl prints what it says", { timeout: 60_000 }, async () => {
  const pairs = examples(readFileSync(PAGE, "utf8"));
  assert.ok(pairs.length > 10, "the page's examples are found");
  const server = await Server.start();
  const folder = mkdtempSync(join(tmpdir(), "hamhame-curl-"));
  try {
    const script = pairs
      .map(({ commands }) => `${commands}status=$?\nwait\nprintf '\\n${MARK} %s\\n' $status\n`)
      .join("");
    const place = "server=http://127.0.0.1:8000\n";
    assert.equal(script.split(place).length, 2, "the page names the server once");
    const input = script.replace(place, `server=${server.origin}\n`);
    const { stdout, stderr } = spawnSync("bash", ["-o", "pipefail"], {
      input,
      cwd: folder,
      encoding: "utf8",
      timeout: 50_000,
    });
    const printed = stdout.split(new RegExp(`\\n${MARK} (\\d+)\\n`));
    for (const [index, { commands, prints }] of pairs.entries()) {
      const [text, status] = printed.slice(2 * index, 2 * index + 2);
      const may = commands.includes("curl -sN -m ") ? TIMED_OUT : 0;
      assert.equal(Number(status), may, `${commands}\n${text}\n${stderr}`);
      assert.match(`${text}\n`.replace(HEARTBEAT, "").trim(), pattern(prints), commands);
    }
  } finally {
    rmSync(folder, { recursive: true, force: true });
    await server.kill();
  }
});
