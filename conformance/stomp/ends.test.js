// How connections end: by the client, by the wire, and by a server that is to stop.

import assert from "node:assert/strict";

import { within } from "../socketio/patience.js";
import { Proxy } from "../socketio/proxy.js";
import { Client, fresh } from "./client.js";
import { Raw, frame } from "./raw.js";
import { IS_OURS, WAYS, own, start, story } from "./target.js";

own("a goodbye", WAYS, {}, async (t, server, way) => {
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const room = fresh();
  const heard = await other.subscribe(room);
  const goodbye = new Promise((resolve) => (client.stomp._stompHandler.onDisconnect = resolve));
  for (let i = 0; i < 100; i += 1) client.send(room, String(i));
  const { id } = client;
  const begun = Date.now();
  await client.leave();
  assert.ok(Date.now() - begun < 1000, `${Date.now() - begun} ms`);
  assert.match((await goodbye).headers["receipt-id"], /^close-/);
  // What came before it has been done.
  assert.deepEqual(await heard.bodies(100), Array.from({ length: 100 }, (_, i) => String(i)));
  assert.equal(await other.ask("end-of", JSON.stringify(id)), "ClientClosed");
  const { wasClean } = await client.closed();
  assert.ok(wasClean);
  assert.deepEqual(client.errors, []);
});

own("a goodbye waits for handlers", WAYS, {}, async (t, server, way) => {
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const gate = fresh();
  client.send("/app/wait", JSON.stringify(gate), { "reply-to": "/temp-queue/a", receipt: "r" });
  const left = client.leave();
  await other.settled();
  assert.deepEqual(client.unhandled.messages, []);
  await other.sure("/app/go", JSON.stringify(gate));
  await left;
  assert.deepEqual(client.unhandled.messages.map(({ command }) => command), ["MESSAGE", "RECEIPT"]);
});

own("who does not close is closed", ["plain"], {}, async (t, server) => {
  const destination = fresh();
  const other = await Client.open(t, server, "plain");
  const heard = await other.subscribe(destination);
  for (const [headers, expected] of [[{ receipt: "bye" }, ["bye"]], [{}, []]]) {
    const raw = await Raw.connect(t, server);
    // Nothing behind it counts.
    raw.say(frame("DISCONNECT", headers), frame("SEND", { destination, receipt: "2" }, "too late"), "no frame\n\n", frame("DISCONNECT", { receipt: "3" }));
    const { frames, code } = await raw.rest();
    assert.deepEqual(frames.map(({ command, headers }) => `${command} ${headers["receipt-id"]}`), expected.map((id) => `RECEIPT ${id}`));
    assert.equal(code, 1000);
  }
  await other.sure(destination, "the last");
  assert.deepEqual(heard.left, ["the last"]);
});

own("a queue's messages are not for who has said goodbye, or heard an ERROR", ["plain"], {}, async (t, server) => {
  const other = await Client.open(t, server, "plain");
  for (const [end, command] of [[frame("DISCONNECT", { receipt: "end" }), "RECEIPT"], [frame("NONSENSE"), "ERROR"]]) {
    for (const ack of ["auto", "client-individual"]) {
      const queue = fresh("queue");
      const raw = await Raw.connect(t, server);
      raw.say(frame("SUBSCRIBE", { id: "s", destination: queue, ack, receipt: "s" }));
      await raw.frames(1);
      raw.say(end);
      const frames = await raw.frames(2);
      assert.equal(frames[1].command, command);
      for (const body of ["one", "two"]) await other.sure(queue, body);
      assert.equal((await raw.rest()).frames.length, 2);
      const heard = await other.subscribe(queue);
      assert.deepEqual(await heard.bodies(2), ["one", "two"]);
    }
  }
});

own("a receipt of the client's own for its goodbye", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way, { disconnectHeaders: { receipt: "good:bye" } });
  const goodbye = new Promise((resolve) => (client.stomp._stompHandler.onDisconnect = resolve));
  await client.leave();
  assert.equal((await goodbye).headers["receipt-id"], "good:bye");
});

story("a wire that is cut", WAYS, { disconnectDelay: 300, heartbeat: 1000 }, async (t, server, way) => {
  const room = fresh().replace("/topic/", "/topic/kept ");
  const proxy = await Proxy.to(t, server);
  // sockjs-client in Node does not notice that a stream is cut: then it is the heart-beats that do not come.
  const client = await Client.open(t, server, way, { through: proxy, reconnectDelay: 50, beats: [0, 1000] });
  const other = await Client.open(t, server, "plain");
  const heard = await client.subscribe(room);
  await other.sure(room, "before");
  const { headers } = await heard.one();
  const { id } = client;
  const back = new Promise((resolve) => (client.onConnect = resolve));
  proxy.cut();
  await client.closed();
  // To hang up while it listens is how a client of SockJS without a WebSocket closes.
  const ends = /xhr|eventsource/.test(way) ? ["ClientClosed", "Lost"] : ["Lost"];
  if (IS_OURS) assert.ok(ends.includes(await other.ask("end-of", JSON.stringify(id))), way);
  await other.sure(room, "meanwhile");
  await within(back, "a new session");
  assert.notEqual(client.id, id);
  // What it subscribed to went with the old one.
  await other.sure(room, "to nobody");
  const again = await client.subscribe(room, IS_OURS ? { since: headers.offset } : {});
  await other.sure(room, "behind");
  assert.deepEqual(await again.bodies(IS_OURS ? 3 : 1), IS_OURS ? ["meanwhile", "to nobody", "behind"] : ["behind"]);
  assert.deepEqual([heard.left, client.errors], [[], []]);
});

own("a server that stops", WAYS, {}, async (t, _, way) => {
  const server = await start(t, { grace: 10_000 });
  const sender = await Client.open(t, server, "plain");
  const listeners = await Promise.all(
    ["1.2", "1.0"].map(async (version) => {
      const proxy = await Proxy.to(t, server);
      const client = await Client.open(t, server, way, { version, through: proxy });
      return { proxy, client, heard: await client.subscribe("/topic/a") };
    }),
  );
  await sender.sure("/topic/a", "the last");
  for (const { proxy, heard } of way === "xhr-polling" ? listeners : []) {
    await heard.heard.count(1);
    // Who polls has to be at it: to one that comes later the server is not there any more.
    await within(proxy.asked(), "a poll");
  }
  // What was answered is heard.
  const stopped = server.stop("SIGTERM");
  for (const { client, heard } of listeners) {
    const { code, reason } = await client.closed();
    assert.deepEqual([code, reason], [1012, "shutting down"]);
    assert.deepEqual([heard.left, client.errors], [["the last"], []]);
  }
  assert.equal(await within(stopped, "its end"), 0);
});
