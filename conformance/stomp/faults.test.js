// What clients do wrong: an ERROR says what, and then the connection ends. What an application says is no fault.

import assert from "node:assert/strict";

import { Client, fresh } from "./client.js";
import { Raw, frame } from "./raw.js";
import { WAYS, own } from "./target.js";

const SUBSCRIBED = frame("SUBSCRIBE", { id: "1", destination: "/topic/faults" });

/** What is said, the ERROR's `message`, something of its body, and the close code. */
const FAULTS = [
  [frame("HELLO", {}), "Unknown command", /"HELLO" is no command of STOMP 1.2/, 1002],
  [frame("send", { destination: "/topic/a" }), "Unknown command", /"send"/, 1002],
  [frame("MESSAGE", { destination: "/topic/a" }), "Unexpected command", /a server's frame/, 1002],
  [frame("CONNECTED", { version: "1.2" }), "Unexpected command", /a server's frame/, 1002],
  [frame("SEND", {}), "Missing header", /SEND needs the header destination/, 1002],
  [frame("SUBSCRIBE", { id: "1" }), "Missing header", /destination/, 1002],
  [frame("SUBSCRIBE", { destination: "/topic/a" }), "Missing header", /id/, 1002],
  [frame("UNSUBSCRIBE", { destination: "/topic/a" }), "Missing header", /id/, 1002],
  [frame("ACK", { "message-id": "r1.1", subscription: "1" }), "Missing header", /ACK needs the header id/, 1002],
  [frame("SEND", { destination: "/elsewhere/a" }), "Unknown destination", /^"\/elsewhere\/a": destinations begin with \/topic\/ or/, 1002],
  [frame("SEND", { destination: "topic/a" }), "Unknown destination", /^"topic\/a"/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/elsewhere/a" }), "Unknown destination", /destinations begin with/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/topic/" }), "Unknown destination", /a name has to follow/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/user/ann/queue/a" }), "Unknown destination", /one hears what is its own/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/temp-queue/a" }), "Unknown destination", /needs no subscription/, 1002],
  [frame("SEND", { destination: "/temp-queue/a" }), "Unknown destination", /for the header reply-to alone/, 1002],
  ...["*", "a.*", "a/**", "a?", "#", "a.#", "a/>", "a.>"].map((name) => [
    frame("SUBSCRIBE", { id: "1", destination: `/topic/${name}` }), "No wildcards", /destinations have no wildcards/, 1002,
  ]),
  [SUBSCRIBED + frame("SUBSCRIBE", { id: "1", destination: "/topic/b" }), "Duplicate subscription", /"1" already/, 1002],
  [frame("UNSUBSCRIBE", { id: "7" }), "No subscription found", /"7"/, 1002],
  [SUBSCRIBED + frame("UNSUBSCRIBE", { id: "1" }) + frame("UNSUBSCRIBE", { id: "1" }), "No subscription found", /"1"/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/topic/a", ack: "sometimes" }), "Bad ack", /"sometimes"/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/queue/a", "prefetch-count": "many" }), "Bad prefetch-count", /"many"/, 1002],
  [frame("ACK", { id: "nothing" }), "Unknown message", /"nothing"/, 1002],
  [frame("NACK", { id: "x1.1" }), "Unknown message", /"x1.1"/, 1002],
  [frame("BEGIN", {}), "Missing transaction", /BEGIN needs the header transaction/, 1002],
  [frame("COMMIT", { transaction: "t" }), "Bad transaction", /"t" is not open/, 1002],
  [frame("ABORT", { transaction: "t" }), "Bad transaction", /"t" is not open/, 1002],
  [frame("SEND", { destination: "/topic/a", transaction: "t" }), "Bad transaction", /"t" is not open/, 1002],
  [frame("BEGIN", { transaction: "t" }) + frame("BEGIN", { transaction: "t" }), "Bad transaction", /"t" is open already/, 1002],
  [frame("SUBSCRIBE", { id: "1", destination: "/topic/a" }, "body"), "Body not allowed", /SUBSCRIBE has a body/, 1002],
  [frame("SEND", { destination: "/topic/a", event: "$own" }), "Bad event", /\$/, 1002],
  [frame("SEND", { destination: "/topic/a", event: "connect" }), "Bad event", /connect/, 1002],
  [frame("SEND", { destination: "/topic/a\\t" }), "Unknown escape", /STOMP 1\.2 has \\r \\n \\c \\\\/, 1002],
  [frame("SEND", { destination: "/topic/a", "content-length": "-1" }), "Malformed content-length", /"-1"/, 1002],
  [frame("SEND", { destination: "/topic/a", "content-length": "1" }, "ab"), "Wrong content-length", /content-length says 1/, 1002],
  ["SEND\nno colon\n\n\0", "Malformed header", /no colon/, 1002],
  ["SEND\n:no name\n\n\0", "Malformed header", /no name/, 1002],
  ["SEND\rdestination:/topic/a\n\n\0", "Lone carriage return", /carriage return/, 1002],
  ["SEND\ndestination\0:/topic/a\n\n\0", "NUL in headers", /NUL/, 1002],
  [frame("SEND", { destination: "/topic/a", long: "x".repeat(9000) }), "Header too long", /8192/, 1009],
  [frame("SEND", Object.fromEntries(Array.from({ length: 65 }, (_, i) => [`h${i}`, "a"]))), "Too many headers", /64/, 1009],
  [frame("SEND", { destination: "/user/ann/queue/a" }), "Not allowed", /other users/, 1008],
  [frame("SEND", { destination: "/app/echo", "reply-to": "/nowhere" }), "Unknown destination", /"\/nowhere"/, 1002],
  [frame("SEND", { destination: "/app/echo", "reply-to": "/app/echo" }), "Bad reply-to", /"\/app\/echo"/, 1002],
  [frame("SEND", { destination: "/app/echo", "reply-to": "/user/ann/queue/a" }), "Bad reply-to", /answers do not go to/, 1002],
];

