// Clients of STOMP that break every rule, by a plain WebSocket and over SockJS: each crime has the answer that the protocol has for it; and
// over and over, mixed, while others are served. What is held for them is let go.
//
// STOMP_ROUNDS sets how often all of it is done; a hundred is a soak.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { choices, SEED } from "../rooms/seeded.js";
import { PATIENCE, within } from "../socketio/patience.js";
import { soon } from "../sockjs/raw.js";
import { Client, fresh } from "./client.js";
import { BY_HAND, Hand } from "./hand.js";
import { frame } from "./raw.js";
import { share } from "./target.js";

const ROUNDS = Number(process.env.STOMP_ROUNDS ?? 5);
/** What is forgotten is so soon; what is too much is soon so. */
const OPTIONS = { disconnectDelay: 200, responseLimit: 1 << 30, loginTimeout: 1000, bodyBytes: 20_000, firstBytes: 15_000, subscriptions: 20, transactionBytes: 50_000, heartbeat: 1000, clientHeartbeat: 1000 };
const VERSIONS = ["1.0", "1.1", "1.2"];

const send = (headers, body) => frame("SEND", { destination: "/topic/crimes", ...headers }, body);
const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const connect = (headers = {}) => frame("CONNECT", { "accept-version": "1.2", ...headers });

/** Before CONNECT, or instead of it: what is said, the ERROR's `message`, the code of the end. */
const STRANGERS = [
  ...["SEND", "SUBSCRIBE", "UNSUBSCRIBE", "ACK", "NACK", "BEGIN", "COMMIT", "ABORT", "DISCONNECT", "MESSAGE", "RECEIPT", "ERROR", "CONNECTED", "HELLO", "connect"].map((command) => [
    [frame(command, { destination: "/topic/crimes", id: "1", transaction: "1", receipt: "1" }), connect()], "Not connected", 1002,
  ]),
  [[frame("CONNECT", { "accept-version": "9.9" })], "Version mismatch", 1002],
  [[frame("CONNECT", { "accept-version": "" })], "Version mismatch", 1002],
  ...["-1,0", "0,-1", "x", "0", "", ",", "1,2,3", "1e3,0", "0x10,0", "1.5,0", "+1,0", "NaN,0", "1;2"].map((beats) => [[connect({ "heart-beat": beats })], "Malformed heart-beat", 1002]),
  [[frame("CONNECT", { "accept-version": "1.2" }, "body")], "Body not allowed", 1002],
  [["CONNECT\naccept-version:1.2\n\n"], "Login timeout", 1001],
  [["CONNECT\naccept-version:1.2\n"], "Login timeout", 1001],
  [["\n\n\r\n\0\0\n"], "Login timeout", 1001],
  [[connect({ "content-length": "5" })], "Login timeout", 1001],
  [["CONNECT\naccept-version:1.2\ncontent-length:15000\n\n"], "Frame too long before login", 1009],
  [[connect({ "content-length": "99999999999999999999" })], "Frame too long before login", 1009],
  [[`CONNECT\n${many(65, (n) => `h${n}:x\n`).join("")}\n\0`], "Too many headers", 1009],
  [["CONNECT\n", ...many(12, (n) => `h${n}:${"x".repeat(7000)}\n`)], "Frame too long before login", 1009],
  [["C".repeat(40)], "Command too long", 1002],
  [["GET / HTTP/1.1\r\nHost: x\r\n\r\n\0"], "Not connected", 1002],
  [['{"protocol":"json","version":1}\u001e'], "Login timeout", 1001],
  [['{"jsonrpc":"2.0","id":1,"method":"publish","params":[]}'], "Command too long", 1002],
  [["CONNECT\r\naccept-version:1.2\r\r\n\0"], "Lone carriage return", 1002],
  [[connect({ login: "ann", passcode: "guess" }), send()], "Connection refused", 1008],
];

