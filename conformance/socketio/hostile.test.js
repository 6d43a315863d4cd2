// What breaks the rules, wastes or floods: it is answered or ended, others notice nothing, and nothing of it is left.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { choices, SEED } from "../rooms/seeded.js";
import { Client } from "./clients.js";
import { PATIENCE } from "./patience.js";
import { ask, Polling, SEPARATOR, Ws } from "./raw.js";
import { share } from "./target.js";

const MANY = Number(process.env.HOSTILE_MANY ?? 200);
/** For what is forgotten: it is so soon. */
const QUICK = { pingInterval: 1000, pingTimeout: 1000, upgradeTimeout: 500, connectTimeout: 1000, allowEIO3: true };
const PLACEHOLDER = '{"_placeholder":true,"num":0}';

const times = (count, make) => Promise.all(Array.from({ length: count }, (_, n) => make(n)));

/** What the gauges show to the only client there is. */
const ALONE = { sessions: 1, connections: 1, rooms: 0, namespaces: 2 };

/** Does this to a server. Whatever it was: afterwards another is served as ever, and the server holds nothing of it. */
function hostile(what, act, options = {}) {
  test(what, async (t) => {
    const server = await share(options);
    await act(server, t);
    const began = performance.now();
    let shown;
    while (!isDeepStrictEqual(shown, ALONE)) {
      assert.ok(performance.now() - began < PATIENCE, `gauges stay ${JSON.stringify(shown)}`);
      shown = await askGauges(t, server);
    }
  });
}

