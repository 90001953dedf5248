// Several nodes that share rooms: a browser that is moved from one to another misses nothing.
import assert from "node:assert/strict";
import { after, describe } from "node:test";
import { scene } from "./harness.js";
import { Nats } from "./nats.js";
import { Redis } from "./redis.js";

const room = "کلاس";
const kinds = { Redis, NATS: Nats };
// Where it has to be there, this file fails without it.
if (!Nats.isThere && !process.env.CI) {
  console.log("SKIPPED: there is no nats-server for this system");
  delete kinds.NATS;
}
const engines = [];
for (const [name, Kind] of Object.entries(kinds))
  engines.push({ name, alone: await Kind.alone(), several: await Kind.several() });
after(() => Promise.all(engines.flatMap(({ alone, several }) => [alone.end(), several.end()])));

const SERVER = ["--heartbeat", "1s"];

/** Two more nodes beside the stage's server, and a proxy that asks one after the other, request by request. */
async function nodes(stage, engine) {
  const all = [stage.server];
  while (all.length < 3) all.push(await stage.anotherServer([...SERVER, ...engine.args]));
  let next = 0;
  const living = new Set(all);
  const gateway = await stage.gateway(() => {
    next += 1;
    return [...living][next % living.size].port;
  });
  const kill = async (node) => {
    living.delete(node);
    await node.kill();
  };
  return { all, gateway, kill };
}

/** Each says something, and both see all of it, in one order, without a word about what is missing. */
class Talk {
  said = [];

  constructor(...windows) {
    this.windows = windows;
  }

  async say(window, text) {
    this.said.push(text);
    await window.say(text);
    for (const one of this.windows) await one.sees(text);
  }

  async check() {
    for (const window of this.windows) {
      assert.deepEqual(await window.texts(), this.said);
      for (const line of ["gap", "reset"]) assert.equal(await window.get(line).count(), 0);
      assert.equal(await window.get("member").count(), this.windows.length);
    }
  }
}

/** All of it over one engine. */
function scenes({ name, alone, several }) {
  scene(
    `over ${name}: each request to another node: the chat goes on by every transport`,
    { server: [...SERVER, ...alone.args] },
    async (stage) => {
      const { all, gateway } = await nodes(stage, alone);
      const maryam = await stage.window({ origin: gateway.origin, offlineExpected: true });
      const ali = await stage.window({ origin: all[2].origin });
      await maryam.enter({ room, name: "مریم" });
      await ali.enter({ room, name: "علی" });
      await maryam.travelsBy("websocket");
      const notices = await ali.notices();
      const talk = new Talk(maryam, ali);
      await talk.say(maryam, "با وب‌سوکت");
      for (const [kind, fate, transport] of [
        ["upgrades", "refuse", "sse"],
        ["streams", "hold", "long-polling"],
        ["waits", "refuse", "polling"],
      ]) {
        gateway.set(kind, fate);
        await maryam.travelsBy(transport);
        for (let n = 0; n < 4; n += 1) {
          await talk.say(maryam, `مریم با ${transport}، ${n}`);
          await talk.say(ali, `علی با ${transport}، ${n}`);
        }
      }
      await talk.check();
      assert.deepEqual(await ali.notices(), notices, "nobody seemed to leave");
    },
  );

  scene(
    `over ${name}: nodes are killed under a conversation, one after the other, and nobody has to do anything`,
    { server: [...SERVER, ...alone.args] },
    async (stage) => {
      const { all, gateway, kill } = await nodes(stage, alone);
      const maryam = await stage.window({ origin: gateway.origin, offlineExpected: true });
      const ali = await stage.window({ origin: gateway.origin, offlineExpected: true });
      await maryam.enter({ room: "دوم", name: "مریم" });
      await ali.enter({ room: "دوم", name: "علی" });
      const notices = await ali.notices();
      const talk = new Talk(maryam, ali);
      await talk.say(maryam, "سلام");
      for (const node of all.slice(0, 2)) {
        await kill(node);
        await talk.say(maryam, `مریم بعد از ${node.port}`);
        await talk.say(ali, `علی بعد از ${node.port}`);
      }
      await talk.check();
      assert.deepEqual(await ali.notices(), notices, "nobody seemed to leave");
    },
  );

  scene(
    `over ${name}: a server of several is killed; what is said meanwhile waits, arrives once, and nothing is missing`,
    { server: [...SERVER, ...several.args] },
    async (stage) => {
      const { gateway } = await nodes(stage, several);
      const maryam = await stage.window({ origin: gateway.origin });
      const ali = await stage.window({ origin: gateway.origin });
      await maryam.enter({ room, name: "مریم" });
      await ali.enter({ room, name: "علی" });
      const talk = new Talk(maryam, ali);
      await talk.say(maryam, "پیش از خرابی");
      several.killFirst();
      await talk.say(maryam, "در میان خرابی");
      await talk.say(ali, "پس از خرابی");
      await talk.check();
    },
  );
}

// They mostly wait, so one beside the other.
describe("several nodes", { concurrency: engines.length }, () => engines.forEach(scenes));
