// One room, every wire: three generations of Socket.IO, JSON-RPC, raw messages, SSE and POST hear each other, bytes
// included; and what one of them may not publish disconnects none.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import WebSocket from "ws";

import { Client } from "../socketio/clients.js";
import { Curl, post } from "./curl.js";
import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

const ROOM = "every wire";
const GENERATIONS = [4, 3, 2];
const ALL = "[socketio]\nallow_eio3 = true\n";

/** A client of each wire in the room. */
async function everybody(t) {
  const server = { ...(await serve(t, ALL)), options: {} };
  const rpc = await Rpc.open(t, "JSON-RPC", npmWs(`${server.ws}/ws`));
  await rpc.subscribe(ROOM);
  const curl = await Curl.open(t, `${server.http}/sse?room=${encodeURIComponent(ROOM)}`);
  const raw = new WebSocket(`${server.ws}/raw/${encodeURIComponent(ROOM)}`);
  atEnd(t, () => raw.terminate());
  const rawHeard = new Heard("raw");
  raw.on("message", (data, binary) => rawHeard.push(binary ? { bytes: data } : { text: data.toString() }));
  await once(raw, "open");
  const socketio = await Promise.all(GENERATIONS.map((generation) => Client.open(t, server, { generation })));
  for (const client of socketio) assert.equal((await client.call("subscribe", ROOM)).room, ROOM);
  return { server, rpc, curl, raw, rawHeard, socketio };
}

/** What a Socket.IO client heard: the event and its first argument; the second is meta. */
function first({ event, args }) {
  return [event, Buffer.isBuffer(args[0]) ? args[0].toString("base64") : args[0]];
}

test("everybody hears everybody, once and in one order", async (t) => {
  const { server, rpc, curl, raw, rawHeard, socketio } = await everybody(t);
  const bytes = Buffer.from([0, 255, 7]);
  const base64 = bytes.toString("base64");
  const said = [];
  const say = async (event, data, publish) => {
    said.push([event, data]);
    await publish();
    // One after the other, so that there is one order to expect.
    await Promise.all([...socketio.map(({ heard }) => heard), rpc.heard, curl.heard].map((heard) => heard.count(said.length)));
  };
  for (const [i, client] of socketio.entries()) {
    await say("chat", { text: `from ${GENERATIONS[i]}` }, () => client.call("publish", ROOM, "chat", { text: `from ${GENERATIONS[i]}` }));
    await say("bytes", base64, () => client.call("publish", ROOM, "bytes", bytes));
  }
  await say("chat", "from JSON-RPC", () => rpc.publish(ROOM, "from JSON-RPC"));
  await say("chat", "by POST", () => post(server, ROOM, "by POST"));
  await say("message", "from raw", () => raw.send("from raw"));
  await say("message", base64, () => raw.send(bytes));
  for (const { heard } of socketio) assert.deepEqual(heard.messages.map(first), said);
  // Text wires spell bytes.
  assert.deepEqual(rpc.heard.messages.map(({ event, data }) => [event, data]), said);
  assert.deepEqual(curl.heard.messages.map(({ event, data }) => [event, data]), said);
  await rawHeard.count(said.length);
  assert.deepEqual(rawHeard.messages.at(-2), { text: "from raw" });
  assert.deepEqual(rawHeard.messages.at(-1).bytes, bytes);
});

/**
 * What the admission check refuses: each rule, as an event or a room that breaks it. (What is nested too deep is no message
 * on any wire, and never gets so far: the tables of the protocols have it.)
 */
const FORBIDDEN = {
  "an event that Socket.IO raises itself": ["publish", ROOM, "connect", 1],
  "another": ["publish", ROOM, "disconnecting", 1],
  "an event of JSON-RPC's own": ["publish", ROOM, "rpc.x", 1],
  "an event of Everywire's own": ["publish", ROOM, "$reset", 1],
  "an event without a name": ["publish", ROOM, "", 1],
  "an event with a line break": ["publish", ROOM, "a\nb", 1],
  "an event with a separator of lines": ["publish", ROOM, "a\u2028b", 1],
  "an event whose name is too long": ["publish", ROOM, "x".repeat(201), 1],
  "a room of Everywire's own": ["publish", "$all", "chat", 1],
  "a room with a control character": ["publish", "a\u0000b", "chat", 1],
  "a placeholder that stands for nothing": ["publish", ROOM, "chat", { _placeholder: true, num: 3 }],
};

test("what one may not publish disconnects nobody", async (t) => {
  const { server, rpc, curl, raw, rawHeard, socketio } = await everybody(t);
  const answered = [];
  for (const [what, [action, ...args]] of Object.entries(FORBIDDEN)) {
    const placeholder = what.startsWith("a placeholder");
    // As JSON a placeholder is an object like any other, and Socket.IO has no way to send it as one.
    for (const client of placeholder ? [] : socketio) {
      const answer = await client.call(action, ...args);
      assert.ok(answer?.error?.message, `${what}: ${JSON.stringify(answer)}`);
    }
    const outcome = await rpc.call(action, ...args).then(
      () => "taken",
      (error) => error.message,
    );
    answered.push([what, outcome]);
  }
  const taken = answered.filter(([, outcome]) => outcome === "taken").map(([what]) => what);
  for (const what of taken) assert.match(what, /placeholder/);
  const refusedByPost = await fetch(`${server.http}/pub/${encodeURIComponent(ROOM)}?event=connect`, { method: "POST", body: "1" });
  assert.equal(refusedByPost.status, 400);
  // And all are still there, and hear the next.
  await rpc.publish(ROOM, "after all");
  const hears = (heard, found) => heard.until(() => heard.messages.some(found), "what comes after all");
  await Promise.all([
    ...socketio.map(({ heard }) => hears(heard, ({ args }) => args[0] === "after all")),
    hears(rpc.heard, ({ data }) => data === "after all"),
    hears(curl.heard, ({ data }) => data === "after all"),
    hears(rawHeard, ({ text }) => text?.includes("after all")),
  ]);
  for (const { socket } of socketio) assert.equal(socket.connected, true);
  assert.equal(raw.readyState, WebSocket.OPEN);
});
