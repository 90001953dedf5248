#!/usr/bin/env node
// Draws web/icons/*.png from web/favicon.svg, with the Chromium that the tests use: CHROMIUM=/usr/bin/chromium node tools/icons.mjs
// Phones do not take SVG for the home screen. What they cut to a shape of theirs (`maskable`, iOS) is colour to the edge, with
// the drawing inside the middle four fifths (W3C, Web Application Manifest, section 1.10.1).
import { mkdir, readFile, writeFile } from "node:fs/promises";
import { createRequire } from "node:module";

const require = createRequire(new URL("../e2e/package.json", import.meta.url));
const { chromium } = require("playwright-core");
const web = new URL("../web/", import.meta.url);
const svg = await readFile(new URL("favicon.svg", web), "utf8");
const toTheEdge = svg.replace('rx="9" ', "").replace("<g ", '<g transform="translate(3.2 3.2) scale(0.8)" ');

await mkdir(new URL("icons/", web), { recursive: true });
const browser = await chromium.launch({ executablePath: process.env.CHROMIUM ?? "chromium" });
for (const [name, size, drawing] of [
  ["icon-192", 192, svg],
  ["icon-512", 512, svg],
  ["maskable-512", 512, toTheEdge],
  ["apple-touch-icon", 180, toTheEdge],
]) {
  const page = await browser.newPage({ viewport: { width: size, height: size } });
  await page.setContent(
    `<style>body { margin: 0 } svg { display: block; width: ${size}px; height: ${size}px }</style>${drawing}`,
  );
  await writeFile(new URL(`icons/${name}.png`, web), await page.screenshot({ omitBackground: true }));
}
await browser.close();
