// The chatroom on Bun, whose WebSocket server is uWebSockets: parse, stamp, broadcast to the room.
const server = Bun.serve({
  hostname: "127.0.0.1",
  port: Number(process.argv[2] ?? 0),
  fetch(request, server) {
    const [, ws, room, client] = new URL(request.url).pathname.split("/");
    if (ws === "ws" && room && client) {
      const data = { room: decodeURIComponent(room), client: decodeURIComponent(client) };
      if (server.upgrade(request, { data })) return;
    }
    return new Response("not found", { status: 404 });
  },
  websocket: {
    perMessageDeflate: false,
    open(socket) {
      socket.subscribe(socket.data.room);
    },
    message(socket, text) {
      const { room, client } = socket.data;
      const { content } = JSON.parse(text);
      const timestamp = new Date().toISOString();
      const event = { type: "message", room_id: room, client_id: client, content, timestamp };
      server.publish(room, JSON.stringify(event));
    },
  },
});
console.log(`listening on http://127.0.0.1:${server.port}`);
