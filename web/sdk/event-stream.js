/** @typedef {{event: string, id: string | null, data: string}} StreamEvent */

/** Cuts the text of a stream into events, wherever its pieces end (HTML standard, "Interpreting an event stream"). */
export class EventStream {
  #rest = "";
  #event = "";
  /** @type {string | null} */
  #id = null;
  /** @type {string[]} */
  #data = [];

  /** @param {string} piece @returns {StreamEvent[]} those that are complete now */
  feed(piece) {
    this.#rest += piece;
    /** @type {StreamEvent[]} */
    const events = [];
    for (;;) {
      // A CR at the very end may be the half of a CR LF.
      const end = /\r\n|\n|\r(?!$)/.exec(this.#rest);
      if (end === null) return events;
      const line = this.#rest.slice(0, end.index);
      this.#rest = this.#rest.slice(end.index + end[0].length);
      if (line === "") this.#complete(events);
      else this.#take(line);
    }
  }

  /** @param {string} line */
  #take(line) {
    const colon = line.indexOf(":");
    const field = colon < 0 ? line : line.slice(0, colon);
    const value = colon < 0 ? "" : line.slice(colon + 1).replace(/^ /, "");
    if (field === "data") this.#data.push(value);
    else if (field === "event") this.#event = value;
    else if (field === "id") this.#id = value;
  }

  /** @param {StreamEvent[]} events */
  #complete(events) {
    if (this.#data.length > 0) events.push({ event: this.#event, id: this.#id, data: this.#data.join("\n") });
    this.#event = "";
    this.#id = null;
    this.#data = [];
  }
}
