/** Ties an SDK room to the page: what the browser knows of itself, and the place kept for a reload, with what has not arrived. */

import { Room } from "../../sdk/index.js";
import { answerOtherTabs } from "./other-tabs.js";
import { transportOf } from "./address.js";
import { keepPlace, keepTransport, recallTransport } from "./tab.js";

/** @typedef {import("./tab.js").Place} Place */

/** Events that a reloaded page reads again, so that it does not come back empty. */
const READ_AGAIN = 200;
/** Events that a newcomer is shown of what was before. */
const HISTORY = 50;

/**
 * The position to read from after a reload: some events before the last one, but none from before this visitor came.
 * @param {string | null} first @param {string | null} last @returns {string | null}
 */
export function rereadFrom(first, last) {
  const [from, to] = [first, last].map((position) => /^(.+):(\d+)$/.exec(position ?? ""));
  if (!from || !to || from[1] !== to[1]) return last;
  return `${to[1]}:${Math.max(Number(from[2]), Number(to[2]) - READ_AGAIN)}`;
}

/** @param {string} room @param {string} name @param {Place["resume"] | null} resume @param {boolean} isBlank nothing of the room is shown yet */
export function openRoom(room, name, resume, isBlank) {
  const connection = new Room({
    server: location.origin,
    room,
    name,
    resume,
    transport: transportOf(location.search),
    remembered: recallTransport(),
    history: isBlank ? HISTORY : 0,
  });
  const life = new AbortController();
  // Where reading began in this life of the room's log.
  let first = resume?.position ?? null;
  connection.on("welcome", ({ position, recovered }) => {
    if (recovered !== true || first === null) first = position;
  });
  const { signal } = life;
  followNetwork(connection, signal);

  /** @returns {Place | null} what one needs to come back as the same member */
  const place = () => {
    const { resumption } = connection;
    if (!resumption || connection.state === "closed") return null;
    return { name, resume: { ...resumption, position: rereadFrom(first, resumption.position) } };
  };
  answerOtherTabs(
    room,
    name,
    () => {
      const kept = connection.state === "connected" ? place() : null;
      // What waits to be sent stays here.
      return kept && { name, resume: { ...kept.resume, outgoing: [] } };
    },
    signal,
  );
  const keep = () => {
    keepTransport(connection.remembered);
    const kept = place();
    if (kept) keepPlace(room, kept);
  };
  // What arrives after a hidden page was kept need not be sent by the next one.
  connection.on("outgoing", () => document.hidden && keep());
  followPage(connection, keep, () => keepPlace(room, null), signal);
  const end = (forGood = true) => {
    life.abort();
    keepPlace(room, null);
    keepTransport(connection.remembered);
    connection.leave({ forGood });
  };
  return {
    connection,
    end,
    /** Ends, and gives the place, which is kept during the grace period. */
    stepOut: () => {
      const kept = place();
      end(kept === null);
      return kept;
    },
  };
}

/** @param {Room} connection @param {AbortSignal} signal ends it */
function followNetwork(connection, signal) {
  connection.setOnline(navigator.onLine);
  addEventListener("online", () => connection.setOnline(true), { signal });
  addEventListener("offline", () => connection.setOnline(false), { signal });
}

/**
 * The page is shown, hidden, put aside and taken up again.
 * @param {Room} connection @param {() => void} keep writes the place down @param {() => void} forget takes it out @param {AbortSignal} signal ends it
 */
function followPage(connection, keep, forget, signal) {
  const look = () => connection.setVisible(!document.hidden);
  look();
  const turned = () => {
    // A phone may drop a hidden page without another word; a tab that is duplicated is a visible one.
    if (document.hidden) keep();
    else forget();
    look();
  };
  /** @param {PageTransitionEvent} event */
  const shown = (event) => {
    if (!event.persisted) return;
    // Back from the page cache: this page holds its session itself again, and its socket may be dead.
    forget();
    connection.setVisible(false);
    look();
  };
  document.addEventListener("visibilitychange", turned, { signal });
  addEventListener("pagehide", keep, { signal });
  addEventListener("pageshow", shown, { signal });
}
