// Sessions without a WebSocket whose listening is cut at seeded points, under traffic both ways. While a session lives on, each number
// comes once and in order; where it dies, none comes twice, and another begins.
//
// CUTS sets how often one is cut; hundreds are a soak.

import assert from "node:assert/strict";
import { once } from "node:events";
import net from "node:net";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { choices, SEED } from "../rooms/seeded.js";
import { within } from "../socketio/patience.js";
import { Client } from "./client.js";
import { Gauges } from "./gauges.js";
import { Life, Speaker } from "./life.js";
import { POLLS, STREAMS, Wire, asked, listening, saying, soon } from "./raw.js";
import { share } from "./target.js";

const CUTS = Number(process.env.CUTS ?? 50);
/** Cuts of one session, after which another comes. */
const LIFE = 5;
/** Sessions at a time. */
const TOGETHER = 5;
/** What sessions that listen by polls and by streams in turn are named here. */
const WAYS = [...STREAMS, ...POLLS, "xhr in turns"];
const PATIENT = { heartbeatDelay: 60_000, disconnectDelay: 3000, handshakeTimeout: 60_000 };
const SERVERS = [{ ...PATIENT, responseLimit: 400 }, { ...PATIENT, responseLimit: 2000, heartbeatDelay: 100 }, { ...PATIENT, responseLimit: 131_072 }];

/** How a session is interrupted that lives on. Each has traffic of its own; `post` says numbers to the server meanwhile. */
const CUT = {
  "the server ends responses": async (life, choose, post) => {
    const posted = post();
    await life.speakUntil(life.answered(1 + choose(3)), choose);
    await posted;
  },
  "a gap": (life, choose, post) => gap(life, choose, post, async () => {}),
  "it hangs up in a gap": (life, choose, post) =>
    gap(life, choose, post, async () => {
      life.wire.socket.end();
      life.wire = await Wire.open(life.server);
    }),
  "it is reset in a gap": (life, choose, post) =>
    gap(life, choose, post, async () => {
      life.wire.reset();
      life.wire = await Wire.open(life.server);
    }),
  "another listens": async (life, choose, post) => {
    await life.quiet();
    await life.another();
    life.say(1 + choose(10), choose);
    await post();
  },
  "it reads late": async (life, choose, post) => {
    const { socket } = life.wire;
    socket.pause();
    life.say(20 + choose(50), choose);
    await Promise.all([life.speaker.settled(), post()]);
    socket.resume();
  },
};

/** Lets responses end, and asks for the next when more has been said: all of it waits. */
async function gap(life, choose, post, between) {
  const { reached, open } = life.hold();
  const posted = post();
  await life.speakUntil(reached, choose);
  await between();
  life.say(choose(30), choose);
  await Promise.all([life.speaker.settled(), posted]);
  if (choose(2) === 0) await post();
  open();
}

/** How a session dies, and whether it is told. */
const DEATH = {
  "it is reset while it listens": (life, choose) => cut(life, choose, (wire) => wire.reset()),
  "it hangs up while it listens": (life, choose) => cut(life, choose, (wire) => wire.socket.end()),
  "it is cut in the middle of what it hears": async (life, choose) => {
    if (!STREAMS.includes(life.way)) return cut(life, choose, (wire) => wire.reset());
    await life.listens();
    life.mayBreak = true;
    const { wire } = life;
    wire.cutAfter(1 + choose(500));
    await life.speakUntil(wire.closed(), choose);
  },
  "the server ends it": async (life, choose) => {
    life.say(choose(10), choose);
    await life.speaker.settled();
    await life.post(0, ["!end"]);
    await life.until(() => life.closes.length > 0, "its end");
    // Whoever asks later hears the same.
    const way = life.way === "xhr in turns" ? "xhr" : life.way;
    const wire = await Wire.open(life.server);
    for await (const frame of (await wire.ask(listening(life.session, way))).frames(way)) assert.equal(frame, 'c[1000,"Normal closure"]', life.name);
    wire.close();
    assert.deepEqual(life.closes, [1000], life.name);
    return true;
  },
};

