/** The start page, and what stands before a room that was opened by its link: both ask for a name. */

import { adopt, bind, element, rich } from "../widgets/element.js";
import { icon } from "../widgets/icons.js";
import { NAME, ROOM, nameFault, suggestRoom, visible } from "../text/names.js";
import { preferences } from "../widgets/preferences.js";
import { forgetRoom, recall, recentRooms } from "../state/settings.js";
import { number, t } from "../text/strings.js";

/** @typedef {{ enter: (room: string, name: string) => void, home: () => void, language: (wanted: import("../text/strings.js").Language) => void }} Hooks */

/** What the form was when it came. It is kept, as the page may need another one later. @type {Element | null} */
let pattern = null;

/** To be called before anything else of this module. @param {Element} node what stands in the document @returns {Element} the same */
export function keepForm(node) {
  pattern = /** @type {Element} */ (node.cloneNode(true));
  for (const input of pattern.querySelectorAll("input")) input.value = "";
  return node;
}

/** @template {Element} E @param {Element} root @param {string} selector @returns {E} */
function find(root, selector) {
  return /** @type {E} */ (root.querySelector(selector));
}

/** A field of the form, by its id. @param {Element} root @param {string} id */
function field(root, id) {
  const input = find(root, `#${id}`);
  const error = find(root, `#${id}-error`);
  if (!(input instanceof HTMLInputElement) || !(error instanceof HTMLElement)) return null;
  // An empty field follows the page, and so does its placeholder.
  const direct = () => (input.value === "" ? input.removeAttribute("dir") : (input.dir = "auto"));
  input.addEventListener("input", () => {
    direct();
    fault(null);
  });
  input.addEventListener("change", () => tidy());
  /** Takes out what cannot be seen, and says so. It came along with a paste. */
  const tidy = () => {
    const shown = visible(input.value);
    if (shown === input.value) return;
    input.value = shown;
    fault(() => t("join.hidden"), false);
  };
  input.addEventListener("paste", () => setTimeout(tidy));
  /** @param {(() => string) | null} text @param {boolean} [wrong] it must be changed */
  const fault = (text, wrong = text !== null) => {
    error.hidden = text === null;
    error.textContent = text === null ? "" : text();
    input.toggleAttribute("aria-invalid", wrong);
    if (wrong) input.focus();
  };
  direct();
  return {
    input,
    fault,
    set: (/** @type {string} */ value) => {
      input.value = value;
      direct();
      fault(null);
    },
  };
}

/**
 * The form of the document goes on with what was typed into it, the first time; later ones are made like it.
 * @param {{ room?: string }} values the room that the link gives; without it, it is asked for @param {Hooks} hooks @param {Element | null} standing
 */
export function joinPage(values, hooks, standing) {
  const room = values.room ?? null;
  const node = standing ?? /** @type {Element} */ (pattern?.cloneNode(true));
  for (const part of node.querySelectorAll("[data-only]")) {
    if (part.getAttribute("data-only") !== (room === null ? "start" : "room")) part.remove();
    else part.removeAttribute("hidden");
  }
  find(node, ".prefs").replaceWith(preferences(hooks));
  adopt(node);
  const name = /** @type {NonNullable<ReturnType<typeof field>>} */ (field(node, "name"));
  const where = field(node, "room");
  if (name.input.value === "") name.set(recall("name") ?? "");
  name.input.enterKeyHint = room === null ? "next" : "go";
  if (room !== null) {
    const title = find(node, "h1");
    bind(title, () => title.replaceChildren(...rich("join.title_room", { room })));
  }

  /** @type {HTMLFormElement} */
  const form = find(node, "form");
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    const chosen = visible(name.input.value).trim();
    const wanted = room ?? visible(where?.input.value ?? "").trim();
    const nameIs = nameFault(chosen, NAME);
    const roomIs = nameFault(wanted, ROOM);
    if (roomIs) where?.fault(() => t(`join.room_${roomIs}`, { n: ROOM.graphemes }));
    if (nameIs) name.fault(() => t(`join.name_${nameIs}`, { n: NAME.graphemes }));
    if (!nameIs && (room !== null || !roomIs)) hooks.enter(wanted, chosen);
  });
  node.querySelector(".join-other")?.addEventListener("click", hooks.home);
  node.querySelector(".icon-button")?.addEventListener("click", () => where?.set(suggestRoom(Math.random, number)));
  const rooms = where === null ? null : recent(where.set, name.input);
  if (rooms !== null) find(node, "main").append(rooms);
  const first = name.input.value === "" || !where ? name.input : where.input;
  return {
    node,
    form,
    title: () => (room === null ? t("app.name") : t("room.title", { room })),
    focus: () => void (node.contains(document.activeElement) || first.focus()),
  };
}

/** @param {(room: string) => void} choose @param {HTMLInputElement} name */
function recent(choose, name) {
  const rooms = recentRooms();
  if (rooms.length === 0) return null;
  const section = element(
    "section",
    { class: "recent", "aria-labelledby": "recent-title", testid: "recent" },
    element("h2", { id: "recent-title", text: () => t("join.recent") }),
    element(
      "ul",
      {},
      ...rooms.map((room) => {
        const item = element(
          "li",
          {},
          element(
            "button",
            {
              type: "button",
              class: "recent-room",
              on: {
                click: () => {
                  choose(room);
                  if (name.value.trim() === "") name.focus();
                  else name.form?.requestSubmit();
                },
              },
            },
            element("bdi", { text: room }),
          ),
          element(
            "button",
            {
              type: "button",
              class: "recent-forget",
              title: () => t("join.forget"),
              "aria-label": () => `${t("join.forget")}: \u2068${room}\u2069`,
              on: {
                click: () => {
                  forgetRoom(room);
                  item.remove();
                  if (recentRooms().length === 0) section.remove();
                },
              },
            },
            icon("close"),
          ),
        );
        return item;
      }),
    ),
  );
  return section;
}
