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
/** So often it comes back, and is told that it has recovered. */
const RETURNS = 50;
/** It hears fewer more than this before it is killed, in the middle of catching up if that comes first… */
const HEARS = 200;
/** …and misses fewer than this before it comes back. */
const MISSES = 300;

test("an SSE client that is killed", async (t) => {
  const server = await serve(t, KEEPS_ENOUGH);
  const heard = new Heard("curl");
  const url = `${server.http}/sse?room=${ROOM}`;
  await returns(t, server, heard, async (since) => {
    const curl = await Curl.open(t, url, { since, heard });
    return {
      place: () => curl.lastEventId,
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
  const told = [];
  let lives = 1;
  let life = await live(undefined);
  const counter = await Counter.start(t, server, ROOM, heard);
  while (told.length < RETURNS) {
    await heard.count(heard.messages.length + choose(HEARS));
    await life.kill();
    const missed = counter.said.messages.length + choose(MISSES);
    await counter.said.count(Math.min(missed, heard.messages.length + LEAD));
    life = await live(life.place());
    lives += 1;
    life.recovered.then((recovered) => recovered !== undefined && told.push(recovered));
  }
  assert.ok(told.every((recovered) => recovered === true), `seed ${SEED}: ${told}`);
  const count = await counter.stop();
  await heard.count(count);
  for (const [n, { event, data }] of heard.messages.entries()) {
    assert.deepEqual([event, data?.n], ["chat", n], `seed ${SEED}: message ${n} is ${event} ${JSON.stringify(data)}`);
  }
  assert.equal(heard.messages.length, count, `seed ${SEED}`);
  t.diagnostic(`${count} numbers heard in ${lives} lives, seed ${SEED}`);
}