/** Cuts the request that listens while nothing is on its way to it. */
async function hangUp(life, how) {
  await life.quiet();
  const wire = await life.parked();
  life.isOver = true;
  how(wire);
}

/** The same, and more is said at once. It may be an answer before the server sees that nobody wants it: then it takes longer to be gone. */
async function cut(life, choose, how) {
  await hangUp(life, how);
  life.say(choose(5), choose);
  await life.speaker.settled();
}

/** One session, from its beginning to its end. Resolves with how many numbers went either way. */
async function live(t, server, way, seed) {
  const choose = choices(seed);
  const speaker = await Speaker.open(t, server, `room-${seed}`);
  const life = await Life.begin(server, way, speaker, `${way}, seed ${seed}`, choose);
  await life.join();
  const kinds = Object.keys(CUT);
  for (let cuts = 0; cuts < LIFE; cuts += 1) {
    const kind = kinds[choose(kinds.length)];
    life.at = `${kind}, cut ${cuts}`;
    await CUT[kind](life, choose, () => life.postOnAll(choose));
    await life.quiet();
  }
  const kind = Object.keys(DEATH)[choose(Object.keys(DEATH).length)];
  life.at = kind;
  const isTold = await DEATH[kind](life, choose);
  await life.ended;
  life.close();
  if (!isTold) await isGone(life, choose);
  speaker.close();
  return life.down + life.up.reduce((one, other) => one + other);
}

/** The session is none any more; the next of its id begins anew, and hears nothing that was said to this one. */
async function isGone(life, choose) {
  const { server, way, speaker, session } = life;
  while ((await asked(server, saying(session, way, []))).status !== 404) await soon();
  const next = await Life.begin(server, way, speaker, `the next of ${life.name}`, choose, session);
  await next.postOnAll(choose);
  await next.quiet({ speaking: false });
  // Whoever is not known to listen would be waited for.
  const wire = await next.parked();
  next.isOver = true;
  wire.close();
  await next.ended;
  next.close();
}

test(`${CUTS} cuts`, async (t) => {
  const servers = await Promise.all(SERVERS.map((options) => share("everywire", options)));
  const gauges = await Promise.all(servers.map((server) => Gauges.of(t, server)));
  let next = 0;
  let numbers = 0;
  const lane = async () => {
    while (next < CUTS / LIFE) {
      const n = next++;
      const went = await live(t, servers[n % servers.length], WAYS[(n + Math.floor(n / 6)) % WAYS.length], SEED + n);
      numbers += went;
    }
  };
  await Promise.all(Array.from({ length: TOGETHER }, lane));
  t.diagnostic(`${numbers} numbers in ${next} sessions, each once and in order, seed ${SEED}`);
  await Promise.all(gauges.map((one) => one.back(`seed ${SEED}`)));
});

/** Passes on what comes, cut at other places and somewhat later. */
function reshape(from, to, choose) {
  let last = Promise.resolve();
  const then = (step) => (last = last.then(step));
  from.on("data", (data) => {
    for (let start = 0; start < data.length; ) {
      const piece = data.subarray(start, (start += 1 + choose(choose(2) === 0 ? 20 : 3000)));
      then(async () => {
        await new Promise((resolve) => setTimeout(resolve, choose(3)));
        to.write(piece);
      });
    }
  });
  from.on("close", () => then(() => to.end()));
  from.on("error", () => {});
}

/** A wire whose pieces are others than were sent. */
async function shaper(t, server, choose) {
  const sockets = new Set();
  const listener = net.createServer((client) => {
    const onward = net.connect(server.port, server.host);
    for (const socket of [client, onward]) {
      socket.setNoDelay(true);
      sockets.add(socket);
    }
    reshape(client, onward, choose);
    reshape(onward, client, choose);
  });
  listener.listen(0, "127.0.0.1");
  await once(listener, "listening");
  atEnd(t, () => {
    listener.close();
    for (const socket of sockets) socket.destroy();
  });
  return { url: `http://127.0.0.1:${listener.address().port}` };
}

