// Queues: each message goes to one consumer, and comes again if that does not settle it.

import assert from "node:assert/strict";

import { Heard } from "../rooms/heard.js";
import { Proxy } from "../socketio/proxy.js";
import { Client, fresh } from "./client.js";
import { frame } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

/** Whoever polls, and is gone, is soon forgotten. */
const QUICK = { disconnectDelay: 300, heartbeat: 1000 };

const many = (n) => Array.from({ length: n }, (_, i) => String(i));

/** Numbers as they are, not as texts. */
const sorted = (bodies) => bodies.toSorted((a, b) => a - b);

story("what nobody takes waits", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  for (const body of many(20)) client.send(queue, body, { "x-own": "a:b", "content-type": "text/plain" });
  await client.sure(queue, "é😀\u2028");
  const heard = await other.subscribe(queue);
  const messages = await heard.next(21);
  assert.deepEqual(messages.map(({ body }) => body), [...many(20), "é😀\u2028"]);
  const [{ headers }] = messages;
  assert.deepEqual([headers.destination, headers.subscription, headers["x-own"], headers["content-type"]], [queue, heard.id, "a:b", "text/plain"]);
  assert.equal(headers.ack, undefined);
  if (IS_OURS) assert.deepEqual([headers.from, headers.event, headers.redelivered], [client.id, "message", undefined]);
});

story("consumers compete", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const consumers = [await Client.open(t, server, way), await Client.open(t, server, "plain"), await Client.open(t, server, way)];
  const heards = await Promise.all(consumers.map((client) => client.subscribe(queue, { ack: "client-individual", "prefetch-count": "5" })));
  const all = new Heard("all consumers");
  for (const { heard } of heards) {
    const push = heard.push.bind(heard);
    heard.push = (message) => {
      push(message);
      all.push(message.body);
      message.ack();
    };
  }
  const sender = await Client.open(t, server, "plain");
  for (const body of many(300)) sender.send(queue, body);
  await all.count(300);
  await Promise.all(consumers.map((client) => client.settled()));
  // Each once, to each in their order, and nobody goes without.
  assert.deepEqual(sorted(all.messages), many(300));
  for (const { left } of heards) {
    assert.deepEqual(sorted(left), left);
    assert.ok(left.length >= 5, `${left.length} of 300`);
  }
});

for (const version of ["1.0", "1.1", "1.2"]) {
  story(`each settled alone, in ${version}`, WAYS, QUICK, async (t, server, way) => {
    // 1.0 knows cumulative acks alone: there it is `client`, one at a time.
    const ack = version === "1.0" ? "client" : "client-individual";
    const queue = fresh("queue");
    const [client, other] = [await Client.open(t, server, way, { version }), await Client.open(t, server, "plain")];
    for (const body of many(4)) await other.sure(queue, body);
    const heard = await client.subscribe(queue, { ack });
    const messages = await heard.next(4);
    assert.ok(messages.every(({ headers }) => (headers.ack !== undefined) === (version === "1.2")));
    for (const i of version === "1.0" ? [0, 1] : [1, 3]) messages[i].ack();
    await client.settled();
    client.socket.close();
    await client.closed();
    const rest = await (await other.subscribe(queue)).next(2);
    assert.deepEqual(rest.map(({ body }) => body), version === "1.0" ? ["2", "3"] : ["0", "2"]);
    assert.ok(rest.every(({ headers }) => headers.redelivered === "true"));
  });
}

story("all up to one", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  for (const body of many(6)) await other.sure(queue, body);
  const heard = await client.subscribe(queue, { ack: "client" });
  const messages = await heard.next(6);
  messages[3].ack();
  await client.settled();
  client.socket.close();
  await client.closed();
  assert.deepEqual(await (await other.subscribe(queue)).bodies(2), ["4", "5"]);
});

own("an ack is for its own subscription alone", WAYS, QUICK, async (t, server, way) => {
  // In RabbitMQ it covers what came before for others of the connection.
  const [one, two] = [fresh("queue"), fresh("queue")];
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [first, second] = [await client.subscribe(one, { ack: "client" }), await client.subscribe(two, { ack: "client" })];
  await other.sure(one, "kept");
  await first.next(1);
  await other.sure(two, "done");
  (await second.one()).ack();
  await client.settled();
  client.socket.close();
  await client.closed();
  const rest = [await other.subscribe(one), await other.subscribe(two)];
  assert.deepEqual(await rest[0].bodies(1), ["kept"]);
  await other.settled();
  assert.deepEqual(rest[1].left, []);
});