// By one way for each of: messages, and bodies of requests.
for (const way of ["plain", "xhr-streaming"]) {
  own("faults", [way], {}, async (t, server) => {
    await Promise.all(
      FAULTS.map(async ([said, message, detail, code]) => {
        const client = await Client.open(t, server, way);
        client.raw(`${said}${frame("SEND", { destination: "/topic/never", receipt: "never" })}`);
        const error = await client.failed();
        const what = JSON.stringify(said.slice(0, 200));
        assert.equal(error.headers.message, message, what);
        assert.match(error.body, detail, what);
        assert.equal(error.headers["content-type"], "text/plain;charset=utf-8");
        assert.equal(Number(error.headers["content-length"]), Buffer.byteLength(error.body));
        assert.equal((await client.closed()).code, code, what);
        assert.deepEqual([client.errors.length, client.unhandled.messages], [1, []], what);
      }),
    );
  });
}

own("the receipt that was asked for is named", WAYS, {}, async (t, server, way) => {
  for (const said of [
    frame("SUBSCRIBE", { id: "1", destination: "/topic/closed", receipt: "a:b".replace(":", "\\c") }),
    frame("SEND", { destination: "/elsewhere", receipt: "a\\cb" }),
    frame("COMMIT", { transaction: "x", receipt: "a\\cb" }),
  ]) {
    const client = await Client.open(t, server, way);
    client.raw(said);
    assert.equal((await client.failed()).headers["receipt-id"], "a:b");
    await client.closed();
  }
});

const RIGHTS = [
  [frame("SUBSCRIBE", { id: "1", destination: "/topic/closed" }), 'you may not subscribe to the room "closed"'],
  [frame("SUBSCRIBE", { id: "1", destination: "/room/write-only" }), 'you may not subscribe to the room "write-only"'],
  [frame("SEND", { destination: "/topic/closed" }, "a"), 'you may not publish to the room "closed"'],
  [frame("SEND", { destination: "/topic/read-only" }, "a"), 'you may not publish to the room "read-only"'],
  [frame("SUBSCRIBE", { id: "1", destination: "/queue/closed" }), 'you may not consume from the queue "closed"'],
  [frame("SEND", { destination: "/queue/read-only" }, "a"), 'you may not send to the queue "read-only"'],
];

