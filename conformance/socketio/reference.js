// The conformance app (`app.md`) on npm `socket.io`: what "right" is measured by.

import { createServer } from "node:http";

import { Server } from "socket.io";
import msgpack from "socket.io-msgpack-parser";

const { parser = "json", legacyBrowserTransports: _, ...options } = JSON.parse(process.argv[2] ?? "{}");

const http = createServer();
const io = new Server(http, {
  ...options,
  ...(parser === "msgpack" && { parser: msgpack }),
  serveClient: false,
  cleanupEmptyChildNamespaces: true,
  allowRequest(request, decide) {
    const refuse = new URL(request.url, "http://localhost").searchParams.get("refuse");
    decide(refuse || null, refuse === null);
  },
});

const WATCHERS = "watchers";

offer(io.of("/"));
offer(io.of("/chat"), ({ token } = {}) => {
  if (token === "secret") return;
  if (token === "bare") throw new Error("no");
  throw Object.assign(new Error("not authorized"), { data: { code: 42 } });
});
offer(io.of(/^\/dynamic-\d+$/));

/** Gives a namespace, or all of a pattern, its handlers. */
function offer(namespace, admit = () => {}) {
  const seen = { middleware: 0, connected: 0 };
  namespace.use((socket, next) => {
    seen.middleware += 1;
    try {
      admit(socket.handshake.auth);
      next();
    } catch (error) {
      next(error);
    }
  });
  namespace.on("connection", (socket) => {
    seen.connected += 1;
    serve(socket, seen);
  });
}

function serve(socket, seen) {
  const { nsp } = socket;
  const numbers = [];
  let counter;
  let counted = 0;

  const on = (name, handle) =>
    socket.on(name, (...args) => {
      const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
      handle(args, ack);
    });

  on("echo", (args) => socket.emit("echo", ...args));
  on("echo_ack", (args, ack) => ack(...args));
  on("whoami", (_, ack) => {
    const { auth, query, headers } = socket.handshake;
    ack({ ...shown(socket), namespace: nsp.name, auth, query, header: headers["x-conformance"] ?? null });
  });
  on("join", ([rooms], ack) => {
    socket.join(rooms);
    ack();
  });
  on("leave", ([rooms], ack) => {
    for (const room of rooms) socket.leave(room);
    ack();
  });
  on("emit", ([choice, name, args], ack) => {
    chosen(socket, choice).emit(name, ...args);
    ack();
  });
  on("ask", ([timeout, name, args], ack) => {
    socket.timeout(timeout).emit(name, ...args, (error, ...answer) => ack(error ? { error: "timeout" } : { answer }));
  });
  on("ask_all", ([choice, timeout, name, args], ack) => {
    const receivers = chosen(socket, choice).timeout(timeout);
    receivers.emit(name, ...args, (error, answers) => ack({ answers, complete: !error }));
  });
  on("set_data", ([data], ack) => {
    socket.data = data;
    ack();
  });
  on("fetch", async ([choice], ack) => {
    const found = await chosen(socket, choice).fetchSockets();
    ack(found.map(shown).sort((one, other) => (one.id < other.id ? -1 : 1)));
  });
  on("all_join", ([choice, rooms], ack) => {
    chosen(socket, choice).socketsJoin(rooms);
    ack();
  });
  on("all_leave", ([choice, rooms], ack) => {
    chosen(socket, choice).socketsLeave(rooms);
    ack();
  });
  on("all_disconnect", ([choice, close], ack) => {
    chosen(socket, choice).disconnectSockets(close);
    ack();
  });
  on("disconnect_me", ([close]) => socket.disconnect(close));
  on("count_start", ([every]) => {
    const tick = () => socket.emit("count", counted++);
    if (every > 0) {
      const timer = setInterval(tick, every);
      counter = () => clearInterval(timer);
      return;
    }
    let going = true;
    counter = () => (going = false);
    const run = () => {
      if (!going) return;
      tick();
      setImmediate(run);
    };
    run();
  });
  on("count_stop", (_, ack) => {
    counter?.();
    ack(counted);
  });
  on("number", ([n]) => numbers.push(n));
  on("numbers", (_, ack) => ack(numbers));
  on("watch", (_, ack) => {
    socket.join(WATCHERS);
    ack();
  });
  on("seen", (_, ack) => ack(seen));
  on("gauges", (_, ack) => ack(gauges()));

  socket.onAny((name, ...args) => {
    if (typeof name !== "string" || !name.startsWith("any:")) return;
    const ack = typeof args.at(-1) === "function" ? args.pop() : () => {};
    socket.emit("caught", name, args);
    ack("caught");
  });
  socket.use(([name], next) => {
    const isSecret = typeof name === "string" && name.startsWith("secret:");
    next(isSecret ? new Error("secret") : undefined);
  });
  // What a middleware of events stops is told here, and an error without a listener would end the process.
  socket.on("error", () => {});
  socket.on("disconnect", (reason) => {
    counter?.();
    io.of("/").to(WATCHERS).emit("left", { id: socket.id, namespace: nsp.name, reason });
  });
}

/** The receivers that a choice names, as something that has `emit`, `timeout`, `fetchSockets`, … */
function chosen(socket, choice) {
  const { from = "namespace", to = [], except = [], toIds = [], exceptIds = [] } = choice;
  const flagged = (receivers) => {
    if (choice.volatile) receivers = receivers.volatile;
    if (choice.local) receivers = receivers.local;
    if (choice.compress === false) receivers = receivers.compress(false);
    return receivers;
  };
  if (from === "self") return flagged(socket);
  const all = from === "others" ? socket.broadcast : socket.nsp.except([]);
  const here = [...to, ...toIds];
  const receivers = here.length > 0 ? all.to(here) : all;
  return flagged(receivers.except([...except, ...exceptIds]));
}

/** What of a connection `whoami` and `fetch` show. */
function shown({ id, rooms, data }) {
  return { id, rooms: [...rooms].filter((room) => room !== id).sort(), data };
}

function gauges() {
  const found = { sessions: io.engine.clientsCount, connections: 0, rooms: 0, namespaces: io._nsps.size };
  for (const { sockets, adapter } of io._nsps.values()) {
    found.connections += sockets.size;
    for (const room of adapter.rooms.keys()) found.rooms += sockets.has(room) ? 0 : 1;
  }
  return found;
}

process.once("SIGTERM", async () => {
  await io.close();
  process.exit(0);
});

// Whoever started us has gone without a word.
process.stdin.once("end", () => process.exit(0)).resume();

http.listen(0, "127.0.0.1", () => console.log(`listening on 127.0.0.1:${http.address().port}`));
