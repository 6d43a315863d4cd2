// What ends a session on a WebSocket, and what it is told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Ws } from "./raw.js";
import { differs, isReason, share, start } from "./target.js";
import { watch } from "./watch.js";

async function joined(t, options, query) {
  const server = options === undefined ? await share() : await start(t, options);
  const watcher = await watch(server);
  const ws = await Ws.joined(t, server, query);
  const ends = async (code, reason) => {
    assert.equal(await ws.ended(), code);
    const given = await watcher.reason(ws.id);
    assert.ok(isReason(given, reason), `${given} instead of ${reason}`);
  };
  return { server, ws, ends };
}

test("a message over the limit", async (t) => {
  const limit = 1000;
  const message = (length) => `42["echo","${"x".repeat(length - '42["echo",""]'.length)}"]`;
  const { ws, ends } = await joined(t, { maxHttpBufferSize: limit });
  ws.send(message(limit));
  assert.equal(await ws.next(), message(limit));
  ws.send(message(limit + 1));
  await ends(1009, "transport error");
});

test("an attachment over the limit", async (t) => {
  const { ws, ends } = await joined(t, { maxHttpBufferSize: 1000 });
  ws.send('451-["echo",{"_placeholder":true,"num":0}]');
  ws.send(Buffer.alloc(1001));
  await ends(1009, "transport error");
});

for (const [what, frame, reason] of [
  ["an empty frame", "", "parse error"],
  ["a type that does not exist", "7", "parse error"],
  ["a ping", "2", "transport error"],
  ["a Socket.IO packet that is none", "4x", "forced close"],
  ["an event for a namespace that was not joined", '42/chat,["echo"]', "forced close"],
]) {
  test(`${what} closes it`, async (t) => {
    const { ws, ends } = await joined(t);
    ws.send(frame);
    await ends(1005, reason);
  });
}

test("a close packet", async (t) => {
  // Long enough for whoever watches.
  const timing = { pingInterval: 300, pingTimeout: 1500 };
  const { ws, ends } = await joined(t, timing);
  ws.send("1");
  if (differs("a close packet on a WebSocket closes it")) {
    await ends(1005, "transport close");
    assert.deepEqual(ws.unread, []);
  } else {
    await ends(1005, "ping timeout");
  }
});

test("the client closes", async (t) => {
  const { ws, ends } = await joined(t);
  ws.socket.close(1000);
  await ends(1000, "transport close");
});

test("the client vanishes", async (t) => {
  const { ws, ends } = await joined(t);
  ws.kill();
  await ends(1006, "transport close");
});

test("a client that breaks the WebSocket protocol", async (t) => {
  const { ws, ends } = await joined(t);
  // A frame without a mask, of a reserved opcode.
  ws.socket._socket.write(Buffer.from([0x83, 0x00]));
  await ends(1002, "transport error");
});

test("text that is not UTF-8", async (t) => {
  const { ws, ends } = await joined(t);
  ws.socket.send(Buffer.from([0x34, 0x32, 0xff]), { binary: false });
  await ends(1007, "transport error");
});

test("a message in fragments", async (t) => {
  const { ws } = await joined(t);
  ws.socket.send('42["ec', { fin: false });
  ws.socket.send('ho","€', { fin: false });
  ws.socket.send('"]', { fin: true });
  assert.equal(await ws.next(), '42["echo","€"]');
});

test("a ping of WebSocket itself is answered", async (t) => {
  const { ws } = await joined(t);
  const pong = new Promise((resolve) => ws.socket.once("pong", (data) => resolve(data.toString())));
  ws.socket.ping("there?");
  assert.equal(await pong, "there?");
});

test("many frames each way stay in order", async (t) => {
  const { ws } = await joined(t);
  for (let n = 0; n < 1000; n += 1) ws.send(`42["echo",${n}]`);
  for (let n = 0; n < 1000; n += 1) assert.equal(await ws.next(), `42["echo",${n}]`);
});

test("binary and text do not mix", async (t) => {
  const { ws } = await joined(t);
  const placeholder = '{"_placeholder":true,"num":0}';
  for (let n = 0; n < 50; n += 1) {
    ws.send(`451-["echo",${n},${placeholder}]`);
    ws.send(Buffer.from([n]));
    ws.send(`42["echo",${n}]`);
  }
  for (let n = 0; n < 50; n += 1) {
    assert.equal(await ws.next(), `451-["echo",${n},${placeholder}]`);
    assert.deepEqual(await ws.next(), Buffer.from([n]));
    assert.equal(await ws.next(), `42["echo",${n}]`);
  }
});

test("no namespace in time", async (t) => {
  const server = await start(t, { connectTimeout: 200 });
  const ws = await Ws.open(t, server);
  const began = performance.now();
  await ws.next();
  assert.equal(await ws.ended(), 1005);
  assert.ok(performance.now() - began >= 150);

  // Who has been in one once may stay without any.
  const other = await Ws.joined(t, server);
  other.send("41");
  const third = await Ws.open(t, server);
  assert.equal(await third.ended(), 1005);
  other.send("40/chat,");
  assert.match(await other.next(), /^44\/chat,/);
});

test("the server shuts down", async (t) => {
  const server = await start(t);
  const ws = await Ws.joined(t, server);
  assert.equal(await server.stop("SIGTERM"), 0);
  assert.equal(await ws.ended(), 1005);
  assert.deepEqual(ws.unread, []);
});
