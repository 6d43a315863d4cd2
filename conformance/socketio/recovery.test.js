// Connection state recovery: a client that was cut off comes back as the same, and has missed nothing.
//
// RECOVERY_CUTS sets how often one is cut; hundreds are a soak.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Heard } from "../rooms/heard.js";
import { choices, SEED } from "../rooms/seeded.js";
import { Client } from "./clients.js";
import { within } from "./patience.js";
import { Proxy } from "./proxy.js";
import { Ws } from "./raw.js";
import { differs, share, start } from "./target.js";

const CUTS = Number(process.env.RECOVERY_CUTS ?? 50);
/** Of the kinds that the reference does not survive. */
const FEW = Math.max(10, CUTS / 10);
const ROOM = "numbers";
const OPTIONS = { connectionStateRecovery: { maxDisconnectionDuration: 120_000, skipMiddlewares: false } };

const numbers = (count) => Array.from({ length: count }, (_, n) => n);

/** Says 0, 1, 2, … in the room without a pause, but no more than `lead` ahead of its listener. */
class Speaker {
  said = 0;
  #ws;
  #going = true;
  #running;
  #heard;

  static async start(test, server, heard, lead = 200) {
    const speaker = new Speaker();
    speaker.#ws = await Ws.joined(test, server);
    speaker.#heard = heard;
    speaker.#running = speaker.#run(lead);
    return speaker;
  }

  async #run(lead) {
    while (this.#going) {
      await this.say();
      await this.#heard.until(() => !this.#going || this.said - this.#heard.messages.length < lead, "what was said");
    }
  }

  /** Says the next, and resolves once that is done. */
  async say() {
    this.#ws.send(`420["emit",{"to":["${ROOM}"]},"n",[${this.said++}]]`);
    await this.#ws.until((frame) => frame.startsWith("430"));
  }

  async stop() {
    this.#going = false;
    this.#heard.poke();
    await this.#running;
  }
}

/** A client in the room, through a wire that can be cut; it comes back by itself. */
async function listener(t, server, { transports = ["websocket"] } = {}) {
  const proxy = await Proxy.to(t, server);
  const own = { transports, reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 20, randomizationFactor: 0 };
  const client = await Client.open(t, { ...server, http: proxy.http }, own);
  await client.call("join", [ROOM]);
  // Of what it heard only the numbers count; an offset may stand behind them.
  const heard = new Heard("the listener");
  client.socket.on("n", (n) => heard.push(n));
  const back = async (cut) => {
    const connected = new Promise((resolve) => client.socket.once("connect", resolve));
    await cut();
    await within(connected, `a reconnect, seed ${SEED}`);
    return client.socket.recovered;
  };
  return { proxy, client, heard, back };
}

test(`cut ${CUTS} times: after some messages, or in the middle of one`, async (t) => {
  const server = await share(OPTIONS);
  const choose = choices(SEED);
  const { proxy, client, heard, back } = await listener(t, server);
  const { id } = client.socket;
  const speaker = await Speaker.start(t, server, heard);
  // Before the first it has no offset; that is another story.
  await heard.count(1);
  for (let cuts = 0; cuts < CUTS; cuts += 1) {
    await heard.count(heard.messages.length + choose(40));
    const cut = choose(2) === 0 ? () => proxy.cut() : () => proxy.cutAfter(1 + choose(400));
    assert.equal(await back(cut), true, `cut ${cuts}, seed ${SEED}`);
    assert.equal(client.socket.id, id);
  }
  await speaker.stop();
  await heard.count(speaker.said);
  await client.settled();
  assert.deepEqual(heard.messages, numbers(speaker.said), `seed ${SEED}`);
  t.diagnostic(`${speaker.said} numbers in ${CUTS + 1} lives, seed ${SEED}`);
});

