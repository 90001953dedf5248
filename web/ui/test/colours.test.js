import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";
import { colourMembers, colourOf } from "../widgets/avatar.js";

const css = readFileSync(new URL("../css/theme.css", import.meta.url), "utf8");
const [light, dark] = [/^\s*:root \{([^}]*)\}/m, /:root\[data-theme="dark"\] \{([^}]*)\}/].map((rule) => {
  const found = rule.exec(css)?.[1] ?? "";
  return Object.fromEntries(
    [...found.matchAll(/--([\w-]+):\s*(#[0-9a-f]{6})/g)].map(([, name, value]) => [name, value]),
  );
});

/** @param {string} colour @returns {number} relative luminance, WCAG 2 */
function luminance(colour) {
  const [r, g, b] = [1, 3, 5]
    .map((at) => parseInt(colour.slice(at, at + 2), 16) / 255)
    .map((part) => (part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4));
  return 0.2126 * r + 0.7152 * g + 0.0722 * b;
}

/** @param {string} one @param {string} other */
function contrast(one, other) {
  const [low, high] = [luminance(one), luminance(other)].sort((a, b) => a - b);
  return (high + 0.05) / (low + 0.05);
}

test("what is written in a bubble can be read in both themes", () => {
  for (const theme of [light, dark]) {
    const names = Array.from({ length: 8 }, (_, index) => `name-${index}`);
    for (const text of ["ink", "muted", "lapis", "danger", ...names]) {
      for (const ground of ["bubble", "paper"]) {
        const found = contrast(theme[text], theme[ground]);
        assert.ok(found >= 4.5, `${text} on ${ground}: ${found.toFixed(2)}`);
      }
    }
  }
});

test("in the dark another's bubble stands out from the page", () => {
  assert.ok(contrast(dark.bubble, dark.paper) >= 1.3, contrast(dark.bubble, dark.paper).toFixed(2));
});

test("as many members as there are colours have one each, and keep it while others come and go", () => {
  const names = Array.from({ length: 8 }, (_, index) => `عضو ${index}`);
  colourMembers(names);
  const before = names.map(colourOf);
  assert.equal(new Set(before).size, 8);
  colourMembers([...names.slice(4), "تازه"]);
  assert.ok(before.slice(0, 4).includes(colourOf("تازه")), "a colour that nobody here has");
  assert.deepEqual(names.map(colourOf), before);
});
