// Bodies: bytes that arrive as they were sent, however they are carried, up to what may be.

import assert from "node:assert/strict";

import { Client, fresh } from "./client.js";
import { Raw, frame } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

const MIB = 1 << 20;
const SOCKETS = WAYS.filter((way) => ["plain", "subprotocol"].includes(way));
const SOCKJS = WAYS.filter((way) => !SOCKETS.includes(way));
const EVERY_BYTE = Uint8Array.from({ length: 256 }, (_, i) => i);
const BASE64 = Buffer.from(EVERY_BYTE).toString("base64");

/** With its type; `null` for none. */
const TYPED = [
  ['{ "a" : 1e3, "b":12345678901234567890,\n"c":[ ] }', "application/json"],
  ['{ "a" : 1e3, "b":12345678901234567890,\n"c":[ ] }', null],
  ['"a string"', "application/vnd.x+json;charset=utf-8"],
  [" 1 ", null],
  ["<a/>", "application/xml"],
  ["text", "text/plain"],
  ["text", null],
  ["é😀\u2028", "text/plain;charset=utf-8"],
  ["a=b&c=d", "application/x-www-form-urlencoded"],
  ["text", "application/octet-stream"],
  ["nul \0 nul", "text/plain"],
  ["", "text/plain"],
  ["", null],
];

story("bodies and their types", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [mine, others] = [await client.subscribe(room), await other.subscribe(room)];
  for (const [body, type] of TYPED) client.send(room, body, type === null ? {} : { "content-type": type });
  for (const [i, [body, type]] of TYPED.entries()) {
    for (const heard of [mine, others]) {
      const { headers, binaryBody } = await heard.one();
      // A type that is bytes' is bytes': over SockJS they are spelled.
      const isSpelled = headers["content-transfer-encoding"] === "base64";
      assert.equal(isSpelled, heard === mine && SOCKJS.includes(way) && type === "application/octet-stream");
      const bytes = Buffer.from(binaryBody);
      assert.equal((isSpelled ? Buffer.from(bytes.toString(), "base64") : bytes).toString(), body, `${i}: ${body}`);
      // Where there is none, ours says what it is taken for.
      if (type !== null) assert.equal(headers["content-type"], type);
      else if (IS_OURS) assert.equal(headers["content-type"], { "text": "text/plain;charset=utf-8" }[body], body);
    }
  }
});

own("a body that is not what its type says", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const [heard, errors] = [await client.subscribe(room), await client.subscribe("/user/queue/errors")];
  client.send(room, '{"a":', { "content-type": "application/json", receipt: "r" });
  const { headers, body } = await errors.one();
  assert.equal(headers["receipt-id"], "r");
  const { code, message, event } = JSON.parse(body);
  assert.deepEqual([code, event], [-32602, room]);
  assert.match(message, /^the body is not what its content-type "application\/json" says: /);
  await client.settled();
  assert.deepEqual([heard.left, client.errors], [[], []]);
});

story("empty bodies", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  client.send(room, "", { "x-a": "b" });
  client.send(room, "", { "content-length": "0" });
  for (const message of await heard.next(2)) assert.equal(message.body, "");
  if (IS_OURS) assert.deepEqual(heard.heard.messages.map(({ headers }) => headers["content-length"]), [undefined, undefined]);
});

story("a mebibyte", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [mine, others] = [await client.subscribe(room), await other.subscribe(room)];
  // As it is; of characters of three bytes; and of such as JSON writes as two.
  for (const body of ["x".repeat(MIB), "€".repeat(MIB / 3), '"'.repeat(MIB)]) {
    await client.sure(room, body);
    for (const heard of [mine, others]) assert.ok((await heard.one()).body === body);
  }
});

own("a mebibyte and one byte", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  client.send(fresh(), "x".repeat(MIB + 1));
  const { headers, body } = await client.failed();
  assert.equal(headers.message, "Body too long");
  assert.match(body, /^header \d, byte \d+ of the frame: a body too long; it may have 1048576 bytes$/);
  assert.equal((await client.closed()).code, 1009);
});

own("more than any message may have", ["subprotocol"], {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  client.send(fresh(), "x".repeat(2 * MIB));
  assert.equal((await client.closed()).code, 1009);
  assert.deepEqual(client.errors.map(({ headers }) => headers.message), ["too large"]);
});

