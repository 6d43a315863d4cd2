// The official client against both servers, by each transport that it has in Node.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { WebSocket } from "ws";

import { within } from "../socketio/patience.js";
import { Client, TRANSPORTS } from "./client.js";
import { share } from "./target.js";

const TEXTS = ["a", "", "é😀\u2028\u0001%\"\\/<>&", "x".repeat(20_000), '["not an array"]', "\ud800 half"];
/** Ours makes U+FFFD of half a pair; the reference keeps it. */
const AS_HEARD = { everywire: TEXTS.map((text) => text.replace("\ud800", "\ufffd")), reference: TEXTS };

for (const which of ["everywire", "reference"]) {
  for (const transport of TRANSPORTS) {
    test(`${which}, ${transport}: texts come back`, async (t) => {
      const server = await share(which);
      const client = await Client.open(t, server, "/echo", [transport]);
      assert.equal(client.transport, transport);
      client.send(...TEXTS);
      assert.deepEqual(await client.hear(TEXTS.length), AS_HEARD[which]);
      // Far more than one response may have.
      for (let i = 0; i < 5; i++) client.send("!long 100000");
      for (const text of await client.hear(5)) assert.equal(text.length, 100_000);
      client.send("!end");
      assert.deepEqual(await within(client.closed, "an end"), [1000, "Normal closure", true]);
    });

    test(`${which}, ${transport}: many, in order`, async (t) => {
      const client = await Client.open(t, await share(which, { responseLimit: 4096 }), "/echo", [transport]);
      const numbers = Array.from({ length: 2000 }, (_, i) => String(i));
      client.send(...numbers);
      assert.deepEqual(await client.hear(numbers.length), numbers);
    });

    test(`${which}, ${transport}: an end at once`, async (t) => {
      const client = await Client.open(t, await share(which), "/close", [transport]);
      assert.deepEqual(await within(client.closed, "an end"), [1000, "Normal closure", true]);
    });

    test(`${which}, ${transport}: the client goes`, async (t) => {
      const server = await share(which);
      const others = await Client.open(t, server, "/broadcast", ["websocket"]);
      const client = await Client.open(t, server, "/broadcast", [transport]);
      client.send("all");
      for (const one of [client, others]) assert.deepEqual(await one.hear(), ["all"]);
      client.close(3001, "enough");
      assert.deepEqual(await within(client.closed, "its end"), [3001, "enough", true]);
      others.send("again");
      assert.deepEqual(await others.hear(), ["again"]);
    });

    test(`${which}, ${transport}: heart-beats`, async (t) => {
      // The reference beats by pings on a WebSocket, which nobody sees here.
      const options = { heartbeatDelay: 200 };
      if (which === "everywire") options.frames = true;
      const client = await Client.open(t, await share(which, options), "/echo", [transport]);
      if (which === "everywire" || transport !== "websocket") await client.beat(3);
      client.send("still here");
      assert.deepEqual(await client.hear(), ["still here"]);
    });
  }

  test(`${which}: what does not work is passed by`, async (t) => {
    const server = await share(which);
    const client = await Client.open(t, server, "/disabled_websocket_echo");
    assert.equal(client.transport, "xhr-streaming");
    client.send("a");
    assert.deepEqual(await client.hear(), ["a"]);
  });

  test(`${which}: plain WebSockets`, async (t) => {
    const server = await share(which);
    const socket = new WebSocket(`${server.ws}/echo/websocket`);
    t.after(() => socket.terminate());
    await within(once(socket, "open"), "a WebSocket");
    for (const text of ["a", "", '["a"]', "é😀"]) {
      socket.send(text);
      const [data, isBinary] = await within(once(socket, "message"), "an echo");
      assert.deepEqual([data.toString(), isBinary], [text, false]);
    }
  });

  test(`${which}: frames on a WebSocket`, async (t) => {
    const server = await share(which);
    const open = async (...said) => {
      const socket = new WebSocket(`${server.ws}/echo/000/same/websocket`);
      t.after(() => socket.terminate());
      const heard = [];
      socket.on("message", (data) => heard.push(data.toString()));
      await within(once(socket, "open"), "a WebSocket");
      const closed = once(socket, "close");
      for (const text of said) socket.send(text);
      const [code, reason] = await within(closed, "its end");
      return [...heard, code, reason.toString()];
    };
    assert.deepEqual(await open('["a","b"]', '"c"', "", "[]", '["!end"]'), [
      "o",
      'a["a"]',
      'a["b"]',
      'a["c"]',
      'c[1000,"Normal closure"]',
      1000,
      "Normal closure",
    ]);
    assert.deepEqual(await open('["a"'), ["o", 3000, "Broken framing."]);
  });
}

test("a client that answers no ping is gone", async (t) => {
  const server = await share("everywire", { heartbeatDelay: 100, pongTimeout: 100 });
  const socket = new WebSocket(`${server.ws}/echo/000/abc/websocket`, { autoPong: false });
  t.after(() => socket.terminate());
  const [code, reason] = await within(once(socket, "close"), "an end");
  assert.deepEqual([code, reason.toString()], [3000, "No response from heartbeat"]);
});

test("JSON-RPC over SockJS", async (t) => {
  const server = await share("everywire");
  for (const transport of TRANSPORTS) {
    const client = await Client.open(t, server, "/rpc", [transport]);
    client.send('{"jsonrpc":"2.0","id":1,"method":"echo","params":[{"a":"é😀"}]}');
    assert.deepEqual(JSON.parse((await client.hear())[0]), { jsonrpc: "2.0", id: 1, result: { a: "é😀" } });
    client.close();
  }
});
