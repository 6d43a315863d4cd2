// The application of `app.md` on the reference server. `node reference.js '{"heartbeatDelay":300}'`

import { createServer } from "node:http";

import sockjs from "sockjs";

const settings = JSON.parse(process.argv[2] ?? "{}");
const names = {
  heartbeatDelay: "heartbeat_delay",
  disconnectDelay: "disconnect_delay",
  responseLimit: "response_limit",
  sockjsUrl: "sockjs_url",
  baseUrl: "base_url",
};
const options = { sockjs_url: "http://localhost/sockjs.js", log: () => {} };
for (const [name, value] of Object.entries(settings)) options[names[name]] = value;

const server = createServer((request, response) => {
  response.writeHead(404);
  response.end("nothing is here");
});

function mount(prefix, onConnection, more = {}) {
  const mounted = sockjs.createServer({ ...options, ...more });
  mounted.on("connection", onConnection);
  mounted.installHandlers(server, { prefix });
}

function echo(connection) {
  connection.on("data", (text) => {
    if (text === "!end") return connection.close(1000, "Normal closure");
    const long = /^!long (\d+)$/.exec(text);
    connection.write(long ? "x".repeat(Math.min(Number(long[1]), 1 << 20)) : text);
  });
}

const all = new Set();
mount("/echo", echo);
mount("/disabled_websocket_echo", echo, { websocket: false });
mount("/cookie_needed_echo", echo, { jsessionid: true });
mount("/close", (connection) => connection.close(1000, "Normal closure"));
mount("/broadcast", (connection) => {
  all.add(connection);
  connection.on("close", () => all.delete(connection));
  connection.on("data", (text) => all.forEach((one) => one.write(text)));
});
server.listen(0, "127.0.0.1", () => {
  const { address, port } = server.address();
  console.log(`listening on ${address}:${port}`);
});
