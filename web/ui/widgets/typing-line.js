/** Who is writing. Its place is kept free, so that the log does not jump. */

import { bind, element, isolated } from "./element.js";
import { listParts, parts } from "../text/strings.js";

const NAMED = 3;

export function typingLine() {
  /** Those whose name is not known are `null`. @type {(string | null)[]} */
  let names = [];
  const text = element("span", { class: "typing-text" });
  const node = element(
    "div",
    { class: "typing", testid: "typing" },
    element("span", { class: "typing-dots", "aria-hidden": "true" }, element("i"), element("i"), element("i")),
    text,
  );
  bind(text, () => {
    node.classList.toggle("shown", names.length > 0);
    text.replaceChildren(...words());
  });

  /** @returns {Node[]} */
  function words() {
    if (names.length === 0) return [];
    const known = /** @type {string[]} */ (names.filter((name) => name !== null));
    if (known.length < names.length || known.length > NAMED) return isolated(parts("typing.many", { n: names.length }));
    return parts(known.length === 1 ? "typing.one" : "typing.some", { names: "" }).flatMap((piece) =>
      isolated("text" in piece ? [piece] : listParts(known)),
    );
  }

  return {
    node,
    /** @param {(string | null)[]} now */
    show: (now) => {
      names = now;
      node.classList.toggle("shown", now.length > 0);
      text.replaceChildren(...words());
    },
  };
}
