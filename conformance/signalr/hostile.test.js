// Clients that break every rule, over and over: others are served meanwhile, and afterwards everything is as it was.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";

import { WebSocket } from "ws";

import { within } from "../socketio/patience.js";
import { Client } from "./clients.js";
import { start } from "./target.js";

const ROUNDS = Number(process.env.SIGNALR_ROUNDS ?? 5);
const END = "\u001e";
const HANDSHAKE = `{"protocol":"json","version":1}${END}`;

const post = (server, path, body = "") => fetch(server.http + path, { method: "POST", body });

async function token(server) {
  const answer = await post(server, "/hubs/default/negotiate?negotiateVersion=1&useStatefulReconnect=true");
  return (await answer.json()).connectionToken;
}

/** A WebSocket that says this, and is then cut, or ends. */
async function socket(server, path, messages, cut) {
  const socket = new WebSocket(server.ws + path);
  socket.on("error", () => {});
  const closed = once(socket, "close");
  socket.on("open", () => {
    for (const message of messages) socket.send(message);
    if (cut) socket.terminate();
    else setTimeout(() => socket.close(), 20);
  });
  await closed;
}

const CRIMES = {
  "negotiates and never comes": (server) => token(server),
  "connects and never says anything": (server) => socket(server, "/hubs/default", [], true),
  "leaves in the middle of its handshake": (server) => socket(server, "/hubs/default", ['{"protocol":'], true),
  "leaves in the middle of a message": (server) => socket(server, "/hubs/default", [HANDSHAKE, '{"type":1,"target":'], true),
  "speaks nonsense": (server) => socket(server, "/hubs/default", [HANDSHAKE, `nonsense${END}`], false),
  "sends a bomb of MessagePack": (server) =>
    socket(server, "/hubs/default", [`{"protocol":"messagepack","version":1}${END}`, Buffer.from("ffffffff07", "hex"), Buffer.from(`e80f${"91".repeat(2024)}`, "hex")], false),
  "begins streams and vanishes": (server) =>
    socket(
      server,
      "/hubs/default",
      [HANDSHAKE, ...Array.from({ length: 20 }, (_, n) => `{"type":4,"invocationId":"${n}","target":"Fast","arguments":[1000000,1000]}${END}`)],
      true,
    ),
  "uploads to nobody and vanishes": (server) =>
    socket(
      server,
      "/hubs/default",
      [HANDSHAKE, `{"type":4,"invocationId":"0","target":"Ignore","arguments":[],"streamIds":["1","2"]}${END}`, `{"type":2,"invocationId":"1","item":"${"x".repeat(20_000)}"}${END}`.repeat(40)],
      true,
    ),
  "opens more streams than it may": (server) =>
    socket(server, "/hubs/default", [HANDSHAKE, ...Array.from({ length: 200 }, (_, n) => `{"type":4,"invocationId":"${n}","target":"Ignore","arguments":[]}${END}`)], false),
  "may come back, and does not": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    await socket(server, path, [`{"protocol":"json","version":2}${END}`, `{"type":6}${END}`], true);
  },
  "acknowledges what was never sent": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    await socket(server, path, [`{"protocol":"json","version":2}${END}`, `{"type":8,"sequenceId":99}${END}`], false);
  },
  "posts, and never listens": async (server) => post(server, `/hubs/default?id=${await token(server)}`, HANDSHAKE),
  "polls once, and never again": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    await fetch(server.http + path);
    await post(server, path, HANDSHAKE + `{"type":4,"invocationId":"0","target":"Fast","arguments":[1000000,1000]}${END}`);
  },
  "gives its polls up": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    await fetch(server.http + path);
    const abort = new AbortController();
    const poll = fetch(server.http + path, { signal: abort.signal }).catch(() => {});
    await post(server, path, HANDSHAKE);
    abort.abort();
    await poll;
  },
  "hears events and hangs up": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    const abort = new AbortController();
    const events = await fetch(server.http + path, { headers: { accept: "text/event-stream" }, signal: abort.signal });
    await post(server, path, HANDSHAKE + `{"type":4,"invocationId":"0","target":"Fast","arguments":[1000000,1000]}${END}`);
    await events.body.getReader().read();
    abort.abort();
  },
  "breaks a body off": async (server) => {
    const path = `/hubs/default?id=${await token(server)}`;
    await fetch(server.http + path);
    const [host, port] = server.authority.split(":");
    const raw = net.connect(Number(port), host);
    raw.on("error", () => {});
    raw.write(`POST ${path} HTTP/1.1\r\nHost: ${server.authority}\r\nContent-Length: 1000\r\n\r\nhalf`);
    await once(raw, "connect");
    raw.end();
    raw.resume();
    await once(raw, "close");
  },
};

test(`${ROUNDS} rounds of ${Object.keys(CRIMES).length} crimes`, async (t) => {
  const settings = { allowStatefulReconnects: true, keepAliveInterval: 300, disconnectTimeout: 500, handshakeTimeout: 500, inboundBytes: 200_000 };
  const server = await start(t, settings);
  const watch = await Client.open(t, server, {});
  for (let round = 0; round < ROUNDS; round += 1) {
    const done = Promise.all(Object.values(CRIMES).map((commit) => commit(server)));
    while (!(await Promise.race([done.then(() => true), watch.call("Add", 1, 1).then(() => false)])));
    await within(done, "a round");
  }
  let world;
  do world = await watch.call("World");
  while (world.sessions > 1 || world.waitingBytes > 0 || world.begun !== world.dropped);
  assert.equal(await watch.call("Add", 20, 22), 42);
});