for (const transport of ["xhr-streaming", "eventsource", "xhr-polling"]) {
  test(`the official client by ${transport}, through a wire that cuts pieces anew`, async (t) => {
    const server = await share("everywire", { ...PATIENT, responseLimit: 1000 });
    const client = await Client.open(t, await shaper(t, server, choices(SEED)), "/rooms", [transport]);
    const speaker = await Speaker.open(t, server, transport);
    client.send(`!join ${transport}`);
    assert.deepEqual(await client.hear(), [`!join ${transport}`]);
    const numbers = Array.from({ length: 4 * CUTS }, (_, n) => n);
    for (const n of numbers) {
      speaker.say(n % 100);
      client.send(`u0 ${n}`);
      // The client collects what is said in one go.
      if (n % 10 === 9) await speaker.settled();
    }
    const heard = await client.hear(2 * numbers.length);
    for (const kind of ["d", "u0"]) {
      const ofKind = heard.map((text) => text.split(" ")).filter(([named]) => named === kind);
      assert.deepEqual(ofKind.map(([, n]) => Number(n)), numbers, `seed ${SEED}`);
    }
  });
}

/** Says somewhat longer numbers until this is so: little at a time, for what is published may reach the room some laps later, and must not be too
 * much for who is to live on. */
async function sayUntil(speaker, gauges, holds, choose) {
  // Some megabytes fit into sockets.
  for (let most = 20_000; !holds(await gauges.read()); most -= 1) {
    assert.ok(most > 0, "it never comes");
    speaker.say(1000 + choose(2000));
    await speaker.settled();
  }
}

for (const way of STREAMS) {
  test(`${way}: the socket is full, and is read on`, async (t) => {
    const server = await share("everywire", { ...PATIENT, disconnectDelay: 300, responseLimit: 1 << 30 });
    const choose = choices(SEED);
    const gauges = await Gauges.of(t, server);
    const speaker = await Speaker.open(t, server, way);
    const life = await Life.begin(server, way, speaker, `${way}, seed ${SEED}`, choose);
    await life.join();
    for (let cuts = 0; cuts < CUTS / 50; cuts += 1) {
      life.wire.socket.pause();
      await sayUntil(speaker, gauges, ({ waitingBytes }) => waitingBytes > 0, choose);
      await life.postOnAll(choose);
      life.wire.socket.resume();
      await life.quiet();
    }
    // Who never reads on is not told half of it: what it hears before its end is all there was up to there.
    life.wire.socket.pause();
    const { sessions } = await gauges.read();
    await sayUntil(speaker, gauges, (shown) => shown.sessions < sessions, choose);
    life.isOver = true;
    life.wire.socket.resume();
    await within(life.ended, "the end of its response");
    assert.ok(life.down < speaker.said);
    life.close();
    speaker.close();
    await gauges.back(way);
  });
}

test("who hangs up while it listens is gone at once", async (t) => {
  const server = await share("everywire", { ...PATIENT, disconnectDelay: 600_000 });
  const gauges = await Gauges.of(t, server);
  const choose = choices(SEED);
  const ends = [(wire) => wire.reset(), (wire) => wire.socket.end(), (wire) => wire.close()];
  for (const way of [...STREAMS, ...POLLS]) {
    for (const end of ends) {
      const speaker = await Speaker.open(t, server, way);
      const life = await Life.begin(server, way, speaker, way, choose);
      await life.join();
      life.say(choose(20), choose);
      await hangUp(life, end);
      await life.ended;
      life.close();
      await within(isGone(life, choose), `the end of ${way}`);
      speaker.close();
    }
  }
  await gauges.back("nobody");
});

test("who does not come back is lost, with what waited", async (t) => {
  const server = await share("everywire", { ...PATIENT, disconnectDelay: 200, responseLimit: 400 });
  const gauges = await Gauges.of(t, server);
  for (const way of [...STREAMS, ...POLLS]) {
    const choose = choices(SEED);
    const speaker = await Speaker.open(t, server, `lost ${way}`.replace(" ", "-"));
    const life = await Life.begin(server, way, speaker, way, choose);
    await life.join();
    const { reached } = life.hold();
    await life.speakUntil(reached, choose);
    life.isOver = true;
    life.say(10, choose);
    await speaker.settled();
    life.close();
    await isGone(life, choose);
    speaker.close();
  }
  await gauges.back("nobody");
});
