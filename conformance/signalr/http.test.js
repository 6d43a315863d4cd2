// Requests as they are, one by one: the statuses, headers and texts of ASP.NET Core.

import assert from "node:assert/strict";
import http from "node:http";
import { test } from "node:test";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { within } from "../socketio/patience.js";
import { share } from "./target.js";

/** A request; resolves with status, headers and body. `request.begun` is the client's end of it. */
function ask(server, method, path, { headers = {}, body } = {}) {
  let begun;
  const answer = new Promise((resolve, reject) => {
    begun = http.request(server.http + path, { method, headers, agent: false }, (response) => {
      const chunks = [];
      response.on("data", (chunk) => chunks.push(chunk));
      response.on("end", () => {
        const { statusCode: status, statusMessage: phrase, headers } = response;
        resolve({ status, phrase, headers, body: Buffer.concat(chunks).toString() });
      });
    });
    begun.on("error", reject);
    begun.end(body);
  });
  return Object.assign(within(answer, `${method} ${path}`), { begun });
}

async function negotiate(server, query = "?negotiateVersion=1") {
  const { status, body } = await ask(server, "POST", `/hubs/default/negotiate${query}`);
  assert.equal(status, 200);
  return JSON.parse(body);
}

/** Asserts a text answer. */
function isText({ status, headers, body }, expected, text) {
  assert.deepEqual([status, headers["content-type"], body], [expected, "text/plain", text]);
}

const HANDSHAKE = '{"protocol":"json","version":1}\u001e';

/** A session that polls, behind its handshake. */
async function polling(server) {
  const { connectionToken } = await negotiate(server);
  const path = `/hubs/default?id=${connectionToken}`;
  await ask(server, "GET", path);
  await ask(server, "POST", path, { body: HANDSHAKE });
  assert.equal((await ask(server, "GET", path)).body, "{}\u001e");
  return path;
}

test("negotiation", async () => {
  const server = await share();
  const offer = await ask(server, "POST", "/hubs/default/negotiate?negotiateVersion=1");
  assert.equal(offer.headers["content-type"], "application/json");
  assert.equal(Number(offer.headers["content-length"]), offer.body.length);
  assert.match(
    offer.body,
    /^\{"negotiateVersion":1,"connectionId":"[\w-]{20}","connectionToken":"[\w-]{22}","availableTransports":\[\{"transport":"WebSockets","transferFormats":\["Text","Binary"\]\},\{"transport":"ServerSentEvents","transferFormats":\["Text"\]\},\{"transport":"LongPolling","transferFormats":\["Text","Binary"\]\}\]\}$/,
  );
  const zero = await negotiate(server, "");
  assert.equal(zero.negotiateVersion, 0);
  assert.ok(!("connectionToken" in zero) && !("useStatefulReconnect" in zero));
  assert.equal((await negotiate(server, "?NEGOTIATEVERSION=7")).negotiateVersion, 1);
  assert.ok(!("useStatefulReconnect" in (await negotiate(server, "?negotiateVersion=1&useStatefulReconnect=true"))));
  assert.deepEqual(await negotiate(server, "?negotiateVersion=x"), { error: "The client requested an invalid protocol version 'x'" });
  for (const method of ["GET", "PUT", "DELETE", "HEAD"]) {
    const { status, headers, body } = await ask(server, method, "/hubs/default/negotiate");
    assert.deepEqual([status, headers["content-type"], body], [405, "text/plain", ""]);
  }
  assert.equal((await ask(server, "POST", "/hubs/nowhere/negotiate")).status, 404);
});

test("a server that wants version 1, and stateful reconnects", async () => {
  const server = await share({ minimumProtocolVersion: 1, allowStatefulReconnects: true });
  assert.deepEqual(await negotiate(server, ""), {
    error: "The client requested version '0', but the server does not support this version.",
  });
  assert.equal((await negotiate(server, "?negotiateVersion=1&useStatefulReconnect=true")).useStatefulReconnect, true);
  assert.ok(!("useStatefulReconnect" in (await negotiate(server))));
});

test("requests without a session", async () => {
  const server = await share();
  for (const [method, headers] of [["GET", {}], ["GET", { accept: "text/event-stream" }], ["POST", {}], ["DELETE", {}]]) {
    isText(await ask(server, method, "/hubs/default", { headers }), 400, "Connection ID required");
    isText(await ask(server, method, "/hubs/default?id=unknown", { headers }), 404, "No Connection with that ID");
  }
  const upgrade = { connection: "Upgrade", upgrade: "websocket", "sec-websocket-version": 13, "sec-websocket-key": "dGhlIHNhbXBsZSBub25jZQ==" };
  isText(await ask(server, "GET", "/hubs/default?id=unknown", { headers: upgrade }), 404, "No Connection with that ID");
  isText(await ask(server, "PUT", "/hubs/default?id=unknown"), 405, "");
  // The public id lets nobody in.
  const { connectionId, connectionToken } = await negotiate(server);
  isText(await ask(server, "GET", `/hubs/default?id=${connectionId}`), 404, "No Connection with that ID");
  isText(await ask(server, "DELETE", `/hubs/default?id=${connectionToken}`), 400, "Cannot terminate this connection using the DELETE endpoint.");
});

