// Who hears what is said to whom: rooms, exceptions, flags, questions to many, and what the server does to many.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "./clients.js";
import { Polling } from "./raw.js";
import { share } from "./target.js";

const OPTIONS = { allowEIO3: true };

/** Clients a, b, c, … of a namespace of their own, in these rooms. */
let worlds = 0;
async function world(t, rooms) {
  const server = await share(OPTIONS);
  const namespace = `/dynamic-${worlds++}`;
  const entries = Object.entries(rooms).map(async ([name, rooms], n) => {
    const transports = n % 2 === 0 ? ["websocket"] : ["polling"];
    const client = await Client.open(t, server, { namespace, transports });
    if (rooms.length > 0) await client.call("join", rooms);
    return [name, client];
  });
  const clients = Object.fromEntries(await Promise.all(entries));
  /** Which of them have heard this event, by name; each as often as it did. */
  const heard = async (event) => {
    const names = [];
    for (const [name, client] of Object.entries(clients)) {
      await client.settled();
      names.push(...client.all(event).map(() => name));
    }
    return names.join("");
  };
  return { server, namespace, ...clients, clients, heard };
}

test("to, in union, except, others, self", async (t) => {
  const { a, b, c, heard } = await world(t, { a: ["r", "s"], b: ["r"], c: ["s"], d: [] });
  const ids = { b: b.socket.id, c: c.socket.id };
  for (const [choice, expected] of [
    [{}, "abcd"],
    [{ to: ["r"] }, "ab"],
    [{ to: ["r", "s"] }, "abc"],
    [{ to: ["nobody"] }, ""],
    [{ except: ["r"] }, "cd"],
    [{ except: ["r", "s"] }, "d"],
    [{ to: ["r"], except: ["s"] }, "b"],
    [{ to: ["r"], except: ["r"] }, ""],
    [{ from: "others" }, "bcd"],
    [{ from: "others", to: ["r"] }, "b"],
    [{ from: "others", to: ["r", "s"], except: ["nobody"] }, "bc"],
    [{ from: "others", except: ["s"] }, "bd"],
    [{ from: "self" }, "a"],
    [{ toIds: [ids.b] }, "b"],
    [{ to: ["s"], toIds: [ids.b] }, "abc"],
    [{ exceptIds: [ids.b, ids.c] }, "ad"],
    [{ toIds: [ids.b], exceptIds: [ids.b] }, ""],
    [{ local: true }, "abcd"],
    [{ to: ["r"], local: true, compress: false }, "ab"],
    [{ from: "self", compress: false }, "a"],
  ]) {
    const event = JSON.stringify(choice);
    await a.call("emit", choice, `said ${event}`, []);
    assert.equal(await heard(`said ${event}`), expected, event);
  }
});

test("joining and leaving", async (t) => {
  const { a, b, heard } = await world(t, { a: [], b: [] });
  await a.call("join", ["x", "y", "x"]);
  await a.call("join", ["x"]);
  assert.deepEqual((await a.call("whoami")).rooms, ["x", "y"]);
  await b.call("emit", { to: ["x"] }, "both", []);
  assert.equal(await heard("both"), "a");
  await a.call("leave", ["x", "never"]);
  assert.deepEqual((await a.call("whoami")).rooms, ["y"]);
  await b.call("emit", { to: ["x"] }, "left", []);
  assert.equal(await heard("left"), "");
  // Any text names a room.
  const names = ["é€😀", " ", "a,b", "/", "constructor"];
  await a.call("join", names);
  for (const name of names) await b.call("emit", { to: [name] }, "named", [name]);
  await a.settled();
  assert.deepEqual(a.all("named"), names.map((name) => [name]));
});

test("what is said arrives in order, binary among it", async (t) => {
  const { a, b, clients } = await world(t, { a: ["r"], b: ["r"], c: ["r"], d: ["r"] });
  const said = Array.from({ length: 100 }, (_, n) => (n % 3 === 0 ? [n, Buffer.from([n])] : [n]));
  for (const args of said) a.emit("emit", { to: ["r"] }, "n", args);
  await a.settled();
  for (const client of Object.values(clients)) {
    await client.heard.count(said.length);
    assert.deepEqual(client.all("n"), said);
  }
  assert.equal(b.heard.messages.length, said.length);
});

test("volatile events are for who can hear them now", async (t) => {
  const server = await share(OPTIONS);
  const session = await Polling.joined(server);
  const say = (n) => session.post(`42["emit",{"from":"self","volatile":true},"v",[${n}]]`);
  await say(1);
  await session.post('42["echo","between"]');
  await session.hears(['42["echo","between"]']);
  const poll = await session.pending();
  await say(2);
  assert.equal((await poll.answer).text, '42["v",2]');

  const { a, heard } = await world(t, { a: ["r"], b: ["r"], c: [] });
  await a.call("emit", { from: "others", to: ["r"], volatile: true }, "v", []);
  // Whoever polls may just not.
  assert.match(await heard("v"), /^b?$/);
});

