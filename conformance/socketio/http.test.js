// What a request is answered with: statuses, error bodies, which check comes first, headers, CORS, compression.

import assert from "node:assert/strict";
import { test } from "node:test";
import zlib from "node:zlib";

import { ask, Polling, refusal, SEPARATOR, Ws } from "./raw.js";
import { differs, share, start } from "./target.js";

const EIO4 = { EIO: "4", transport: "polling" };
const TEXT = "text/plain; charset=UTF-8";

const ERRORS = {
  0: [400, "Transport unknown"],
  1: [400, "Session ID unknown"],
  2: [400, "Bad handshake method"],
  3: [400, "Bad request"],
  4: [403, "Forbidden"],
  5: [400, "Unsupported protocol version"],
};

/** Asserts that it was refused with this code, by status and body. */
function isError({ status, headers, text }, code, message = ERRORS[code][1]) {
  assert.deepEqual([status, headers["content-type"], text], [ERRORS[code][0], "application/json", JSON.stringify({ code, message })]);
  assert.equal(headers["cache-control"], undefined);
}

test("a handshake, a poll and a post", async (t) => {
  const server = await share();
  const opening = await ask(server, { ...EIO4, t: "abc" }).answer;
  assert.equal(opening.status, 200);
  assert.equal(opening.headers["content-type"], TEXT);
  assert.equal(opening.headers["content-length"], String(opening.body.length));
  assert.equal(opening.headers["cache-control"], "no-store");
  assert.equal(opening.headers["set-cookie"], undefined);
  assert.equal(opening.headers["access-control-allow-origin"], undefined);
  const { sid } = JSON.parse(opening.text.slice(1));
  assert.match(sid, /^[\w-]{20,}$/);

  const post = await ask(server, { ...EIO4, sid }, { method: "POST", body: "40" }).answer;
  assert.deepEqual([post.status, post.text], [200, "ok"]);
  assert.equal(post.headers["content-type"], "text/html");
  assert.equal(post.headers["content-length"], "2");
  const poll = await ask(server, { ...EIO4, sid }).answer;
  assert.equal(poll.status, 200);
  assert.equal(poll.headers["content-type"], TEXT);
  assert.equal(poll.headers["cache-control"], "no-store");
  // The connection's public id is not what lets one into the session.
  assert.notEqual(JSON.parse(poll.text.slice(2)).sid, sid);
});

test("what cannot open a session", async (t) => {
  const server = await share();
  for (const [query, code, options] of [
    [{}, 0],
    [{ EIO: "4" }, 0],
    [{ ...EIO4, transport: "none" }, 0],
    [{ ...EIO4, transport: "webtransport" }, 0],
    [{ ...EIO4, transport: "constructor" }, 0],
    [{ ...EIO4, sid: "none" }, 1],
    [EIO4, 2, { method: "POST", body: "" }],
    [EIO4, 2, { method: "PUT", body: "" }],
    [EIO4, 2, { method: "DELETE" }],
    [EIO4, 2, { method: "OPTIONS" }],
    [{ ...EIO4, transport: "websocket" }, 3],
    [{ transport: "polling" }, 5],
    [{ ...EIO4, EIO: "3" }, 5],
    [{ ...EIO4, EIO: "5" }, 5],
    [{ ...EIO4, EIO: "abc" }, 5],
    // The first check that fails answers.
    [{ EIO: "3", transport: "none", sid: "none", refuse: "" }, 0],
    [{ EIO: "3", transport: "polling", sid: "none", refuse: "" }, 1],
    [{ EIO: "3", transport: "polling", refuse: "" }, 2, { method: "POST", body: "" }],
    [{ EIO: "3", transport: "websocket", refuse: "" }, 3],
    [{ EIO: "3", transport: "polling", refuse: "" }, differs("the revision is looked at before the application is asked") ? 5 : 4],
  ]) {
    await t.test(`${options?.method ?? "GET"} ${options?.path ?? ""} ${JSON.stringify(query)}`, async () => {
      isError(await ask(server, query, options).answer, code);
    });
  }
  for (const query of [{ ...EIO4, transport: "none" }, {}]) {
    const answer = await ask(server, query, { path: "/socket.io/socket.io.js" }).answer;
    if (differs("client files are not the mount's")) assert.equal(answer.status, 404);
    else isError(answer, 0);
  }
  const refused = await ask(server, { ...EIO4, refuse: "not today" }).answer;
  isError(refused, 4, "not today");
});

