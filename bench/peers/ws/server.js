// npm `ws`, as its own echo and broadcast examples have it. `ws` sets TCP_NODELAY and queues for each socket itself.
import { WebSocket, WebSocketServer } from "ws";

const [port, mode] = process.argv.slice(2);

const server = new WebSocketServer({
  host: "127.0.0.1",
  port: Number(port),
  path: "/bench",
  perMessageDeflate:
    mode === "deflate-room" && {
      serverNoContextTakeover: true,
      clientNoContextTakeover: true,
      threshold: 1024,
    },
});

server.on("connection", (socket) => {
  socket.on("error", console.error);
  socket.on("message", (data, binary) => {
    if (mode === "echo") {
      socket.send(data, { binary });
      return;
    }
    for (const member of server.clients) {
      if (member.readyState === WebSocket.OPEN) member.send(data, { binary });
    }
  });
});
