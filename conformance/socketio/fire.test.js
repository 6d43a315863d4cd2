// An upgrade under fire: both sides say numbered things without a pause while the transport changes under them.
//
// The raw client does what the official one does, with seeded delays between the steps: it opens the WebSocket, probes,
// lets its last poll and post end, and says `5`. FIRE_CLIENTS sets how many there are; thousands are a soak.

import assert from "node:assert/strict";
import { test } from "node:test";

import { choices, SEED } from "../rooms/seeded.js";
import { Client, upgraded } from "./clients.js";
import { Polling, SEPARATOR } from "./raw.js";
import { share } from "./target.js";

const CLIENTS = Number(process.env.FIRE_CLIENTS ?? 200);
/** At once; the rest follow as these end. */
const TOGETHER = 25;
/** Between two steps, in ms, at most. */
const PAUSE = 12;

const numbers = (count) => Array.from({ length: count }, (_, n) => n);

test(`${CLIENTS} raw clients`, async (t) => {
  const server = await share();
  let next = 0;
  const heard = [];
  const lane = async () => {
    while (next < CLIENTS) heard.push(await upgradeUnderFire(t, server, SEED + next++));
  };
  await Promise.all(numbers(TOGETHER).map(lane));
  const total = heard.reduce((one, other) => one + other, 0);
  t.diagnostic(`${total} numbers in ${CLIENTS} upgrades, seed ${SEED}`);
  assert.equal(heard.length, CLIENTS);
});

/** One client's life. Resolves with how many numbers went either way. */
async function upgradeUnderFire(t, server, seed) {
  const choose = choices(seed);
  const pause = () => new Promise((resolve) => setTimeout(resolve, choose(PAUSE)));
  const session = await Polling.joined(server);
  const counts = [];
  const others = [];
  const hear = (packet) => {
    const count = /^42\["count",(\d+)\]$/.exec(packet);
    if (count) counts.push(Number(count[1]));
    else if (packet !== "6") others.push(packet);
  };
  let said = 0;
  const say = () => `42["number",${said++}]`;

  await session.post(`42["count_start",${choose(3) + 1}]`);
  let polls = true;
  const polling = (async () => {
    while (polls) {
      const { status, text } = await session.poll();
      assert.equal(status, 200, `seed ${seed}: ${text}`);
      text.split(SEPARATOR).forEach(hear);
    }
  })();
  let posts = true;
  const posting = (async () => {
    while (posts) {
      const { status } = await session.post(numbers(1 + choose(4)).map(say).join(SEPARATOR));
      assert.equal(status, 200, `seed ${seed}`);
      if (choose(3) === 0) await pause();
    }
  })();

  await pause();
  const ws = await session.socket(t);
  await pause();
  ws.send("2probe");
  assert.equal(await ws.next(), "3probe", `seed ${seed}`);
  await pause();
  // The last of each: the server answers the poll, with what it has or with a noop.
  polls = false;
  posts = false;
  await Promise.all([polling, posting]);
  if (choose(2) === 0) await pause();
  ws.send("5");
  for (let bursts = 1 + choose(6); bursts > 0; bursts -= 1) {
    for (let more = choose(10); more > 0; more -= 1) ws.send(say());
    if (choose(2) === 0) await pause();
  }
  ws.send('420["count_stop"]');
  ws.send('421["numbers"]');
  for (let got = 0; got < 2; ) {
    const frame = await ws.next();
    assert.notEqual(frame, undefined, `seed ${seed}: it was closed`);
    hear(frame);
    if (frame.startsWith("43")) got += 1;
  }
  ws.kill();
  const [count] = JSON.parse(others[0].replace(/^430/, ""));
  const [got] = JSON.parse(others[1].replace(/^431/, ""));
  assert.deepEqual(counts, numbers(count), `seed ${seed}: what the server said`);
  assert.deepEqual(got, numbers(said), `seed ${seed}: what the client said`);
  assert.equal(others.length, 2, `seed ${seed}: ${others}`);
  return count + said;
}

for (const generation of [4, 3, 2]) {
  test(`clients of generation ${generation}`, async (t) => {
    const server = await share({ allowEIO3: true });
    const choose = choices(SEED);
    const life = async () => {
      const client = await Client.open(t, server, { generation });
      client.emit("count_start", 1 + choose(3));
      let said = 0;
      let going = true;
      const saying = (async () => {
        while (going) {
          for (let more = choose(5); more > 0; more -= 1) client.emit("number", said++);
          await new Promise((resolve) => setTimeout(resolve, choose(4)));
        }
      })();
      await upgraded(client);
      const before = client.all("count").length;
      await client.heard.until(() => client.all("count").length > before + 20, "numbers on the new transport");
      going = false;
      await saying;
      const count = await client.call("count_stop");
      assert.deepEqual(await client.call("numbers"), numbers(said));
      await client.settled();
      assert.deepEqual(client.all("count"), numbers(count).map((n) => [n]));
    };
    await Promise.all(numbers(8).map(life));
  });
}
