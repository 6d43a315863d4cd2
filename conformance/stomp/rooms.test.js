// Rooms: what one sends, all who subscribe hear, as it was, and in one order.

import assert from "node:assert/strict";

import { Client, fresh, freshName } from "./client.js";
import { Raw, frame } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

const BODIES = ["a", "é😀\u2028\u0001%\"\\", "x".repeat(20_000), "line\nline\r\n\n", "  blanks  "];

for (const version of ["1.0", "1.1", "1.2"]) {
  story(`a room, in ${version}`, WAYS, {}, async (t, server, way) => {
    const room = fresh();
    const client = await Client.open(t, server, way, { version });
    const other = await Client.open(t, server, "plain");
    const [mine, others] = [await client.subscribe(room), await other.subscribe(room)];
    for (const body of BODIES) client.send(room, body);
    other.send(room, "from another");
    const all = await mine.bodies(BODIES.length + 1);
    assert.deepEqual(all.filter((body) => body !== "from another"), BODIES);
    const heard = await others.bodies(BODIES.length + 1);
    // One order for all is ours; RabbitMQ has it for each who sends.
    assert.deepEqual(IS_OURS ? heard : heard.sort(), IS_OURS ? all : all.sort());
    const [{ headers }] = mine.heard.messages;
    assert.equal(headers.destination, room);
    assert.equal(headers.subscription, mine.id);
    assert.equal(new Set(mine.heard.messages.map((message) => message.headers["message-id"])).size, BODIES.length + 1);
    assert.equal(headers.ack, undefined);
  });
}

const HEADERS = { "x-plain": "a", "x-colon": "a:b", "x-wide": "é\u2028😀", "x-lines": "a\nb\r\nc", "x-empty": "", priority: "7" };

story("headers of users", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [mine, others] = [await client.subscribe(room), await other.subscribe(room)];
  client.send(room, "a", HEADERS);
  for (const heard of [mine, others]) {
    const { headers } = await heard.one();
    assert.deepEqual(Object.fromEntries(Object.keys(HEADERS).map((name) => [name, headers[name]])), HEADERS);
  }
});

own("headers of users, to older clients", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, "plain");
  // stompjs unescapes nothing in 1.1; in 1.0 there is nothing to escape with: a line's end is left out.
  const expected = {
    "1.1": { ...HEADERS, "x-colon": "a\\cb", "x-lines": "a\\nb\\nc" },
    "1.0": { ...HEADERS, "x-lines": "abc" },
  };
  for (const [version, headers] of Object.entries(expected)) {
    const heard = await (await Client.open(t, server, way, { version })).subscribe(room);
    client.send(room, "a", HEADERS);
    const { headers: said } = await heard.one();
    assert.deepEqual(Object.fromEntries(Object.keys(HEADERS).map((name) => [name, said[name]])), headers);
  }
});

own("what a server says itself, nobody else says", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  const forged = { "message-id": "1", subscription: "x", ack: "y", redelivered: "true", offset: "0", from: "eve", "user-name": "eve", "user-id": "eve", time: "0", "receipt-id": "z", since: "0" };
  const sent = await client.sure(room, "a", { ...forged, "x-own": "b" });
  const { headers } = await heard.one();
  assert.equal(headers["x-own"], "b");
  assert.equal(headers.subscription, heard.id);
  assert.equal(headers.from, client.id);
  assert.equal(headers.event, "message");
  assert.match(headers.offset, /^[^-]+-\d+$/);
  assert.ok(Math.abs(Number(headers.time) - Date.now()) < 60_000);
  for (const name of ["ack", "redelivered", "user-name", "user-id", "receipt-id", "since", "receipt"]) assert.equal(headers[name], undefined, name);
  assert.deepEqual(sent, { "receipt-id": sent["receipt-id"], offset: headers.offset });
});

story("several subscriptions to one room", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const [first, second] = [await client.subscribe(room, { id: "first" }), await client.subscribe(room, { id: "second" })];
  client.send(room, "a");
  assert.deepEqual([await first.bodies(1), await second.bodies(1)], [["a"], ["a"]]);
  assert.deepEqual([first, second].map(({ heard }) => heard.messages[0].headers.subscription), ["first", "second"]);
  await first.end();
  client.send(room, "b");
  assert.deepEqual(await second.bodies(1), ["b"]);
  await second.end();
  await client.sure(room, "c");
  const third = await client.subscribe(room, { id: "first" });
  client.send(room, "d");
  assert.deepEqual(await third.bodies(1), ["d"]);
  assert.deepEqual([first.left, second.left, client.unhandled.messages], [[], [], []]);
});