/** Of who is connected, in these versions. */
const FAULTS = [
  // Lengths that lie.
  [VERSIONS, [send({ "content-length": "1" }, "ab")], "Wrong content-length", 1002],
  [VERSIONS, [send({ "content-length": "4" }, "ab") + send({}, "cd")], "Wrong content-length", 1002],
  [VERSIONS, [send({ "content-length": "0" }, "x")], "Wrong content-length", 1002],
  [VERSIONS, [`SEND\ndestination:/topic/crimes\ncontent-length:2\n\n`, "abc"], "Wrong content-length", 1002],
  [VERSIONS, [`SEND\ndestination:/topic/crimes\ncontent-length:20001\n\n`], "Body too long", 1009],
  ...["-1", "+1", "1e1", "0x1", " ", "", "1 ", "1,1"].map((length) => [["1.1", "1.2"], [send({ "content-length": length }, "a")], "Malformed content-length", 1002]),
  ...["99999999999999999999", "18446744073709551617", "4294967297"].map((length) => [VERSIONS, [send({ "content-length": length }, "a")], "Body too long", 1009]),
  // Too much.
  [VERSIONS, [send({}, "x".repeat(20_001))], "Body too long", 1009],
  [VERSIONS, [`SEND\ndestination:/topic/crimes\n\n`, ...many(21, () => "x".repeat(1000))], "Body too long", 1009],
  [VERSIONS, [send(Object.fromEntries(many(64, (n) => [`h${n}`, "x"])))], "Too many headers", 1009],
  [VERSIONS, [`SEND\n${"destination:/topic/crimes\n".repeat(65)}`], "Too many headers", 1009],
  [VERSIONS, [send({ long: "x".repeat(8200) })], "Header too long", 1009],
  [VERSIONS, [`SEND\n${"x".repeat(9000)}`], "Header too long", 1009],
  [VERSIONS, ["SEND\n", ...many(9, (n) => `h${n}:${"x".repeat(8000)}\n`)], "Headers too long", 1009],
  [VERSIONS, ["SEND".repeat(20)], "Command too long", 1002],
  [VERSIONS, many(21, (n) => frame("SUBSCRIBE", { id: `${n}`, destination: `/topic/crimes-${n}` })), "Too many subscriptions", 1008],
  [VERSIONS, many(17, (n) => frame("BEGIN", { transaction: `${n}` })), "Transaction too large", 1002],
  [VERSIONS, [frame("BEGIN", { transaction: "t" }), ...many(4, () => send({ transaction: "t" }, "x".repeat(15_000)))], "Transaction too large", 1002],
  [VERSIONS, [frame("BEGIN", { transaction: "t" }) + send({ transaction: "t" }).repeat(1025)], "Transaction too large", 1002],
  // What no escape is, by version.
  ...["\\t", "\\", "\\x41", "\\N", "\\u0041", "\\:", "a\\"].map((value) => [["1.1", "1.2"], [send({ x: value })], "Unknown escape", 1002]),
  [["1.1", "1.2"], ["SEND\ndestination:/topic/crimes\na\\tb:c\n\n\0"], "Unknown escape", 1002],
  // Lines that are none.
  [VERSIONS, ["SEND\nno colon\n\n\0"], "Malformed header", 1002],
  [VERSIONS, ["SEND\n:x\n\n\0"], "Malformed header", 1002],
  [VERSIONS, ["SEND\rdestination:/topic/crimes\n\n\0"], "Lone carriage return", 1002],
  [VERSIONS, ["SEND\ndestination:/topic/cri\rmes\n\n\0"], "Lone carriage return", 1002],
  [VERSIONS, ["\rSEND\n\n\0"], "Lone carriage return", 1002],
  [VERSIONS, ["SEND\0"], "NUL in headers", 1002],
  [VERSIONS, ["SEND\ndestination:/topic/cri\0mes\n\n\0"], "NUL in headers", 1002],
  // To nowhere.
  ...["", "/", "topic", "/topic", "topic/a", "//topic/a", "/Topic/a", "/exchange/a", "/amq/queue/a", "/%74opic/a", "\u0000".replace("\0", "/x")].flatMap((destination) => [
    [VERSIONS, [send({ destination })], "Unknown destination", 1002],
    [VERSIONS, [frame("SUBSCRIBE", { id: "1", destination })], "Unknown destination", 1002],
  ]),
  ...["/topic/*", "/topic/a.*.b", "/topic/**", "/topic/#", "/topic/>", "/topic/?", "/queue/*", "/room/*"].map((destination) => [VERSIONS, [frame("SUBSCRIBE", { id: "1", destination })], "No wildcards", 1002]),
  [VERSIONS, [send({ destination: "/user/ann/queue/a" })], "Not allowed", 1008],
  [VERSIONS, [frame("SUBSCRIBE", { id: "1", destination: "/topic/closed" })], "Not done", 1008],
  // Out of turn.
  [VERSIONS, [connect()], "Already connected", 1002],
  [VERSIONS, [frame("MESSAGE", { destination: "/topic/crimes" })], "Unexpected command", 1002],
  [VERSIONS, [frame("HELLO")], "Unknown command", 1002],
  [["1.1", "1.2"], [frame("SUBSCRIBE", { destination: "/topic/crimes" })], "Missing header", 1002],
  [VERSIONS, [frame("UNSUBSCRIBE", { id: "none" })], "No subscription found", 1002],
  [VERSIONS, many(2, () => frame("SUBSCRIBE", { id: "1", destination: "/topic/crimes" })), "Duplicate subscription", 1002],
  [["1.2"], [frame("ACK", { id: "guess" })], "Unknown message", 1002],
  [["1.1"], [frame("NACK", { "message-id": "guess", subscription: "1" })], "Unknown message", 1002],
  [VERSIONS, [frame("COMMIT", { transaction: "none" })], "Bad transaction", 1002],
  [VERSIONS, [frame("SUBSCRIBE", { id: "1", destination: "/queue/crimes", "prefetch-count": "-1" })], "Bad prefetch-count", 1002],
];

