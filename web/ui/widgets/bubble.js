/** One message in the log. */

import { avatar, colourOf } from "./avatar.js";
import { fullTimeOf, timeOf } from "../state/calendar.js";
import { bind, element, isolate } from "./element.js";
import { isEmojiAlone } from "../text/emoji.js";
import { icon } from "./icons.js";
import { textElement } from "./message-text.js";
import { parts, t } from "../text/strings.js";

/** @typedef {import("../state/timeline.js").Message} Message */
/** @typedef {import("../state/timeline.js").Outgoing} Outgoing */

/** @param {number} at */
function timeElement(at) {
  const time = element("time", {
    datetime: new Date(at).toISOString(),
    text: () => timeOf(at),
    title: () => fullTimeOf(at),
  });
  return time;
}

/**
 * @param {{ name: string | null, grouped: boolean, own: boolean, content: string, at: number }} message
 * @returns {HTMLElement} the row; its bubble holds the name, the text and, in its end corner, time and state
 */
function row({ name, grouped, own, content, at }) {
  const meta = element("span", { class: "message-meta" }, timeElement(at));
  const text = textElement(content, meta);
  const label = name === null ? null : nameLabel(name);
  const bubble = element("div", { class: "message-bubble" }, label, text);
  const side = own || name === null ? null : element("span", { class: "message-side" });
  const node = element(
    "div",
    {
      class: `message ${own ? "own" : "other"}`,
      testid: "message",
      role: "article",
      tabindex: "-1",
      "data-own": String(own),
    },
    side,
    bubble,
  );
  node.classList.toggle("emoji", isEmojiAlone(content));
  bind(node, () => nameRow(node, name));
  setGrouped(node, name, grouped);
  return node;
}

/** @param {string} name @param {string} [extra] a further class */
function nameLabel(name, extra = "") {
  return element("span", { class: `name message-name message-name-${colourOf(name)} ${extra}`.trim() }, isolate(name));
}

/** "name, time", for who hears the page. @param {HTMLElement} node @param {string | null} name of another */
function nameRow(node, name) {
  const at = Date.parse(node.querySelector("time")?.dateTime ?? "");
  const words = parts("message.of", { name: name ?? t("room.you"), time: timeOf(at) });
  node.setAttribute("aria-label", words.map((part) => ("text" in part ? part.text : part.value)).join(""));
}

/**
 * Whether a message follows one of the same member: then it shows neither name nor avatar again.
 * @param {HTMLElement} node @param {string | null} name of another @param {boolean} grouped
 */
export function setGrouped(node, name, grouped) {
  node.classList.toggle("grouped", grouped);
  node.querySelector(".message-name")?.classList.toggle("sr-only", grouped);
  if (name !== null) node.querySelector(".message-side")?.replaceChildren(...(grouped ? [] : [avatar(name)]));
}

/** @param {Message} message @param {boolean} grouped @returns {HTMLElement} */
export function messageRow(message, grouped) {
  const { own, content, at } = message;
  const node = row({ name: own ? null : message.name, grouped, own, content, at });
  finish(node, message, grouped);
  return node;
}

/** @param {Outgoing} outgoing @returns {HTMLElement} a message that is not in the log yet */
export function outgoingRow(outgoing) {
  const { content, at } = outgoing;
  const node = row({ name: null, grouped: true, own: true, content, at });
  node.dataset.id = outgoing.id;
  return node;
}

/**
 * A message has its place in the log: from now on it is like any other.
 * @param {HTMLElement} node @param {Message} message @param {boolean} grouped
 */
export function finish(node, message, grouped) {
  if (message.own) setGrouped(node, null, grouped);
  // To move is not to arrive again.
  node.classList.remove("arriving");
  node.dataset.status = "sent";
  if (message.offset > 0) node.dataset.offset = String(message.offset);
  node.querySelector(".message-trouble")?.remove();
  if (message.own) {
    mark(node, "sent");
    // Who wrote it is seen by its side; on paper, which goes to others, by the name.
    if (message.name) node.querySelector(".message-bubble")?.prepend(nameLabel(message.name, "message-own-name"));
  }
  const time = node.querySelector("time");
  const at = message.at;
  // The server's time is the one that everyone sees.
  if (time && time.dateTime !== new Date(at).toISOString()) time.replaceWith(timeElement(at));
  nameRow(node, message.own ? null : message.name);
}

/**
 * Shows how far an own message has come.
 * @param {HTMLElement} node @param {Outgoing} outgoing
 * @param {{ explain: (error: unknown) => string, retry: () => void, discard: () => void }} actions
 */
export function showStatus(node, outgoing, actions) {
  node.dataset.status = outgoing.status;
  const isDoubtful = /** @type {{ code?: string } | null} */ (outgoing.error)?.code === "maybe_sent";
  mark(node, outgoing.status, isDoubtful ? "message.maybe_sent" : undefined);
  node.querySelector(".message-trouble")?.remove();
  if (outgoing.status !== "failed") return;
  node.append(
    element(
      "div",
      { class: "message-trouble" },
      element("span", { class: "message-trouble-text", role: "alert", text: () => actions.explain(outgoing.error) }),
      element(
        "button",
        { type: "button", class: "link-button", testid: "retry-button", on: { click: actions.retry } },
        icon("retry"),
        element("span", { text: () => t("message.retry") }),
      ),
      element(
        "button",
        { type: "button", class: "link-button quiet", testid: "discard-button", on: { click: actions.discard } },
        element("span", { text: () => t("message.discard") }),
      ),
    ),
  );
}

/** @param {HTMLElement} node @param {Outgoing["status"]} status @param {import("../text/strings.js").Key} [label] what else it says than the status */
function mark(node, status, label = `message.${status}`) {
  const meta = node.querySelector(".message-meta");
  if (!meta) return;
  meta.querySelector(".message-state")?.remove();
  const symbol = {
    pending: /** @type {const} */ ("clock"),
    sent: /** @type {const} */ ("check"),
    failed: /** @type {const} */ ("alert"),
  };
  const state = element("span", { class: `message-state message-state-${status}`, role: "img" }, icon(symbol[status]));
  bind(state, () => {
    state.title = t(label);
    state.setAttribute("aria-label", state.title);
  });
  meta.append(state);
}
