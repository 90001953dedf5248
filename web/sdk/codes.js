// Written from crates/core/src/codes.rs by its tests. Change it there.

/** @typedef {{ name: string, reconnect: boolean, meaning: string }} CloseCode */
/** @typedef {{ temporary: boolean, close: number | null, message: string }} ErrorCode */

/**
 * Why a connection was closed, by the number in the close frame.
 * @type {Readonly<Record<number, CloseCode>>}
 */
export const closeCodes = Object.freeze({
  1000: { name: "normal", reconnect: false, meaning: "The connection has done its work; a client leaves for good with it." },
  1001: { name: "going_away", reconnect: true, meaning: "The other side goes away: a page is closed, a server stops." },
  1002: { name: "protocol_error", reconnect: false, meaning: "A frame broke the WebSocket protocol." },
  1003: { name: "unsupported_data", reconnect: false, meaning: "A binary message where only text is understood." },
  1005: { name: "no_status", reconnect: true, meaning: "The connection was closed without a code." },
  1006: { name: "abnormal", reconnect: true, meaning: "The connection was lost without a close." },
  1007: { name: "invalid_payload", reconnect: false, meaning: "A text message was not UTF-8." },
  1009: { name: "message_too_big", reconnect: false, meaning: "A message was larger than the server takes." },
  1011: { name: "internal_error", reconnect: true, meaning: "The server failed; the fault is not the client's." },
  1012: { name: "service_restart", reconnect: true, meaning: "The server restarts; come back when the shutdown message said." },
  1013: { name: "try_again_later", reconnect: true, meaning: "The server is overloaded for the moment." },
  4000: { name: "slow", reconnect: true, meaning: "The client did not read what it was sent for too long." },
  4001: { name: "no_pong", reconnect: true, meaning: "Nothing came from the client, not even a pong." },
  4002: { name: "lease_expired", reconnect: true, meaning: "The member's place in the room ran out; joining again takes a new one." },
  4003: { name: "too_many_requests", reconnect: true, meaning: "Too many connections or messages from there; come back later." },
  4004: { name: "server_full", reconnect: true, meaning: "The server has as many rooms or connections as it may." },
  4005: { name: "join_timeout", reconnect: true, meaning: "No join came within the handshake deadline." },
  4006: { name: "name_kept", reconnect: true, meaning: "The name is kept for a member whose connection is lost; come back when the error said." },
  4007: { name: "message_timeout", reconnect: true, meaning: "A message did not arrive whole in the time that it may take." },
  4500: { name: "bad_request", reconnect: false, meaning: "The request itself is wrong and would be wrong again." },
  4501: { name: "name_refused", reconnect: false, meaning: "The name is not one that may be used; choose another." },
  4502: { name: "name_taken", reconnect: false, meaning: "Someone who is present has the name; choose another." },
  4503: { name: "banned", reconnect: false, meaning: "The client may not enter." },
  4504: { name: "room_full", reconnect: false, meaning: "The room has as many members as it may." },
  4505: { name: "too_large", reconnect: false, meaning: "What was sent is larger than the server takes in any form." },
  4506: { name: "session_replaced", reconnect: false, meaning: "The same session has joined by a newer connection." },
  4507: { name: "room_refused", reconnect: false, meaning: "The room's name is not one that may be used." },
});

/**
 * Why something was refused, by `code` of the `error` message.
 * @type {Readonly<Record<string, ErrorCode>>}
 */
export const errorCodes = Object.freeze({
  invalid_json: { temporary: false, close: null, message: "The message is not valid JSON." },
  unknown_type: { temporary: false, close: null, message: "The message has a type that the server does not know." },
  bad_request: { temporary: false, close: null, message: "The message lacks a member, or a member is of the wrong kind." },
  not_joined: { temporary: false, close: null, message: "Join first: nothing else can be done before." },
  already_joined: { temporary: false, close: null, message: "This connection has joined already." },
  rate_limited: { temporary: true, close: null, message: "Too many messages; wait for retry_after seconds." },
  too_long: { temporary: false, close: null, message: "The content is too long." },
  empty: { temporary: false, close: null, message: "The content is empty." },
  name_refused: { temporary: false, close: 4501, message: "The name may not be used; choose another." },
  name_taken: { temporary: false, close: 4502, message: "The name is taken by someone who is present." },
  room_refused: { temporary: false, close: 4507, message: "The room's name may not be used." },
  room_full: { temporary: false, close: 4504, message: "The room is full." },
  server_full: { temporary: true, close: 4004, message: "The server is full; come back later." },
  too_many_connections: { temporary: true, close: 4003, message: "Too many connections from this address; come back later." },
  unsupported_data: { temporary: false, close: null, message: "The message is binary; here messages are JSON text." },
  internal: { temporary: true, close: null, message: "The server failed; the fault is not yours. Try again." },
  unavailable: { temporary: true, close: null, message: "The room cannot be reached for now; try again." },
  not_found: { temporary: false, close: null, message: "There is no such resource." },
  method_not_allowed: { temporary: false, close: null, message: "The resource does not know this method." },
  request_timeout: { temporary: true, close: null, message: "The request did not arrive in time." },
  too_large: { temporary: false, close: null, message: "The request is larger than the server takes." },
  unsupported_media_type: { temporary: false, close: null, message: "The body must be JSON, and say so in Content-Type." },
  session_replaced: { temporary: false, close: 4506, message: "The session goes on by another connection." },
  shutting_down: { temporary: true, close: 1012, message: "The server is about to go; come back after retry_after seconds." },
});

/**
 * Whether to come back after a close code, in the table or not.
 * @param {number} code
 * @returns {boolean}
 */
export function mayReconnect(code) {
  const known = closeCodes[code];
  if (known) return known.reconnect;
  return code === 1014 || code === 1015 || (code >= 4000 && code <= 4499);
}