story("leaving and coming again at once", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  let heard = client.listen(room, { id: "it" });
  for (let i = 0; i < 50; i += 1) {
    client.send(room, String(i));
    client.stomp.unsubscribe("it");
    heard = client.listen(room, { id: "it" });
  }
  client.send(room, "the last");
  await heard.heard.until(() => heard.heard.messages.at(-1)?.body === "the last", "the last");
  // stompjs gives what came for the one before to the next, which has its id: all in order, and nothing twice.
  const bodies = client.wire.filter((data) => typeof data === "string" && data.startsWith("MESSAGE")).map((data) => data.slice(data.indexOf("\n\n") + 2, data.lastIndexOf("\0")));
  assert.equal(bodies.pop(), "the last");
  const numbers = bodies.map(Number);
  // Of ours each one hears what was sent before it left.
  if (IS_OURS) assert.deepEqual(numbers, [...Array(50).keys()]);
  else assert.deepEqual(numbers, [...new Set(numbers)].sort((a, b) => a - b));
});

own("who has left hears nothing", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await client.subscribe(room);
  await other.sure(room, "a");
  assert.deepEqual(await heard.bodies(1), ["a"]);
  await heard.end();
  await other.sure(room, "b");
  await client.settled();
  assert.deepEqual([heard.left, client.unhandled.messages], [[], []]);
});

story("many, from several, in the order of each", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const listeners = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heards = await Promise.all(listeners.map((client) => client.subscribe(room)));
  const senders = await Promise.all(["plain", way].map((by) => Client.open(t, server, by)));
  for (let i = 0; i < 500; i += 1) senders.forEach((sender, which) => sender.send(room, `${which} ${i}`));
  const [one, other] = await Promise.all(heards.map((heard) => heard.bodies(1000)));
  for (const which of [0, 1]) {
    const its = one.filter((body) => body.startsWith(`${which} `));
    assert.deepEqual(its, Array.from({ length: 500 }, (_, i) => `${which} ${i}`));
  }
  if (IS_OURS) assert.deepEqual(one, other);
});

own("receipts of all frames, in their order", WAYS, {}, async (t, server, way) => {
  const [room, queue] = [fresh(), fresh("queue")];
  const client = await Client.open(t, server, way);
  const frames = [
    ["SUBSCRIBE", { id: "1", destination: room }],
    ["SUBSCRIBE", { id: "2", destination: queue, ack: "client" }],
    ["SUBSCRIBE", { id: "3", destination: "/user/queue/x" }],
    ["SUBSCRIBE", { id: "4", destination: "/app/nothing" }],
    ["SEND", { destination: room }],
    ["SEND", { destination: "/app/echo" }],
    ["SEND", { destination: "/user/queue/x" }],
    ["BEGIN", { transaction: "t" }],
    ["SEND", { destination: room, transaction: "t" }],
    ["COMMIT", { transaction: "t" }],
    ["BEGIN", { transaction: "t" }],
    ["ABORT", { transaction: "t" }],
    ["SEND", { destination: queue }],
    ["UNSUBSCRIBE", { id: "1" }],
    ["UNSUBSCRIBE", { id: "2" }],
    ["UNSUBSCRIBE", { id: "3" }],
    ["UNSUBSCRIBE", { id: "4" }],
    ["DISCONNECT", {}],
  ];
  const receipts = frames.map((_, i) => `r ${i}`);
  client.raw(frames.map(([command, headers], i) => frame(command, { ...headers, receipt: receipts[i] })).join(""));
  await client.unhandled.until(() => client.unhandled.messages.at(-1)?.headers["receipt-id"] === receipts.at(-1), "the last receipt");
  const came = client.unhandled.messages.filter(({ command }) => command === "RECEIPT").map(({ headers }) => headers["receipt-id"]);
  assert.deepEqual(came, receipts);
  assert.deepEqual(client.errors, []);
});