// Half an answer is something that the client's XMLHttpRequest for Node never tells it of; and without an open poll
// the reference does not notice that the client has gone. So this client is cut in the middle of a poll.
test(`cut ${FEW} times while it polls`, async (t) => {
  const server = await share(OPTIONS);
  const choose = choices(SEED);
  const { proxy, client, heard, back } = await listener(t, server, { transports: ["polling"] });
  const { id } = client.socket;
  const speaker = await Speaker.start(t, server, heard, 0);
  await speaker.stop();
  const say = async (count) => {
    for (let more = count; more > 0; more -= 1) await speaker.say();
  };
  for (let cuts = 0; cuts < FEW; cuts += 1) {
    await say(choose(20));
    await heard.count(speaker.said);
    const recovered = await back(async () => {
      await proxy.asked();
      proxy.cut();
      await say(choose(20));
    });
    assert.equal(recovered, true, `cut ${cuts}, seed ${SEED}`);
    assert.equal(client.socket.id, id);
  }
  await heard.count(speaker.said);
  await client.settled();
  assert.deepEqual(heard.messages, numbers(speaker.said), `seed ${SEED}`);
});

test("cut before the first offset", async (t) => {
  const server = await share(OPTIONS);
  const choose = choices(SEED);
  const speaker = await Speaker.start(t, server, new Heard("nobody"), 0);
  await speaker.stop();
  for (let cuts = 0; cuts < FEW; cuts += 1) {
    const { proxy, heard, back } = await listener(t, server);
    const before = speaker.said;
    const recovered = await back(async () => {
      proxy.cut();
      for (let missed = choose(20); missed > 0; missed -= 1) await speaker.say();
    });
    assert.equal(recovered, differs("recovery without an offset"), `cut ${cuts}, seed ${SEED}`);
    if (recovered) {
      await heard.count(speaker.said - before);
      assert.deepEqual(heard.messages, numbers(speaker.said).slice(before));
    } else {
      assert.deepEqual(heard.messages, []);
    }
  }
});

test("cut while the server does not notice", async (t) => {
  const server = await share(OPTIONS);
  const choose = choices(SEED);
  const { proxy, client, heard, back } = await listener(t, server);
  const { id } = client.socket;
  const speaker = await Speaker.start(t, server, heard);
  await heard.count(1);
  if (!differs("recovery while the old connection lives")) {
    assert.equal(await back(() => proxy.cutClients()), false);
    assert.notEqual(client.socket.id, id);
    await speaker.stop();
    return;
  }
  for (let cuts = 0; cuts < FEW; cuts += 1) {
    await heard.count(heard.messages.length + choose(40));
    assert.equal(await back(() => proxy.cutClients()), true, `cut ${cuts}, seed ${SEED}`);
    assert.equal(client.socket.id, id);
  }
  await speaker.stop();
  await heard.count(speaker.said);
  await client.settled();
  assert.deepEqual(heard.messages, numbers(speaker.said), `seed ${SEED}`);
});

/** A raw client that is in the room and has heard one event: its ids and its offset. */
async function place(t, server, namespace = "/", auth = "") {
  const prefix = namespace === "/" ? "" : `${namespace},`;
  const ws = await Ws.open(t, server);
  await ws.next();
  ws.send(`40${prefix}${auth}`);
  const { sid, pid } = JSON.parse((await ws.next()).slice(2 + prefix.length));
  ws.send(`420["join",["${ROOM}"]]`.replace("420", `42${prefix}0`));
  await ws.next();
  ws.send(`42${prefix}["echo",1]`);
  const [event, n, offset] = JSON.parse((await ws.next()).slice(2 + prefix.length));
  assert.deepEqual([event, n], ["echo", 1]);
  return { ws, sid, pid, offset };
}

/** Comes back with this; resolves with the frames up to the CONNECT reply, and the reply's ids. */
async function comeBack(t, server, credentials, prefix = "") {
  const ws = await Ws.open(t, server);
  await ws.next();
  ws.send(`40${prefix}${JSON.stringify(credentials)}`);
  const frames = await ws.until((frame) => typeof frame === "string" && frame.startsWith(`40${prefix}`));
  const told = JSON.parse(frames.pop().slice(2 + prefix.length));
  if (differs("what was missed comes behind the CONNECT reply")) {
    // What is answered comes behind all of it.
    ws.send(`42${prefix}77["echo_ack"]`);
    frames.push(...(await ws.until((frame) => frame === `43${prefix}77[]`)).slice(0, -1));
  }
  return { ws, ...told, frames };
}

