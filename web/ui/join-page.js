/** The start page, and the door of a room that was opened by its link. */

import { element, rich } from "./element.js";
import { icon, murmur } from "./icons.js";
import { NAME, ROOM, nameFault, suggestRoom, visible } from "./names.js";
import { preferences } from "./preferences.js";
import { forgetRoom, recall, recentRooms } from "./settings.js";
import { number, t } from "./strings.js";

/** @typedef {{ enter: (room: string, name: string) => void, home: () => void, language: (wanted: import("./strings.js").Language) => void }} Hooks */

/** @param {string} id @param {import("./element.js").Properties} properties @param {() => string} label @param {Node | null} [extra] */
function field(id, properties, label, extra = null) {
  const error = element("p", { class: "field-error", id: `${id}-error`, hidden: true });
  const input = element("input", { id, class: "input", dir: "auto", autocomplete: "off", "aria-describedby": `${id}-error`, ...properties });
  // An empty field follows the page, and so does its placeholder.
  const direct = () => (input.value === "" ? input.removeAttribute("dir") : (input.dir = "auto"));
  input.addEventListener("input", () => { direct(); fault(null); });
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
  const node = element("div", { class: "field" }, element("label", { for: id, text: label }), element("div", { class: "field-row" }, input, extra), error);
  return { node, input, fault, set: (/** @type {string} */ value) => { input.value = value; direct(); fault(null); } };
}

/** @param {string | null} room given by the link, or to be asked for @param {Hooks} hooks */
export function joinPage(room, hooks) {
  const name = field("name", { testid: "name-input", name: "nickname", autocomplete: "nickname", value: recall("name"), maxlength: "200",
    enterkeyhint: room === null ? "next" : "go", placeholder: () => t("join.name_placeholder") }, () => t("join.name"));
  const suggest = element("button", { type: "button", class: "icon-button", testid: "suggest-room",
    "aria-label": () => t("join.suggest"), title: () => t("join.suggest"), on: { click: () => where?.set(suggestRoom(Math.random, number)) } }, icon("dice"));
  const where = room !== null ? null
    : field("room", { testid: "room-input", enterkeyhint: "go", maxlength: "400", placeholder: () => t("join.room_placeholder") }, () => t("join.room"), suggest);

  /** @param {SubmitEvent} event */
  const submit = (event) => {
    event.preventDefault();
    const chosen = visible(name.input.value).trim();
    const wanted = room ?? visible(where?.input.value ?? "").trim();
    const nameIs = nameFault(chosen, NAME);
    const roomIs = nameFault(wanted, ROOM);
    if (roomIs) where?.fault(() => t(`join.room_${roomIs}`, { n: ROOM.graphemes }));
    if (nameIs) name.fault(() => t(`join.name_${nameIs}`, { n: NAME.graphemes }));
    if (!nameIs && (room !== null || !roomIs)) hooks.enter(wanted, chosen);
  };

  const title = room === null ? element("h1", { text: () => t("join.title") }) : element("h1", { children: () => rich("join.title_room", { room }) });
  const form = element("form", { class: "card join-card", novalidate: true, on: { submit } },
    title,
    element("p", { class: "lead", text: () => t(room === null ? "app.tagline" : "join.lead_room") }),
    name.node, where?.node,
    element("button", { type: "submit", class: "button button-large", testid: "join-button", text: () => t("join.submit") }),
    room === null ? element("p", { class: "hint", text: () => t("join.room_hint") })
      : element("button", { type: "button", class: "link-button join-other", text: () => t("join.other_room"), on: { click: hooks.home } }));

  const node = element("div", { class: "join" },
    element("header", { class: "join-head" }, brand(), preferences(hooks)),
    element("main", { class: "join-main" }, murmur(81, "join-murmur"), form, where === null ? null : recent(where.set, name.input)));
  return { node, focus: () => (name.input.value === "" || !where ? name.input : where.input).focus() };
}

export function brand() {
  return element("span", { class: "brand" }, icon("wave"), element("span", { text: () => t("app.name") }));
}

/** @param {(room: string) => void} choose @param {HTMLInputElement} name */
function recent(choose, name) {
  const rooms = recentRooms();
  if (rooms.length === 0) return null;
  const section = element("section", { class: "recent", "aria-labelledby": "recent-title", testid: "recent" },
    element("h2", { id: "recent-title", text: () => t("join.recent") }),
    element("ul", {}, ...rooms.map((room) => {
      const item = element("li", {},
        element("button", { type: "button", class: "recent-room", on: { click: () => {
          choose(room);
          if (name.value.trim() === "") name.focus();
          else name.form?.requestSubmit();
        } } }, element("bdi", { text: room })),
        element("button", { type: "button", class: "recent-forget", title: () => t("join.forget"), "aria-label": () => `${t("join.forget")}: \u2068${room}\u2069`,
          on: { click: () => {
            forgetRoom(room);
            item.remove();
            if (recentRooms().length === 0) section.remove();
          } } }, icon("close")));
      return item;
    })));
  return section;
}