/** What is no crime in these versions: the connection goes on. */
const FINE = [
  [["1.0"], send({ x: "a\\tb\\" })],
  [["1.1"], send({ x: "a\\rb" })],
  [VERSIONS, `\n\r\n\0\0\n${send({}, "a")}\n\n`],
  [VERSIONS, `SEND\r\ndestination:/topic/crimes\r\n\r\na\0`],
  [VERSIONS, send({ "content-length": "3" }, "a\0b")],
  [VERSIONS, send({ x: "a:b" })],
  [VERSIONS, send({ transaction2: "x", "message-id": "forged", subscription: "1", redelivered: "true", "user-name": "ann" })],
  [["1.2"], "SEND\ndestination:/topic/crimes\ndestination:/elsewhere\n\n\0"],
];

/** What each server held at first, with nobody there but the one who asked. */
const firsts = new WeakMap();

/** The server, and what it holds: asked by a client that does nothing else. */
async function watched(t) {
  const server = await share(OPTIONS);
  const watch = await Client.open(t, server, "plain");
  if (!firsts.has(server)) firsts.set(server, await watch.ask("gauges"));
  const first = firsts.get(server);
  /** Resolves once they are so, but for what these are named. */
  const back = async (what, wanted = first, but = []) => {
    const of = (gauges) => Object.fromEntries(Object.entries(gauges).filter(([name]) => !but.includes(name)));
    const began = performance.now();
    for (let shown; !isDeepStrictEqual(shown, of(wanted)); ) {
      assert.ok(performance.now() - began < PATIENCE, `${what}: gauges stay ${JSON.stringify(shown)}, not ${JSON.stringify(wanted)}`);
      await soon();
      shown = of(await watch.ask("gauges"));
    }
  };
  return { server, watch, first, back };
}

/** The one ERROR that it hears, behind what was done before, and the end. */
async function endsWith(hand, message, code, what) {
  assert.equal(await hand.ended(), code, what);
  const { command, headers, body } = hand.heard.messages.at(-1);
  assert.deepEqual([command, headers.message], ["ERROR", message], what);
  assert.equal(Number(headers["content-length"]), Buffer.byteLength(body), what);
  assert.equal(hand.heard.messages.filter(({ command }) => command === "ERROR").length, 1, what);
}

