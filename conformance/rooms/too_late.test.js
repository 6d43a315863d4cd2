// A client that comes back when the log no longer reaches to where it was is told so, on every wire, and goes on.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Curl } from "./curl.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

const ROOM = "short memory";
const KEPT = 5;
const KEEPS_LITTLE = `
[[retention]]
rooms = "*"
messages = ${KEPT}
bytes = "1MiB"
age = "1h"
`;

test("JSON-RPC says recovered: false", async (t) => {
  const { server, speak } = await room(t);
  const first = await Rpc.open(t, "npm ws", npmWs(`${server.ws}/ws`));
  await first.subscribe(ROOM);
  await speak(3);
  await first.heard.count(3);
  await first.kill();
  const since = first.heard.messages[2].offset;

  // As long as all is there, it is told that too.
  await speak(KEPT);
  const inTime = await Rpc.open(t, "npm ws, in time", npmWs(`${server.ws}/ws`));
  assert.equal((await inTime.subscribe(ROOM, since)).recovered, true);
  assert.deepEqual(numbers(inTime), [3, 4, 5, 6, 7]);

  await speak(1);
  const late = await Rpc.open(t, "npm ws, too late", npmWs(`${server.ws}/ws`));
  const { recovered, offset } = await late.subscribe(ROOM, since);
  assert.equal(recovered, false);
  // What is left of it comes all the same, and then what is new.
  assert.deepEqual(numbers(late), [4, 5, 6, 7, 8]);
  assert.equal(offset, late.heard.messages.at(-1).offset);
  await speak(1);
  await late.heard.count(KEPT + 1);
  assert.deepEqual(numbers(late), [4, 5, 6, 7, 8, 9]);
});

test("SSE begins with $reset", async (t) => {
  const { server, speak } = await room(t);
  const url = `${server.http}/sse?room=${encodeURIComponent(ROOM)}`;
  const first = await Curl.open(t, url);
  await speak(3);
  await first.heard.count(3);
  await first.kill();

  await speak(KEPT);
  const inTime = await Curl.open(t, url, { since: first.lastEventId });
  await inTime.heard.count(KEPT);
  assert.deepEqual(numbers(inTime), [3, 4, 5, 6, 7]);

  await speak(1);
  const late = await Curl.open(t, url, { since: first.lastEventId });
  await late.heard.count(1 + KEPT);
  const [reset] = late.heard.messages.splice(0, 1);
  assert.equal(reset.event, "$reset");
  assert.equal(reset.recovered, false);
  assert.deepEqual(numbers(late), [4, 5, 6, 7, 8]);
  await speak(1);
  await late.heard.count(KEPT + 1);
  assert.deepEqual(numbers(late), [4, 5, 6, 7, 8, 9]);
});

test("a poll says recovered: false", async (t) => {
  const { server, speak } = await room(t);
  const poll = async (since, more) => {
    const query = new URLSearchParams({ room: ROOM, ...(since && { since }), ...more });
    const response = await fetch(`${server.http}/poll?${query}`);
    assert.equal(response.status, 200);
    const { messages, offset, recovered } = await response.json();
    return { numbers: messages.map(({ data }) => data.n), offset, recovered };
  };
  const first = await poll();
  assert.deepEqual(first.numbers, []);
  await speak(KEPT);
  const inTime = await poll(first.offset);
  assert.deepEqual([inTime.numbers, inTime.recovered], [[0, 1, 2, 3, 4], true]);
  await speak(1);
  const late = await poll(first.offset);
  assert.deepEqual([late.numbers, late.recovered], [[1, 2, 3, 4, 5], false]);
  await speak(1);
  const after = await poll(late.offset);
  assert.deepEqual([after.numbers, after.recovered], [[6], true]);
  // In no hurry or in all: what is at hand comes.
  await speak(1);
  const hasty = await poll(after.offset, { wait: 0 });
  assert.deepEqual([hasty.numbers, hasty.recovered], [[7], true]);
});

test("another life of the server is another log", async (t) => {
  const before = await room(t);
  const rpc = await Rpc.open(t, "npm ws", npmWs(`${before.server.ws}/ws`));
  const { offset } = await rpc.subscribe(ROOM);
  await before.server.stop("SIGKILL");

  const { server, speak } = await room(t);
  const late = await Rpc.open(t, "npm ws, afterwards", npmWs(`${server.ws}/ws`));
  assert.equal((await late.subscribe(ROOM, offset)).recovered, false);
  const curl = await Curl.open(t, `${server.http}/sse?room=${encodeURIComponent(ROOM)}`, { since: offset });
  await speak(1);
  await Promise.all([late.heard.count(1), curl.heard.count(2)]);
  assert.deepEqual(numbers(late), [0]);
  assert.equal(curl.heard.messages[0].event, "$reset");
});

/** A server whose rooms keep little, and `speak(n)`, which says n further numbers there. */
async function room(t) {
  const server = await serve(t, KEEPS_LITTLE);
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  let next = 0;
  const speak = async (n) => {
    for (let i = 0; i < n; i += 1) await speaker.publish(ROOM, { n: next++ });
  };
  return { server, speak };
}

function numbers({ heard }) {
  return heard.messages.map(({ data }) => data.n);
}
