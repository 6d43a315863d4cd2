// One room, many wires: hubs, Socket.IO and plain WebSockets hear each other, and may ask each other.

import assert from "node:assert/strict";
import { test } from "node:test";

import { io } from "socket.io-client";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { npmWs, Rpc } from "../rooms/rpc.js";
import { within } from "../socketio/patience.js";
import { Client, WAYS } from "./clients.js";
import { share } from "./target.js";

/** A client of Socket.IO, in a room. */
async function socketio(t, server, room) {
  const socket = io(server.http, { forceNew: true, reconnection: false });
  atEnd(t, () => socket.disconnect());
  await within(new Promise((resolve) => socket.once("connect", resolve)), "a connect");
  const heard = new Heard("the client of Socket.IO");
  socket.onAny((event, ...args) => event === "event" && heard.push(args[0]));
  const call = (event, ...args) => within(socket.emitWithAck(event, ...args), event);
  await call("subscribe", room);
  return { socket, heard, call };
}

const plain = (value) => (value instanceof Uint8Array ? { bytes: [...value] } : value);

for (const [transport, protocol] of WAYS) {
  test(`a hub by ${transport} in ${protocol} among others`, async (t) => {
    const server = await share();
    const room = `mixed by ${transport} in ${protocol}`;
    const [hub, other, rpc] = await Promise.all([
      Client.open(t, server, { transport, protocol, answers: { question: (value) => `${value} from the hub` } }),
      socketio(t, server, room),
      Rpc.open(t, "the plain client", npmWs(`${server.ws}/ws`)),
    ]);
    await hub.call("Subscribe", room);
    await rpc.subscribe(room);
    const value = { text: "é😀", list: [1, -2.5, null, true] };
    await hub.call("Publish", room, "event", { ...value, by: "hub" });
    await other.call("publish", room, "event", { ...value, by: "Socket.IO" });
    await rpc.publish(room, { ...value, by: "JSON-RPC" }, "event");
    await hub.heard.count(3);
    await other.heard.count(3);
    const expected = ["hub", "Socket.IO", "JSON-RPC"].map((by) => ({ ...value, by }));
    assert.deepEqual(hub.all("event").map(([data]) => data), expected);
    assert.deepEqual(other.heard.messages, expected);

    // Bytes stay bytes where the wire has them.
    const bytes = new Uint8Array([0, 255, 30, 128]);
    await other.call("publish", room, "event", bytes);
    await hub.heard.count(4);
    const [heard] = hub.all("event").at(-1);
    assert.deepEqual(plain(heard), protocol === "messagepack" ? { bytes: [...bytes] } : Buffer.from(bytes).toString("base64"));
    if (protocol === "messagepack") {
      await hub.call("Publish", room, "event", bytes);
      await other.heard.count(5);
      assert.deepEqual(plain(other.heard.messages.at(-1)), { bytes: [...bytes] });
    }

    // A call on one wire awaits the answer of another.
    const { connection } = await other.call("subscribe", room);
    other.socket.on("question", (value, ack) => ack(`${value} from Socket.IO`));
    assert.equal(await hub.call("Ask", connection, "question", "hi"), "hi from Socket.IO");
    assert.equal(await other.call("Ask", await hub.call("ConnectionId"), "question", "hi"), "hi from the hub");
  });
}

test("who cannot answer is not waited for", async (t) => {
  const server = await share();
  const hub = await Client.open(t, server, {});
  const before = await hub.call("Ids");
  const raw = npmWs(`${server.ws}/raw`);
  atEnd(t, () => raw.kill());
  await raw.opened;
  let id;
  while (id === undefined) id = (await hub.call("Ids")).find((one) => !before.includes(one));
  const asked = performance.now();
  assert.match(await hub.fails("Ask", id, "question", 1), /HubException: the client's protocol cannot answer$/);
  assert.ok(performance.now() - asked < 2000, "at once");
});
