// npm `sockjs`, as its own echo and broadcast examples have it. It sets TCP_NODELAY and queues for each session itself.
import { createServer } from "node:http";
import sockjs from "sockjs";

const [port, mode] = process.argv.slice(2);

// It would tell of each session on the standard output.
const log = (severity, line) => severity === "error" && console.error(line);
const service = sockjs.createServer({ log });
const members = new Set();

service.on("connection", (connection) => {
  if (mode === "echo") {
    connection.on("data", (message) => connection.write(message));
    return;
  }
  members.add(connection);
  connection.on("close", () => members.delete(connection));
  connection.on("data", (message) => {
    for (const member of members) member.write(message);
  });
});

const httpServer = createServer();
service.installHandlers(httpServer, { prefix: "/sockjs" });
httpServer.listen({ host: "127.0.0.1", port: Number(port), backlog: 4096 });