for (const way of BY_HAND) {
  test(`strangers by ${way}`, async (t) => {
    const { server, back } = await watched(t);
    await Promise.all(
      STRANGERS.map(async ([said, message, code]) => {
        const hand = await Hand.open(t, server, way);
        await hand.say(...said);
        await endsWith(hand, message, code, JSON.stringify(said).slice(0, 200));
        assert.equal(hand.heard.messages.length, 1);
      }),
    );
    await back("strangers");
  });

  test(`faults by ${way}`, async (t) => {
    const { server, back } = await watched(t);
    const told = FAULTS.flatMap(([versions, said, message, code]) => versions.map((version) => ({ version, said, message, code })));
    let next = 0;
    const lane = async () => {
      while (next < told.length) {
        const { version, said, message, code } = told[next++];
        const hand = await Hand.connect(t, server, way, { "accept-version": version });
        // Nothing behind it counts.
        await hand.say(...said, frame("SUBSCRIBE", { id: "late", destination: "/queue/late", receipt: "late" }));
        await endsWith(hand, message, code, `${version} ${JSON.stringify(said).slice(0, 200)}`);
        assert.ok(hand.heard.messages.every(({ headers }) => headers["receipt-id"] !== "late"));
      }
    };
    await Promise.all(many(16, lane));
    await back("faults");
  });

  test(`what is no crime, by ${way}`, async (t) => {
    const { server, back } = await watched(t);
    const told = FINE.flatMap(([versions, said]) => versions.map((version) => [version, said]));
    for (const [version, said] of told) {
      const hand = await Hand.connect(t, server, way, { "accept-version": version });
      await hand.say(said, frame("DISCONNECT", { receipt: "bye" }));
      await hand.heard.count(1);
      await hand.cut();
      assert.deepEqual(hand.heard.messages.map(({ command, headers }) => `${command} ${headers["receipt-id"]}`), ["RECEIPT bye"], said);
    }
    await back("what is no crime");
  });

  test(`half a frame, by ${way}, is nobody's`, async (t) => {
    const { server, watch, back } = await watched(t);
    const heard = await watch.subscribe("/topic/crimes");
    const jobs = await watch.subscribe("/queue/crimes");
    for (const half of [
      "SEND\ndestination:/topic/crimes\n\nno NUL",
      "SEND\ndestination:/queue/crimes\n\nno NUL",
      "SEND\ndestination:/topic/crimes\ncontent-length:100\n\nfar less\0",
      "SEND\ndestination:/topic/crimes\ncontent-length:8\n\nno NUL\0\0",
      frame("BEGIN", { transaction: "t" }) + send({ transaction: "t" }, "never committed") + send({ transaction: "t", destination: "/queue/crimes" }, "nor this"),
    ]) {
      const hand = await Hand.connect(t, server, way);
      await hand.say(half);
      assert.equal(await hand.cut(), 1006);
      assert.equal(await watch.ask("end-of", JSON.stringify(hand.connected.headers.session)), way === "plain" ? "Lost" : "ClientClosed");
    }
    // Without the NUL, what comes behind is of the body.
    const hand = await Hand.connect(t, server, way);
    await hand.say("SEND\ndestination:/topic/crimes\n\nno NUL", send({ receipt: "1" }, "behind"));
    assert.equal((await heard.one()).body, `no NUL${send({ receipt: "1" }, "behind").slice(0, -1)}`);
    await hand.cut();
    await watch.sure("/topic/crimes", "the last");
    await watch.sure("/queue/crimes", "the last");
    assert.deepEqual([await heard.bodies(1), await jobs.bodies(1), heard.left, jobs.left], [["the last"], ["the last"], [], []]);
    await heard.end();
    await jobs.end();
    await back("halves");
  });

  test(`consumers by ${way} that vanish`, async (t) => {
    const { server, watch, back } = await watched(t);
    const queue = fresh("queue");
    const numbers = many(30, String);
    for (const number of numbers) await watch.sure(queue, number);
    for (const ack of ["client", "client-individual"]) {
      for (const end of ["cut", "fault", "goodbye"]) {
        const hand = await Hand.connect(t, server, way);
        await hand.say(frame("SUBSCRIBE", { id: "1", destination: queue, ack, "prefetch-count": "20" }));
        await hand.heard.count(20);
        // Out of what it was given: some in a transaction that is never committed, some twice.
        const [{ headers }] = hand.heard.messages;
        await hand.say(frame("BEGIN", { transaction: "t" }), frame("ACK", { id: headers.ack, transaction: "t" }));
        if (end === "fault") {
          await hand.say(frame("ACK", { id: "guess" }));
          await endsWith(hand, "Unknown message", 1002);
        } else if (end === "goodbye") {
          await hand.say(frame("DISCONNECT", { receipt: "bye" }));
          await hand.heard.until(() => hand.heard.messages.at(-1).headers["receipt-id"] === "bye", "a goodbye");
          await hand.cut();
        } else await hand.cut();
        // What was out with it is there again for the next.
        await watch.ask("end-of", JSON.stringify(hand.connected.headers.session));
      }
    }
    const heard = await watch.subscribe(queue, { ack: "client-individual" });
    const messages = await heard.next(30);
    assert.deepEqual(messages.map(({ body }) => body), numbers);
    assert.deepEqual(messages.map(({ headers }) => headers.redelivered), numbers.map((n) => (n < 20 ? "true" : undefined)));
    for (const message of messages) message.ack();
    await heard.end();
    await back("consumers");
  });
}

