/** Why the room is closed to this visitor, and the way out. */

import { element, rich } from "./element.js";
import { icon } from "./icons.js";
import { NAME, anotherName, nameFault, visible } from "../text/names.js";
import { number, t } from "../text/strings.js";

/** @typedef {import("../state/room-view.js").Reason} Reason */
/** @typedef {{ retry: () => void, rename: (name: string) => void, home: () => void }} Hooks */

/**
 * The ways out: another name, another try, taking over, another room.
 * @type {Record<string, { icon: import("./icons.js").IconName, out: "rename" | "retry" | "use_here" | "home" }>}
 */
const CASES = {
  name_taken: { icon: "name", out: "rename" },
  name_kept: { icon: "name", out: "rename" },
  name_refused: { icon: "name", out: "rename" },
  room_refused: { icon: "door", out: "home" },
  room_full: { icon: "people", out: "retry" },
  session_replaced: { icon: "windows", out: "use_here" },
  banned: { icon: "lock", out: "home" },
  left: { icon: "leave", out: "retry" },
  other: { icon: "alert", out: "retry" },
};

/** @param {{ kind: string, reason: Reason | null }} closed @param {string} name as it was tried @param {Hooks} hooks */
export function closedCard({ kind, reason }, name, hooks) {
  const { icon: symbol, out } = CASES[kind];
  const title = /** @type {import("../text/strings.js").Key} */ (`closed.${kind}`);
  const text = /** @type {import("../text/strings.js").Key} */ (`closed.${kind}_text`);
  const values = { name, code: String(reason?.code ?? "") };
  const home = element("button", {
    type: "button",
    class: "button button-quiet",
    text: () => t("closed.home"),
    on: { click: hooks.home },
  });
  /** @type {Node[]} */
  const actions =
    out === "rename"
      ? [renameForm(name, kind, hooks, home)]
      : out === "home"
        ? [home]
        : [
            element("button", {
              type: "button",
              class: "button",
              testid: "closed-action",
              text: () => t(out === "use_here" ? "closed.use_here" : "closed.retry"),
              on: { click: hooks.retry },
            }),
            home,
          ];
  return element(
    "section",
    {
      class: "card closed-card",
      testid: "closed",
      "data-code": kind === "other" ? (reason?.name ?? "other") : kind,
      role: "alertdialog",
      "aria-labelledby": "closed-title",
      "aria-describedby": "closed-text",
    },
    element("span", { class: "closed-icon" }, icon(symbol)),
    element("h2", { id: "closed-title", text: () => t(title) }),
    element("p", { id: "closed-text", class: "muted", children: () => rich(text, values) }),
    ruleOf(reason, kind),
    element("div", { class: "closed-actions" }, ...actions),
  );
}

/** The rules of names that have words of their own: docs/reference/names.md. */
const RULES = new Set(["empty", "too_long", "control", "bidi", "joiner", "mixed_digits", "refused", "reserved"]);

/** Which rule a name breaks, and where. @param {Reason | null} reason @param {string} kind */
function ruleOf(reason, kind) {
  if (!reason?.rule || !RULES.has(reason.rule) || !kind.endsWith("_refused")) return null;
  const key = /** @type {import("../text/strings.js").Key} */ (`rule.${reason.rule}`);
  const values = { n: (reason.at ?? 0) + 1, character: reason.character ?? "" };
  return element("p", { class: "closed-rule", testid: "broken-rule", text: () => t(key, values) });
}

/** Who has the name is this very browser, in another tab. @param {Element} card @param {() => void} take */
export function offerTakeOver(card, take) {
  // One way out stands before the other.
  card.querySelector("[data-testid=join-button]")?.classList.add("button-quiet");
  card.querySelector(".closed-actions")?.prepend(
    element("p", { class: "muted", role: "status", text: () => t("closed.own_tab") }),
    element("button", {
      type: "button",
      class: "button",
      testid: "take-over",
      text: () => t("closed.use_here"),
      on: { click: take },
    }),
  );
}

/** @param {string} name @param {string} kind @param {Hooks} hooks @param {Node} home */
function renameForm(name, kind, hooks, home) {
  const input = element("input", {
    class: "input",
    id: "new-name",
    testid: "name-input",
    dir: "auto",
    autocomplete: "nickname",
    maxlength: "200",
    enterkeyhint: "go",
    value: kind === "name_refused" ? name : anotherName(name, number),
  });
  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const chosen = visible(input.value).trim();
    if (nameFault(chosen, NAME) === null) hooks.rename(chosen);
    else input.focus();
  };
  return element(
    "form",
    { class: "closed-form", novalidate: true, on: { submit } },
    element("label", { for: "new-name", text: () => t("closed.new_name") }),
    input,
    element(
      "div",
      { class: "closed-buttons" },
      element("button", { type: "submit", class: "button", testid: "join-button", text: () => t("closed.join") }),
      home,
    ),
  );
}