test("transports that are not offered", async () => {
  const server = await share({ transports: ["WebSockets"] });
  const { availableTransports, connectionToken } = await negotiate(server);
  assert.deepEqual(availableTransports.map(({ transport }) => transport), ["WebSockets"]);
  const path = `/hubs/default?id=${connectionToken}`;
  isText(await ask(server, "GET", path), 404, "LongPolling transport not supported by this end point type");
  isText(await ask(server, "GET", path, { headers: { accept: "text/event-stream" } }), 404, "ServerSentEvents transport not supported by this end point type");
});

test("long polling, from the first request to the last", async () => {
  const server = await share();
  const { connectionToken } = await negotiate(server);
  const path = `/hubs/default?ID=${connectionToken}`;
  const first = await ask(server, "GET", path);
  assert.deepEqual([first.status, first.headers["content-length"], first.headers["content-type"]], [200, "0", "application/octet-stream"]);
  assert.equal(first.headers["cache-control"], "no-cache, no-store");
  assert.equal(first.headers.pragma, "no-cache");
  assert.equal(first.headers.expires, "Thu, 01 Jan 1970 00:00:00 GMT");
  isText(await ask(server, "POST", path, { body: HANDSHAKE + '{"type":1,"invocationId":"a","target":"Add","arguments":[1,2]}\u001e' }), 200, "");
  const second = await ask(server, "GET", `${path}&_=123`);
  assert.equal(second.body, '{}\u001e{"type":3,"invocationId":"a","result":3}\u001e');
  assert.equal(second.headers["content-type"], "application/octet-stream");
  // A poll takes the place of the one that waits.
  const replaced = ask(server, "GET", path);
  const waiting = ask(server, "GET", path);
  const answers = await Promise.race([replaced, waiting]);
  assert.deepEqual([answers.status, answers.body], [204, ""]);
  // In pieces, and two requests at a time: all are answered.
  const call = (id) => `{"type":1,"invocationId":"${id}","target":"Echo","arguments":["${id}"]}\u001e`;
  const posts = await Promise.all(["b", "c"].map((id) => ask(server, "POST", path, { body: call(id) })));
  for (const post of posts) isText(post, 200, "");
  isText(await ask(server, "GET", path, { headers: { accept: "text/event-stream" } }), 400, "Cannot change transports mid-connection");
  const ended = await ask(server, "DELETE", path);
  isText(ended, 202, "");
  isText(await ask(server, "POST", path, { body: '{"type":7}\u001e' }), 404, "No Connection with that ID");
  isText(await ask(server, "GET", path), 404, "No Connection with that ID");
});

test("a poll that waits is answered when its time is up, and when the session ends", async () => {
  const server = await share({ pollTimeout: 200 });
  const path = await polling(server);
  const nothing = await ask(server, "GET", path);
  isText(nothing, 200, "");
  const waiting = ask(server, "GET", path);
  isText(await ask(server, "DELETE", path), 202, "");
  const over = await waiting;
  assert.ok(over.status === 204 || over.status === 404, `${over.status}`);
});

test("who does not poll is gone; who is told to go needs two polls for it", async () => {
  const server = await share({ disconnectTimeout: 300 });
  const { connectionToken } = await negotiate(server);
  const lost = await polling(server);
  // A third client keeps time.
  const watch = await polling(server);
  for (;;) {
    const { status } = await ask(server, "POST", lost, { body: '{"type":6}\u001e' });
    if (status === 404) break;
    await ask(server, "POST", watch, { body: '{"type":1,"invocationId":"w","target":"Nothing","arguments":[]}\u001e' });
    await ask(server, "GET", watch);
  }
  // And so is who never came.
  while ((await ask(server, "DELETE", `/hubs/default?id=${connectionToken}`)).status !== 404);
  isText(await ask(server, "GET", `/hubs/default?id=${connectionToken}`), 404, "No Connection with that ID");
  await ask(server, "POST", watch, { body: '{"type":1,"target":"Abort","arguments":[]}\u001e' });
  const last = await ask(server, "GET", watch);
  assert.deepEqual([last.status, last.body], [200, '{"type":7}\u001e']);
  const over = await ask(server, "GET", watch);
  assert.deepEqual([over.status, over.body], [204, ""]);
  isText(await ask(server, "GET", watch), 404, "No Connection with that ID");
});