/** What is done to a server, over and over. */
const CRIMES = {
  "says nothing": async (t, server, way) => (await Hand.open(t, server, way)).cut(),
  "leaves in its CONNECT": async (t, server, way) => {
    const hand = await Hand.open(t, server, way);
    await hand.say("CONNECT\naccept-ver");
    await hand.cut();
  },
  "is a stranger": async (t, server, way, choose) => {
    const quick = STRANGERS.filter(([, message]) => message !== "Login timeout");
    const [said, message, code] = quick[choose(quick.length)];
    const hand = await Hand.open(t, server, way);
    await hand.say(...said);
    await endsWith(hand, message, code, JSON.stringify(said).slice(0, 200));
  },
  "breaks a rule": async (t, server, way, choose) => {
    const [versions, said, message, code] = FAULTS[choose(FAULTS.length)];
    const hand = await Hand.connect(t, server, way, { "accept-version": versions[choose(versions.length)] });
    await hand.say(...said);
    await endsWith(hand, message, code, JSON.stringify(said).slice(0, 200));
  },
  "subscribes to much, and vanishes": async (t, server, way) => {
    const hand = await Hand.connect(t, server, way);
    await hand.say(many(20, (n) => frame("SUBSCRIBE", { id: `${n}`, destination: n % 2 === 0 ? "/topic/honest" : `/queue/crimes-${n}` })).join(""));
    await hand.cut();
  },
  "takes jobs, and vanishes": async (t, server, way, choose) => {
    const hand = await Hand.connect(t, server, way);
    await hand.say(frame("SUBSCRIBE", { id: "1", destination: "/queue/honest", ack: "client-individual", "prefetch-count": `${1 + choose(50)}`, receipt: "1" }));
    await hand.heard.count(1 + choose(2));
    await hand.cut();
  },
  "gives jobs back for ever": async (t, server, way) => {
    const hand = await Hand.connect(t, server, way);
    await hand.say(frame("SUBSCRIBE", { id: "1", destination: "/queue/honest", ack: "client-individual", receipt: "1" }));
    await hand.heard.count(1);
    for (const { command, headers } of hand.heard.messages.splice(0)) if (command === "MESSAGE") await hand.say(frame("NACK", { id: headers.ack }));
    await hand.cut();
  },
  "leaves transactions open": async (t, server, way) => {
    const hand = await Hand.connect(t, server, way);
    await hand.say(many(16, (n) => frame("BEGIN", { transaction: `${n}` }) + send({ destination: "/topic/honest", transaction: `${n}` }, "x".repeat(2000))).join(""));
    await hand.cut();
  },
  "hears a flood, and reads nothing of it": async (t, server, way) => {
    const hand = await Hand.connect(t, server, way);
    await hand.say(frame("SUBSCRIBE", { id: "1", destination: "/topic/flood" }), ...many(5, () => send({ destination: "/app/tell-room", "content-type": "application/json" }, JSON.stringify({ to: "flood", event: "x", data: "x".repeat(10_000), times: 20 }))));
    await hand.cut();
  },
  "promises to beat, and is silent": async (t, server, way, choose) => {
    const beats = ["1,1", "1000,1000", "4294967295,4294967295", "0,1", "1,0", "99999999999999999999999,1"][choose(6)];
    const hand = await Hand.connect(t, server, way, { "accept-version": "1.2", "heart-beat": beats });
    assert.equal(hand.connected.headers["heart-beat"], "1000,1000");
    await hand.cut();
  },
  "is spoiled by chance": async (t, server, way, choose) => {
    for (let more = 4; more > 0; more -= 1) {
      const hand = await Hand.connect(t, server, way, { "accept-version": VERSIONS[choose(3)] });
      await hand.say(...spoiled(choose));
      // What was left open by it is closed, and behind a goodbye is nothing.
      await hand.say("\0\n\n\0", frame("DISCONNECT", { receipt: "bye" }), "\0", frame("HELLO"));
      const hasEnded = ({ command, headers }) => command === "ERROR" || headers["receipt-id"] === "bye";
      await hand.heard.until(() => hand.heard.messages.some(hasEnded), "an end");
      const last = hand.heard.messages.at(-1);
      const code = last.command === "ERROR" ? await hand.ended() : await hand.cut();
      const commands = hand.heard.messages.map(({ command }) => command);
      assert.ok(last.command === "RECEIPT" || [1002, 1008, 1009].includes(code), `${code} ${JSON.stringify(hand.heard.messages)}`);
      assert.ok(commands.filter((command) => command === "ERROR").length <= 1);
      assert.ok(commands.every((command) => ["ERROR", "RECEIPT", "MESSAGE"].includes(command)), `${commands}`);
    }
  },
};