test("what a session does not take", async (t) => {
  const server = await share({ allowEIO3: true });
  const session = await Polling.joined(server);
  const { sid } = session;
  isError(await ask(server, { ...EIO4, sid, transport: "websocket" }).answer, 3);
  isError(await ask(server, { ...EIO4, sid, EIO: "3" }).answer, 3);
  for (const method of ["PUT", "DELETE", "HEAD"]) {
    const { status, text } = await session.poll({ method });
    assert.deepEqual([status, text], [500, ""], method);
  }
  // It is as it was.
  await session.post('42["echo",1]');
  await session.hears(['42["echo",1]']);

  const ws = await Ws.joined(t, server);
  isError(await ask(server, { ...EIO4, sid: ws.handshake.sid }).answer, 3);
});

test("a WebSocket handshake is refused in plain text", async (t) => {
  const server = await share();
  for (const [query, message] of [
    [{ EIO: "4", transport: "none" }, "Transport unknown"],
    [{ EIO: "4", transport: "websocket", sid: "none" }, "Session ID unknown"],
    [{ EIO: "4", transport: "websocket", refuse: "" }, "Forbidden"],
    [{ EIO: "4", transport: "websocket", refuse: "not today" }, "not today"],
  ]) {
    const { status, headers, text } = await refusal(server, query);
    assert.deepEqual([status, text], [400, message]);
    assert.equal(headers["content-length"], String(message.length));
    assert.equal(headers.connection, "close");
    assert.equal(headers["content-type"], "text/html");
  }
});

test("a WebSocket of a revision that is not allowed", async (t) => {
  const server = await share();
  const query = { EIO: "3", transport: "websocket" };
  if (differs("a WebSocket handshake of the wrong revision is refused over HTTP")) {
    const { status, text } = await refusal(server, query);
    assert.deepEqual([status, text], [400, "Unsupported protocol version"]);
  } else {
    const ws = new Ws(t, server, query);
    assert.equal(await ws.ended(), 1006);
  }
});

