/** What a room's page shows, from what is known of the room: one function, without a document. */

/** @typedef {import("../../sdk/index.js").StateDetail} StateDetail */
/** @typedef {import("../../sdk/index.js").User} User */
/** @typedef {import("../text/length.js").ContentLimits} ContentLimits */
/** @typedef {import("../text/strings.js").Key} Key */
/** @typedef {{ code: number, name: string, message: string, rule?: string, at?: number, character?: string }} Reason why a room is closed */

/**
 * What is known of a room.
 *
 * @typedef {object} Known
 * @property {StateDetail} state as the SDK told it last
 * @property {number | null} retryAt when the next try is, by `performance.now`
 * @property {number | null} latency in ms, of this connection
 * @property {User[] | null} users as the page was told last; `null` in a room too large for a list
 * @property {number} count likewise
 * @property {number} here how many are here, as the connection has it now
 * @property {string} own our member's id
 * @property {(string | null)[]} typing who is writing; `null` for one whose name is not known
 * @property {ContentLimits} limits
 * @property {boolean} isBlank nothing has been said
 * @property {number} unread messages that came while nobody looked
 * @property {boolean} isAtBottom the reader sees the newest message
 * @property {boolean} choosesName rather than wait for a name that is kept for somebody
 */

/**
 * @typedef {"none" | "waiting" | "alone" | "together"} Emptiness
 * @typedef {{ words: Key, state: StateDetail["state"], offersName: boolean }} Notice a row above the log
 *
 * @typedef {object} ConnectionView
 * @property {StateDetail["state"]} state
 * @property {StateDetail["transport"]} transport
 * @property {StateDetail["why"]} why
 * @property {boolean} isUnusual there is a reason to read
 * @property {number | null} retryAt
 * @property {number | null} latency
 * @property {Notice | null} notice
 */

/**
 * What the page shows: a part for each widget.
 *
 * @typedef {object} RoomView
 * @property {ConnectionView} connection
 * @property {{ users: User[] | null, count: number, own: string }} members
 * @property {number} count
 * @property {(string | null)[]} typing
 * @property {ContentLimits} limits
 * @property {Emptiness} empty
 * @property {{ count: number, isShown: boolean }} newMessages
 * @property {number} unread
 * @property {{ kind: string, reason: Reason | null } | null} closed
 */

/** @returns {Known} before anything has come */
export function nothingKnown() {
  return {
    state: { state: "idle", attempt: 0, retryIn: null, error: null, transport: null, why: null },
    retryAt: null,
    latency: null,
    users: [],
    count: 0,
    here: 0,
    own: "",
    typing: [],
    limits: {},
    isBlank: true,
    unread: 0,
    isAtBottom: true,
    choosesName: false,
  };
}

/** @param {Known} known @returns {RoomView} */
export function roomView(known) {
  const { users, count, own, typing, limits, unread, isAtBottom } = known;
  return {
    connection: connectionView(known),
    members: { users, count, own },
    count,
    typing,
    limits,
    empty: emptiness(known),
    newMessages: { count: unread, isShown: !isAtBottom },
    unread,
    closed: closedView(known),
  };
}

/** @param {Known} known @returns {ConnectionView} */
function connectionView({ state: { state, error, transport, why }, retryAt, latency }) {
  const isConnected = state === "connected";
  const cause = state === "offline" ? "notice.offline" : causeOf(error, why);
  const isNamed = state === "waiting" && cause === "notice.name_kept";
  return {
    state,
    transport,
    why,
    isUnusual: isConnected && why !== null,
    retryAt: state === "waiting" ? retryAt : null,
    latency: isConnected ? latency : null,
    notice: state === "waiting" || state === "offline" ? { words: cause, state, offersName: isNamed } : null,
  };
}

/** @param {StateDetail["error"]} error @param {StateDetail["why"]} why @returns {Key} */
function causeOf(error, why) {
  if (error?.name === "name_taken") return "notice.name_kept";
  if (error?.code === 1012) return "notice.shutdown";
  if (why === "forced") return "notice.forced";
  return error?.code === 4003 || error?.code === 4004 || error?.code === 1013 ? "notice.server_full" : "notice.waiting";
}

/** @param {Known} known @returns {Emptiness} */
function emptiness({ state: { state }, isBlank, here }) {
  if (!isBlank || state === "closed") return "none";
  if (state !== "connected") return "waiting";
  return here <= 1 ? "alone" : "together";
}

/** Close codes that need no word of their own: see docs/reference/codes.md. @type {Record<number, string>} */
const KINDS = {
  4006: "name_kept",
  4501: "name_refused",
  4502: "name_taken",
  4503: "banned",
  4504: "room_full",
  4506: "session_replaced",
  4507: "room_refused",
};

/** @param {Known} known @returns {RoomView["closed"]} */
function closedView({ state: { state, error }, choosesName }) {
  if (choosesName) return { kind: "name_kept", reason: { code: 4006, name: "name_kept", message: "" } };
  if (state !== "closed") return null;
  if (error === null || error.code === 1000) return { kind: "left", reason: error };
  return { kind: KINDS[error.code] ?? "other", reason: error };
}