const GOOD = [
  (n) => frame("SUBSCRIBE", { id: `${n}`, destination: `/topic/fuzz-${n}`, receipt: `s${n}` }),
  (n) => send({ destination: `/topic/fuzz-${n}`, receipt: `p${n}`, "content-length": "5" }, "é😀".slice(0, 2) + "a"),
  (n) => send({ destination: "/app/echo", "reply-to": "/temp-queue/a", receipt: `e${n}`, "content-type": "application/json" }, '{"a":[1,"\\u0000"]}'),
  (n) => frame("BEGIN", { transaction: `${n}` }) + send({ destination: "/topic/fuzz", transaction: `${n}` }, "in") + frame("COMMIT", { transaction: `${n}` }),
  (n) => frame("SUBSCRIBE", { id: `q${n}`, destination: `/queue/fuzz-${n}`, ack: "client", "prefetch-count": "3" }),
  (n) => frame("UNSUBSCRIBE", { id: `${n}` }),
  () => "\n\r\n\n",
];
const SPOILS = ["\0", "\n", "\r", ":", "\\", "\\c", "\n\n", "\0\0", "é", "\ufffd", "content-length:7\n", "receipt:\\n\n", " ", "/", "x".repeat(50)];

/** Frames that chance has spoiled, in pieces. */
function spoiled(choose) {
  let text = many(2 + choose(6), (n) => GOOD[choose(GOOD.length)](n)).join("");
  for (let more = choose(5); more > 0; more -= 1) {
    const at = choose(text.length);
    text = text.slice(0, at) + (choose(3) === 0 ? "" : SPOILS[choose(SPOILS.length)]) + text.slice(at + choose(3));
  }
  // A queue that nobody empties would stay.
  text = text.replaceAll(/(SEND\r?\n(?:[^\n]+\n)*?)destination:\/queue/g, "$1destination:/topic");
  const pieces = [];
  for (let start = 0; start < text.length; ) pieces.push(text.slice(start, (start += 1 + choose(choose(2) === 0 ? 30 : 1000))));
  return pieces;
}

/** One who does nothing wrong: talks to itself in a room, and works at the queue. */
class Honest {
  said = 0;
  jobs = new Map();

  static async open(t, server, way, others) {
    const honest = new Honest();
    honest.client = await Client.open(t, server, way);
    honest.room = fresh();
    honest.own = await honest.client.subscribe(honest.room);
    honest.heard = await honest.client.subscribe("/queue/honest", { ack: "client-individual" });
    const push = honest.heard.heard.push.bind(honest.heard.heard);
    honest.heard.heard.push = (message) => {
      message.ack();
      others.push(message.body);
      push({ body: message.body });
    };
    return honest;
  }

  async serve() {
    const bodies = many(5, () => `${this.said++} é😀\u2028`);
    for (const body of bodies) this.client.send(this.room, body);
    assert.deepEqual(await this.own.bodies(5), bodies);
  }
}

test(`${ROUNDS} rounds of ${Object.keys(CRIMES).length} crimes by ${BY_HAND.length} ways`, async (t) => {
  const { server, watch, first, back } = await watched(t);
  const choose = choices(SEED);
  const done = { messages: [], push(body) { this.messages.push(body); } };
  const honest = await Promise.all(["plain", "xhr-streaming"].map((way) => Honest.open(t, server, way, done)));
  await watch.settled();
  const calm = await watch.ask("gauges");
  let jobs = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const what = `round ${round}, seed ${SEED}`;
    const crimes = BY_HAND.flatMap((way) => Object.values(CRIMES).map((commit) => commit(t, server, way, choose)));
    const over = within(Promise.all(crimes), what).then(() => true);
    do {
      for (let more = 10; more > 0; more -= 1) watch.send("/queue/honest", String(jobs++));
      await Promise.all(honest.map((one) => within(one.serve(), `an honest client, ${what}`)));
    } while (!(await Promise.race([over, soon().then(() => false)])));
    // (The connections that sockjs-client keeps for its next request come and go.)
    await back(what, calm, ["tasks"]);
    // Each job was done, whoever had it meanwhile.
    const missing = new Set(many(jobs, String));
    for (const body of done.messages) missing.delete(body);
    assert.deepEqual([...missing], [], what);
  }
  assert.ok(honest.every(({ client }) => client.errors.length === 0));
  t.diagnostic(`${jobs} jobs done, seed ${SEED}`);
  for (const { client } of honest) await client.leave();
  http.globalAgent.destroy();
  await back("all", first);
});
