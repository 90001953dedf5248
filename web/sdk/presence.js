/** @typedef {import("./wire.js").User} User */

/** Who is in the room, as snapshots and differences tell it. */
export class Presence {
  /** By member, in order of joining; `null` in a room too large for a list. @type {Map<string, User> | null} */
  #users = new Map();
  #version = 0;
  count = 0;

  /** @returns {User[] | null} */
  get users() {
    return this.#users && [...this.#users.values()];
  }

  /**
   * What the welcome says.
   *
   * @param {{users?: User[], count: number, version: number}} snapshot
   */
  replace({ users, count, version }) {
    this.#users = users === undefined ? null : new Map(users.map((user) => [user.member, user]));
    this.#version = version;
    this.count = count;
  }

  /** @param {import("./wire.js").PresenceMessage} message */
  apply(message) {
    const { joined, left, base, version, count } = message;
    if (base === undefined && joined === undefined && left === undefined) {
      this.replace(message);
      return;
    }
    // A difference that the last snapshot already holds.
    if (version <= this.#version) return;
    this.count = count;
    if (base !== this.#version || this.#users === null) return;
    for (const member of left ?? []) this.#users.delete(member);
    for (const user of joined ?? []) this.#users.set(user.member, user);
    this.#version = version;
  }
}
