// A real NATS with JetStream, alone or as a cluster.
import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { Engine, freePort, until } from "./engine.js";

const PROGRAM = process.env.TEST_NATS ?? "nats-server";

export class Nats extends Engine {
  /** Whether there is such a server for this system. */
  static get isThere() {
    return !spawnSync(PROGRAM, ["--version"]).error;
  }

  /** One server. */
  static alone() {
    return Nats.#of([[]]);
  }

  /** Three that know each other; each room is on all of them. */
  static async several() {
    const ways = [];
    for (let n = 0; n < 3; n += 1) ways.push(`nats://127.0.0.1:${await freePort()}`);
    return Nats.#of(
      ways.map((way, n) => ["--name", `n${n}`, "--cluster_name", "test", "--cluster", way, "--routes", ways.join()]),
    );
  }

  /** A server with each of these options. */
  static async #of(optionsOfEach) {
    const nats = await Nats.make();
    const addresses = [];
    for (const options of optionsOfEach) {
      const port = await freePort();
      nats.spawn(PROGRAM, ["-a", "127.0.0.1", "-p", port, "-js", "-sd", join(nats.folder, `${port}`), ...options]);
      await until(port, "PING", (text) => text.startsWith("INFO"));
      addresses.push(`127.0.0.1:${port}`);
    }
    nats.url = `nats://${addresses.join()}`;
    return nats;
  }
}
