import assert from "node:assert/strict";
import { readFileSync, readdirSync } from "node:fs";
import { test } from "node:test";

/** What a component is at the moment: a second class, which is no name of its own. */
const STATES = "own other grouped emoji shown some over mixed waiting labelled quiet arriving".split(" ");
/** Components whose classes begin with another word than their file's name. */
const PREFIXES = /** @type {Record<string, string>} */ ({ base: "sr-only|muted|plain" });

const folder = new URL("../css/", import.meta.url);
const files = readdirSync(folder).map((name) => ({
  name: name.replace(".css", ""),
  text: readFileSync(new URL(name, folder), "utf8").replace(/\/\*[^]*?\*\//g, ""),
}));
const pages = ["index.html", "fault.html"].map((name) =>
  readFileSync(new URL(`../../${name}`, import.meta.url), "utf8"),
);
const linked = pages.map((page) => [...page.matchAll(/href="\/ui\/css\/([\w-]+)\.css"/g)].map(([, name]) => name));

test("every style sheet is loaded, the order of the layers first", () => {
  const [index, fault] = linked;
  assert.deepEqual([...index].sort(), files.map(({ name }) => name).sort());
  assert.equal(index[0], "layers");
  assert.deepEqual(
    fault,
    index.filter((name) => fault.includes(name)),
  );
});

test("every rule stands in a layer", () => {
  const [, order] = /@layer ([\w, ]+);/.exec(files.find(({ name }) => name === "layers")?.text ?? "") ?? [];
  for (const { name, text } of files) {
    if (name === "layers") continue;
    const [, layer, ...more] = text.split(/^@layer (\w+) \{$/m).filter((_, index) => index !== 2);
    assert.ok(order?.split(", ").includes(layer) && more.length === 0, `${name}.css is in one layer`);
    const outside = text.replace(/^@layer \w+ \{$[^]*?^\}$/m, "").replace(/@font-face \{[^}]*\}/, "");
    assert.equal(outside.trim(), "", `${name}.css`);
  }
});

test("the classes of a component begin with its name", () => {
  for (const { name, text } of files) {
    const begins = new RegExp(`^(?:${PREFIXES[name] ?? name})`);
    for (const [, selectors] of text.matchAll(/^ *([^@{};]*[^@{};\s]) \{$/gm)) {
      for (const selector of selectors.split(/,\s+/)) {
        const classes = [...selector.matchAll(/\.([a-z][\w-]*)/g)].map(([, found]) => found);
        const named = classes.filter((found) => !STATES.includes(found));
        assert.ok(named.length === 0 || named.some((found) => begins.test(found)), `${name}.css: ${selector}`);
      }
    }
  }
});

test("sides are logical, so that the direction of the language turns them", () => {
  for (const { name, text } of files) {
    // The time stands in the corner that the page's direction names, whichever way the text around it runs.
    const physical = name === "message" ? text.replace(/\.message-meta \{[^}]*\}/g, "") : text;
    assert.doesNotMatch(
      physical,
      /(?<!safe-area-)(?:margin|padding|border|inset)-(?:left|right|top|bottom)|^\s*(?:left|right|top|bottom|width|height|(?:min|max)-(?:width|height)):/m,
      name,
    );
    assert.doesNotMatch(physical, /text-align: (?:left|right)|float: (?:left|right)/, name);
  }
});
