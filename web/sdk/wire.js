/**
 * What goes over the wire, `hamhame.v1` (docs/reference/protocol.md). What a server sends is not trusted: a message of
 * an unknown type or another shape is as if it had not come.
 *
 * @typedef {{member: string, client_id: string}} User
 *
 * @typedef {object} Limits `null` where the server sets none
 * @property {number | null} [content_graphemes]
 * @property {number | null} [content_bytes]
 * @property {number | null} [message_bytes]
 * @property {number | null} [burst] messages that may be sent at once
 * @property {number | null} [rate] messages per second
 *
 * @typedef {object} Welcome
 * @property {"welcome"} type
 * @property {string} room_id
 * @property {string} client_id
 * @property {string} session
 * @property {string} token
 * @property {string} member
 * @property {string} position
 * @property {boolean} [recovered]
 * @property {User[]} [users]
 * @property {number} count
 * @property {number} version
 * @property {Limits} limits
 * @property {number} heartbeat seconds
 * @property {string} timestamp
 *
 * @typedef {object} ChatMessage
 * @property {"message"} type
 * @property {string} room_id
 * @property {string} client_id
 * @property {string} content
 * @property {string} timestamp
 * @property {string} member
 * @property {string} [id]
 * @property {number} offset
 *
 * @typedef {object} SystemEvent
 * @property {"system"} type
 * @property {string} room_id
 * @property {string} client_id always `system`
 * @property {string} content
 * @property {string} timestamp
 * @property {string} [event] `join`, `leave`, or one of a later version
 * @property {string} [member]
 * @property {string} [name]
 * @property {number} offset
 *
 * @typedef {ChatMessage | SystemEvent} LogEvent
 *
 * @typedef {{type: "ack", id: string, offset: number}} Ack
 *
 * @typedef {object} Refusal
 * @property {"error"} type
 * @property {string} code
 * @property {string} message
 * @property {boolean} temporary
 * @property {number} [retry_after] seconds
 * @property {string} [id]
 * @property {string} [rule] of a name: see `rule.js`
 * @property {number} [at]
 * @property {string} [character]
 *
 * @typedef {object} PresenceMessage a snapshot, a difference, or a count alone
 * @property {"presence"} type
 * @property {User[]} [users]
 * @property {User[]} [joined]
 * @property {string[]} [left]
 * @property {number} [base]
 * @property {number} version
 * @property {number} count
 *
 * @typedef {{type: "typing", members: string[]}} Typing
 * @typedef {{type: "heartbeat", position: string}} Heartbeat
 * @typedef {{type: "gap", missed: number, position: string}} Gap
 * @typedef {{type: "shutdown", retry_after: number}} Shutdown
 *
 * @typedef {Welcome | LogEvent | Ack | Refusal | PresenceMessage | Typing | Heartbeat | Gap | Shutdown} ServerMessage
 *
 * @typedef {{epoch: string, offset: number}} Position
 */

export const PROTOCOL = "hamhame.v1";

/**
 * @param {string} text
 * @returns {Position | null} `null` if it is none
 */
export function parsePosition(text) {
  const colon = text.lastIndexOf(":");
  const digits = text.slice(colon + 1);
  if (colon < 1 || !/^(0|[1-9]\d{0,14})$/.test(digits)) return null;
  return { epoch: text.slice(0, colon), offset: Number(digits) };
}

/** @param {Position} position */
export function formatPosition({ epoch, offset }) {
  return `${epoch}:${offset}`;
}

/** @typedef {(value: any) => boolean} Check */

/** @type {Check} */
const text = (value) => typeof value === "string";
/** @type {Check} */
const flag = (value) => typeof value === "boolean";
/** @type {Check} */
const number = (value) => typeof value === "number" && value >= 0;
/** @type {Check} */
const whole = (value) => Number.isSafeInteger(value) && value >= 0;
/** @type {Check} */
const object = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
/** @type {Check} */
const position = (value) => text(value) && parsePosition(value) !== null;
/** @type {Check} */
const user = (value) => object(value) && text(value.member) && text(value.client_id);
/** @param {Check} check @returns {Check} */
const listOf = (check) => (value) => Array.isArray(value) && value.every(check);
/** @param {Check} check @returns {Check} */
const maybe = (check) => (value) => value === undefined || check(value);

/** @type {Check} */
const limits = (value) =>
  object(value) &&
  ["content_graphemes", "content_bytes", "message_bytes", "burst", "rate"].every(
    (key) => value[key] == null || number(value[key]),
  );

/** @type {Record<string, Check>} */
const common = { room_id: text, client_id: text, content: text, timestamp: text, offset: whole };

/** What a message of each type must have; more is allowed. @type {Map<string, Record<string, Check>>} */
const shapes = new Map(
  Object.entries(
    /** @type {Record<string, Record<string, Check>>} */ ({
      welcome: {
        room_id: text,
        client_id: text,
        session: text,
        token: text,
        member: text,
        position,
        recovered: maybe(flag),
        users: maybe(listOf(user)),
        count: whole,
        version: whole,
        limits,
        heartbeat: number,
      },
      message: { ...common, member: text, id: maybe(text) },
      system: { ...common, event: maybe(text), member: maybe(text), name: maybe(text) },
      ack: { id: text, offset: whole },
      error: { code: text, message: text, temporary: flag, retry_after: maybe(number), id: maybe(text) },
      presence: {
        users: maybe(listOf(user)),
        joined: maybe(listOf(user)),
        left: maybe(listOf(text)),
        base: maybe(whole),
        version: whole,
        count: whole,
      },
      typing: { members: listOf(text) },
      heartbeat: { position },
      gap: { missed: whole, position },
      shutdown: { retry_after: number },
    }),
  ),
);

/**
 * @param {unknown} data what a socket brought
 * @returns {ServerMessage | null} `null` if it is nothing that this version knows
 */
export function parseMessage(data) {
  if (typeof data !== "string") return null;
  let message;
  try {
    message = JSON.parse(data);
  } catch {
    return null;
  }
  return readMessage(message);
}

/**
 * @param {any} message what came as JSON
 * @returns {ServerMessage | null}
 */
export function readMessage(message) {
  if (!object(message)) return null;
  const shape = shapes.get(message.type);
  if (shape === undefined) return null;
  return Object.entries(shape).every(([key, check]) => check(message[key])) ? message : null;
}

/**
 * Text as UTF-8 can hold it: half a surrogate pair becomes U+FFFD. In JSON it would be an escape that a strict server
 * refuses, in a URL an exception.
 *
 * @param {string} value
 */
export function wellFormed(value) {
  return value.replace(/\p{Surrogate}/gu, "\uFFFD");
}

/**
 * The length of well-formed text in UTF-8.
 *
 * @param {string} value
 * @returns {number} bytes
 */
export function utf8Length(value) {
  let bytes = 0;
  for (let i = 0; i < value.length; i += 1) {
    const unit = value.charCodeAt(i);
    // Each half of a surrogate pair counts two of its four bytes.
    bytes += unit < 0x80 ? 1 : unit < 0x800 || (unit >= 0xd800 && unit < 0xe000) ? 2 : 3;
  }
  return bytes;
}
