// A client that is killed and comes back with its last offset has missed nothing, however often and whenever.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Counter, KEEPS_ENOUGH, LEAD } from "./counter.js";
import { Curl } from "./curl.js";
import { Heard } from "./heard.js";
import { npmWs, Rpc } from "./rpc.js";
import { choices, SEED } from "./seeded.js";
import { serve } from "./server.js";

const ROOM = "numbers";
/** So often it is killed and comes back. */
const CUTS = 50;
/** It hears fewer more than this before it is killed at the next, in the middle of catching up if that comes first… */
const HEARS = 200;
/** …and about as many as this it misses at most before it comes back. */
const MISSES = 300;

test("an SSE client that is killed", async (t) => {
  const server = await serve(t, KEEPS_ENOUGH);
  const heard = new Heard("curl");
  const url = `${server.http}/sse?room=${ROOM}`;
  await returns(t, server, heard, async (since) => {
    const curl = await Curl.open(t, url, { since, heard });
    return {
      place: () => heard.messages.at(-1)?.offset ?? curl.lastEventId,
      // A stream that cannot go on says so first, and it is among what is heard.
      recovered: Promise.resolve(true),
      kill: () => curl.kill(),
    };
  });
});

test("a JSON-RPC client that is killed", async (t) => {
  const server = await serve(t, KEEPS_ENOUGH);
  const heard = new Heard("npm ws");
  await returns(t, server, heard, async (since) => {
    const rpc = await Rpc.open(t, "npm ws", npmWs(`${server.ws}/ws`), heard);
    let place = since;
    const joined = rpc.subscribe(ROOM, since).then(({ offset, recovered }) => {
      place ??= offset;
      return recovered;
    });
    // The first has nothing to go on from until it is told where the room is.
    if (since === undefined) await joined;
    return {
      place: () => heard.messages.at(-1)?.offset ?? place,
      // Killed while it catches up, it is not told any more.
      recovered: joined.catch(() => undefined),
      kill: () => rpc.kill(),
    };
  });
});

/** Lives one life after the other: `live(since)` is one, which hears what it does into `heard`. */
async function returns(t, server, heard, live) {
  const choose = choices(SEED);
  const lives = [];
  heard.limit = choose(HEARS);
  let life = await live(undefined);
  const counter = await Counter.start(t, server, ROOM, heard);
  for (let cut = 1; cut <= CUTS; cut += 1) {
    await heard.count(heard.limit);
    await life.kill();
    const missed = counter.said.messages.length + choose(MISSES);
    await counter.said.count(Math.min(missed, heard.messages.length + LEAD));
    heard.limit = cut < CUTS ? heard.messages.length + choose(HEARS) : Infinity;
    life = await live(life.place());
    lives.push(life.recovered);
  }
  // The last one lives on: at least that one is told.
  assert.equal(await lives.at(-1), true);
  const told = (await Promise.all(lives)).filter((recovered) => recovered !== undefined);
  assert.ok(told.every((recovered) => recovered === true), `seed ${SEED}: ${told}`);
  const count = await counter.stop();
  await heard.count(count);
  for (const [n, { event, data }] of heard.messages.entries()) {
    assert.deepEqual([event, data?.n], ["chat", n], `seed ${SEED}: message ${n} is ${event} ${JSON.stringify(data)}`);
  }
  assert.equal(heard.messages.length, count, `seed ${SEED}`);
  t.diagnostic(`${count} numbers heard by who was killed ${CUTS} times, told so ${told.length} times; seed ${SEED}`);
}