test("events, as they are written", async (t) => {
  const server = await share({ keepAliveInterval: 200 });
  const { connectionToken } = await negotiate(server);
  const path = `/hubs/default?id=${connectionToken}`;
  const chunks = [];
  let wake = () => {};
  const stream = http.get(server.http + path, { headers: { accept: "text/event-stream" }, agent: false });
  atEnd(t, () => stream.destroy());
  const response = await within(new Promise((resolve) => stream.on("response", resolve)), "the stream");
  response.setEncoding("utf8");
  response.on("data", (chunk) => {
    chunks.push(chunk);
    wake();
  });
  const until = async (holds) => {
    while (!holds(chunks.join(""))) await within(new Promise((resolve) => (wake = resolve)), "an event");
    return chunks.join("");
  };
  assert.equal(response.statusCode, 200);
  const { headers } = response;
  assert.deepEqual(
    [headers["content-type"], headers["cache-control"], headers.pragma, headers["content-encoding"]],
    ["text/event-stream", "no-cache,no-store", "no-cache", "identity"],
  );
  assert.equal(await until((text) => text.length > 0), ":\r\n");
  isText(await ask(server, "POST", path, { body: HANDSHAKE }), 200, "");
  await until((text) => text.startsWith(":\r\ndata: {}\u001e\r\n\r\n"));
  await until((text) => text.includes('data: {"type":6}\u001e\r\n\r\n'));
  const refused = await ask(server, "GET", path, { headers: { accept: "text/event-stream" } });
  assert.deepEqual([refused.status, refused.body], [409, ""]);
  isText(await ask(server, "GET", path), 400, "Cannot change transports mid-connection");
  isText(await ask(server, "DELETE", path), 400, "Cannot terminate this connection using the DELETE endpoint.");
  const ended = new Promise((resolve) => response.on("end", resolve));
  isText(await ask(server, "POST", path, { body: '{"type":1,"target":"Abort","arguments":[]}\u001e' }), 200, "");
  await within(ended, "the end");
  assert.ok(chunks.join("").endsWith('data: {"type":7}\u001e\r\n\r\n'));
  isText(await ask(server, "POST", path, { body: HANDSHAKE }), 404, "No Connection with that ID");
});

test("requests beside a WebSocket", async (t) => {
  const server = await share();
  const { connectionToken } = await negotiate(server);
  const path = `/hubs/default?id=${connectionToken}`;
  const socket = new WebSocket(server.ws + path);
  atEnd(t, () => socket.terminate());
  socket.on("error", () => {});
  await within(new Promise((resolve) => socket.on("open", resolve)), "a WebSocket");
  isText(await ask(server, "POST", path, { body: HANDSHAKE }), 405, "POST requests are not allowed for WebSocket connections.");
  isText(await ask(server, "GET", path), 400, "Cannot change transports mid-connection");
  isText(await ask(server, "DELETE", path), 400, "Cannot terminate this connection using the DELETE endpoint.");
  const second = new WebSocket(server.ws + path);
  const [{ message }] = await within(new Promise((resolve) => second.on("error", (...args) => resolve(args))), "a refusal");
  assert.match(message, /409/);
});

test("a body that is too long, and one that breaks off", async () => {
  const server = await share();
  const path = await polling(server);
  const { status } = await ask(server, "POST", path, { body: "x".repeat((1 << 20) + 1) });
  assert.equal(status, 413);
  const broken = ask(server, "POST", path, { headers: { "content-length": 100 }, body: "{" });
  broken.begun.once("finish", () => broken.begun.destroy());
  await assert.rejects(broken);
  await ask(server, "POST", path, { body: '{"type":1,"invocationId":"1","target":"Add","arguments":[1,1]}\u001e' });
  assert.equal((await ask(server, "GET", path)).body, '{"type":3,"invocationId":"1","result":2}\u001e');
});

test("who is nobody, and pages of other origins", async () => {
  const guarded = await share({ token: "secret" });
  const refused = await ask(guarded, "POST", "/hubs/default/negotiate?negotiateVersion=1");
  assert.deepEqual([refused.status, refused.phrase, refused.body], [401, "Unauthorized", ""]);
  const bearer = { headers: { authorization: "Bearer secret" } };
  assert.equal((await ask(guarded, "POST", "/hubs/default/negotiate", bearer)).status, 200);
  assert.equal((await ask(guarded, "POST", "/hubs/default/negotiate?access_token=secret")).status, 200);
  const open = await share({ origins: ["https://page.example"] });
  const asked = { origin: "https://page.example", "access-control-request-method": "POST", "access-control-request-headers": "x-requested-with,x-signalr-user-agent" };
  const preflight = await ask(open, "OPTIONS", "/hubs/default/negotiate", { headers: asked });
  assert.deepEqual(
    ["access-control-allow-origin", "access-control-allow-credentials", "access-control-allow-headers"].map((name) => preflight.headers[name]),
    ["https://page.example", "true", "x-requested-with,x-signalr-user-agent"],
  );
  const allowed = await ask(open, "POST", "/hubs/default/negotiate", { headers: { origin: "https://page.example" } });
  assert.equal(allowed.headers["access-control-allow-origin"], "https://page.example");
  const foreign = await ask(open, "POST", "/hubs/default/negotiate", { headers: { origin: "https://other.example" } });
  assert.equal(foreign.status, 403);
});