/** What the gauges show, asked again while it is something else; a reason if the one who asks was late and is cut off. */
async function askGauges(t, server) {
  const client = await Client.open(t, server, { transports: ["websocket"] });
  const cut = client.disconnected();
  cut.catch(() => {});
  const asks = async () => {
    assert.deepEqual(await client.callAll("echo_ack", "still there"), ["still there"]);
    let shown;
    for (let tries = 0; tries < 500 && !isDeepStrictEqual(shown, ALONE); tries += 1) {
      shown = await client.call("gauges");
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
    return shown;
  };
  const asked = asks();
  asked.catch(() => {});
  const shown = await Promise.race([asked, cut]);
  client.socket.disconnect();
  return shown;
}

hostile("sessions that are opened and forgotten", async (server) => {
  await times(MANY, () => Polling.open(server));
}, QUICK);

hostile("clients that open a WebSocket and say nothing", async (server, t) => {
  const all = await times(MANY / 4, () => Ws.open(t, server));
  await Promise.all(all.map((ws) => ws.ended()));
}, QUICK);

hostile("polls that are given up", async (server) => {
  await times(MANY / 2, async () => {
    const session = await Polling.joined(server);
    const poll = session.ask();
    await poll.sent;
    poll.abort();
  });
});

hostile("posts that never end", async (server) => {
  await times(MANY / 4, async () => {
    const session = await Polling.joined(server);
    const post = session.ask({ method: "POST", body: '42["echo"', open: true });
    await post.sent;
    post.abort();
  });
});

hostile("upgrades that are begun and left, at each step", async (server, t) => {
  await times(MANY / 4, async (n) => {
    const session = await Polling.joined(server);
    const ws = await session.socket(t);
    if (n % 4 > 0) {
      ws.send("2probe");
      await ws.next();
    }
    if (n % 4 === 1) ws.kill();
    if (n % 4 === 2) await session.post("1");
    if (n % 4 === 3) ws.socket.close();
    // The rest is left as it is.
  });
}, QUICK);

hostile("attachments that are announced and never come", async (server, t) => {
  await times(MANY / 4, async (n) => {
    const ws = await Ws.joined(t, server);
    ws.send(`4510-["echo",${PLACEHOLDER}]`);
    for (let sent = 0; sent < n % 10; sent += 1) ws.send(Buffer.alloc(1000));
    if (n % 2 === 0) ws.kill();
    else ws.socket.close();
    await ws.ended();
  });
});

hostile("placeholders within placeholders", async (server, t) => {
  for (const tree of [
    `{"_placeholder":true,"num":${PLACEHOLDER}}`,
    `{"_placeholder":true,"num":[0]}`,
    `{"_placeholder":true,"num":"__proto__"}`,
    `{"_placeholder":true,"num":1e400}`,
    `{"_placeholder":true,"num":null}`,
  ]) {
    const ws = await Ws.joined(t, server);
    ws.send(`451-["echo",${tree}]`);
    ws.send(Buffer.from([1]));
    assert.equal(await ws.ended(), 1005, tree);
  }
});

hostile("one attachment, named more than once and in any order", async (server, t) => {
  const ws = await Ws.joined(t, server);
  ws.send(`452-0["echo_ack",{"_placeholder":true,"num":1},${PLACEHOLDER},[${PLACEHOLDER}]]`);
  ws.send(Buffer.from("a"));
  ws.send(Buffer.from("b"));
  const [, count, json] = /^46(\d)-0(.*)$/.exec(await ws.next());
  const buffers = [];
  while (buffers.length < Number(count)) buffers.push((await ws.next()).toString());
  const named = JSON.parse(json, (_, value) => (value?._placeholder ? buffers[value.num] : value));
  assert.deepEqual(named, ["b", "a", ["a"]]);
  ws.kill();
});

hostile("names that mean something to a program", async (server, t) => {
  const ws = await Ws.joined(t, server);
  for (const name of ["__proto__", "constructor", "hasOwnProperty", "toString", "valueOf", "then", "length", "\u0000", ""]) {
    ws.send(`42[${JSON.stringify(name)},{"__proto__":{"x":1}}]`);
    ws.send(`42["join",[${JSON.stringify(name)}]]`);
    ws.send(`40/${name},`);
  }
  await ws.isFenced();
  ws.kill();
});

hostile("JSON that is nested deeply", async (server, t) => {
  for (const depth of [100, 1_000, 100_000]) {
    const ws = await Ws.joined(t, server);
    ws.send(`42["nobody",${"[".repeat(depth)}${"]".repeat(depth)}]`);
    // Taken and ignored, or too deep.
    await ws.isFenced();
    ws.kill();
  }
});

hostile("numbers beyond all measure", async (server, t) => {
  for (const frame of [
    `42${"9".repeat(400)}["echo_ack"]`,
    `43${"9".repeat(400)}[]`,
    `45${"9".repeat(400)}-["echo"]`,
    `42["echo",${"9".repeat(10_000)}]`,
    '42["echo",1e999999]',
    '42["echo",-]',
  ]) {
    const ws = await Ws.joined(t, server);
    ws.send(frame);
    await ws.isFenced();
    ws.kill();
  }
});

hostile("thousands of namespaces", async (server, t) => {
  const ws = await Ws.joined(t, server);
  const count = 10 * MANY;
  for (let n = 0; n < count; n += 1) ws.send(n % 2 === 0 ? `40/dynamic-${n},` : `40/none-${n},`);
  // Each is answered, or at some number there are enough for one client and it is closed.
  for (let n = 0; n < count; n += 1) {
    const frame = await ws.next();
    if (frame === undefined) break;
    assert.match(frame, /^40\/dynamic-\d+,\{"sid":"[^"]+"\}$|^44\/(none|dynamic)-\d+,\{"message":"[^"]+"\}$/);
  }
  ws.kill();
});

hostile("a namespace with a name as long as a message may be", async (server, t) => {
  const ws = await Ws.joined(t, server);
  ws.send(`40/${"n".repeat(500_000)},`);
  const frame = await ws.next();
  assert.ok(frame === undefined || frame.startsWith("44/nnn"), frame?.slice(0, 50));
  ws.kill();
});

hostile("a body of very many small packets", async (server) => {
  const session = await Polling.joined(server);
  const { status } = await session.post(Array.from({ length: 100_000 }, () => "3").join(SEPARATOR));
  assert.equal(status, 200);
  await session.post("1");

  const other = await Polling.joined(server);
  await other.post(SEPARATOR.repeat(100_000));
  assert.equal((await other.poll()).status, 400);
});

hostile("payloads of revision 3 whose lengths are lies", async (server) => {
  for (const body of ["1", ":", "1:", "2:2", "-1:2", "1e9:2", "99999999999999999999:2", "1:21:", "x:2", "0:", "1:2999:2"]) {
    const opening = (await ask(server, { EIO: "3", transport: "polling" }).answer).text;
    const query = { EIO: "3", transport: "polling", sid: JSON.parse(/\{.*\}/.exec(opening)[0]).sid };
    await ask(server, query, { method: "POST", body }).answer;
  }
  for (const bytes of [[], [0], [0, 1], [0, 1, 255], [0, 9, 9, 9, 255, 50], [1, 255, 4], [0, 10, 255], [2, 1, 255, 50], Array(400).fill(9)]) {
    const opening = (await ask(server, { EIO: "3", transport: "polling" }).answer).text;
    const query = { EIO: "3", transport: "polling", sid: JSON.parse(/\{.*\}/.exec(opening)[0]).sid };
    const headers = { "content-type": "application/octet-stream" };
    await ask(server, query, { method: "POST", headers, body: Buffer.from(bytes) }).answer;
  }
}, QUICK);

hostile(`${MANY} frames that chance has spoiled`, async (server, t) => {
  const choose = choices(SEED);
  const good = ['42["echo",1]', '421["echo_ack",{"a":[1]}]', '40/chat,{"token":"secret"}', "41", `451-["echo",${PLACEHOLDER}]`, "3", "5", "2probe"];
  const spoiled = () => {
    const bytes = Buffer.from(good[choose(good.length)]);
    for (let more = 1 + choose(3); more > 0; more -= 1) bytes[choose(bytes.length)] = 32 + choose(95);
    return bytes.toString().slice(choose(2), bytes.length - choose(3));
  };
  await times(8, async () => {
    for (let n = 0; n < MANY / 8; n += 1) {
      const ws = await Ws.joined(t, server);
      ws.send(spoiled());
      ws.send(Buffer.from([choose(256)]));
      // A message that nobody announced ends what is still there; or it is the attachment, and then this does.
      ws.send(Buffer.from([1]));
      await ws.ended();
    }
  });
});

hostile("requests that are none of Engine.IO", async (server) => {
  for (const query of [
    { EIO: "4", transport: "polling", sid: "x".repeat(5000) },
    { EIO: "4", transport: "polling", sid: "__proto__" },
    { EIO: "4", transport: "__proto__" },
    { EIO: "4", transport: "polling", sid: "../../x\u0000" },
  ]) {
    assert.equal((await ask(server, query).answer).status, 400);
  }
});
