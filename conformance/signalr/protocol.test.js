// The hub protocol, message by message over a WebSocket: what is right, what is wrong, and what is torn.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { within } from "../socketio/patience.js";
import { share } from "./target.js";

const END = "\u001e";
const HANDSHAKE = `{"protocol":"json","version":1}${END}`;

class Raw {
  #socket;
  #frames = [];
  #wake = () => {};
  closed;

  static async open(test, server, handshake = HANDSHAKE) {
    const raw = new Raw();
    raw.#socket = new WebSocket(`${server.ws}/hubs/default`);
    atEnd(test, () => raw.#socket.terminate());
    raw.closed = once(raw.#socket, "close").then(([code, reason]) => [code, reason.toString()]);
    raw.#socket.on("message", (data, isBinary) => {
      raw.#frames.push(isBinary ? data.toString("hex") : data.toString());
      raw.#wake();
    });
    await within(once(raw.#socket, "open"), "a WebSocket");
    if (handshake !== null) {
      raw.send(handshake);
      const hex = handshake.includes("messagepack");
      assert.equal(await raw.next(), hex ? "7b7d1e" : `{}${END}`);
    }
    return raw;
  }

  /** A text, or bytes as hexadecimal digits. */
  send(text) {
    this.#socket.send(text);
  }

  bytes(hex) {
    this.#socket.send(Buffer.from(hex.replaceAll(" ", ""), "hex"));
  }

  close(...args) {
    this.#socket.close(...args);
  }

  /** The next frame: text, or hexadecimal digits. */
  async next() {
    while (this.#frames.length === 0) {
      await within(new Promise((resolve) => (this.#wake = resolve)), "a frame");
    }
    return this.#frames.shift();
  }

  /** Asserts that it is alive, and that nothing else was said before. */
  async isAlive() {
    this.send(`{"type":1,"invocationId":"alive","target":"Nothing","arguments":[]}${END}`);
    assert.equal(await this.next(), `{"type":3,"invocationId":"alive","result":null}${END}`);
  }

  /** Asserts that it ends with this message, and in order. */
  async endsWith(message) {
    assert.equal(await this.next(), message);
    assert.deepEqual(await within(this.closed, "the end"), [1000, ""]);
  }
}

const FAILED = `{"type":7,"error":"Connection closed with an error.","allowReconnect":true}${END}`;
const failed = (detail) => `{"type":7,"error":"Connection closed with an error. InvalidDataException: ${detail}","allowReconnect":true}${END}`;

test("handshakes", async (t) => {
  const server = await share({ handshakeTimeout: 500 });
  for (const [handshake, error] of [
    ['{"protocol":"xml","version":1}', "The protocol 'xml' is not supported."],
    ['{"protocol":"json","version":3}', "The server does not support version 3 of the 'json' protocol."],
    ['{"protocol":"json"}', "An unexpected error occurred during connection handshake."],
    ["{", "An unexpected error occurred during connection handshake."],
    ['{"type":6}', "An unexpected error occurred during connection handshake."],
  ]) {
    const raw = await Raw.open(t, server, null);
    raw.send(handshake + END);
    await raw.endsWith(`{"error":"${error}"}${END}`);
  }
  for (const handshake of ['{"version":0,"protocol":"JSON","more":[{}]}', '{"protocol":"json","version":2}']) {
    const raw = await Raw.open(t, server, handshake + END);
    await raw.isAlive();
  }
  const silent = await Raw.open(t, server, null);
  await silent.endsWith(`{"error":"Handshake was canceled."}${END}`);
  const endless = await Raw.open(t, server, null);
  endless.send("x".repeat(40_000));
  await endless.endsWith(`{"error":"Handshake was canceled."}${END}`);
});

test("messages may begin and end anywhere", async (t) => {
  const server = await share();
  const call = (id) => `{"type":1,"invocationId":"${id}","target":"Echo","arguments":["é${id}"]}${END}`;
  const answer = (id) => `{"type":3,"invocationId":"${id}","result":"é${id}"}${END}`;
  const together = await Raw.open(t, server, null);
  together.send(HANDSHAKE + call(1) + call(2));
  assert.equal(await together.next(), `{}${END}`);
  // In one frame or in two: each has whole messages.
  let said = "";
  while (said.length < (answer(1) + answer(2)).length) {
    const frame = await together.next();
    assert.ok(frame.endsWith(END));
    said += frame;
  }
  assert.equal(said, answer(1) + answer(2));
  const torn = await Raw.open(t, server, null);
  for (const byte of Buffer.from(HANDSHAKE + call(3))) torn.bytes(byte.toString(16).padStart(2, "0"));
  assert.equal(await torn.next(), `{}${END}`);
  assert.equal(await torn.next(), answer(3));
  // The kind of a frame says nothing.
  torn.bytes(Buffer.from(call(4)).toString("hex"));
  assert.equal(await torn.next(), answer(4));
});

test("what is wrong, and ends the connection", async (t) => {
  const [server, detailed] = await Promise.all([share(), share({ enableDetailedErrors: true })]);
  for (const [message, detail] of [
    ["{}", "Missing required property 'type'."],
    ['{"type":1,"arguments":[]}', "Missing required property 'target'."],
    ['{"type":1,"target":"Echo"}', "Missing required property 'arguments'."],
    ['{"type":4,"target":"Echo","arguments":[]}', "Missing required property 'invocationId'."],
    ['{"type":2,"invocationId":"1"}', "Missing required property 'item'."],
    ['{"type":3}', "Missing required property 'invocationId'."],
    ['{"type":3,"invocationId":"1","result":1,"error":"e"}', "The 'error' and 'result' properties are mutually exclusive."],
  ]) {
    const raw = await Raw.open(t, server);
    raw.send(message + END);
    await raw.endsWith(FAILED);
    const told = await Raw.open(t, detailed);
    told.send(message + END);
    await told.endsWith(failed(detail));
  }
  for (const message of ["", "nonsense", "[]", '{"type":1', '{"type":"1"}', '{"type":1,"target":5,"arguments":[]}', '"\\ud800"', `{"type":1,"target":"Echo","arguments":[${"[".repeat(70)}${"]".repeat(70)}]}`]) {
    const raw = await Raw.open(t, server);
    raw.send(message + END);
    await raw.endsWith(FAILED);
  }
  const long = await Raw.open(t, detailed);
  long.send(`{"type":1,"target":"Echo","arguments":["${"x".repeat(33_000)}"]}${END}`);
  await long.endsWith(failed("The maximum message size of 32768B was exceeded. The message size can be configured in AddHubOptions."));
});

test("what is wrong, and does not", async (t) => {
  const [server, detailed] = await Promise.all([share(), share({ enableDetailedErrors: true })]);
  const raw = await Raw.open(t, server);
  for (const message of [
    '{"type":10,"anything":[]}',
    '{"type":99}',
    '{"type":2,"invocationId":"nobody","item":1}',
    '{"type":3,"invocationId":"nobody","result":1}',
    '{"type":3,"invocationId":"s7","result":1}',
    '{"type":5,"invocationId":"nobody"}',
    '{"type":6,"more":1}',
    '{"type":8,"sequenceId":5}',
    '{"type":9,"sequenceId":5}',
    '{"type":1,"target":"Nope","arguments":[]}',
    '{"type":1,"invocationId":"","target":"Echo","arguments":[1]}',
    '{"type":1,"target":"Add","arguments":["x"],"headers":{"a":"b"}}',
  ]) {
    raw.send(message + END);
    await raw.isAlive();
  }
  const told = await Raw.open(t, detailed);
  const call = (target, args, more = "") => `{"type":1,"invocationId":"1","target":"${target}","arguments":${args}${more}}${END}`;
  const error = (text) => `{"type":3,"invocationId":"1","error":${JSON.stringify(text)}}${END}`;
  told.send(call("Add", "[1]"));
  assert.equal(
    await told.next(),
    error("Failed to invoke 'Add' due to an error on the server. InvalidDataException: Invocation provides 1 argument(s) but target expects 2."),
  );
  told.send(call("Add", '[1,"x"]'));
  assert.match(await told.next(), /InvalidDataException: Error binding arguments\. Make sure that the types of the provided values match/);
  told.send(call("Break", '["why"]'));
  assert.equal(await told.next(), error("An unexpected error occurred invoking 'Break' on the server. Exception: why"));
  told.send(call("Sum", "[]"));
  assert.equal(await told.next(), error("An unexpected error occurred invoking 'Sum' on the server. HubException: Client sent 0 stream(s), Hub method expects 1."));
  told.send(call("Zip", '["-"]', ',"streamIds":["a"]'));
  assert.equal(await told.next(), error("An unexpected error occurred invoking 'Zip' on the server. HubException: Client sent 1 stream(s), Hub method expects 2."));
  // An id that is in use.
  told.send(`{"type":4,"invocationId":"9","target":"Ignore","arguments":[]}${END}`.repeat(2));
  assert.equal(await told.next(), `{"type":3,"invocationId":"9","error":"Invocation ID '9' is already in use."}${END}`);
  told.send(`{"type":5,"invocationId":"9"}${END}`);
  assert.equal(await told.next(), `{"type":3,"invocationId":"9"}${END}`);
});

const MSGPACK = `{"protocol":"messagepack","version":1}${END}`;

test("MessagePack, byte by byte", async (t) => {
  const [server, detailed] = await Promise.all([share(), share({ enableDetailedErrors: true })]);
  const raw = await Raw.open(t, server, MSGPACK);
  // Add(1, 2) → 3, with five elements and with six.
  raw.bytes("0c 95 01 80 a1 31 a3 416464 92 01 02");
  assert.equal(await raw.next(), "079503" + "80" + "a131" + "03" + "03");
  raw.bytes("0e 97 01 80 a1 32 a3 416464 92 01 02 90 c0");
  assert.equal(await raw.next(), "079503" + "80" + "a132" + "03" + "03");
  // Nothing() → nil.
  raw.bytes("0f 96 01 80 a1 33 a7 4e6f7468696e67 90 90");
  assert.equal(await raw.next(), "079503" + "80" + "a133" + "03" + "c0");
  // Echo(bin): as it was.
  raw.bytes("0f 96 01 80 a1 34 a4 4563686f 91 c4 01 ff 90");
  assert.equal(await raw.next(), "099503" + "80" + "a134" + "03" + "c401ff");
  // A kind that is not known is left alone, and so are pings.
  raw.bytes("02 91 63 02 91 06");
  raw.bytes("0c 95 01 80 a1 35 a3 416464 92 01 02");
  assert.equal(await raw.next(), "079503" + "80" + "a135" + "03" + "03");
  const ends = async (hex, detail) => {
    const wrong = await Raw.open(t, detailed, MSGPACK);
    wrong.bytes(hex);
    const last = Buffer.from(await wrong.next(), "hex").toString("latin1");
    assert.ok(last.includes(`Connection closed with an error. InvalidDataException: ${detail}`), last);
    assert.deepEqual(await within(wrong.closed, "the end"), [1000, ""]);
  };
  await ends("01 c0", "Reading array length for 'elementCount' failed.");
  await ends("02 91 a0", "Reading 'messageType' as Int32 failed.");
  await ends("06 95 01 80 c0 c0 90", "Null or empty target for Invocation message.");
  await ends("07 95 03 80 a1 31 09 c0", "Invalid invocation result kind.");
  // Lengths that lie: of a message, an array, a map, a text; and arrays in arrays.
  await ends("ff ff ff ff 07", "The maximum message size of 32768B was exceeded.");
  await ends("ff ff ff ff ff ff", "The maximum message size of 32768B was exceeded.");
  await ends("0b 95 01 80 c0 a1 4d dd ff ff ff ff", "Error reading MessagePack.");
  await ends("09 95 01 df ff ff ff ff c0 c0", "Reading 'headers[0].Key' as String failed.");
  const nested = "91".repeat(2000);
  const body = `95 01 80 c0 a1 4d 91 ${nested} c0`.replaceAll(" ", "");
  const length = body.length / 2;
  const prefix = [(length & 0x7f) | 0x80, length >> 7].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  await ends(prefix + body, "Error reading MessagePack. nested deeper than");
});

test("pings, and who is taken for gone", async (t) => {
  const server = await share({ keepAliveInterval: 150, clientTimeoutInterval: 600 });
  const quiet = await Raw.open(t, server);
  const pinging = await Raw.open(t, server);
  pinging.send(`{"type":6}${END}`);
  assert.equal(await pinging.next(), `{"type":6}${END}`);
  let last;
  do last = await pinging.next();
  while (last === `{"type":6}${END}`);
  assert.equal(last, FAILED);
  assert.deepEqual(await within(pinging.closed, "the end"), [1000, ""]);
  // Who never pinged is not.
  for (let n = 0; n < 3; n += 1) assert.equal(await quiet.next(), `{"type":6}${END}`);
});

test("ends, and their last words", async (t) => {
  const server = await share();
  const leaving = await Raw.open(t, server);
  leaving.send(`{"type":7}${END}`);
  await leaving.endsWith(`{"type":7}${END}`);
  const failing = await Raw.open(t, server);
  failing.send(`{"type":7,"error":"mine"}${END}`);
  await failing.endsWith(`{"type":7}${END}`);
  const aborted = await Raw.open(t, server);
  aborted.send(`{"type":1,"target":"Abort","arguments":[]}${END}`);
  await aborted.endsWith(`{"type":7}${END}`);
  const bare = await Raw.open(t, server);
  bare.close();
  assert.deepEqual(await within(bare.closed, "the end"), [1000, ""], "a close frame without a code is answered by 1000");
  const coded = await Raw.open(t, server);
  coded.close(1000);
  assert.deepEqual(await within(coded.closed, "the end"), [1000, ""]);
});
