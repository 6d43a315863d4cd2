// Who asks whether the other is there, when, and what happens if nothing comes back. In ms.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { Client } from "./clients.js";
import { within } from "./patience.js";
import { ask, Polling, Ws } from "./raw.js";
import { differs, share } from "./target.js";
import { watch } from "./watch.js";

const INTERVAL = 300;
const TIMEOUT = 200;
const OPTIONS = { pingInterval: INTERVAL, pingTimeout: TIMEOUT, allowEIO3: true };

/** For clients that shall stay: a busy machine must not make them late. */
const PATIENT = { ...OPTIONS, pingTimeout: 1500 };

/** Timers round; and ours may come up to a sixteenth of the shortest interval early, each of two. */
const EARLY = differs("heartbeats may be a little early") ? 5 + (2 * TIMEOUT) / 16 : 5;
/** A busy machine is late; a server that forgets would be later. */
const LATE = 400;

/** `from` is before the server could know: what comes too early is never excused. */
function lasted(from, to, expected) {
  const took = to - from;
  assert.ok(took >= expected - EARLY && took <= expected + LATE, `${took} instead of ${expected}`);
}

const now = () => performance.now();

test("revision 4, WebSocket: the server asks after the interval, and again after the answer", async (t) => {
  const server = await share(OPTIONS);
  let from = now();
  const ws = await Ws.joined(t, server);
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await ws.next(), "2");
    lasted(from, ws.times.at(-1), INTERVAL);
    from = now();
    ws.send("3");
  }
});

test("revision 4, WebSocket: without an answer it is over", async (t) => {
  const server = await share(OPTIONS);
  const began = now();
  const ws = await Ws.joined(t, server);
  assert.equal(await ws.next(), "2");
  assert.equal(await ws.ended(), 1005);
  lasted(began, now(), INTERVAL + TIMEOUT);
});

test("revision 4, WebSocket: what else is said neither delays the question nor answers it", async (t) => {
  const server = await share(OPTIONS);
  const began = now();
  const ws = await Ws.joined(t, server);
  // Question and answer without a pause.
  const talk = (async () => {
    for (ws.send('42["echo"]'); ; ws.send('42["echo"]')) {
      const frame = await ws.next();
      if (frame !== '42["echo"]') return frame;
    }
  })();
  assert.equal(await talk, "2");
  lasted(began, ws.times.at(-1), INTERVAL);
  for (ws.send('42["echo"]'); (await ws.next()) !== undefined; ) ws.send('42["echo"]');
  // The reference lets it count once, for a further timeout.
  const took = now() - began;
  assert.ok(took >= INTERVAL + TIMEOUT - EARLY && took <= INTERVAL + 2 * TIMEOUT + LATE, `${took}`);
});

test("revision 4, polling: the question is an answer to a poll", async (t) => {
  const server = await share(OPTIONS);
  const opened = now();
  const session = await Polling.joined(server);
  assert.equal((await session.poll()).text, "2");
  lasted(opened, now(), INTERVAL);
  const answered = now();
  await session.post("3");
  assert.equal((await session.poll()).text, "2");
  lasted(answered, now(), INTERVAL);
  assert.equal((await session.poll()).text, "1");
  lasted(answered, now(), INTERVAL + TIMEOUT);
});

test("revision 4: an answer that nobody asked for", async (t) => {
  const server = await share(OPTIONS);
  const ws = await Ws.joined(t, server);
  ws.send("3");
  assert.equal(await ws.next(), "2");
  ws.send("3");
  assert.equal(await ws.next(), "2");
});

test("revision 3, WebSocket: the client asks, the server never does", async (t) => {
  const server = await share(OPTIONS);
  const ws = await Ws.open(t, server, { EIO: "3" });
  await ws.next();
  assert.equal(await ws.next(), "40");
  // It lives as long as it asks: three times what it would else.
  const began = now();
  let asked;
  while (now() - began < 3 * (INTERVAL + TIMEOUT)) {
    asked = now();
    ws.send("2");
    assert.equal(await ws.next(), "3");
    await new Promise((resolve) => setTimeout(resolve, INTERVAL / 2));
  }
  assert.equal(await ws.ended(), 1005);
  lasted(asked, now(), INTERVAL + TIMEOUT);
  assert.deepEqual(ws.unread, []);
});

test("revision 3, WebSocket: who never asks", async (t) => {
  const server = await share(OPTIONS);
  const opened = now();
  const ws = await Ws.open(t, server, { EIO: "3" });
  await ws.next();
  assert.equal(await ws.next(), "40");
  assert.equal(await ws.ended(), 1005);
  lasted(opened, now(), INTERVAL + TIMEOUT);
});

test("revision 3, polling", async (t) => {
  const server = await share(OPTIONS);
  const query = { EIO: "3", transport: "polling" };
  const { sid } = JSON.parse(/\{.*\}/.exec((await ask(server, query).answer).text)[0]);
  const poll = () => ask(server, { ...query, sid }).answer;
  assert.equal((await poll()).text, "2:40");
  const asked = now();
  await ask(server, { ...query, sid }, { method: "POST", body: "1:2" }).answer;
  assert.equal((await poll()).text, "1:3");
  assert.equal((await poll()).text, "1:1");
  lasted(asked, now(), INTERVAL + TIMEOUT);
  assert.equal((await poll()).status, 400);
});

test("what the server calls it", async (t) => {
  const server = await share(PATIENT);
  const watcher = await watch(server);
  const [ws, session, old] = await Promise.all([
    Ws.joined(t, server),
    Polling.joined(server),
    Ws.open(t, server, { EIO: "3" }),
  ]);
  await old.next();
  assert.equal(await old.next(), "40");
  old.send('420["whoami"]');
  const [{ id }] = JSON.parse((await old.next()).slice(3));
  const reasons = [ws.id, session.id, id].map((id) => watcher.reason(id));
  assert.deepEqual(await Promise.all(reasons), ["ping timeout", "ping timeout", "ping timeout"]);
});

for (const generation of [4, 3, 2]) {
  for (const transports of [["polling"], ["websocket"]]) {
    test(`client ${generation} on ${transports} stays`, async (t) => {
      const server = await share(PATIENT);
      const client = await Client.open(t, server, { generation, transports });
      const left = client.disconnected();
      const { engine } = client.socket.io;
      let beats = 0;
      const beaten = new Promise((resolve) => {
        // It is asked; or, in revision 3, its own question is answered.
        const beat = generation === 2 ? "pong" : "ping";
        engine.on("packet", ({ type }) => type === beat && (beats += 1) === 3 && resolve("beaten"));
      });
      assert.equal(await within(Promise.race([beaten, left]), "three heartbeats"), "beaten");
      await client.settled();
    });
  }
}

test("a client notices that the server does not ask", async (t) => {
  const server = await share(OPTIONS);
  const client = await Client.open(t, server, { transports: ["websocket"] });
  // As if what comes did not come any more; the server's end, on the other hand, would.
  client.socket.io.engine.transport.ws.onmessage = () => {};
  assert.match(await client.disconnected(), /^(ping timeout|transport close)$/);
});
