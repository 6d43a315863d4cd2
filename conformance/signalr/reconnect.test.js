// A stateful reconnect: clients are cut at seeded places under traffic both ways, and nothing is lost, doubled or out of order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Proxy } from "../socketio/proxy.js";
import { within } from "../socketio/patience.js";
import { Client } from "./clients.js";
import { share, start } from "./target.js";

const SEED = Number(process.env.SEED ?? 1);
const CUTS = Number(process.env.SIGNALR_CUTS ?? 50);
/** Cuts of one client, after which another comes. */
const LIFE = 10;

/** Numbers that look like chance and are not (mulberry32). */
function random(seed) {
  let state = seed >>> 0;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return Math.floor((((t ^ (t >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const stateful = (builder) => builder.withStatefulReconnect();

/** A client that numbers both ways are counted of. */
async function life(t, server, seed, protocol) {
  const chance = random(seed);
  const proxy = await Proxy.to(t, server);
  const client = await Client.open(t, proxy, { protocol, build: stateful, events: ["number"] });
  const speaker = await Client.open(t, server, {});
  await client.call("JoinGroup", `life ${seed}`);
  const id = await client.call("ConnectionId");
  const answers = [];
  const calls = [];
  let sent = 0;
  let said = 0;
  for (let cut = 0; cut < LIFE; cut += 1) {
    const cutting = chance(3) === 0 ? undefined : proxy.cutAfter(chance(2000));
    // Some are on their way when it is cut: to the client, and from it.
    for (let n = 0; n < 5 + chance(20); n += 1) {
      const padding = "x".repeat(chance(200));
      const to = chance(2) === 0 ? ["groups", [`life ${seed}`]] : ["clients", [id]];
      await speaker.call("Send", ...to, "number", [sent, padding]);
      sent += 1;
      const number = said;
      said += 1;
      calls.push(client.call("Slow", 0, number).then((answer) => answers.push(answer)));
    }
    // (It tries once to come back: to cut it again meanwhile would be the end.)
    const isCut = cutting !== undefined && (await Promise.race([cutting.then(() => true), client.heard.count(sent).then(() => false)]));
    if (!isCut) {
      proxy.cutAfter(Infinity);
      proxy.cut();
    }
    // Once it is back, everything is there.
    await client.heard.count(sent);
    await within(Promise.all(calls), "the answers");
  }
  const numbers = client.all("number").map(([[number]]) => number);
  assert.deepEqual(numbers, Array.from({ length: sent }, (_, n) => n), `seed ${seed}: each once, in order`);
  assert.deepEqual(answers, Array.from({ length: said }, (_, n) => n), `seed ${seed}`);
  assert.equal(client.id, id, "the same connection");
  await client.settled();
  await client.hub.stop();
  return sent + said;
}

test(`${CUTS} cuts`, async (t) => {
  const server = await share({ allowStatefulReconnects: true });
  let numbers = 0;
  for (let lives = 0; lives < CUTS / LIFE; lives += 1) {
    numbers += await life(t, server, SEED * 1000 + lives, lives % 2 === 0 ? "json" : "messagepack");
  }
  t.diagnostic(`${numbers} numbers, each once and in order`);
  const watch = await Client.open(t, server, {});
  for (;;) {
    const { sessions, waitingBytes } = await watch.call("World");
    if (sessions <= 1 + CUTS / LIFE && waitingBytes === 0) break;
  }
});

test("what is kept for a lost client is bounded, and ends with it", async (t) => {
  const server = await start(t, { allowStatefulReconnects: true, statefulReconnectBufferSize: 10_000, disconnectTimeout: 500 });
  const proxy = await Proxy.to(t, server);
  const client = await Client.open(t, proxy, { build: stateful });
  const speaker = await Client.open(t, server, {});
  const id = await client.call("ConnectionId");
  // The server sees nothing of it, and keeps what it says; beyond its buffer the mailbox fills, and no more.
  proxy.cutClients();
  for (let n = 0; n < 100; n += 1) await speaker.call("Send", "clients", [id], "event", `${n} ${"x".repeat(1000)}`);
  await client.heard.count(100);
  assert.deepEqual(client.all("event").map(([text]) => Number(text.split(" ")[0])), Array.from({ length: 100 }, (_, n) => n));
  await client.hub.stop();
});

test("a client without it is lost, and comes anew", async (t) => {
  const server = await share({ allowStatefulReconnects: true });
  const proxy = await Proxy.to(t, server);
  const client = await Client.open(t, proxy, { build: (builder) => builder.withAutomaticReconnect([0]) });
  const before = client.id;
  const back = new Promise((resolve) => client.hub.onreconnected(resolve));
  proxy.cut();
  assert.notEqual(await within(back, "a reconnect"), before);
  // And where the server does not offer it, nobody has it.
  const plain = await share();
  const without = await Proxy.to(t, plain);
  const wanting = await Client.open(t, without, { build: stateful });
  without.cut();
  await wanting.closed();
});
