// What a poll and a post may do, and what ends a session over polling.

import assert from "node:assert/strict";
import { test } from "node:test";

import { ask, Polling, SEPARATOR } from "./raw.js";
import { isReason, share, start } from "./target.js";
import { watch } from "./watch.js";

const UNKNOWN = '{"code":1,"message":"Session ID unknown"}';

/** A session that has joined `/`, and `ends`, which asserts how it has ended. */
async function joined(t, options) {
  const server = options === undefined ? await share() : await start(t, options);
  const watcher = await watch(server);
  const session = await Polling.joined(server);
  const ends = async (reason) => {
    const given = await watcher.reason(session.id);
    assert.ok(isReason(given, reason), `${given} instead of ${reason}`);
    for (const answer of [await session.poll(), await session.post("3")]) {
      assert.deepEqual([answer.status, answer.text], [400, UNKNOWN]);
    }
  };
  return { server, session, ends };
}

test("a second poll ends both and the session", async (t) => {
  const { session, ends } = await joined(t);
  // Of two polls at once, the server decides which was first: it is told that the session is closed.
  const answers = await Promise.all([session.poll(), session.poll()]);
  const told = answers.map(({ status, text }) => [status, text]).sort();
  assert.deepEqual(told, [[200, "1"], [400, ""]]);
  await ends("transport error");
});

test("a second post ends the session", async (t) => {
  const { session, ends } = await joined(t);
  const first = session.ask({ method: "POST", body: "42", open: true });
  await first.sent;
  const second = await session.post('42["echo"]');
  assert.deepEqual([second.status, second.text], [400, ""]);
  first.abort();
  await ends("transport error");
});

test("a poll that its client gives up ends the session", async (t) => {
  const { session, ends } = await joined(t);
  const poll = await session.pending();
  poll.abort();
  await ends("transport error");
});

test("a post that its client gives up ends the session", async (t) => {
  const { session, ends } = await joined(t);
  const post = session.ask({ method: "POST", body: '42["echo', open: true });
  await post.sent;
  post.abort();
  await ends("transport error");
});

test("a body over the limit is refused, and the session goes on", async (t) => {
  const limit = 1000;
  const { session } = await joined(t, { maxHttpBufferSize: limit });
  const message = (length) => `42["echo","${"x".repeat(length - '42["echo",""]'.length)}"]`;
  for (const options of [{}, { headers: { "transfer-encoding": "chunked" } }]) {
    for (const length of [limit + 1, 10 * limit]) {
      const { status, text } = await session.post(message(length), options);
      assert.deepEqual([status, text], [413, ""], `${length} ${JSON.stringify(options)}`);
    }
    const { status } = await session.post(message(limit), options);
    assert.equal(status, 200);
    await session.hears([message(limit)]);
  }
});

for (const body of ["abc", "", "7", "4x"]) {
  test(`a body that says ${JSON.stringify(body)} ends the session`, async (t) => {
    const { session, ends } = await joined(t);
    const poll = await session.pending();
    const post = await session.post(body);
    assert.deepEqual([post.status, post.text], [200, "ok"]);
    assert.equal((await poll.answer).text, "1");
    // What is no Engine.IO is a parse error; what is no Socket.IO is a violation, and the server closes.
    await ends(body === "4x" ? "forced close" : "parse error");
  });
}

test("a close packet ends the session", async (t) => {
  const { session, ends } = await joined(t);
  const poll = await session.pending();
  const post = await session.post("1");
  assert.deepEqual([post.status, post.text], [200, "ok"]);
  const { status, text } = await poll.answer;
  assert.deepEqual([status, text], [200, "6"]);
  await ends("transport close");
});

test("a ping from the client ends the session", async (t) => {
  const { session, ends } = await joined(t);
  const poll = await session.pending();
  await session.post("2");
  assert.equal((await poll.answer).text, "1");
  await ends("transport error");
});

test("binary as such is no body of revision 4", async (t) => {
  const { session, ends } = await joined(t);
  const headers = { "content-type": "application/octet-stream" };
  const { status, text } = await session.post(Buffer.from("3"), { headers });
  assert.deepEqual([status, text], [400, ""]);
  await ends("transport error");
});

test("any other type of body is one", async (t) => {
  const { session } = await joined(t);
  for (const type of ["text/plain;charset=UTF-8", "application/json", "x/y", undefined]) {
    const headers = type === undefined ? {} : { "content-type": type };
    assert.equal((await session.post(`42["echo","${type}"]`, { headers })).status, 200);
    await session.hears([`42["echo","${type}"]`]);
  }
});

test("disconnected by the server, with a poll and without", async (t) => {
  const { session, ends } = await joined(t);
  const poll = await session.pending();
  await session.post('42["disconnect_me",true]');
  const heard = [(await poll.answer).text, (await session.poll()).text];
  assert.deepEqual(heard.join(SEPARATOR).split(SEPARATOR).filter((packet) => packet !== "6"), ["41", "1"]);
  await ends("server namespace disconnect");

  const other = await joined(t);
  await other.session.post('42["disconnect_me",true]');
  const later = [];
  while (!later.includes("1")) later.push(...(await other.session.poll()).text.split(SEPARATOR));
  assert.deepEqual(later.filter((packet) => packet !== "6"), ["41", "1"]);
  await other.ends("server namespace disconnect");
});

test("many packets each way stay in order", async (t) => {
  const { session } = await joined(t);
  const packets = Array.from({ length: 300 }, (_, n) => `42["echo",${n}]`);
  for (let at = 0; at < packets.length; at += 30) {
    await session.post(packets.slice(at, at + 30).join(SEPARATOR));
  }
  await session.hears(packets);
});

test("sessions know nothing of each other", async (t) => {
  const { server, session } = await joined(t);
  const other = await Polling.joined(server);
  await session.post('42["echo","mine"]');
  await other.post('42["echo","other"]');
  await session.hears(['42["echo","mine"]']);
  await other.hears(['42["echo","other"]']);
  // The public id opens nothing.
  const { status, text } = await ask(server, { EIO: "4", transport: "polling", sid: session.id }).answer;
  assert.deepEqual([status, text], [400, UNKNOWN]);
});
