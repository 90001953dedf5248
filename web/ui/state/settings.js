/**
 * What this device remembers. Storage may be forbidden or full: then the page simply forgets.
 * The prefix and the keys `language`, `theme` and `text` are read by boot.js as well.
 */

const PREFIX = "hamhame.";
const RECENT_LIMIT = 6;

/** @typedef {"name" | "language" | "theme" | "calendar" | "side" | "text" | "recent"} Setting */

/** @param {Setting} key @returns {string | null} */
export function recall(key) {
  try {
    return localStorage.getItem(PREFIX + key);
  } catch {
    return null;
  }
}

/** @param {Setting} key @param {string | null} value */
export function remember(key, value) {
  try {
    if (value === null) localStorage.removeItem(PREFIX + key);
    else localStorage.setItem(PREFIX + key, value);
  } catch {
    // Forgetting is all that is lost.
  }
}

/** Rooms entered on this device, latest first. @returns {string[]} */
export function recentRooms() {
  try {
    const rooms = JSON.parse(recall("recent") ?? "[]");
    return Array.isArray(rooms) ? rooms.filter((room) => typeof room === "string").slice(0, RECENT_LIMIT) : [];
  } catch {
    return [];
  }
}

/** @param {string} room */
export function rememberRoom(room) {
  const rooms = [room, ...recentRooms().filter((known) => known !== room)];
  remember("recent", JSON.stringify(rooms.slice(0, RECENT_LIMIT)));
}

/** @param {string} room */
export function forgetRoom(room) {
  remember("recent", JSON.stringify(recentRooms().filter((known) => known !== room)));
}
