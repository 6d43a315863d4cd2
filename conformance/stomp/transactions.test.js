// Transactions: what is held back until its client says so, and then done in order.

import assert from "node:assert/strict";

import { Client, fresh } from "./client.js";
import { frame } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

/** Whoever polls, and is gone, is soon forgotten. */
const QUICK = { disconnectDelay: 300, heartbeat: 1000 };

story("committed", WAYS, QUICK, async (t, server, way) => {
  const [room, queue] = [fresh(), fresh("queue")];
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [heard, queued] = [await other.subscribe(room), await other.subscribe(queue)];
  const transaction = client.stomp.begin("a:b");
  for (const body of ["1", "2"]) client.send(room, body, { transaction: "a:b" });
  client.send(queue, "3", { transaction: "a:b" });
  // What is outside goes first.
  await client.sure(room, "0");
  assert.deepEqual(await heard.bodies(1), ["0"]);
  assert.deepEqual(queued.left, []);
  transaction.commit();
  assert.deepEqual([await heard.bodies(2), await queued.bodies(1)], [["1", "2"], ["3"]]);
  // RabbitMQ tells the receivers its id.
  if (IS_OURS) assert.equal(heard.heard.messages[1].headers.transaction, undefined);
});

story("aborted", WAYS, QUICK, async (t, server, way) => {
  const [room, queue] = [fresh(), fresh("queue")];
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [heard, queued] = [await other.subscribe(room), await other.subscribe(queue)];
  const transaction = client.stomp.begin();
  client.send(room, "1", { transaction: transaction.id });
  client.send(queue, "1", { transaction: transaction.id });
  transaction.abort();
  for (const destination of [room, queue]) await client.sure(destination, "2");
  assert.deepEqual([await heard.bodies(1), await queued.bodies(1)], [["2"], ["2"]]);
});

story("two at a time, and one again", WAYS, QUICK, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  const [a, b] = [client.stomp.begin("a"), client.stomp.begin("b")];
  client.send(room, "a1", { transaction: "a" });
  client.send(room, "b1", { transaction: "b" });
  client.send(room, "a2", { transaction: "a" });
  b.commit();
  a.commit();
  const again = client.stomp.begin("a");
  client.send(room, "a3", { transaction: "a" });
  again.commit();
  assert.deepEqual(await heard.bodies(4), ["b1", "a1", "a2", "a3"]);
});

story("what is not committed goes with its connection", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await other.subscribe(queue);
  client.stomp.begin("a");
  client.send(queue, "1", { transaction: "a" });
  await client.settled();
  client.socket.close();
  await client.closed();
  await other.sure(queue, "2");
  assert.deepEqual(await heard.bodies(1), ["2"]);
});

own("a goodbye aborts", WAYS, QUICK, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await other.subscribe(room);
  client.stomp.begin("a");
  client.send(room, "1", { transaction: "a" });
  await client.leave();
  await other.sure(room, "2");
  assert.deepEqual(heard.left, ["2"]);
});

story("acks in it", WAYS, QUICK, async (t, server, way) => {
  const queue = fresh("queue");
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  for (const body of ["a", "b", "c"]) await other.sure(queue, body);
  const heard = await client.subscribe(queue, { ack: "client-individual" });
  const [a, b, c] = await heard.next(3);
  const [kept, dropped] = [client.stomp.begin("kept"), client.stomp.begin("dropped")];
  a.ack({ transaction: "kept" });
  b.ack({ transaction: "dropped" });
  c.ack({ transaction: "kept" });
  kept.commit();
  dropped.abort();
  await client.settled();
  client.socket.close();
  await client.closed();
  const rest = await other.subscribe(queue);
  const { body, headers } = await rest.one();
  assert.deepEqual([body, headers.redelivered], ["b", "true"]);
  await other.sure(queue, "the last");
  assert.deepEqual(await rest.bodies(1), ["the last"]);
});

own("calls in it, and receipts", WAYS, QUICK, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  client.raw(
    [
      frame("BEGIN", { transaction: "t", receipt: "begun" }),
      frame("SEND", { transaction: "t", destination: room, receipt: "sent" }, "a"),
      frame("SEND", { transaction: "t", destination: "/app/add", receipt: "called", "reply-to": "/temp-queue/a" }, '{"a":1,"b":2}'),
      frame("SEND", { destination: room, receipt: "outside" }, "b"),
      frame("COMMIT", { transaction: "t", receipt: "committed" }),
    ].join(""),
  );
  await client.unhandled.count(6);
  const seen = client.unhandled.messages.map(({ headers, body }) => headers["receipt-id"] ?? body);
  // A frame in a transaction has its receipt when it is done.
  assert.deepEqual(seen, ["begun", "outside", "sent", "3", "called", "committed"]);
  assert.deepEqual(await heard.bodies(2), ["b", "a"]);
});

const FORBIDDEN = [
  ["/topic/read-only", 'you may not publish to the room "read-only"'],
  ["/queue/closed", 'you may not send to the queue "closed"'],
];

own("nothing of it is done, if one of it may not be", WAYS, QUICK, async (t, server, way) => {
  await Promise.all(
    FORBIDDEN.map(async ([destination, detail]) => {
      const [room, queue] = [fresh(), fresh("queue")];
      const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
      const [heard, queued] = [await other.subscribe(room), await other.subscribe(queue)];
      const sends = [room, queue, destination, room].map((to) => frame("SEND", { transaction: "t", destination: to }, "in it"));
      client.raw(
        [
          frame("BEGIN", { transaction: "t" }),
          ...sends,
          frame("SEND", { destination: room }, "before"),
          frame("COMMIT", { transaction: "t", receipt: "r" }),
          frame("SEND", { destination: room }, "behind"),
        ].join(""),
      );
      const { headers, body } = await client.failed();
      assert.deepEqual([headers.message, body, headers["receipt-id"]], ["Not done", detail, "r"]);
      assert.equal((await client.closed()).code, 1008);
      for (const to of [room, queue]) await other.sure(to, "the last");
      assert.deepEqual([heard.left, queued.left], [["before", "the last"], ["the last"]]);
    }),
  );
});

own("a subscription is in none", WAYS, QUICK, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  client.stomp.begin("t");
  const heard = await client.subscribe(room, { transaction: "t" });
  await client.sure(room, "a");
  assert.deepEqual(heard.left, ["a"]);
});
