// One room, every wire: a quarter of the clients on each family, and all of them hear the same, in one order, each event once.

import assert from "node:assert/strict";
import { createRequire } from "node:module";
import { test } from "node:test";

import { Client as StompClient } from "@stomp/stompjs";
import { io } from "socket.io-client";
import SockJS from "sockjs-client";
import WebSocket from "ws";

import { Client as HubClient } from "../signalr/clients.js";
import { within } from "../socketio/patience.js";
import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

const require = createRequire(import.meta.url);
globalThis.Buffer ??= require("node:buffer").Buffer;

/** A client of a family: what it heard, and how it publishes; `binary` if it can carry bytes as bytes. */
const FAMILIES = {
  async "Socket.IO"(t, server, room, transport) {
    const socket = io(server.http, { forceNew: true, reconnection: false, transports: [transport] });
    atEnd(t, () => socket.disconnect());
    await within(new Promise((resolve) => socket.once("connect", resolve)), "a connect");
    const heard = new Heard(`Socket.IO by ${transport}`);
    socket.on("said", (data) => heard.push(data));
    const call = (event, ...args) => within(socket.emitWithAck(event, ...args), event);
    await call("subscribe", room);
    return { heard, say: (data) => call("publish", room, "said", data), binary: true };
  },
  async SignalR(t, server, room, transport) {
    const hub = await HubClient.open(t, server, { transport, events: [] });
    const heard = new Heard(`SignalR by ${transport}`);
    hub.hub.on("said", (data) => heard.push(data));
    await hub.call("Subscribe", room);
    return { heard, say: (data) => hub.call("Publish", room, "said", data), binary: false };
  },
  async SockJS(t, server, room, transport) {
    const socket = new SockJS(`${server.http}/sockjs`, null, { transports: [transport] });
    const pipe = { send: (text) => socket.send(text), kill: () => socket.close() };
    pipe.opened = new Promise((resolve) => (socket.onopen = resolve));
    pipe.ended = new Promise((resolve) => (socket.onclose = resolve));
    socket.onmessage = ({ data }) => pipe.onMessage(data);
    return json(t, pipe, `SockJS by ${transport}`, room);
  },
  async STOMP(t, server, room, transport) {
    const webSocketFactory = {
      websocket: () => new WebSocket(`${server.ws}/stomp/websocket`, ["v12.stomp"]),
      subprotocol: () => new WebSocket(`${server.ws}/ws`, ["v12.stomp", "v11.stomp"]),
    }[transport] ?? (() => new SockJS(`${server.http}/stomp`, null, { transports: [transport] }));
    const client = new StompClient({ webSocketFactory, reconnectDelay: 0 });
    atEnd(t, () => client.deactivate());
    const heard = new Heard(`STOMP by ${transport}`);
    const receipt = (id, act) => within(new Promise((resolve) => (client.watchForReceipt(id, resolve), act())), id);
    await within(new Promise((resolve) => ((client.onConnect = resolve), client.activate())), "CONNECTED");
    await receipt("subscribed", () => {
      const hear = (message) => {
        if (message.headers["content-type"] === "application/octet-stream") {
          const spelled = message.headers["content-transfer-encoding"] === "base64";
          heard.push(spelled ? message.body : message.binaryBody);
        } else heard.push(JSON.parse(message.body));
      };
      client.subscribe(`/topic/${room}`, hear, { receipt: "subscribed" });
    });
    let said = 0;
    const publish = (what) => {
      const receiptId = `said ${(said += 1)}`;
      return receipt(receiptId, () => client.publish({ destination: `/topic/${room}`, headers: { event: "said", receipt: receiptId, ...what.headers }, ...what.body }));
    };
    const say = (data) =>
      data instanceof Uint8Array
        ? publish({ headers: { "content-type": "application/octet-stream" }, body: { binaryBody: data } })
        : publish({ headers: {}, body: { body: JSON.stringify(data) } });
    return { heard, say, binary: transport === "websocket" || transport === "subprotocol" };
  },
};

