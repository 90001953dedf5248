/** Ties an SDK room to the page: what the browser knows of itself, and the place kept for a reload. */

import { Room } from "../sdk/index.js";
import { keepPlace } from "./tab.js";

/** @typedef {import("./tab.js").Place} Place */

/** @param {string} room @param {string} name @param {Place["resume"] | null} resume */
export function openRoom(room, name, resume) {
  const connection = new Room({ server: location.origin, room, name, resume: resume ?? undefined });
  const life = new AbortController();
  const { signal } = life;
  connection.setOnline(navigator.onLine);
  connection.setVisible(!document.hidden);
  addEventListener("online", () => connection.setOnline(true), { signal });
  addEventListener("offline", () => connection.setOnline(false), { signal });
  document.addEventListener("visibilitychange", () => connection.setVisible(!document.hidden), { signal });
  addEventListener("pagehide", () => {
    const { resumption } = connection;
    if (resumption && connection.state !== "closed") keepPlace(room, { name, resume: resumption });
  }, { signal });
  addEventListener("pageshow", (event) => {
    if (!event.persisted) return;
    // Back from the page cache: this page holds its session itself again, and its socket may be dead.
    keepPlace(room, null);
    connection.setVisible(!document.hidden);
    connection.reconnectNow();
  }, { signal });
  return {
    connection,
    end: () => {
      life.abort();
      connection.leave();
    },
  };
}