story("a receipt says that those before were heard", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await other.subscribe(room);
  for (let i = 0; i < 20; i += 1) client.send(room, String(i));
  await client.sure(room, "20");
  assert.deepEqual(await heard.bodies(21), Array.from({ length: 21 }, (_, i) => String(i)));
});

story("an odd receipt comes back as it was", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  for (const receipt of ["a:b", "é😀", "x".repeat(1000), "a\nb"]) {
    const { "receipt-id": id } = await client.sure(fresh(), "", { receipt });
    assert.equal(id, receipt);
  }
});

own("two names of a room", WAYS, {}, async (t, server, way) => {
  const name = freshName();
  const client = await Client.open(t, server, way);
  const [one, other] = [await client.subscribe(`/topic/${name}`), await client.subscribe(`/room/${name}`)];
  client.send(`/topic/${name}`, "a");
  client.send(`/room/${name}`, "b");
  for (const [heard, begin] of [[one, "/topic/"], [other, "/room/"]]) {
    const messages = await heard.next(2);
    assert.deepEqual(messages.map(({ body, headers }) => [body, headers.destination]), [["a", begin + name], ["b", begin + name]]);
  }
});

own("an event's name", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  client.send(room, "{}", { event: "chat" });
  assert.equal((await heard.one()).headers.event, "chat");
});

own("rooms with odd names", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  for (const name of ["a/b/c", "a:b", "é😀", "a b", "#hash", "a.#b", "%2F"]) {
    const room = `${fresh()}${name}`;
    const heard = await client.subscribe(room);
    client.send(room, "a");
    const { headers } = await heard.one();
    assert.equal(headers.destination, room);
  }
});

own("what was missed", WAYS, {}, async (t, server, way) => {
  const room = fresh().replace("/topic/", "/topic/kept ");
  const other = await Client.open(t, server, "plain");
  const before = await other.subscribe(room);
  assert.match(before.receipt.offset, /^[^-]+-\d+$/);
  assert.equal(before.receipt.recovered, "false");
  for (const body of ["a", "b", "c"]) await other.sure(room, body);
  const [a] = await before.next(3);
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room, { since: a.headers.offset });
  assert.equal(heard.receipt.recovered, "true");
  await other.sure(room, "d");
  assert.deepEqual(await heard.bodies(3), ["b", "c", "d"]);
  // A second subscription hears what it missed, and the first nothing twice.
  const second = await client.subscribe(room, { since: before.receipt.offset });
  await other.sure(room, "e");
  assert.deepEqual(await second.bodies(5), ["a", "b", "c", "d", "e"]);
  assert.deepEqual(await heard.bodies(1), ["e"]);
  // Five are kept.
  await other.sure(room, "f");
  const late = await client.subscribe(room, { since: before.receipt.offset });
  assert.equal(late.receipt.recovered, "false");
  await client.settled();
  assert.deepEqual([second.left, heard.left], [["f"], ["f"]]);
});

own("without a receipt, what comes later is heard", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = client.listen(room);
  client.send(room, "a");
  assert.deepEqual(await heard.bodies(1), ["a"]);
});

own("frames to the byte", ["plain"], {}, async (t, server) => {
  const destination = fresh();
  const raw = await Raw.connect(t, server);
  raw.say(frame("SUBSCRIBE", { id: "a\\cb", destination, receipt: "1" }));
  const [{ headers }] = await raw.frames(1);
  assert.deepEqual(Object.keys(headers), ["receipt-id", "offset", "recovered"]);
  raw.say(frame("SEND", { destination, "x-a": "\\\\\\n" }, "é"));
  await raw.heard.count(2);
  const text = raw.heard.messages[1].data.toString();
  const written = (id, offset, time) =>
    `MESSAGE\nsubscription:a\\cb\ndestination:${destination}\nmessage-id:${id}\nevent:message\noffset:${offset}\ntime:${time}\nfrom:${raw.connected.session}\ncontent-type:text/plain;charset=utf-8\nx-a:\\\\\\n\ncontent-length:2\n\né\0`;
  const value = (name) => new RegExp(`^${name}:(.*)$`, "m").exec(text)[1];
  assert.equal(text, written(value("message-id"), value("offset"), value("time")).replace("\n\ncontent-length", "\ncontent-length"));
});
