// npm `socket.io`, as its own examples have it. Its engine sets TCP_NODELAY and queues for each socket itself.
import { createServer } from "node:http";
import { Server } from "socket.io";

const [port, mode] = process.argv.slice(2);

const httpServer = createServer();
const io = new Server(httpServer);

io.on("connection", (socket) => {
  if (mode === "echo") {
    socket.on("echo", (data) => socket.emit("echo", data));
    socket.on("echo_ack", (data, reply) => reply(data));
  } else {
    socket.join("bench");
    socket.on("publish", (data) => io.to("bench").emit("message", data));
  }
});

httpServer.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
