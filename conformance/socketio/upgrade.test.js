// From polling to WebSocket, step by step, and what goes wrong on the way.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, Polling, Ws } from "./raw.js";
import { differs, share, start } from "./target.js";

const WRONG_TRANSPORT = '{"code":3,"message":"Bad request"}';

/** A session, and a WebSocket that wants to be its next transport. */
async function begun(t, server, query) {
  const session = await Polling.joined(server, query);
  return { session, ws: await session.socket(t) };
}

async function goesOnOver(ws) {
  ws.send('42["echo","here"]');
  assert.equal(await ws.next(), '42["echo","here"]');
}

async function goesOnPolling(session) {
  await session.post('42["echo","still"]');
  const packets = [];
  while (!packets.includes('42["echo","still"]')) packets.push((await session.poll()).text);
  assert.deepEqual(packets.filter((packet) => packet !== "6"), ['42["echo","still"]']);
}

/** A WebSocket for a session that has one. */
async function comesTooLate(open) {
  if (differs("a WebSocket for a session that has one is refused over HTTP")) {
    await assert.rejects(open(), /400/);
    return;
  }
  const late = await open();
  assert.equal(await late.ended(), 1005);
  assert.deepEqual(late.unread, []);
}

test("probe, no more polls, upgrade", async (t) => {
  const { session, ws } = await begun(t, await share());
  const poll = await session.pending();
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  // So that the client can let go of polling.
  assert.equal((await poll.answer).text, "6");
  assert.equal((await session.poll()).text, "6");
  ws.send("5");
  await goesOnOver(ws);
  for (const answer of [await session.poll(), await session.post('42["echo"]')]) {
    assert.deepEqual([answer.status, answer.text], [400, WRONG_TRANSPORT]);
  }
  await goesOnOver(ws);
});

test("until the upgrade, polling is what counts", async (t) => {
  const { session, ws } = await begun(t, await share());
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  await goesOnPolling(session);
  assert.deepEqual(ws.unread, []);
  // What waits for a poll that does not come leaves with the upgrade.
  await session.post('42["echo",1]');
  await session.post('42["echo",2]');
  ws.send("5");
  assert.equal(await ws.next(), '42["echo",1]');
  assert.equal(await ws.next(), '42["echo",2]');
  await goesOnOver(ws);
});

test("a poll that is open when the upgrade comes", async (t) => {
  const { session, ws } = await begun(t, await share());
  const poll = await session.pending();
  ws.send("5");
  await goesOnOver(ws);
  const { status, text } = await poll.answer;
  assert.deepEqual([status, text], [200, "1"]);
});

test("an upgrade without a probe", async (t) => {
  const { ws } = await begun(t, await share());
  ws.send("5");
  await goesOnOver(ws);
});

for (const frame of ["4", '42["echo"]', "2", "3", "3probe", "2x", "6", "1", "0", "abc", "", Buffer.from([1])]) {
  test(`${JSON.stringify(frame)} instead of a probe ends the attempt alone`, async (t) => {
    const { session, ws } = await begun(t, await share());
    ws.send(frame);
    assert.equal(await ws.ended(), 1005);
    assert.deepEqual(ws.unread, []);
    await goesOnPolling(session);
    const again = await session.socket(t);
    again.send("2probe");
    assert.equal(await again.next(), "3probe");
    again.send("5");
    await goesOnOver(again);
  });
}

test("a message over the limit ends the attempt alone", async (t) => {
  const { session, ws } = await begun(t, await start(t, { maxHttpBufferSize: 1000 }));
  ws.send("x".repeat(1001));
  assert.equal(await ws.ended(), 1009);
  await goesOnPolling(session);
});

test("a client that thinks better of it", async (t) => {
  const { session, ws } = await begun(t, await share());
  ws.send("2probe");
  await ws.next();
  ws.kill();
  await ws.ended();
  await goesOnPolling(session);
});

test("an attempt that takes too long", async (t) => {
  const { session, ws } = await begun(t, await share({ upgradeTimeout: 200 }));
  const began = performance.now();
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  assert.equal(await ws.ended(), 1005);
  assert.ok(performance.now() - began >= 150);
  await goesOnPolling(session);
});

test("a second attempt beside the first, and after it", async (t) => {
  const { session, ws } = await begun(t, await share());
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  assert.equal(await (await session.socket(t)).ended(), 1005);
  ws.send("5");
  await goesOnOver(ws);
  await comesTooLate(() => session.socket(t));
  await goesOnOver(ws);
});

test("a session on WebSocket from the start is not upgraded", async (t) => {
  const server = await share({ upgradeTimeout: 200 });
  const ws = await Ws.joined(t, server);
  await comesTooLate(() => Ws.open(t, server, { sid: ws.handshake.sid }));
  await goesOnOver(ws);
});

test("the session ends while it is upgraded", async (t) => {
  const { session, ws } = await begun(t, await share());
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  await session.post("1");
  assert.equal(await ws.ended(), 1005);
});

test("disconnected by the server between probe and upgrade", async (t) => {
  const { session, ws } = await begun(t, await share());
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  await session.post('42["disconnect_me",false]');
  ws.send("5");
  assert.equal(await ws.next(), "41");
  ws.send("40/chat,");
  assert.match(await ws.next(), /^44\/chat,/);
});

test("revision 3", async (t) => {
  const server = await share({ allowEIO3: true });
  const query = { EIO: "3", transport: "polling" };
  const opening = (await ask(server, query).answer).text;
  const { sid } = JSON.parse(/\{.*\}/.exec(opening)[0]);
  assert.equal((await ask(server, { ...query, sid }).answer).text, "2:40");
  const ws = await Ws.open(t, server, { EIO: "3", sid });
  const poll = ask(server, { ...query, sid });
  await poll.sent;
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  assert.equal((await poll.answer).text, "1:6");
  ws.send("5");
  await goesOnOver(ws);
  ws.send("2");
  assert.equal(await ws.next(), "3");
});

test("a pong that is lost in the upgrade", async (t) => {
  const server = await start(t, { pingInterval: 1000, pingTimeout: 300 });
  const { session, ws } = await begun(t, server);
  assert.equal((await session.poll()).text, "2");
  ws.send("5");
  await goesOnOver(ws);
  // The measure: one that never answers, and began later.
  const silent = await Ws.joined(t, server);
  if (differs("a lost pong is noticed after an upgrade")) {
    assert.equal(await ws.ended(), 1005);
    assert.equal(await silent.ended(), 1005);
  } else {
    assert.equal(await silent.ended(), 1005);
    await goesOnOver(ws);
  }
});

test("the heartbeat goes on over the new transport", async (t) => {
  const { session, ws } = await begun(t, await start(t, { pingInterval: 500, pingTimeout: 2000 }));
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe");
  ws.send("5");
  // Should the first question have come over polling already: this answers it.
  ws.send("3");
  for (let n = 0; n < 3; n += 1) {
    assert.equal(await ws.next(), "2");
    ws.send("3");
  }
  assert.equal((await session.poll()).status, 400);
});