async function json(t, pipe, name, room) {
  const rpc = await Rpc.open(t, name, pipe);
  await rpc.call("subscribe", room);
  const heard = new Heard(name);
  const push = rpc.heard.push.bind(rpc.heard);
  rpc.heard.push = (message) => (push(message), heard.push(message.data));
  return { heard, say: (data) => rpc.call("publish", room, "said", data), binary: false };
}

const TRANSPORTS = {
  "Socket.IO": ["websocket", "polling"],
  SignalR: ["WebSockets", "ServerSentEvents", "LongPolling"],
  SockJS: ["websocket", "xhr-streaming", "eventsource", "xhr-polling"],
  STOMP: ["websocket", "subprotocol", "xhr-streaming", "xhr-polling"],
};

/** Compares lists element by element: their difference as a whole would fill pages. */
function same(heard, expected, what) {
  const at = heard.findIndex((data, i) => JSON.stringify(data) !== JSON.stringify(expected[i]));
  if (at >= 0) assert.deepEqual(heard[at], expected[at], `${what}: message ${at}`);
  assert.equal(heard.length, expected.length, what);
}

/** A quarter on each family, on all of its transports. */
async function everybody(t, server, room, each = 4) {
  const opening = Object.entries(FAMILIES).flatMap(([family, open]) =>
    Array.from({ length: each }, async (_, i) => {
      const transport = TRANSPORTS[family][i % TRANSPORTS[family].length];
      return { name: `${family} by ${transport}`, ...(await open(t, server, room, transport)) };
    }),
  );
  return Promise.all(opening);
}

test("one order for all, each event once, whatever it says", async (t) => {
  const server = await serve(t);
  const clients = await everybody(t, server, "mixed");
  // What some wire has to escape: emoji, separators, what ends a frame of ours or of theirs, halves of a pair.
  const texts = ["é😀", "\u2028\u2029", "\0\n\r\\\u001e", "</script>", "\ud800 alone \udc00", "42[\"said\"]", "a".repeat(5000)];
  const said = await Promise.all(
    clients.map(async ({ say }, by) => {
      const mine = texts.map((text, i) => ({ by, i, text }));
      for (const data of mine) await say(data);
      return mine;
    }),
  );
  const all = said.flat();
  await Promise.all(clients.map(({ heard }) => heard.count(all.length)));
  const [first] = clients;
  const key = ({ by, i }) => by * texts.length + i;
  const isStomp = (client) => client.name.startsWith("STOMP");
  // Half of a pair would break clients of other languages; STOMP's hear each other's bytes as they are.
  const heardBy = (client) => (data) => (isStomp(client) && isStomp(clients[data.by]) ? data : { ...data, text: data.text.toWellFormed() });
  const order = first.heard.messages.map((data) => all[key(data)]);
  same([...order].sort((a, b) => key(a) - key(b)), all, "each once");
  for (const client of clients) same(client.heard.messages, order.map(heardBy(client)), client.name);
  for (let by = 0; by < clients.length; by += 1) {
    const mine = order.filter((data) => data.by === by).map(({ i }) => i);
    assert.deepEqual(mine, texts.map((_, i) => i), "in the order of its publisher");
  }
});

test("bytes are bytes where the wire has them, and base64 elsewhere", async (t) => {
  const server = await serve(t);
  const clients = await everybody(t, server, "bytes");
  const bytes = new Uint8Array([0, 255, 30, 128, 10]);
  const publishers = clients.filter(({ binary }) => binary);
  for (const { say } of publishers) await say(bytes);
  const spelled = Buffer.from(bytes).toString("base64");
  for (const { heard, binary } of clients) {
    await heard.count(publishers.length);
    for (const data of heard.messages) {
      if (binary) assert.deepEqual([...data], [...bytes]);
      else assert.equal(data, spelled);
    }
  }
});