own("rights", WAYS, {}, async (t, server, way) => {
  await Promise.all(
    RIGHTS.map(async ([said, detail]) => {
      const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
      const room = fresh();
      const heard = await other.subscribe(room);
      // What came before is done, what comes behind is not.
      client.raw(frame("SEND", { destination: room }, "before") + said + frame("SEND", { destination: room }, "behind"));
      const { headers, body } = await client.failed();
      assert.deepEqual([headers.message, body], ["Not done", detail]);
      assert.equal((await client.closed()).code, 1008);
      await other.sure(room, "the last");
      assert.deepEqual(heard.left, ["before", "the last"]);
    }),
  );
});

own("an answer does not go where its client may not send", ["plain"], {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  client.send("/app/echo", "a", { "reply-to": "/topic/read-only", receipt: "r" });
  const { headers, body } = await client.failed();
  assert.equal(headers["receipt-id"], "r");
  assert.equal(body, 'you may not publish to the room "read-only"');
  assert.equal((await client.closed()).code, 1008);
});

own("too much of everything", ["plain"], { subscriptions: 2, transactions: 2, transactionFrames: 2, transactionBytes: 1000, bodyBytes: 2000 }, async (t, server, way) => {
  const of = (headers, body) => frame("SEND", { destination: "/topic/much", transaction: "a", ...headers }, body);
  const begun = ["a", "b"].map((transaction) => frame("BEGIN", { transaction })).join("");
  const subscribed = ["a", "b"].map((id) => frame("SUBSCRIBE", { id, destination: `/topic/${id}` })).join("");
  for (const [said, message, detail, code] of [
    [subscribed + frame("SUBSCRIBE", { id: "c", destination: "/topic/c" }), "Too many subscriptions", /may have 2/, 1008],
    [begun + frame("BEGIN", { transaction: "c" }), "Transaction too large", /2 transactions are open/, 1002],
    [begun + of() + of() + of(), "Transaction too large", /2 frames/, 1002],
    [begun + of({}, "x".repeat(1000)), "Transaction too large", /1000 bytes/, 1002],
    [frame("SEND", { destination: "/topic/much" }, "x".repeat(2001)), "Body too long", /2000 bytes/, 1009],
  ]) {
    const client = await Client.open(t, server, way);
    client.raw(said);
    const error = await client.failed();
    assert.equal(error.headers.message, message);
    assert.match(error.body, detail);
    assert.equal((await client.closed()).code, code, message);
  }
  // As many as may be.
  const client = await Client.open(t, server, way);
  const [heard] = [await client.subscribe("/topic/much"), await client.subscribe("/topic/other")];
  client.raw(begun + of({}, "a") + of({}, "b") + frame("COMMIT", { transaction: "a" }));
  assert.deepEqual(await heard.bodies(2), ["a", "b"]);
});

own("what real clients need", ["plain"], {}, async (t, server) => {
  const destination = fresh();
  const ends = (text) => text.replaceAll("\n", "\r\n");
  const raw = await Raw.open(t, server);
  raw.say(ends(frame("CONNECT", { "accept-version": "1.2" })), "\n\r\n\0\n");
  await raw.frames(1);
  // Lines that end in CR LF, colons that are not escaped, a name that comes twice, NULs between frames, no content-length.
  raw.say(ends(`${frame("SUBSCRIBE", { id: "a:b", destination, receipt: "1" })}\n\n`));
  raw.say(`\0\0SEND\ndestination:${destination}\ndestination:/topic/other\nx-time:12:30\nreceipt:2\n\na\nb\0\n`);
  const [, , ...frames] = await raw.frames(4);
  const message = frames.find(({ command }) => command === "MESSAGE");
  assert.deepEqual([message.body, message.headers["x-time"], message.headers.subscription], ["a\nb", "12\\c30", "a\\cb"]);
});

own("in Spring's way, what is not subscribed is left", ["plain"], {}, async (t, server, way) => {
  const client = await Client.open(t, server, way, { mount: "/spring" });
  const [headers, receipt] = client.asking();
  client.stomp.unsubscribe("nothing", headers);
  await receipt();
});