story("given back, to another", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const first = await client.subscribe(queue, { ack: "client-individual", "prefetch-count": "1" });
  await other.sure(queue, "a");
  const message = await first.one();
  assert.notEqual(message.headers.redelivered, "true");
  const second = await other.subscribe(queue, { ack: "client-individual", "prefetch-count": "1" });
  message.nack();
  // RabbitMQ may give it to whoever gave it back: then that gives it back again.
  const push = first.heard.push.bind(first.heard);
  first.heard.push = (message) => {
    push(message);
    message.nack();
  };
  const again = await second.one();
  assert.deepEqual([again.body, again.headers.redelivered], ["a", "true"]);
  if (IS_OURS) assert.deepEqual(first.left, []);
  again.ack();
  await other.settled();
});

own("given back, to itself if there is nobody else", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(queue, { ack: "client" });
  for (const body of ["a", "b", "c"]) await client.sure(queue, body);
  const [, , last] = await heard.next(3);
  // All up to it, and in their places.
  last.nack();
  const again = await heard.next(3);
  assert.deepEqual(again.map(({ body, headers }) => [body, headers.redelivered]), [["a", "true"], ["b", "true"], ["c", "true"]]);
  assert.equal(new Set(heard.heard.messages.map(({ headers }) => headers["message-id"])).size, 6);
  again[2].ack();
  await client.settled();
});

story("given back, and not wanted again", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(queue, { ack: "client-individual" });
  await client.sure(queue, "bad");
  (await heard.one()).nack({ requeue: "false" });
  await client.sure(queue, "good");
  assert.deepEqual(await heard.bodies(1), ["good"]);
  await client.settled();
  assert.deepEqual(heard.left, []);
});

story("who is cut off leaves its messages to others", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const proxy = await Proxy.to(t, server);
  const [client, other] = [await Client.open(t, server, way, { through: proxy, beats: [0, 1000] }), await Client.open(t, server, "plain")];
  for (const body of many(5)) await other.sure(queue, body);
  const heard = await client.subscribe(queue, { ack: "client-individual" });
  const [first] = await heard.next(5);
  first.ack();
  await client.settled();
  const rest = await other.subscribe(queue);
  proxy.cut();
  const again = await rest.next(4);
  assert.deepEqual(again.map(({ body, headers }) => [body, headers.redelivered]), ["1", "2", "3", "4"].map((body) => [body, "true"]));
});

story("who says goodbye, too", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await client.subscribe(queue, { ack: "client" });
  await other.sure(queue, "a");
  await heard.one();
  const rest = await other.subscribe(queue);
  // RabbitMQ sends no receipt for it, for which stompjs waits: it closes the socket itself.
  client.stomp.deactivate().catch(() => {});
  const { body, headers } = await rest.one();
  assert.deepEqual([body, headers.redelivered], ["a", "true"]);
});

story("no more than may be unsettled", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(queue, { ack: "client-individual", "prefetch-count": "2" });
  for (const body of many(5)) await client.sure(queue, body);
  const [first, second] = await heard.next(2);
  await client.settled();
  assert.deepEqual(heard.left, []);
  second.ack();
  assert.deepEqual(await heard.bodies(1), ["2"]);
  await client.settled();
  assert.deepEqual(heard.left, []);
  first.ack();
  const [third] = heard.heard.messages.slice(2);
  third.ack();
  assert.deepEqual(await heard.bodies(2), ["3", "4"]);
  heard.heard.messages.slice(3).forEach((message) => message.ack());
  await client.settled();
});

own("as many as there are by default", WAYS, { prefetch: 3 }, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(queue, { ack: "client" });
  for (const body of many(5)) await client.sure(queue, body);
  const messages = await heard.next(3);
  await client.settled();
  assert.deepEqual(heard.left, []);
  messages[2].ack();
  const rest = await heard.next(2);
  rest[1].ack();
  // 0 is for as many as there may be.
  const all = await client.subscribe(queue, { ack: "client", "prefetch-count": "0" });
  await heard.end();
  for (const body of many(50)) client.send(queue, body);
  (await all.next(50))[49].ack();
  await client.settled();
});

