/** The hamhame SDK: see README.md beside this file. */
export { Room } from "./room.js";
export { TRANSPORTS } from "./ladder.js";
export { PROTOCOL } from "./wire.js";
export { closeCodes, errorCodes, mayReconnect } from "./codes.js";