test("EIO=3 alone is revision 3", async (t) => {
  const server = await share({ allowEIO3: true });
  assert.match((await ask(server, { EIO: "3", transport: "polling" }).answer).text, /^\d+:0\{/);
  for (const query of [{ transport: "polling" }, { EIO: "5", transport: "polling" }, { EIO: "abc", transport: "polling" }]) {
    const answer = await ask(server, query).answer;
    if (differs("allow_eio3 means EIO=3")) isError(answer, 5);
    else assert.match(answer.text, /^\d+:0\{/);
  }
});

test("transports that are off", async (t) => {
  const polling = await start(t, { transports: ["polling"] });
  const session = await Polling.open(polling);
  assert.deepEqual(session.handshake.upgrades, []);
  // Here the reference leaves the request to HTTP, and answers as to any.
  const { status, text } = await refusal(polling, { EIO: "4", transport: "websocket" });
  assert.deepEqual([status, text.includes("Transport unknown")], [400, true]);

  const websocket = await start(t, { transports: ["websocket"] });
  isError(await ask(websocket, EIO4).answer, 0);
  const ws = await Ws.joined(t, websocket);
  assert.deepEqual(ws.handshake.upgrades, []);

  const still = await start(t, { allowUpgrades: false });
  assert.deepEqual((await Polling.open(still)).handshake.upgrades, []);
});

test("the handshake says the options", async (t) => {
  const server = await start(t, { pingInterval: 12_345, pingTimeout: 6_789, maxHttpBufferSize: 5_000 });
  const { handshake } = await Polling.open(server);
  const { sid, ...rest } = handshake;
  assert.deepEqual(Object.keys(handshake), ["sid", "upgrades", "pingInterval", "pingTimeout", "maxPayload"]);
  assert.deepEqual(rest, { upgrades: ["websocket"], pingInterval: 12_345, pingTimeout: 6_789, maxPayload: 5_000 });
});

test("a cookie", async (t) => {
  const server = await start(t, { cookie: true });
  const { headers, text } = await ask(server, EIO4).answer;
  const { sid } = JSON.parse(text.slice(1));
  assert.deepEqual(headers["set-cookie"], [`io=${sid}; Path=/; HttpOnly; SameSite=Lax`]);
  // On the handshake only.
  const post = await ask(server, { ...EIO4, sid }, { method: "POST", body: "40" }).answer;
  assert.equal(post.headers["set-cookie"], undefined);
  assert.equal((await ask(server, { ...EIO4, sid }).answer).headers["set-cookie"], undefined);

  const named = await start(t, { cookie: { name: "place", path: "/x", httpOnly: false, sameSite: "strict", maxAge: 60 } });
  const opening = await ask(named, EIO4).answer;
  const place = JSON.parse(opening.text.slice(1)).sid;
  assert.deepEqual(opening.headers["set-cookie"], [`place=${place}; Max-Age=60; Path=/x; SameSite=Strict`]);
});

test("CORS", async (t) => {
  const origin = "http://page.test";
  const server = await start(t, { cors: { origin, credentials: true } });
  const allowed = (headers) => [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
  const opening = await ask(server, EIO4, { headers: { origin } }).answer;
  assert.deepEqual([opening.status, ...allowed(opening.headers)], [200, origin, "true"]);
  assert.equal(opening.headers.vary, "Origin");
  // Errors are readable too.
  const error = await ask(server, { ...EIO4, transport: "none" }, { headers: { origin } }).answer;
  isError(error, 0);
  assert.deepEqual(allowed(error.headers), [origin, "true"]);

  const asked = {
    origin,
    "access-control-request-method": "POST",
    "access-control-request-headers": "content-type,x-mine",
  };
  const preflight = await ask(server, EIO4, { method: "OPTIONS", headers: asked }).answer;
  assert.deepEqual([preflight.status, preflight.text, ...allowed(preflight.headers)], [204, "", origin, "true"]);
  assert.equal(preflight.headers["access-control-allow-methods"], "GET,HEAD,PUT,PATCH,POST,DELETE");
  assert.equal(preflight.headers["access-control-allow-headers"], "content-type,x-mine");
  assert.match(preflight.headers.vary, /Origin/);
  assert.match(preflight.headers.vary, /Access-Control-Request-Headers/);
});

test("polls are compressed from the threshold on", async (t) => {
  const server = await share();
  const long = "a long text ".repeat(200);
  const open = {
    gzip: zlib.gunzipSync,
    deflate: zlib.inflateSync,
    identity: (bytes) => bytes,
  };
  for (const [accepted, encoding] of [
    ["gzip, deflate", "gzip"],
    ["deflate", "deflate"],
    ["br, gzip", "gzip"],
    ["br", "identity"],
    [undefined, "identity"],
  ]) {
    const session = await Polling.joined(server);
    const headers = accepted === undefined ? {} : { "accept-encoding": accepted };
    await session.post(`42["echo","${long}"]`);
    const { headers: got, body } = await session.poll({ headers });
    assert.equal(got["content-encoding"] ?? "identity", encoding, accepted);
    assert.equal(open[encoding](body).toString(), `42["echo","${long}"]`);
    const told = encoding === "identity" || differs("a compressed answer has a length");
    assert.equal(got["content-length"], told ? String(body.length) : undefined);
    // What is short goes as it is.
    await session.post('42["echo",1]');
    assert.equal((await session.poll({ headers })).headers["content-encoding"], undefined);
    // And so does what the app wants so.
    await session.post(`42["emit",{"from":"self","compress":false},"x",["${long}"]]`);
    assert.equal((await session.poll({ headers })).headers["content-encoding"], undefined);
    await session.post(`42["emit",{"compress":false},"x",["${long}"]]`);
    assert.equal((await session.poll({ headers })).headers["content-encoding"], undefined);
    for (const from of ["self", "namespace"]) {
      const poll = await session.pending({ headers });
      await session.post(`42["emit",{"from":"${from}","volatile":true,"compress":false},"x",["${long}"]]`);
      const { headers: got, text } = await poll.answer;
      assert.deepEqual([got["content-encoding"], text], [undefined, `42["x","${long}"]`]);
    }
    // One that may be compressed makes it so for all that leave with it.
    const packets = [`42["emit",{"from":"self","compress":false},"x",["${long}"]]`, '42["emit",{"from":"self"},"y",[1]]'];
    await session.post(packets.join(SEPARATOR));
    const both = await session.poll({ headers });
    assert.equal(both.headers["content-encoding"] ?? "identity", encoding, accepted);
    assert.equal(open[encoding](both.body).toString(), [`42["x","${long}"]`, '42["y",1]'].join(SEPARATOR));
  }
  const off = await start(t, { httpCompression: false });
  const session = await Polling.joined(off);
  await session.post(`42["echo","${long}"]`);
  assert.equal((await session.poll({ headers: { "accept-encoding": "gzip" } })).headers["content-encoding"], undefined);
});

test("WebSocket does not negotiate compression", async (t) => {
  const server = await share();
  const ws = await Ws.joined(t, server, {}, { perMessageDeflate: true });
  assert.equal(ws.socket.extensions, "");
  ws.send(`42["echo","${"x".repeat(5000)}"]`);
  assert.equal((await ws.next()).length, 5000 + '42["echo",""]'.length);
});

test("the query and the headers of the first request reach the app", async (t) => {
  const server = await share();
  const session = await Polling.joined(server, { name: "a b&c", two: "€" }, { headers: { "x-conformance": "there" } });
  await session.post('420["whoami"]');
  const [{ namespace, rooms, data, auth, query, header }] = JSON.parse((await session.poll()).text.slice(3));
  assert.deepEqual([namespace, rooms, data, auth, header], ["/", [], {}, {}, "there"]);
  assert.deepEqual([query.name, query.two, query.EIO, query.transport], ["a b&c", "€", "4", "polling"]);
});