own("who leaves a queue may still settle", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await client.subscribe(queue, { ack: "client-individual" });
  for (const body of ["a", "b"]) await other.sure(queue, body);
  const [a] = await heard.next(2);
  await heard.end();
  a.ack();
  await client.settled();
  await other.sure(queue, "c");
  const rest = await other.subscribe(queue);
  assert.deepEqual(await rest.bodies(1), ["c"]);
  // What it did not settle comes back when it is gone.
  client.socket.close();
  const { body, headers } = await rest.one();
  assert.deepEqual([body, headers.redelivered], ["b", "true"]);
  assert.deepEqual(heard.left, []);
});

own("what cannot be settled", WAYS, QUICK, async (t, server, way) => {
  const settle = [
    // Twice; what another has; what nobody has.
    ({ headers }) => frame("ACK", { id: headers.ack }) + frame("ACK", { id: headers.ack }),
    () => frame("ACK", { id: "q77.1" }),
    ({ headers }) => frame("NACK", { id: headers.ack.replace(/\d+$/, "9999") }),
  ];
  for (const frames of settle) {
    const queue = fresh("queue");
    const client = await Client.open(t, server, way);
    const heard = await client.subscribe(queue, { ack: "client-individual" });
    await client.sure(queue, "a");
    client.raw(frames(await heard.one()));
    const { headers, body } = await client.failed();
    assert.equal(headers.message, "Not done");
    assert.match(body, /^the consumer has no such delivery to settle/);
    assert.equal((await client.closed()).code, 1002);
  }
});

own("rooms take any ack", WAYS, QUICK, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room, { ack: "client-individual" });
  for (const body of ["a", "b"]) client.send(room, body);
  const [a, b] = await heard.next(2);
  assert.ok(a.headers.ack);
  a.ack();
  a.ack();
  b.nack();
  await client.settled();
  assert.deepEqual([heard.left, client.errors], [[], []]);
});

own("a full queue", WAYS, { queueMessages: 3 }, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const errors = await client.subscribe("/user/queue/errors");
  for (const body of ["a", "b", "c"]) await client.sure(queue, body);
  client.send(queue, "d", { receipt: "full" });
  const { headers, body } = await errors.one();
  assert.equal(headers["receipt-id"], "full");
  const { code, message, event } = JSON.parse(body);
  assert.deepEqual([code, event], [-32009, "send"]);
  assert.match(message, /^a queue may hold 3 messages, and "[\d-]+" does; send again when some have been settled$/);
  // There is room again once some are settled.
  const heard = await client.subscribe(queue);
  assert.deepEqual(await heard.bodies(3), ["a", "b", "c"]);
  await client.sure(queue, "e");
  assert.deepEqual(await heard.bodies(1), ["e"]);
});

own("answers into a queue", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  await client.sure("/app/add", '{"a":1,"b":2}', { "reply-to": queue });
  const { body, headers } = await (await other.subscribe(queue)).one();
  assert.deepEqual([body, headers.event, headers.destination], ["3", "add", queue]);
});

story("a large body", ["plain"], QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const body = "x".repeat(1 << 20);
  await client.sure(queue, body);
  assert.ok((await (await client.subscribe(queue)).one()).body === body);
});

own("bytes", ["plain"], QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const bytes = Uint8Array.from({ length: 256 }, (_, i) => i);
  await client.sure(queue, bytes, { "content-type": "application/octet-stream" });
  assert.deepEqual((await (await client.subscribe(queue)).one()).binaryBody, bytes);
});

own("a queue is no room", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const client = await Client.open(t, server, way);
  const [heard, room] = [await client.subscribe(queue), await client.subscribe(queue.replace("/queue/", "/topic/"))];
  await client.sure(queue, "a");
  await client.sure(queue.replace("/queue/", "/topic/"), "b");
  assert.deepEqual([await heard.bodies(1), await room.bodies(1)], [["a"], ["b"]]);
  await client.settled();
  assert.deepEqual([heard.left, room.left], [[], []]);
});
