// Heart-beats both ways, as they are on the wire, and what becomes of who is silent.

import assert from "node:assert/strict";

import { atEnd } from "../rooms/ends.js";
import { Client, fresh } from "./client.js";
import { Raw } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

const SECOND = { heartbeat: 1000, clientHeartbeat: 1000, tolerance: 2 };
const SOCKJS = WAYS.filter((way) => !["plain", "subprotocol"].includes(way));

/** Once so many beats have come, and as many have left. */
async function beaten(client, count) {
  await client.unhandled.until(() => client.beats() >= count && client.beatsOut() >= count, `${count} heart-beats`);
}

/** A client whose beats are told. */
async function open(t, server, way, options) {
  const client = await Client.open(t, server, way, { beats: [1000, 1000], ...options });
  const lost = [];
  client.stomp._stompHandler.onHeartbeatLost = () => lost.push("lost");
  client.lost = lost;
  client.beats = () => client.wire.filter((data) => data === "\n").length;
  client.beatsOut = () => client.wire.filter((data) => data.out === "\n").length;
  client.socket.addEventListener("message", () => client.unhandled.poke());
  return client;
}

story("both beat", WAYS, SECOND, async (t, server, way) => {
  const told = [
    [{}, [true, true]],
    [{ version: "1.1" }, [true, true]],
    [{ beats: [0, 0] }, [false, false]],
    [{ beats: [0, 1000] }, [true, false]],
    [{ beats: [1000, 0] }, [false, true]],
  ];
  // There are none in 1.0. RabbitMQ beats all the same, and closes on a client that does not.
  if (IS_OURS) told.push([{ version: "1.0" }, [false, false]]);
  const clients = await Promise.all(told.map(([options]) => open(t, server, way, options)));
  await Promise.all([beaten(clients[0], 3), beaten(clients[1], 3)]);
  const heard = clients.map((client) => [client.beats() > 0, client.beatsOut() > 0]);
  assert.deepEqual(heard, told.map(([, expected]) => expected));
  const room = fresh();
  for (const client of clients) {
    const heard = await client.subscribe(room);
    client.send(room, "still here");
    assert.deepEqual(await heard.bodies(1), ["still here"]);
    assert.deepEqual(client.lost, []);
  }
});

own("the slower of both", ["plain"], SECOND, async (t, server) => {
  // Whoever asks for more gets what there is.
  const raw = await Raw.connect(t, server, { "accept-version": "1.2", "heart-beat": "100,100" });
  assert.equal(raw.connected["heart-beat"], "1000,1000");
  const quick = setInterval(() => raw.say("\n"), 100);
  atEnd(t, () => clearInterval(quick));
  const begun = Date.now();
  await raw.heard.count(3);
  assert.ok(Date.now() - begun > 2000, "three beats took a second each, or nearly");
  assert.ok(raw.heard.messages.every(({ data, isBinary }) => !isBinary && data.toString() === "\n"));
});

own("a server that does not beat", ["plain"], { heartbeat: 0, clientHeartbeat: 0 }, async (t, server) => {
  const raw = await Raw.connect(t, server, { "accept-version": "1.2", "heart-beat": "1000,1000" });
  assert.equal(raw.connected["heart-beat"], "0,0");
});

own("who is silent is gone", WAYS, SECOND, async (t, server, way) => {
  const other = await Client.open(t, server, "plain");
  // One that does not beat as it said; one that sends frames instead, or bytes of one, and one that need not.
  const [silent, sending, partial, free] = [await open(t, server, way), await open(t, server, way), await open(t, server, way), await open(t, server, way, { beats: [0, 0] })];
  for (const client of [silent, sending, partial]) client.stomp._stompHandler._pinger.stop();
  const room = fresh();
  const heard = await sending.subscribe(room);
  const talk = setInterval(() => sending.send(room, "a"), 300);
  partial.raw(`SEND\ndestination:${room}\nlong:`);
  const drip = setInterval(() => partial.raw("x"), 300);
  atEnd(t, () => [talk, drip].forEach(clearInterval));
  const { headers } = await silent.failed();
  assert.equal(headers.message, "Heart-beat timeout");
  assert.equal((await silent.closed()).code, 1001);
  assert.equal(await other.ask("end-of", JSON.stringify(silent.id)), "IdleTimeout");
  await heard.next(5);
  clearInterval(drip);
  partial.raw("\n\nb\0");
  await heard.heard.until(() => heard.heard.messages.some(({ body }) => body === "b"), "b");
  await free.settled();
  assert.deepEqual([sending.errors, partial.errors, free.errors], [[], [], []]);
});

own("over SockJS its own heart-beats end where STOMP's begin", SOCKJS.filter((way) => way !== "websocket"), { ...SECOND, sockjsHeartbeat: 300 }, async (t, server, way) => {
  const [client, other] = await Promise.all([open(t, server, way), open(t, server, way, { beats: [0, 0] })]);
  const frames = new Map();
  for (const each of [client, other]) {
    frames.set(each, 0);
    each.socket.onheartbeat = () => {
      frames.set(each, frames.get(each) + 1);
      each.unhandled.poke();
    };
  }
  await beaten(client, 3);
  await other.unhandled.until(() => frames.get(other) >= 3, "frames of heart-beats");
  assert.ok(frames.get(client) <= 1, `${frames.get(client)} of SockJS's own`);
});