own("bytes", SOCKETS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(room);
  client.send(room, EVERY_BYTE, { "content-type": "application/octet-stream" });
  const { headers, binaryBody } = await heard.one();
  assert.deepEqual(binaryBody, EVERY_BYTE);
  assert.equal(headers["content-type"], "application/octet-stream");
});

own("bytes from a socket, to all", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const heard = await client.subscribe(room);
  for (const type of ["application/octet-stream", "image/png", null]) {
    await other.sure(room, EVERY_BYTE, type === null ? {} : { "content-type": type });
    const { headers, body, binaryBody } = await heard.one();
    assert.equal(headers["content-type"], type ?? "application/octet-stream");
    if (SOCKETS.includes(way)) {
      assert.deepEqual(binaryBody, EVERY_BYTE);
      assert.equal(headers["content-transfer-encoding"], undefined);
      assert.ok(client.wire.at(-1) instanceof ArrayBuffer);
    } else {
      assert.deepEqual([body, headers["content-transfer-encoding"]], [BASE64, "base64"]);
    }
  }
});

own("bytes of a handler", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe("/user/queue/bytes");
  client.send("/app/tell-bytes", '"bytes"');
  const { headers, body, binaryBody } = await heard.one();
  assert.equal(headers["content-type"], "application/octet-stream");
  if (SOCKETS.includes(way)) assert.deepEqual(binaryBody, EVERY_BYTE);
  else assert.deepEqual([body, headers["content-transfer-encoding"]], [BASE64, "base64"]);
});

own("bytes cannot be sent over SockJS", SOCKJS, {}, async (t, server, way) => {
  const sending = await Client.open(t, server, way);
  sending.send(fresh(), EVERY_BYTE);
  // Its CONNECT already is sent so.
  const forced = Client.begin(t, server, way, { forceBinaryWSFrames: true });
  for (const client of [sending, forced]) {
    const { headers, body } = await client.failed();
    assert.equal(headers.message, "Binary is not possible here");
    assert.match(body, /connect by a plain WebSocket to send binary/);
    assert.equal((await client.closed()).code, 1003);
  }
});

story("everything in binary messages", SOCKETS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way, { forceBinaryWSFrames: true });
  const heard = await client.subscribe(room);
  client.send(room, "é😀");
  assert.deepEqual(await heard.bodies(1), ["é😀"]);
  if (IS_OURS) assert.equal(typeof client.wire.at(-1), "string");
});

story("large frames in pieces", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way, { splitLargeFrames: true });
  const heard = await client.subscribe(room);
  for (const body of ["x".repeat(100_000), "€".repeat(50_000)]) {
    client.send(room, body);
    assert.ok((await heard.one()).body === body);
  }
  const pieces = client.wire.filter((data) => data.out?.length > 1000);
  assert.ok(pieces.length > 10 && pieces.every(({ out }) => out.length <= 8192), `${pieces.length} pieces`);
});

own("pieces that cut a character in two", WAYS, {}, async (t, server, way) => {
  // One of the two is cut, whatever the frame's head has.
  const ends = [];
  for (const body of ["😀".repeat(8192), `x${"😀".repeat(8192)}`]) {
    const room = fresh();
    const client = await Client.open(t, server, way, { splitLargeFrames: true });
    const heard = await client.subscribe(room);
    client.send(room, body);
    const isCut = client.wire.some(({ out }) => /[\ud800-\udbff]$/.test(out));
    if (isCut) ends.push((await client.failed()).headers.message);
    else ends.push((await heard.one()).body === body);
  }
  assert.deepEqual(ends.sort(), ["Wrong content-length", true].sort());
});

story("a client that adds NULs itself", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way, { appendMissingNULLonIncoming: true, beats: [0, 10_000] });
  const heard = await client.subscribe(room);
  for (const body of ["a", "", "b\nc"]) client.send(room, body);
  assert.deepEqual(await heard.bodies(3), ["a", "", "b\nc"]);
});

own("any pieces", ["plain"], {}, async (t, server) => {
  const destination = fresh();
  const raw = await Raw.connect(t, server);
  const all = Buffer.from(frame("SUBSCRIBE", { id: "1", destination }) + ["a", "é😀", ""].map((body) => frame("SEND", { destination }, body)).join("\n"));
  // In binary, each byte a message: then characters may be cut, too.
  raw.say(...Array.from(all, (byte) => Buffer.from([byte])));
  assert.deepEqual((await raw.frames(3)).map(({ body }) => body), ["a", "é😀", ""]);
});
