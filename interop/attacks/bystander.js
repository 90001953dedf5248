// Somebody who only chats while a server is attacked, in a process of its own: members of one room who take turns in saying
// something, and one who listens. Prints how long each message took to reach the listener, as JSON, whenever it is asked to.
//
//   node bystander.js ORIGIN
import { createInterface } from "node:readline";
import { Talk } from "../talk.js";

const EVERY_MS = 20;
/** So many that each of them stays below a session's rate. */
const SPEAKERS = 12;

const url = `${process.argv[2].replace("http", "ws")}/ws/${encodeURIComponent("the bystanders' room")}`;
const listener = await Talk.join(`${url}/listener`);
const speakers = [];
for (let at = 0; at < SPEAKERS; at += 1) speakers.push(await Talk.join(`${url}/speaker-${at}`));
const delays = [];
/** When each message was said that has not arrived. */
const under_way = new Map();
let refusals = 0;
let said = 0;

listener.socket.on("message", (data) => {
  const message = JSON.parse(data.toString());
  if (message.type !== "message") return;
  delays.push(performance.now() - under_way.get(message.id));
  under_way.delete(message.id);
});
for (const talk of [listener, ...speakers]) {
  talk.socket.on("message", (data) => {
    if (JSON.parse(data.toString()).type === "error") refusals += 1;
  });
  talk.socket.on("close", (code, reason) => {
    console.log(JSON.stringify({ closed: code, reason: reason.toString() }));
    process.exit(1);
  });
}

function say() {
  const id = String((said += 1));
  under_way.set(id, performance.now());
  speakers[said % SPEAKERS].send({ type: "send", id, content: `message ${id}` });
}

console.log("ready");
const timer = setInterval(say, EVERY_MS);
for await (const line of createInterface(process.stdin)) {
  if (line === "measure") {
    // What has not arrived took as long as it has waited: a server that answers nobody must not look quick.
    const now = performance.now();
    for (const at of under_way.values()) if (now - at > 4 * EVERY_MS) delays.push(now - at);
    console.log(JSON.stringify({ delays: delays.splice(0), refusals }));
    refusals = 0;
  }
}
clearInterval(timer);
process.exit(0);
