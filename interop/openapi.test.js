// The HTTP API is as /api/openapi.json describes it, held against it by schemathesis: what the description forbids is refused,
// and every answer is one that it names.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test } from "node:test";
import { Server } from "../e2e/server.js";

/** No poll waits longer than this, in seconds, or the time would go into waiting. */
const WAIT = 0.05;

/**
 * Runs schemathesis on a server of its own; fails with what it says if it finds something. Names, positions and messages have
 * rules that no schema says, so one that is refused is not taken for an error.
 */
async function conforms(config, { args = [], login } = {}) {
  const server = await Server.start(["--limits", "off"]);
  const folder = mkdtempSync(join(tmpdir(), "hamhame-openapi-"));
  const member = await login?.(server);
  try {
    if (member) args.push("-H", `Authorization: ${member.authorization}`);
    writeFileSync(join(folder, "schemathesis.toml"), config);
    const bounds = [
      "--max-examples",
      "25",
      "--max-time",
      "40",
      "--request-timeout",
      "20",
      "--seed",
      process.env.SEED ?? "1",
    ];
    const options = ["--exclude-checks", "positive_data_acceptance", "--no-color", ...bounds, ...args];
    const child = spawn("st", ["run", `${server.origin}/api/openapi.json`, ...options], {
      cwd: folder,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (said += text));
    const [code] = await once(child, "close");
    assert.equal(code, 0, said);
    const [, selected, tested] = /Selected: (\d+)\/\d+\s+Tested: (\d+)/.exec(said) ?? [];
    assert.ok(Number(selected) > 5 && selected === tested, said);
    if (member) assert.doesNotMatch(said, /Authentication failed/);
  } finally {
    member?.leave();
    await server.kill();
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Somebody by a name that nobody else asks for, who stays for as long as the test takes, whatever it asks for meanwhile. */
async function login(server) {
  const sessions = `${server.origin}/api/rooms/class/sessions`;
  const headers = { "Content-Type": "application/json" };
  const answer = await fetch(sessions, { method: "POST", headers, body: JSON.stringify({ client_id: "who stays" }) });
  const authorization = `Bearer ${(await answer.json()).token}`;
  const staying = setInterval(() => {
    fetch(`${sessions}/current`, { method: "POST", headers: { Authorization: authorization } }).catch(() => {});
  }, 5_000);
  return { authorization, leave: () => clearInterval(staying) };
}

describe("the API is as it is described", { concurrency: true, timeout: 120_000 }, () => {
  test("for anyone, in any room", () => conforms(`[parameters]\n"query.wait" = ${WAIT}\n`));

  // Without leaving, or it would be a member no longer.
  test("for a member", () =>
    conforms(`[parameters]\n"path.room" = "class"\n"query.wait" = ${WAIT}\n`, {
      args: ["--exclude-method", "DELETE"],
      login,
    }));
});
