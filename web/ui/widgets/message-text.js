/** What a message says, as elements: paragraphs that run each its own way, links, code. */

import { copy } from "./clipboard.js";
import { blocks, spans } from "../text/code.js";
import { paragraphs } from "../text/direction.js";
import { element } from "./element.js";
import { icon } from "./icons.js";
import { linkify } from "../text/linkify.js";
import { t } from "../text/strings.js";

/** @typedef {import("../text/direction.js").Paragraph} Paragraph */

/** @type {Parameters<typeof copy>[2]} */
const WORDS = { copied: "code.copied", failed: "code.copy_failed" };

/** @param {string} text @returns {Node[]} */
function linked(text) {
  return linkify(text).map(({ text: written, href, shown, title }) =>
    href === undefined
      ? document.createTextNode(written)
      : element("a", {
          href,
          target: "_blank",
          rel: "noopener noreferrer nofollow ugc",
          dir: "ltr",
          tabindex: "-1",
          title,
          text: shown,
        }),
  );
}

/** @param {import("../text/direction.js").Line} line @returns {Node[]} */
function lineNodes({ text, plain }) {
  const nodes = spans(text).flatMap(({ text: part, code }) =>
    code ? [element("code", { dir: "ltr", text: part })] : plain ? [document.createTextNode(part)] : linked(part),
  );
  return plain ? [element("bdo", { class: "plain", dir: "ltr" }, ...nodes)] : nodes;
}

/** @param {Paragraph} paragraph @returns {Node[]} */
function paragraphNodes({ lines }) {
  return lines.flatMap((line, index) => [...(index > 0 ? [document.createTextNode("\n")] : []), ...lineNodes(line)]);
}

/** @param {string} code */
function codeBlock(code) {
  // The line break is part of what is selected and copied; at a block's end it makes no line of its own. What scrolls can be reached
  // by keys in every browser, whichever message is read.
  const pre = element("pre", { dir: "ltr", tabindex: "0" }, element("code", { text: `${code}\n` }));
  const button = element(
    "button",
    {
      type: "button",
      class: "icon-button code-copy",
      testid: "code-copy",
      tabindex: "-1",
      "aria-label": () => t("code.copy"),
      title: () => t("code.copy"),
      on: { click: () => void copy(code, pre, WORDS) },
    },
    icon("copy"),
  );
  return element("div", { class: "code", testid: "code", dir: "ltr" }, pre, button);
}

/**
 * The text of a message. Its last paragraph stands in the element itself, so that what comes after stands in its last line.
 * @param {string} content @param {Node} after
 */
export function textElement(content, after) {
  const all = blocks(content).flatMap(
    /** @returns {(Paragraph | { code: string })[]} */ (block) => ("code" in block ? [block] : paragraphs(block.text)),
  );
  const last = all[all.length - 1];
  const ending = "code" in last ? null : last;
  const before = (ending ? all.slice(0, -1) : all).map((each) =>
    "code" in each
      ? codeBlock(each.code)
      : element(
          "span",
          { class: "message-para", dir: each.direction },
          ...paragraphNodes(each),
          document.createTextNode("\n"),
        ),
  );
  return element(
    "div",
    { class: "message-text", dir: ending?.direction ?? "ltr" },
    ...before,
    ...(ending ? paragraphNodes(ending) : []),
    after,
  );
}
