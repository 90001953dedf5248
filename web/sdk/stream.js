import { Alarm } from "./clock.js";
import { EventStream } from "./event-stream.js";
import { newStop } from "./request.js";
import { parseMessage, parsePosition } from "./wire.js";

/** @typedef {import("./http.js").Reading} Reading */
/** @typedef {import("./request.js").Fault} Fault */

/** The first event says where reading starts and comes at once; something that holds it back will hold back the others. */
const FIRST_MS = 4_000;
/** A stream that ended sooner did not work. */
const HELD_MS = 3_000;
const SHORT_ONES = 2;
/** Heartbeats of the server that may stay away. */
const SILENCE = 2.5;
const LEAST_SILENCE_MS = 5_000;

/** Reads a stream of events (Server-Sent Events), which is opened again from the last event when it is cut. */
export class Stream {
  #reading;
  #watch;
  /** @type {import("./request.js").Stop | null} */
  #stop = null;
  #hasWorked = false;
  #begunAt = 0;
  /** Streams in a row that ended soon. */
  #short = 0;

  /** @param {Reading} reading */
  constructor(reading) {
    this.#reading = reading;
    this.#watch = new Alarm(reading.clock);
    void this.#open();
  }

  /** Opens another one: whether the one that is there still lives cannot be asked. */
  refresh() {
    void this.#open();
  }

  stop() {
    const stop = this.#stop;
    this.#stop = null;
    this.#watch.stop();
    stop?.abort();
  }

  async #open() {
    this.stop();
    const stop = (this.#stop = newStop());
    const { requests, place, clock } = this.#reading;
    this.#begunAt = 0;
    this.#watch.set(FIRST_MS, () => this.#unfit("stream_buffered"));
    try {
      const query = { after: place.after, states: place.states };
      const reader = await requests.stream("/events", { query, ms: FIRST_MS + 1_000, stop });
      // What a stream tells of the states is not told with a version to go on from.
      place.states = "0";
      const events = new EventStream();
      const decoder = new /** @type {any} */ (globalThis).TextDecoder();
      for (;;) {
        const { done, value } = await reader.read();
        if (this.#stop !== stop) return;
        if (done) break;
        this.#reading.onAlive();
        if (this.#begunAt !== 0) this.#watchSilence();
        for (const event of events.feed(decoder.decode(value, { stream: true }))) {
          this.#take(event);
          if (this.#stop !== stop) return;
        }
      }
    } catch (error) {
      if (this.#stop === stop) this.#failed(/** @type {Fault} */ (error));
      return;
    }
    this.#cut(clock.now());
  }

  /** @param {Fault | Error} error */
  #failed(error) {
    const kind = "kind" in error ? error.kind : null;
    // A stream that breaks off while it is read is an ordinary end of it.
    if (kind === null && this.#begunAt !== 0) this.#cut(this.#reading.clock.now());
    else if (kind === "problem" || (kind === "unreachable" && this.#hasWorked))
      this.#reading.onFault(/** @type {Fault} */ (error));
    else this.#unfit(kind === "late" ? "stream_buffered" : "stream_refused");
  }

  /** @param {number} now */
  #cut(now) {
    const held = this.#begunAt !== 0 && now - this.#begunAt >= HELD_MS;
    this.#short = held ? 0 : this.#short + 1;
    if (this.#short > SHORT_ONES) this.#unfit("stream_refused");
    else void this.#open();
  }

  /** @param {import("./ladder.js").Why} why */
  #unfit(why) {
    this.stop();
    this.#reading.onUnfit(why);
  }

  /** Silence is no proof that streams do not work; the first event of the next one is. */
  #watchSilence() {
    const ms = Math.max(LEAST_SILENCE_MS, this.#reading.heartbeat * SILENCE * 1_000);
    this.#watch.set(ms, () => void this.#open());
  }

  /** @param {import("./event-stream.js").StreamEvent} event */
  #take({ event, id, data }) {
    const { place, tell, requests, onClose } = this.#reading;
    if (id !== null && parsePosition(id) !== null) place.after = id;
    if (event === "position") this.#begin(data);
    else if (event === "probe") requests.ask("POST", "/sessions/current").catch(() => {});
    else if (event === "close") onClose(codeOf(data), "");
    else {
      const message = parseMessage(data);
      if (message === null) return;
      tell(message);
      if (message.type === "shutdown") onClose(1012, "service_restart");
    }
  }

  /** @param {string} data */
  #begin(data) {
    const { place, tell, onWorks, clock } = this.#reading;
    this.#begunAt = clock.now();
    this.#watchSilence();
    if (/"recovered":\s*false/.test(data)) tell({ type: "gap", missed: 0, position: place.after });
    if (!this.#hasWorked) {
      this.#hasWorked = true;
      onWorks();
    }
  }
}

/** @param {string} data @returns {number} a close code */
function codeOf(data) {
  try {
    const { code } = JSON.parse(data);
    return Number.isInteger(code) ? code : 1005;
  } catch {
    return 1005;
  }
}
