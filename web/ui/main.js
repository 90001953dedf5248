/** Starts the page and turns it: from the start page into a room and back, as the address says. */

import { forgetCalendar } from "./state/calendar.js";
import { refresh } from "./widgets/element.js";
import { closeLayer, layerPopped } from "./widgets/layers.js";
import { joinPage, keepForm } from "./pages/join.js";
import { keepShell, watchNetwork } from "./state/offline.js";
import { RoomPage } from "./pages/room.js";
import { pathTo, roomOf } from "./state/address.js";
import { remember, rememberRoom } from "./state/settings.js";
import { setLanguage, t } from "./text/strings.js";
import { keepPlace, takePlace } from "./state/tab.js";
import { followDevice } from "./state/theme.js";

/** @typedef {import("./text/strings.js").Language} Language */

const app = /** @type {HTMLElement} */ (document.getElementById("app"));
/** @type {RoomPage | null} */
let room = null;
/** A place that nobody has come back to yet: it is for who enters that room under that name. @type {{ room: string, place: import("./state/tab.js").Place } | null} */
let left = null;
/** Back led out of the room, and we are on our way in again to ask whether that was meant. */
let asking = false;

/** @param {Language} wanted */
function changeLanguage(wanted) {
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
  if (room) room.translated();
  else titleOfDoor();
}

function titleOfDoor() {
  const name = roomOf(location.pathname);
  document.title = name === null ? t("app.name") : t("room.title", { room: name });
}

/** @param {string} path */
function goTo(path, state = {}) {
  // `?lang=` of this visit goes along.
  history.pushState(state, "", path + location.search);
}

/** @param {Element | null} [standing] the form that came with the document */
function showDoor(standing = null) {
  room?.stop();
  room = null;
  const door = joinPage(roomOf(location.pathname), { enter, home, language: changeLanguage }, standing);
  if (door.node !== app.firstElementChild) app.replaceChildren(door.node);
  titleOfDoor();
  door.focus();
  return door;
}

async function home() {
  await closeLayer();
  left = null;
  goTo("/");
  showDoor();
}

/** Out of the room, to where Back led. Who comes back within the grace period has never been away. */
function stepOut() {
  const place = room?.stepOut() ?? null;
  left = room && place && { room: room.name, place };
  room = null;
  history.back();
}

/** @param {string} name @param {string} nickname @returns {import("./state/tab.js").Place["resume"] | null} */
function placeOf(name, nickname) {
  const place = left?.room === name && left.place.name === nickname ? left.place : null;
  left = null;
  return place?.resume ?? null;
}

/** @param {string} name @param {string} nickname */
function enter(name, nickname) {
  remember("name", nickname);
  goTo(pathTo(name), { joined: true });
  showRoom(name, nickname, placeOf(name, nickname));
}

/** @param {string} name @param {string} nickname @param {import("./state/tab.js").Place["resume"] | null} resume */
function showRoom(name, nickname, resume) {
  rememberRoom(name);
  room?.stop();
  room = new RoomPage(name, nickname, resume, {
    home,
    leave: home,
    stepOut,
    language: changeLanguage,
    renamed: (chosen) => remember("name", chosen),
  });
  app.replaceChildren(room.node);
  room.focus();
}

/** Turns from the document as it came to what its address says. */
function start() {
  const standing = keepForm(/** @type {Element} */ (app.firstElementChild));
  setLanguage(document.documentElement.lang === "en" ? "en" : "fa");
  followDevice();
  // An entry without a state is a link within the page.
  if (history.state === null) history.replaceState({}, "");
  const name = roomOf(location.pathname);
  const place = name === null ? null : takePlace(name);
  // A reload inside a room goes on where it was.
  if (name !== null && place !== null && history.state?.joined) return showRoom(name, place.name, place.resume);
  const door = showDoor(standing);
  // The address was entered anew, or a reload failed: then the browser's page about that has forgotten that we were inside.
  if (name !== null && place !== null) left = { room: name, place };
  // Sent before this script was there; what waited in the place goes along.
  if ("early" in document.documentElement.dataset) door.form.requestSubmit();
}

/** The browser went through its history. */
function travelled() {
  if (layerPopped()) return;
  const name = roomOf(location.pathname);
  if (room === null || room.isOver) return arrive(name);
  if (name === room.name) {
    // A link within the page (`#x`) is no way out of the room.
    if (history.state === null) history.replaceState({ joined: true }, "");
    if (history.state.joined) {
      if (asking) room.askToLeave();
      asking = false;
      return;
    }
  }
  asking = true;
  history.forward();
}

/** @param {string | null} name */
function arrive(name) {
  if (name === null || !history.state?.joined || left?.room !== name) {
    showDoor();
    return;
  }
  const { place } = left;
  left = null;
  showRoom(name, place.name, place.resume);
}

addEventListener("popstate", travelled);
addEventListener("pagehide", () => left && keepPlace(left.room, left.place));
addEventListener("pageshow", ({ persisted }) => persisted && left && keepPlace(left.room, null));
start();
delete document.documentElement.dataset.wait;
keepShell(app.dataset.worker);
watchNetwork(document.documentElement);
