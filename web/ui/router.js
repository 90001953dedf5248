/** What stands in the document: from the start page into a room and back, as the address says. */

import { keepForm } from "./pages/join.js";
import { RoomPage } from "./pages/room.js";
import { routeOf } from "./routes.js";
import { pathTo, roomOf } from "./state/address.js";
import { forgetCalendar } from "./state/calendar.js";
import { remember, rememberRoom } from "./state/settings.js";
import { keepPlace, takePlace } from "./state/tab.js";
import { setLanguage } from "./text/strings.js";
import { refresh } from "./widgets/element.js";
import { closeLayer, layerPopped } from "./widgets/layers.js";

/** @typedef {import("./state/tab.js").Place} Place */
/** @typedef {import("./text/strings.js").Language} Language */

export class Router {
  #app;
  /** @type {RoomPage | null} */
  #room = null;
  /** Of the page that stands there, while that is no room. */
  #title = () => "";
  /** A place that nobody has come back to yet: it is for who enters that room under that name. @type {{ room: string, place: Place } | null} */
  #left = null;
  /** Back led out of the room, and we are on our way in again to ask whether that was meant. */
  #isAsking = false;

  /** @param {HTMLElement} app where pages stand */
  constructor(app) {
    this.#app = app;
  }

  /** Turns from the document as it came to what its address says. */
  start() {
    const standing = keepForm(/** @type {Element} */ (this.#app.firstElementChild));
    // An entry without a state is a link within the page.
    if (history.state === null) history.replaceState({}, "");
    const name = roomOf(location.pathname);
    const place = name === null ? null : takePlace(name);
    // A reload inside a room goes on where it was.
    if (name !== null && place !== null && history.state?.joined) return this.#showRoom(name, place.name, place.resume);
    const page = this.#showPage(standing);
    // The address was entered anew, or a reload failed: then the browser's page about that has forgotten that we were inside.
    if (name !== null && place !== null) this.#left = { room: name, place };
    // Sent before this script was there; what waited in the place goes along.
    if ("early" in document.documentElement.dataset) page.form?.requestSubmit();
  }

  /** The browser went through its history. */
  travelled() {
    if (layerPopped()) return;
    const name = roomOf(location.pathname);
    const room = this.#room;
    if (room === null || room.isOver) return this.#arrive(name);
    if (name === room.name) {
      // A link within the page (`#x`) is no way out of the room.
      if (history.state === null) history.replaceState({ joined: true }, "");
      if (history.state.joined) {
        if (this.#isAsking) room.askToLeave();
        this.#isAsking = false;
        return;
      }
    }
    this.#isAsking = true;
    history.forward();
  }

  /** The page goes, perhaps for good. */
  goes() {
    if (this.#left) keepPlace(this.#left.room, this.#left.place);
  }

  /** It had not gone: the browser kept it. */
  comesBack() {
    if (this.#left) keepPlace(this.#left.room, null);
  }

  /** The page of the address. @param {Element | null} [standing] the form that came with the document */
  #showPage(standing = null) {
    this.#room?.stop();
    this.#room = null;
    const { page, values } = routeOf(location.pathname);
    const hooks = {
      enter: this.#enter.bind(this),
      home: () => void this.#home(),
      language: this.#changeLanguage.bind(this),
    };
    const shown = page(values, hooks, standing);
    if (shown.node !== this.#app.firstElementChild) this.#app.replaceChildren(shown.node);
    this.#title = shown.title;
    document.title = shown.title();
    shown.focus();
    return shown;
  }

  /** @param {string} name @param {string} nickname @param {Place["resume"] | null} resume */
  #showRoom(name, nickname, resume) {
    rememberRoom(name);
    this.#room?.stop();
    this.#room = new RoomPage(name, nickname, resume, {
      home: () => void this.#home(),
      stepOut: () => this.#stepOut(),
      language: (wanted) => this.#changeLanguage(wanted),
      renamed: (chosen) => remember("name", chosen),
    });
    this.#app.replaceChildren(this.#room.node);
    this.#room.focus();
  }

  async #home() {
    await closeLayer();
    this.#left = null;
    this.#goTo("/");
    this.#showPage();
  }

  /** @param {string} name @param {string} nickname */
  #enter(name, nickname) {
    remember("name", nickname);
    this.#goTo(pathTo(name), { joined: true });
    this.#showRoom(name, nickname, this.#placeOf(name, nickname));
  }

  /** Out of the room, to where Back led. Who comes back within the grace period has never been away. */
  #stepOut() {
    const room = this.#room;
    const place = room?.stepOut() ?? null;
    this.#left = room && place && { room: room.name, place };
    this.#room = null;
    history.back();
  }

  /** @param {string} name @param {string} nickname @returns {Place["resume"] | null} */
  #placeOf(name, nickname) {
    const left = this.#left;
    this.#left = null;
    return left?.room === name && left.place.name === nickname ? left.place.resume : null;
  }

  /** @param {string | null} name */
  #arrive(name) {
    const left = this.#left;
    if (name === null || !history.state?.joined || left?.room !== name) {
      this.#showPage();
      return;
    }
    this.#left = null;
    this.#showRoom(name, left.place.name, left.place.resume);
  }

  /** @param {string} path */
  #goTo(path, state = {}) {
    // `?lang=` of this visit goes along.
    history.pushState(state, "", path + location.search);
  }

  /** @param {Language} wanted */
  #changeLanguage(wanted) {
    remember("language", wanted);
    const url = new URL(location.href);
    if (url.searchParams.has("lang")) {
      // The visitor's choice is younger than the link's.
      url.searchParams.delete("lang");
      history.replaceState(history.state, "", url);
    }
    document.documentElement.lang = wanted;
    document.documentElement.dir = wanted === "fa" ? "rtl" : "ltr";
    setLanguage(wanted);
    forgetCalendar();
    refresh(document);
    if (this.#room) this.#room.translated();
    else document.title = this.#title();
  }
}
