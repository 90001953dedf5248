import { Alarm } from "./clock.js";

/** @typedef {import("./clock.js").Clock} Clock */

const REPEAT_MS = 3_000;
const FORGET_MS = 6_000;

/** Who is writing: what we tell of ourselves, seldom enough, and what we are told of others, no longer than it holds. */
export class Typing {
  #clock;
  #tell;
  #changed;
  #forget;
  /** When we last said that we are writing; `null` if the last word was that we are not. @type {number | null} */
  #toldAt = null;
  /** @type {string[]} */
  #members = [];

  /**
   * @param {Clock} clock
   * @param {(typing: boolean) => boolean} tell says it to the server; false if there is none
   * @param {(members: string[]) => void} changed
   */
  constructor(clock, tell, changed) {
    this.#clock = clock;
    this.#tell = tell;
    this.#changed = changed;
    this.#forget = new Alarm(clock);
  }

  /** @param {boolean} typing */
  say(typing) {
    if (!typing) {
      if (this.#toldAt !== null) this.#tell(false);
      this.#toldAt = null;
      return;
    }
    const now = this.#clock.now();
    if (this.#toldAt !== null && now - this.#toldAt < REPEAT_MS) return;
    if (this.#tell(true)) this.#toldAt = now;
  }

  /** @param {string[]} members the others who are writing now */
  hear(members) {
    this.#forget.stop();
    if (members.length > 0) this.#forget.set(FORGET_MS, () => this.hear([]));
    if (members.length === 0 && this.#members.length === 0) return;
    this.#members = members;
    this.#changed([...members]);
  }

  /** @param {string} member whose message came: it is written */
  finish(member) {
    if (this.#members.includes(member)) this.hear(this.#members.filter((other) => other !== member));
  }

  /** The connection is gone, and with it what we knew. */
  stop() {
    this.#toldAt = null;
    this.hear([]);
  }
}
