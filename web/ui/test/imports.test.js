import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

/** From the lowest: a module imports from its own folder and from those below. */
const FOLDERS = ["text", "state", "widgets", "pages", ""];

/** @param {string} folder */
const modulesOf = (folder) => {
  const files = readdirSync(new URL(`../${folder}`, import.meta.url), { withFileTypes: true });
  return files.filter((file) => file.isFile() && file.name.endsWith(".js")).map(({ name }) => name);
};

/** @param {string} path under `ui/` */
const read = (path) => readFileSync(new URL(`../${path}`, import.meta.url), "utf8");

test("imports of the page point down: pages, widgets, state, text", () => {
  for (const [floor, folder] of FOLDERS.entries()) {
    for (const name of modulesOf(folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      for (const [, from] of read(path).matchAll(/(?:from|import\() ?"([^"]+)"/g)) {
        const target = new URL(from, `file:///web/ui/${path}`).pathname.replace("/web/", "");
        if (!target.startsWith("ui/")) continue;
        const below = FOLDERS.indexOf(/^ui\/(?:(\w+)\/)?[^/]+$/.exec(target)?.[1] ?? "");
        assert.ok(below >= 0 && below <= floor, `${path} imports ${from}`);
      }
    }
  }
});

test("what is in text/ knows no document and no storage", () => {
  for (const name of modulesOf("text")) {
    const code = read(`text/${name}`).replace(/\/\*[^]*?\*\/|\/\/.*/g, "");
    assert.doesNotMatch(code, /\b(?:document|window|navigator|location|localStorage|sessionStorage)\b/, name);
  }
});
