/** The other tabs of this browser: one that is in the room under the same name gives its place to one that asks for it. */

/** @typedef {import("./tab.js").Place} Place */

/** A tab in the background answers late. */
const ANSWER_MS = 3_000;

/** @param {string} room */
const channelOf = (room) => ("BroadcastChannel" in globalThis ? new BroadcastChannel(`hamhame.place.${room}`) : null);

/**
 * Answers those who ask for our place.
 * @param {string} room @param {string} name @param {() => Place | null} place @param {AbortSignal} signal ends it
 */
export function answerOtherTabs(room, name, place, signal) {
  const channel = channelOf(room);
  if (channel === null) return;
  channel.onmessage = ({ data }) => {
    const ours = data?.ask === name ? place() : null;
    if (ours !== null) channel.postMessage({ to: data.from, place: ours });
  };
  signal.addEventListener("abort", () => channel.close());
}

/**
 * Asks whether another tab is in the room under this name.
 * @param {string} room @param {string} name @param {(place: Place) => void} found
 */
export function askOtherTabs(room, name, found) {
  const channel = channelOf(room);
  if (channel === null) return;
  const from = Math.random().toString(36);
  setTimeout(() => channel.close(), ANSWER_MS);
  channel.onmessage = ({ data }) => {
    if (data?.to !== from) return;
    channel.close();
    found(data.place);
  };
  channel.postMessage({ ask: name, from });
}
