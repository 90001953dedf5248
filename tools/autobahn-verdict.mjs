// Reads kosoku's index.json and ends non-zero unless every case passed.
//
//   node tools/autobahn-verdict.mjs REPORT/index.json CASES
//
// kosoku itself lets NON-STRICT pass; here it does not, and neither does UNIMPLEMENTED. A report of
// other than CASES cases fails as well, so that a server that never answered cannot look like one that
// answered everything.
import { readFileSync } from "node:fs";

/** INFORMATIONAL cases have no right answer. */
const PASSED = new Set(["OK", "INFORMATIONAL"]);

const [, , path, expected] = process.argv;
const cases = Object.values(JSON.parse(readFileSync(path, "utf8"))).flatMap((agent) => Object.entries(agent));
const failed = cases.filter(([, result]) => !PASSED.has(result.behavior) || !PASSED.has(result.behaviorClose));

for (const [id, { behavior, behaviorClose, remoteCloseCode }] of failed) {
  console.error(`case ${id}: ${behavior}, close ${behaviorClose} (code ${remoteCloseCode})`);
}
const all = cases.length === Number(expected);
if (!all) console.error(`${cases.length} cases ran, ${expected} expected`);
console.log(`${cases.length - failed.length} of ${cases.length} Autobahn cases passed`);
process.exitCode = failed.length > 0 || !all ? 1 : 0;
