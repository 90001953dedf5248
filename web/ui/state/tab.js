/**
 * What this tab alone remembers: the draft and the place in a room, and which transport worked. The place is the session and what was said
 * and has not arrived. It is taken out when it is read, and written back when the page goes: a duplicated tab copies the storage, and must
 * find neither the session nor anything to send in it.
 */

/** @typedef {{ name: string, resume: import("../../sdk/index.js").Resumption }} Place */

/** @param {string} key @returns {string | null} */
function read(key) {
  try {
    return sessionStorage.getItem(key);
  } catch {
    return null;
  }
}

/** @param {string} key @param {string | null} value */
function write(key, value) {
  try {
    if (value === null) sessionStorage.removeItem(key);
    else sessionStorage.setItem(key, value);
  } catch {
    // Without storage a reload joins anew.
  }
}

/** @param {string} room @returns {Place | null} */
export function takePlace(room) {
  const key = `hamhame.place.${room}`;
  const text = read(key);
  write(key, null);
  if (text === null) return null;
  try {
    const place = JSON.parse(text);
    return typeof place.name === "string" && typeof place.resume === "object" ? place : null;
  } catch {
    return null;
  }
}

/** @param {string} room @param {Place | null} place */
export function keepPlace(room, place) {
  write(`hamhame.place.${room}`, place === null ? null : JSON.stringify(place));
}

/** @returns {import("../../sdk/ladder.js").Remembered | null} */
export function recallTransport() {
  try {
    return JSON.parse(read("hamhame.transport") ?? "null");
  } catch {
    return null;
  }
}

/** @param {import("../../sdk/ladder.js").Remembered | null} remembered */
export function keepTransport(remembered) {
  write("hamhame.transport", remembered === null ? null : JSON.stringify(remembered));
}

/** @param {string} room @returns {string} */
export function recallDraft(room) {
  return read(`hamhame.draft.${room}`) ?? "";
}

/** @param {string} room @param {string} text */
export function keepDraft(room, text) {
  write(`hamhame.draft.${room}`, text === "" ? null : text);
}
