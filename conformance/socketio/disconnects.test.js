// Each way to part, seen from both sides.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { Client, upgraded } from "./clients.js";
import { within } from "./patience.js";
import { share, start } from "./target.js";
import { watch } from "./watch.js";

const OPTIONS = { allowEIO3: true };
const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

/** How it is begun, and what both sides call it. */
const ENDS = {
  "the client leaves": {
    begin: ({ socket }) => socket.disconnect(),
    client: "io client disconnect",
    server: ["client namespace disconnect"],
  },
  "the server disconnects": {
    begin: (client) => client.emit("disconnect_me", false),
    client: "io server disconnect",
    server: ["server namespace disconnect"],
  },
  "the server disconnects, with the transport": {
    begin: (client) => client.emit("disconnect_me", true),
    client: "io server disconnect",
    server: ["server namespace disconnect"],
  },
  "the client closes its engine": {
    begin: ({ socket }) => socket.io.engine.close(),
    client: "forced close",
    server: ["transport close"],
  },
};

for (const generation of [4, 3, 2]) {
  for (const [transport, transports] of Object.entries(TRANSPORTS)) {
    for (const [what, { begin, client: reason, server: reasons }] of Object.entries(ENDS)) {
      test(`client ${generation}, ${transport}: ${what}`, async (t) => {
        const server = await share(OPTIONS);
        const watcher = await watch(server);
        const before = await watcher.gauges();
        const client = await Client.open(t, server, { generation, transports });
        if (transport === "upgrade") await upgraded(client);
        const { id } = await client.call("whoami");
        await client.call("join", ["gone"]);
        const disconnected = client.disconnected();
        begin(client);
        assert.equal(await disconnected, reason);
        assert.ok(reasons.includes(await watcher.reason(id)), await watcher.reason(id));
        // A client of the second generation keeps its engine when it is disconnected by the server alone.
        client.socket.io.engine?.close();
        await watcher.back(before);
      });
    }
  }
}

test("the server disconnects one namespace of two, and both", async (t) => {
  const server = await share(OPTIONS);
  const root = await Client.open(t, server, { transports: ["websocket"] });
  const other = root.of("/dynamic-1");
  await other.connected();
  const first = other.disconnected();
  other.emit("disconnect_me", false);
  assert.equal(await first, "io server disconnect");
  await root.settled();

  other.socket.connect();
  await other.connected();
  const both = [root.disconnected(), other.disconnected()];
  const closed = once(root.socket.io.engine, "close");
  other.emit("disconnect_me", true);
  assert.deepEqual(await Promise.all(both), ["io server disconnect", "io server disconnect"]);
  await within(closed, "the end of the transport");
});

test("a client that was disconnected comes back when it is told to, as another", async (t) => {
  const server = await share(OPTIONS);
  const client = await Client.open(t, server, { transports: ["websocket"] });
  const first = client.socket.id;
  await client.call("join", ["r"]);
  const disconnected = client.disconnected();
  client.emit("disconnect_me", false);
  await disconnected;
  assert.equal(client.socket.active, false);
  client.socket.connect();
  await client.connected();
  assert.notEqual(client.socket.id, first);
  assert.deepEqual((await client.call("whoami")).rooms, []);
});

test("a client whose transport breaks comes back by itself", async (t) => {
  const server = await share(OPTIONS);
  for (const generation of [4, 3, 2]) {
    const options = { generation, reconnection: true, reconnectionDelay: 10, transports: ["websocket"] };
    const client = await Client.open(t, server, options);
    const first = (await client.call("whoami")).id;
    const back = once(client.socket, "connect");
    client.socket.io.engine.transport.ws.terminate();
    await within(back, "a reconnect");
    assert.notEqual((await client.call("whoami")).id, first);
    assert.notEqual(client.socket.recovered, true);
  }
});

test("the server shuts down", async (t) => {
  const server = await start(t, OPTIONS);
  const clients = await Promise.all(
    [4, 3, 2].flatMap((generation) =>
      [["polling"], ["websocket"]].map((transports) => Client.open(t, server, { generation, transports })),
    ),
  );
  const reasons = clients.map((client) => client.disconnected());
  assert.equal(await server.stop("SIGTERM"), 0);
  // A client that just did not poll finds nobody there any more.
  for (const reason of await Promise.all(reasons)) assert.match(reason, /^transport (close|error)$/);
});
