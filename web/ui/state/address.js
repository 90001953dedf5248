/** Where the page is: `/` or `/r/{room}`, and what its address asks for. */

import { TRANSPORTS } from "../../sdk/index.js";

/** Of the address of a room. */
const ROOM = "/r/{room}";

/**
 * @param {string} path as `/r/{room}`
 * @param {string} pathname of an address
 * @returns {Record<string, string> | null} what stands in the place of each name; `null` if the address is another
 */
export function match(path, pathname) {
  const wanted = path.split("/");
  const given = (pathname.length > 1 ? pathname.replace(/\/$/, "") : pathname).split("/");
  if (wanted.length !== given.length) return null;
  /** @type {Record<string, string>} */
  const values = {};
  for (const [index, part] of wanted.entries()) {
    const name = /^\{(\w+)\}$/.exec(part)?.[1];
    if (name === undefined) {
      if (part !== given[index]) return null;
      continue;
    }
    const value = decoded(given[index]);
    if (value === "") return null;
    values[name] = value;
  }
  return values;
}

/** @param {string} part */
function decoded(part) {
  try {
    return decodeURIComponent(part).trim();
  } catch {
    return ""; // A broken percent-encoding names nothing.
  }
}

/** @param {string} pathname @returns {string | null} the room, or null for another page */
export function roomOf(pathname) {
  return match(ROOM, pathname)?.room ?? null;
}

/** @param {string} room @returns {string} */
export function pathTo(room) {
  return ROOM.replace("{room}", encodeURIComponent(room));
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
