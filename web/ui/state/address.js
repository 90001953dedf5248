/** Where the page is: `/` or `/r/{room}`, and what its address asks for. */

import { TRANSPORTS } from "../../sdk/index.js";

/** @param {string} pathname @returns {string | null} the room, or null for the start page */
export function roomOf(pathname) {
  const match = /^\/r\/([^/]+)\/?$/.exec(pathname);
  if (!match) return null;
  try {
    return decodeURIComponent(match[1]).trim() || null;
  } catch {
    return null; // A broken percent-encoding names no room.
  }
}

/** @param {string} room @returns {string} */
export function pathTo(room) {
  return `/r/${encodeURIComponent(room)}`;
}

/** The link to send to others: without this visitor's own query. @param {string} room @param {string} origin */
export function linkTo(room, origin) {
  return origin + pathTo(room);
}

/** The only transport to use, if the address names one (`?transport=sse`). @param {string} search */
export function transportOf(search) {
  const wanted = new URLSearchParams(search).get("transport");
  return TRANSPORTS.find((transport) => transport === wanted) ?? null;
}