test("a question to many, and its answers", async (t) => {
  const { a, clients } = await world(t, { a: ["r"], b: ["r"], c: ["r"], d: [] });
  for (const [name, client] of Object.entries(clients)) client.answer("q", (arg) => [`${name} ${arg}`, "not this"]);
  const ask = async (choice, timeout = 10_000) => {
    const { answers, complete } = await a.call("ask_all", choice, timeout, "q", ["hears"]);
    return { answers: answers.sort(), complete };
  };
  assert.deepEqual(await ask({}), { answers: ["a hears", "b hears", "c hears", "d hears"], complete: true });
  assert.deepEqual(await ask({ to: ["r"] }), { answers: ["a hears", "b hears", "c hears"], complete: true });
  assert.deepEqual(await ask({ from: "others", to: ["r"] }), { answers: ["b hears", "c hears"], complete: true });
  assert.deepEqual(await ask({ to: ["nobody"] }), { answers: [], complete: true });
});

test("a question to many, one of whom does not answer", async (t) => {
  const { a, b, c } = await world(t, { a: [], b: ["r"], c: ["r"], d: ["r"] });
  b.answer("q", () => [Buffer.from("binary")]);
  c.answer("q", () => []);
  // d has no handler.
  const { answers, complete } = await a.call("ask_all", { to: ["r"] }, 300, "q", [Buffer.from([1])]);
  assert.equal(complete, false);
  assert.equal(answers.length, 2);
  assert.ok(answers.some((answer) => Buffer.isBuffer(answer) && answer.equals(Buffer.from("binary"))));
  assert.ok(answers.some((answer) => answer === null || answer === undefined));
});

test("a question to many, one of whom leaves instead", async (t) => {
  const { a, b, c } = await world(t, { a: [], b: ["r"], c: ["r"] });
  b.answer("q", () => ["here"]);
  c.socket.on("q", () => c.socket.disconnect());
  assert.deepEqual(await a.call("ask_all", { to: ["r"] }, 300, "q", []), { answers: ["here"], complete: false });
});

test("what the server knows of its connections", async (t) => {
  const { a, b, c, clients } = await world(t, { a: ["r", "s"], b: ["r"], c: ["s"] });
  await a.call("set_data", { name: "a", list: [1, { two: null }] });
  const shown = {
    [a.socket.id]: { id: a.socket.id, rooms: ["r", "s"], data: { name: "a", list: [1, { two: null }] } },
    [b.socket.id]: { id: b.socket.id, rooms: ["r"], data: {} },
    [c.socket.id]: { id: c.socket.id, rooms: ["s"], data: {} },
  };
  const expect = (...chosen) => chosen.map(({ socket }) => shown[socket.id]).sort((one, other) => (one.id < other.id ? -1 : 1));
  assert.deepEqual(await b.call("fetch", {}), expect(a, b, c));
  assert.deepEqual(await b.call("fetch", { to: ["s"] }), expect(a, c));
  assert.deepEqual(await b.call("fetch", { to: ["s"], except: ["r"] }), expect(c));
  assert.deepEqual(await b.call("fetch", { from: "others" }), expect(a, c));
  assert.deepEqual(await b.call("fetch", { toIds: [a.socket.id] }), expect(a));
  assert.deepEqual(await b.call("fetch", { to: ["nobody"] }), []);
  // Each has its own id.
  assert.equal(new Set(Object.values(clients).map(({ socket }) => socket.id)).size, 3);
});

test("all of a room join, leave and are disconnected", async (t) => {
  const { a, b, c, d, heard } = await world(t, { a: ["r"], b: ["r"], c: ["s"], d: [] });
  await d.call("all_join", { to: ["r"] }, ["new", "newer"]);
  await d.call("emit", { to: ["new"] }, "joined", []);
  assert.equal(await heard("joined"), "ab");
  await d.call("all_leave", { to: ["new"], exceptIds: [b.socket.id] }, ["new", "r"]);
  await d.call("emit", { to: ["new", "r"] }, "left", []);
  assert.equal(await heard("left"), "b");
  await d.call("all_leave", {}, ["newer"]);
  assert.deepEqual((await a.call("whoami")).rooms, []);

  const reasons = [b, c].map((client) => client.disconnected());
  await d.call("all_disconnect", { to: ["r"] }, false);
  await d.call("all_disconnect", { to: ["s"] }, true);
  assert.deepEqual(await Promise.all(reasons), ["io server disconnect", "io server disconnect"]);
  assert.equal((await d.call("fetch", {})).length, 2);
  await a.settled();
});

test("old and new clients in one room", async (t) => {
  const server = await share(OPTIONS);
  const clients = await Promise.all(
    [4, 3, 2].flatMap((generation) =>
      [["polling"], ["websocket"]].map((transports) => Client.open(t, server, { generation, transports })),
    ),
  );
  await Promise.all(clients.map((client) => client.call("join", ["mixed"])));
  for (const [n, client] of clients.entries()) client.emit("emit", { to: ["mixed"] }, "said", [n, Buffer.from([n])]);
  for (const client of clients) {
    await client.heard.count(clients.length);
    // All in the same order.
    assert.deepEqual(client.all("said"), clients[0].all("said"));
  }
  const said = clients[0].all("said").toSorted(([one], [other]) => one - other);
  assert.deepEqual(said, clients.map((_, n) => [n, Buffer.from([n])]));
});

test("a room is gone with its last member", async (t) => {
  const { a, b, c } = await world(t, { a: ["r"], b: ["r", "s"], c: [] });
  const { rooms } = await c.call("gauges");
  a.socket.disconnect();
  b.socket.disconnect();
  while ((await c.call("fetch", {})).length > 1);
  assert.equal((await c.call("gauges")).rooms, rooms - 2);
});
