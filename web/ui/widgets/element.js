/**
 * Elements without markup in strings. A function given for a property or as the children is *live*: it runs again when
 * the language changes, wherever the element then stands in the document.
 */

import { baseOf, isPlain } from "../text/direction.js";
import { parts, t } from "../text/strings.js";

/** @typedef {Node | string | null | undefined | false} Child */
/** @typedef {string | number | boolean | null | undefined} Value */

/** @type {WeakMap<Element, (() => void)[]>} */
const bindings = new WeakMap();

/** Runs `update` now and at every change of language. @param {Element} node @param {() => void} update */
export function bind(node, update) {
  const list = bindings.get(node);
  if (list) list.push(update);
  else bindings.set(node, [update]);
  node.setAttribute("data-live", "");
  update();
}

/** Runs what was bound to the elements under `root` again. @param {ParentNode} root */
export function refresh(root) {
  for (const node of root.querySelectorAll("[data-live]")) bindings.get(node)?.forEach((update) => update());
}

/** In place where it can be: a new text node in a live region is read out. @param {Element} node @param {string} text */
function setText(node, text) {
  const only = node.childNodes.length === 1 ? node.firstChild : null;
  if (only instanceof Text) only.data = text;
  else node.textContent = text;
}

/** @param {Element} node @param {string} name @param {Value} value */
function assign(node, name, value) {
  if (name === "text") setText(node, String(value ?? ""));
  else if (value === false || value === null || value === undefined) node.removeAttribute(name);
  else node.setAttribute(name, value === true ? "" : String(value));
}

/**
 * @typedef {{
 *   testid?: string,
 *   on?: { [K in keyof HTMLElementEventMap]?: (event: HTMLElementEventMap[K]) => void },
 *   children?: () => Child[],
 * } & { [name: string]: unknown }} Properties
 */

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag @param {Properties} [properties] attributes, `text`, `testid`, `on`, live `children` @param {...Child} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function element(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name === "on") {
      for (const [type, listener] of Object.entries(/** @type {Record<string, EventListener>} */ (value))) {
        node.addEventListener(type, listener);
      }
    } else if (name === "testid") node.dataset.testid = String(value);
    else if (name === "children") {
      const render = /** @type {() => Child[]} */ (value);
      bind(node, () => node.replaceChildren(...present(render())));
    } else if (typeof value === "function") bind(node, () => assign(node, name, value()));
    else assign(node, name, /** @type {Value} */ (value));
  }
  // A browser would let a name without a letter, as a telephone number, run the way of the page.
  if (tag === "bdi" && typeof properties.text === "string") isolateIn(node, properties.text);
  node.append(...present(children));
  return node;
}

/** @param {HTMLElement} node @param {string} text */
function isolateIn(node, text) {
  node.dir = baseOf(text);
  node.classList.toggle("plain", isPlain(text));
}

/** @param {Child[]} children @returns {(Node | string)[]} */
function present(children) {
  return /** @type {(Node | string)[]} */ (children.filter((child) => child || child === ""));
}

/** @param {string} text a name or a room, in its own direction */
export function isolate(text) {
  return element("bdi", { text });
}

/** @param {import("../text/strings.js").Part[]} pieces @returns {Node[]} values in elements of their own */
export function isolated(pieces) {
  return pieces.map((piece) => ("text" in piece ? document.createTextNode(piece.text) : isolate(piece.value)));
}

/** @param {import("../text/strings.js").Key} key @param {import("../text/strings.js").Values} [values] @returns {Node[]} */
export function rich(key, values) {
  return isolated(parts(key, values));
}

/**
 * Makes marked texts of the document live: `data-t` is an element's text, `data-placeholder`, `data-title` and `data-label` are
 * attributes. The server has filled them in before. @param {Element} root
 */
export function adopt(root) {
  /** @param {string} mark @param {string[]} names */
  const each = (mark, ...names) => {
    for (const node of root.querySelectorAll(`[data-${mark}]`)) {
      const key = /** @type {import("../text/strings.js").Key} */ (node.getAttribute(`data-${mark}`));
      for (const name of names) bind(node, () => assign(node, name, t(key)));
    }
  };
  each("t", "text");
  each("placeholder", "placeholder");
  each("title", "title", "aria-label");
  each("label", "aria-label");
}
