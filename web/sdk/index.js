/** The hamhame SDK: see README.md beside this file. */
export { Room } from "./room.js";
export { TRANSPORTS } from "./ladder.js";
export { PROTOCOL } from "./wire.js";
export { closeCodes, errorCodes, mayReconnect } from "./codes.js";

/** @typedef {import("./room.js").RoomOptions} RoomOptions */
/** @typedef {import("./room.js").RoomDetails} RoomDetails */
/** @typedef {import("./room.js").Resumption} Resumption */
/** @typedef {import("./session.js").StateDetail} StateDetail */
/** @typedef {import("./ladder.js").Transport} Transport */
/** @typedef {import("./ladder.js").Why} Why */
/** @typedef {import("./ladder.js").Remembered} Remembered */
/** @typedef {import("./observe.js").Observed} Observed */
/** @typedef {import("./outbox.js").Outgoing} Outgoing */
/** @typedef {import("./outbox-store.js").Kept} Kept */
/** @typedef {import("./wire.js").LogEvent} LogEvent */
/** @typedef {import("./wire.js").User} User */
