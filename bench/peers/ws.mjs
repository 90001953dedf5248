// The chatroom on Node and `ws`: parse, stamp, broadcast to the room.
import { createServer } from "node:http";
import { createRequire } from "node:module";

// Packages are found from the folder that the compare script installed them into.
const { WebSocketServer } = createRequire(process.cwd() + "/")("ws");
const rooms = new Map();
const server = createServer();
const sockets = new WebSocketServer({ server, perMessageDeflate: false, clientTracking: false });

sockets.on("connection", (socket, request) => {
  const [, , room, client] = request.url.split("/").map(decodeURIComponent);
  let members = rooms.get(room);
  if (!members) rooms.set(room, (members = new Set()));
  members.add(socket);
  socket.on("message", (text) => {
    const { content } = JSON.parse(text);
    const timestamp = new Date().toISOString();
    const event = { type: "message", room_id: room, client_id: client, content, timestamp };
    const bytes = Buffer.from(JSON.stringify(event));
    for (const member of members) member.send(bytes, { binary: false });
  });
  socket.on("error", () => {});
  socket.on("close", () => members.delete(socket));
});

server.listen({ host: "127.0.0.1", port: Number(process.argv[2] ?? 0), backlog: 4096 }, () => {
  console.log(`listening on http://127.0.0.1:${server.address().port}`);
});