const ID = /^[\w-]{20}$/;

test("what stands on the wire", async (t) => {
  const server = await share(OPTIONS);
  const { ws, sid, pid, offset } = await place(t, server);
  assert.match(sid, ID);
  assert.match(pid, ID);
  assert.notEqual(sid, pid);
  assert.equal(typeof offset, "string");
  // A question carries none: its answer could not be told apart. Nor does an acknowledgement.
  ws.send('42["ask",100,"q",[1]]');
  assert.match(await ws.next(), /^42\d+\["q",1\]$/);
  ws.send('421["echo_ack",1]');
  assert.equal(await ws.next(), "431[1]");
  ws.send('451-["echo",{"_placeholder":true,"num":0}]');
  ws.send(Buffer.from([1]));
  assert.match(await ws.next(), /^451-\["echo",\{"_placeholder":true,"num":0\},"[^"]+"\]$/);
  assert.deepEqual(await ws.next(), Buffer.from([1]));
  ws.send('42["emit",{"from":"self","volatile":true},"v",[1]]');
  const volatile = await ws.next();
  if (differs("volatile events carry an offset")) assert.match(volatile, /^42\["v",1,"[^"]+"\]$/);
  else assert.equal(volatile, '42["v",1]');

  const speaker = await Ws.joined(t, server);
  ws.kill();
  speaker.send(`42["emit",{"to":["${ROOM}"]},"missed",[1]]`);
  speaker.send(`451-["emit",{"to":["${ROOM}"]},"missed",[{"_placeholder":true,"num":0}]]`);
  speaker.send(Buffer.from([2]));
  speaker.send('42["emit",{"to":["elsewhere"]},"missed",[3]]');
  speaker.send(`42["emit",{"except":["${ROOM}"]},"missed",[4]]`);
  speaker.send('420["emit",{"exceptIds":[]},"missed",[5]]');
  await speaker.until((frame) => frame === "430[]");
  const back = await comeBack(t, server, { pid, offset, more: "credentials" });
  assert.deepEqual([back.sid, back.pid], [sid, pid]);
  // What came before the cut, behind the offset, comes again: to this client it is missed, too.
  const missed = back.frames.slice(-4);
  assert.deepEqual(
    missed.map((frame) => (typeof frame === "string" ? frame.replace(/,"[^"]+"\]$/, "]") : frame)),
    ['42["missed",1]', '451-["missed",{"_placeholder":true,"num":0}]', Buffer.from([2]), '42["missed",5]'],
  );
});

test("what is sent to its id while it is away", async (t) => {
  const server = await share(OPTIONS);
  const { ws, sid, pid, offset } = await place(t, server);
  const speaker = await Ws.joined(t, server);
  ws.kill();
  speaker.send(`42["emit",{"toIds":["${sid}"]},"to it",[1]]`);
  speaker.send(`42["emit",{"to":["${ROOM}"]},"to all",[2]]`);
  speaker.send(`420["emit",{"toIds":["${sid}"]},"to it",[3]]`);
  await speaker.until((frame) => frame === "430[]");
  const back = await comeBack(t, server, { pid, offset });
  assert.equal(back.sid, sid);
  const heard = back.frames.map((frame) => JSON.parse(frame.slice(2)).slice(0, 2));
  assert.deepEqual(heard, [["to it", 1], ["to all", 2], ["to it", 3]]);
});

test("rooms and data come back", async (t) => {
  const server = await share(OPTIONS);
  const { client, back, proxy } = await listener(t, server);
  await client.call("set_data", { name: "n" });
  client.emit("echo", 1);
  await client.heard.count(1);
  assert.equal(await back(() => proxy.cut()), true);
  const { id, rooms, data } = await client.call("whoami");
  assert.deepEqual([id, rooms, data], [client.socket.id, [ROOM], { name: "n" }]);
});

test("an offset in what is lost anyway", async (t) => {
  const server = await share(OPTIONS);
  const { client, back, proxy } = await listener(t, server);
  client.emit("echo", 1);
  await client.heard.count(1);
  // The client takes the last argument for an offset if it is a string.
  await client.call("emit", { from: "self", volatile: true }, "v", ["a string"]);
  await client.heard.count(2);
  assert.equal(await back(() => proxy.cut()), differs("volatile events carry an offset"));
});

test("whoever left, or was disconnected, is another when it comes back", async (t) => {
  const server = await share(OPTIONS);
  const ends = [
    ({ socket }) => socket.disconnect(),
    (client) => client.emit("disconnect_me", false),
    (client) => client.emit("disconnect_me", true),
  ];
  // The goodbye and the next hello are on two connections: the second waits until the server has heard the first.
  const watcher = await Ws.joined(t, server);
  watcher.send('420["watch"]');
  await watcher.until((frame) => frame === "430[]");
  for (const end of ends) {
    const { client } = await listener(t, server);
    client.emit("echo", 1);
    await client.heard.count(1);
    const { id } = client.socket;
    const disconnected = client.disconnected();
    end(client);
    await Promise.all([disconnected, watcher.until((frame) => frame.startsWith('42["left"') && frame.includes(id))]);
    client.socket.connect();
    await client.connected();
    assert.equal(client.socket.recovered, false);
    assert.notEqual(client.socket.id, id);
  }
});

test("a pid after its client has left", async (t) => {
  const server = await share(OPTIONS);
  const { ws, sid, pid, offset } = await place(t, server);
  ws.kill();
  await ws.ended();
  const back = await comeBack(t, server, { pid, offset });
  assert.equal(back.sid, sid);
  back.ws.send("41");
  back.ws.socket.close();
  await back.ws.ended();
  const again = await comeBack(t, server, { pid, offset });
  assert.equal(again.sid !== sid, differs("recovery works once"));
});

test("a pid that is none, or too old", async (t) => {
  const server = await start(t, { connectionStateRecovery: { maxDisconnectionDuration: 100 } });
  const { ws, sid, pid, offset } = await place(t, server);
  for (const credentials of [{ pid: "x".repeat(20), offset }, { pid: 1, offset: 2 }, { pid: sid, offset }, { pid: {} }]) {
    const other = await comeBack(t, server, credentials);
    assert.notEqual(other.sid, sid);
    assert.notEqual(other.pid, pid);
    assert.deepEqual(other.frames, []);
  }
  ws.kill();
  await ws.ended();
  await new Promise((resolve) => setTimeout(resolve, 200));
  const late = await comeBack(t, server, { pid, offset });
  assert.notEqual(late.sid, sid);
  assert.deepEqual(late.frames, []);
});

test("middlewares run for those who come back", async (t) => {
  const server = await share({ connectionStateRecovery: {} });
  const auth = { token: "secret" };
  const { ws, sid, pid, offset } = await place(t, server, "/chat", JSON.stringify(auth));
  ws.kill();
  await ws.ended();
  const back = await comeBack(t, server, { pid, offset, ...auth }, "/chat,");
  assert.equal(back.sid, sid);
  back.ws.send('42/chat,0["seen"]');
  const [{ middleware }] = JSON.parse((await back.ws.next()).slice("43/chat,0".length));
  assert.equal(middleware, differs("recovery runs middlewares") ? 2 : 1);
});

test("without recovery there is no pid, and nothing is added", async (t) => {
  const server = await share({});
  const ws = await Ws.open(t, server);
  await ws.next();
  ws.send('40{"pid":"x","offset":"y"}');
  assert.deepEqual(Object.keys(JSON.parse((await ws.next()).slice(2))), ["sid"]);
  ws.send('42["echo",1]');
  assert.equal(await ws.next(), '42["echo",1]');
});
