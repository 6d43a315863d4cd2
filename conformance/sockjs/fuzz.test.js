// Clients that break the rules of SockJS, mixed by chance, over and over: others are served rightly all along, and afterwards everything is
// as it was.
//
// SOCKJS_ROUNDS sets how often; a hundred is a soak.

import assert from "node:assert/strict";
import { test } from "node:test";
import { isDeepStrictEqual } from "node:util";

import { WebSocket } from "ws";

import { choices, SEED } from "../rooms/seeded.js";
import { within } from "../socketio/patience.js";
import { Gauges } from "./gauges.js";
import { Life, Speaker } from "./life.js";
import { Broken, POLLS, STREAMS, Wire, asked, freshSession, listening, saying } from "./raw.js";
import { share } from "./target.js";

const ROUNDS = Number(process.env.SOCKJS_ROUNDS ?? 5);
/** Of each crime, in a round. */
const EACH = 3;
/** Who is forgotten is so soon, but for those in rooms: they do nothing wrong. */
const OPTIONS = { heartbeatDelay: 60_000, disconnectDelay: 300, roomsDisconnectDelay: 20_000, handshakeTimeout: 1500, responseLimit: 4000, bodyBytes: 50_000 };
const WAYS = [...STREAMS, ...POLLS];
const UPGRADE = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };

const many = (count, make) => Array.from({ length: count }, (_, n) => make(n));
const oneOf = (choose, list) => list[choose(list.length)];

/** A response that is there, or nothing if the connection ended without one. */
async function answered(wire) {
  try {
    return await wire.response();
  } catch (error) {
    if (!(error instanceof Broken)) throw error;
  }
}

/** A session that is open, and the connection that listens. */
async function open(server, way, mount = "/echo") {
  const session = freshSession(mount);
  const wire = await Wire.open(server);
  const response = await wire.ask(listening(session, way));
  assert.equal(response.status, 200);
  return { session, wire, response };
}

/** A text in which chance has had its hand. */
function spoiled(text, pieces, choose) {
  for (let more = choose(4); more > 0; more -= 1) {
    const at = choose(text.length + 1);
    text = text.slice(0, at) + (choose(3) === 0 ? "" : oneOf(choose, pieces)) + text.slice(at + choose(3));
  }
  return text;
}

/** What is said of a body, by what JavaScript says of it. */
function verdict(body) {
  if (body === "") return [500, "Payload expected."];
  try {
    const value = JSON.parse(body);
    const isFine = Array.isArray(value) && value.every((item) => typeof item === "string");
    return isFine ? [204, ""] : [500, "Payload expected."];
  } catch {
    return [500, "Broken JSON encoding."];
  }
}

const JSON_PIECES = ['"', "[", "]", "{", "}", ",", ":", "\\", "\\u", "\\ud800", "\\n", "null", "true", "1", "-", "e5", " ", "\n", "\t", "é", "😀", "\u2028", "\ufeff", "a", '","', "/", "\u0000", "\u001f", "\u007f"];
const PATH_PIECES = ["/", "//", ";", ";x=1", ".", "..", "%2e", "%2E%2e", "%2f", "%", "xhr", "xhr_send", "jsonp?c=x", "websocket", "info", "iframe.html", "echo", "/000/x", "?", "?c=", "&", "A", "~", "\\", "s".repeat(130)];
const CALLBACK_PIECES = [".", "..", "a", "_", "1", "-", "(", ")", ";", "<", ">", '"', "'", "%", "\\", "/", "*", "é", "\u2028", "\r\n", "\0", " ", "x".repeat(20)];

