/** Who is here. */

import { avatar, colourMembers } from "./avatar.js";
import { bind, element, isolate } from "./element.js";
import { searchKey } from "../text/search-key.js";
import { number, t } from "../text/strings.js";

/** @typedef {{ member: string, client_id: string }} User */

/** From this many on, a field to find one. */
const FILTER_FROM = 12;

export class Members {
  /** @type {User[] | null} */
  #users = [];
  #count = 0;
  #own = "";
  /** @type {Map<string, HTMLElement>} */
  #rows = new Map();
  #list = element("ul", {
    class: "members-list",
    testid: "members",
    tabindex: "0",
    "aria-label": () => t("room.members"),
  });
  #note = element("p", { class: "members-note", hidden: true });
  #counts = element("span", { class: "muted", testid: "member-count" });
  #filter = element("input", {
    type: "search",
    class: "input input-small",
    hidden: true,
    autocomplete: "off",
    spellcheck: "false",
    "aria-label": () => t("room.filter"),
    placeholder: () => t("room.filter"),
    on: { input: () => this.#find() },
  });

  constructor() {
    bind(this.#counts, () => {
      this.#counts.textContent = this.#count > 0 ? number(this.#count) : "";
    });
    bind(this.#note, () => this.#explain());
    this.node = element(
      "section",
      { class: "members", "aria-label": () => t("room.members") },
      element("div", { class: "members-head" }, element("h2", { text: () => t("room.members") }), this.#counts),
      this.#filter,
      this.#list,
      this.#note,
    );
  }

  /** @param {import("../state/room-view.js").RoomView["members"]} view */
  show({ users, count, own }) {
    this.#users = users;
    colourMembers((users ?? []).map((user) => user.client_id));
    this.#count = count;
    this.#own = own;
    this.#counts.textContent = count > 0 ? number(count) : "";
    this.#draw(users ?? []);
    this.#filter.hidden = (users?.length ?? 0) < FILTER_FROM;
    if (this.#filter.hidden) this.#filter.value = "";
    this.#find();
  }

  /** Keeps the rows that are right, so that a crowd coming and going costs what has changed. @param {User[]} users */
  #draw(users) {
    const wanted = new Map(users.map((user) => [user.member, user]));
    for (const [member, row] of this.#rows) {
      if (wanted.has(member)) continue;
      row.remove();
      this.#rows.delete(member);
    }
    // Oneself first, then in order of coming.
    const order = [...users].sort((a, b) => Number(b.member === this.#own) - Number(a.member === this.#own));
    order.forEach((user, index) => {
      let row = this.#rows.get(user.member);
      const isOwn = String(user.member === this.#own);
      if (row?.dataset.own !== isOwn || row.dataset.name !== user.client_id) {
        row?.remove();
        row = this.#row(user);
        this.#rows.set(user.member, row);
      }
      const there = this.#list.children[index] ?? null;
      if (there !== row) this.#list.insertBefore(row, there);
    });
  }

  /** @param {User} user */
  #row({ member, client_id: name }) {
    const own = member === this.#own;
    const label = element("span", { class: "name member-name", title: name }, isolate(name));
    return element(
      "li",
      { class: "member", testid: "member", "data-own": String(own), "data-name": name },
      avatar(name),
      label,
      own ? element("span", { class: "chip", text: () => t("room.you") }) : null,
    );
  }

  #find() {
    const wanted = searchKey(this.#filter.value);
    let found = 0;
    for (const row of this.#rows.values()) {
      row.hidden = wanted !== "" && !searchKey(row.dataset.name ?? "").includes(wanted);
      if (!row.hidden) found += 1;
    }
    this.#none = found === 0 && wanted !== "";
    this.#explain();
  }

  #none = false;

  #explain() {
    this.#note.hidden = this.#users !== null && !this.#none;
    this.#note.textContent = this.#users === null ? t("room.too_many") : t("room.filter_none");
  }
}
