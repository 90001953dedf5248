/** Who is writing. Its place is kept free, so that the log does not jump. */

import { bind, element, isolated } from "./element.js";
import { listParts, parts } from "../text/strings.js";

const NAMED = 3;

/** @param {(member: string) => string | null} nameOf */
export function typingLine(nameOf) {
  /** @type {string[]} */
  let members = [];
  const text = element("span", { class: "typing-text" });
  const node = element(
    "div",
    { class: "typing", testid: "typing" },
    element("span", { class: "typing-dots", "aria-hidden": "true" }, element("i"), element("i"), element("i")),
    text,
  );
  bind(text, () => {
    node.classList.toggle("shown", members.length > 0);
    text.replaceChildren(...words());
  });

  /** @returns {Node[]} */
  function words() {
    if (members.length === 0) return [];
    const names = members.map(nameOf);
    const known = /** @type {string[]} */ (names.filter((name) => name !== null));
    if (known.length < names.length || known.length > NAMED)
      return isolated(parts("typing.many", { n: members.length }));
    return parts(known.length === 1 ? "typing.one" : "typing.some", { names: "" }).flatMap((piece) =>
      isolated("text" in piece ? [piece] : listParts(known)),
    );
  }

  return {
    node,
    /** @param {string[]} now */
    show: (now) => {
      members = now;
      node.classList.toggle("shown", now.length > 0);
      text.replaceChildren(...words());
    },
  };
}