/** What is done to a server, over and over. */
const CRIMES = {
  "opens, and does not come back": async (server, choose) => {
    const { wire } = await open(server, oneOf(choose, WAYS));
    wire.close();
  },
  "is ended at once, and does not hear it": async (server, choose) => {
    const { wire } = await open(server, oneOf(choose, WAYS), "/close");
    wire.reset();
  },
  "is cut somewhere in the first bytes": async (server, choose) => {
    const way = oneOf(choose, STREAMS);
    const wire = await Wire.open(server);
    wire.cutAfter(1 + choose(400));
    wire.socket.write(wire.text(listening(freshSession("/broadcast"), way)));
    await wire.closed();
  },
  "gives up a poll": async (server, choose) => {
    const way = oneOf(choose, POLLS);
    const { session, wire, response } = await open(server, way);
    await response.body();
    await wire.write(wire.text(listening(session, way)));
    if (choose(2) === 0) wire.reset();
    else wire.close();
  },
  "listens twenty times": async (server, choose) => {
    const { session, wire, response } = await open(server, "xhr_streaming");
    const frames = response.frames("xhr_streaming");
    assert.equal((await frames.next()).value, "o");
    await Promise.all(
      many(20, async () => {
        const { status, body } = await asked(server, listening(session, "xhr"));
        assert.deepEqual([status, body], [200, 'c[2010,"Another connection still open"]\n']);
      }),
    );
    const text = `${choose(1000)}`;
    await asked(server, saying(session, "xhr", [text]));
    assert.equal((await frames.next()).value, `a["${text}"]`);
    wire.reset();
  },
  "asks at addresses made by chance": async (server, choose) => {
    for (let more = 20; more > 0; more -= 1) {
      const path = spoiled(oneOf(choose, ["/echo/000/ID/xhr", "/echo/000/ID/jsonp?c=x", "/echo/info", "/echo/websocket", "/rooms/000/ID/websocket"]).replace("ID", `fuzz-${choose(1e9)}`), PATH_PIECES, choose);
      const method = oneOf(choose, ["GET", "POST", "OPTIONS", "HEAD", "PUT"]);
      const wire = await Wire.open(server);
      const response = await wire.ask({ method, path, headers: choose(2) === 0 ? UPGRADE : {} });
      assert.ok([101, 200, 204, 400, 404, 405, 500].includes(response.status), `${method} ${path}: ${response.status}`);
      if (/;/.test(path.split("?")[0])) assert.ok(response.status >= 400, path);
      wire.close();
    }
  },
  "names functions made by chance": async (server, choose) => {
    for (let more = 20; more > 0; more -= 1) {
      const callback = spoiled("_jp.abc", CALLBACK_PIECES, choose);
      const isName = /^[A-Za-z_][A-Za-z0-9_]*(\.[A-Za-z_][A-Za-z0-9_]*)*$/.test(callback) && callback.length <= 32;
      const way = oneOf(choose, ["jsonp", "htmlfile"]);
      const wire = await Wire.open(server);
      const response = await wire.ask({ path: `${freshSession("/echo")}/${way}?c=${encodeURIComponent(callback)}` });
      assert.equal(response.status, isName ? 200 : 500, JSON.stringify(callback));
      if (way === "jsonp") assert.equal(await response.body(), isName ? `/**/${callback}("o");\r\n` : 'invalid "callback" parameter');
      wire.close();
    }
  },
  "says what chance has spoiled": async (server, choose) => {
    const { session, wire, response } = await open(server, "xhr_streaming", "/broadcast");
    for (let more = 30; more > 0; more -= 1) {
      const body = spoiled('["a","é\\u2028"]', JSON_PIECES, choose);
      const { status, body: said } = await asked(server, { method: "POST", path: `${session}/xhr_send`, body });
      assert.deepEqual([status, said], verdict(body), JSON.stringify(body));
    }
    assert.equal((await response.frames("xhr_streaming").next()).value, "o");
    wire.close();
  },
  "breaks bodies off, and lets others drip": async (server, choose) => {
    const { session, wire } = await open(server, "xhr_streaming");
    await Promise.all(
      many(5, async () => {
        const poster = await Wire.open(server);
        await poster.write(`POST ${session}/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\n`, '["half');
        // Few: whoever lets it drip is waited for.
        if (choose(40) > 0) return poster.reset();
        assert.equal((await poster.response()).status, 408);
        poster.close();
      }),
    );
    wire.close();
  },
  "posts without end, and reads no answer": async (server, choose) => {
    const { session, wire } = await open(server, oneOf(choose, STREAMS));
    const poster = await Wire.open(server);
    poster.socket.pause();
    const one = poster.text(saying(session, "xhr", ["x".repeat(choose(2000))]));
    await poster.write(...many(50, () => one));
    poster.reset();
    wire.reset();
  },
  "has much to hear, and reads nothing": async (server, choose) => {
    const way = oneOf(choose, WAYS);
    const { session, wire } = await open(server, way);
    wire.socket.pause();
    await asked(server, saying(session, way, many(20, () => `!long ${choose(100_000)}`)));
    if (choose(2) === 0) wire.reset();
    else wire.close();
  },
  "throws headers": async (server, choose) => {
    const wire = await Wire.open(server);
    const lines = many(1 + choose(300), (n) => `X-${n}: ${"x".repeat(choose(300))}\r\n`).join("");
    await wire.write(`GET ${freshSession("/echo")}/eventsource HTTP/1.1\r\nHost: x\r\n`, lines, "\r\n");
    // Who is still writing when the answer comes may miss it.
    const response = await answered(wire);
    assert.ok([200, 431, undefined].includes(response?.status), `${response?.status}`);
    wire.close();
  },
  "says nothing that is a frame": async (server, choose) => {
    const wire = await Wire.open(server);
    const response = await wire.ask({ path: `${freshSession("/broadcast")}/websocket`, headers: UPGRADE });
    assert.equal(response.status, 101);
    // The first says by its length that it is far too large, and the rest is never looked at; or it is none.
    const bytes = Buffer.from(many(20, () => choose(256)));
    bytes.set(choose(2) === 0 ? [0x81, 0xff, 0, 1] : [0x83 + choose(5), 0xff]);
    await wire.write(bytes);
    await wire.closed();
  },
  "speaks nonsense on a WebSocket": async (server, choose) => {
    const ws = new WebSocket(`${server.ws}${freshSession("/echo")}/websocket`);
    const codes = [];
    const heard = [];
    ws.on("error", () => {});
    ws.on("message", (data) => heard.push(data.toString()));
    const closed = new Promise((resolve) => ws.on("close", (code) => resolve(codes.push(code))));
    ws.on("open", () => {
      for (let more = 5; more > 0; more -= 1) ws.send(spoiled('["a"]', JSON_PIECES, choose));
      ws.send(choose(2) === 0 ? "nonsense" : '["!end"]');
    });
    await within(closed, "the end of nonsense");
    assert.ok([1000, 3000].includes(codes[0]), `${codes[0]}`);
    assert.equal(heard[0], "o");
  },
};

/** One who does nothing wrong: hears the room and itself. */
async function honest(server, way, speaker) {
  const life = await Life.begin(server, way, speaker, `honest by ${way}, seed ${SEED}`, choices(SEED));
  life.isBrief = true;
  await life.join();
  return life;
}

test(`${ROUNDS} rounds of ${EACH} × ${Object.keys(CRIMES).length} crimes`, async (t) => {
  const server = await share("everywire", OPTIONS);
  const gauges = await Gauges.of(t, server);
  const speaker = await Speaker.open(t, server, "honest");
  const lives = await Promise.all(WAYS.map((way) => honest(server, way, speaker)));
  const choose = choices(SEED);
  // Of each there are a session and the task that has it, and a connection that listens; and there is the speaker.
  const there = lives.length + 1;
  const { sessions, connections, tasks, ...rest } = gauges.first;
  const calm = { ...rest, sessions: sessions + there, connections: connections + there, rooms: 1, tasks: tasks + lives.length * 2 + 1 };
  await gauges.until((shown) => isDeepStrictEqual(shown, calm), `the beginning, calm ${JSON.stringify(calm)}`);
  let laps = 0;
  for (let round = 0; round < ROUNDS; round += 1) {
    const what = `round ${round}, seed ${SEED}`;
    const committed = Object.entries(CRIMES).flatMap(([name, commit]) =>
      many(EACH, async () => {
        try {
          await commit(server, choose);
        } catch (error) {
          error.message = `${name}, ${what}: ${error.message}`;
          throw error;
        }
      }),
    );
    let isOver = false;
    const done = within(Promise.all(committed), what).finally(() => (isOver = true));
    done.catch(() => {});
    do {
      for (let more = 5; more > 0; more -= 1) speaker.say(choose(200));
      await within(Promise.all(lives.map(async (life) => {
        await life.postOnAll(choose);
        await life.quiet();
      })), `honest clients, ${what}`);
      await gauges.serve(["é", laps++]);
    } while (!isOver);
    await done;
    await gauges.until((shown) => isDeepStrictEqual(shown, calm), `${what}, calm ${JSON.stringify(calm)}`);
  }
  t.diagnostic(`${speaker.said} numbers to each of ${lives.length} in ${laps} laps, seed ${SEED}`);
  for (const life of lives) {
    life.isOver = true;
    life.close();
    await life.ended;
  }
  speaker.close();
  await gauges.back("all");
});
