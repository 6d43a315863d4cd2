// The official client against both servers, by each transport that it has in Node.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { WebSocket } from "ws";

import { within } from "../socketio/patience.js";
import { Client, TRANSPORTS } from "./client.js";
import { STORIES } from "./stories.js";
import { share } from "./target.js";

for (const which of ["everywire", "reference"]) {
  for (const transport of TRANSPORTS) {
    for (const [name, { options, tell }] of Object.entries(STORIES)) {
      test(`${which}, ${transport}: ${name}`, async (t) => {
        const server = await share(which, which === "everywire" ? { ...options, frames: true } : options);
        const open = (path) => Client.open(t, server, path, [transport]);
        await tell({ t, which, server, transport, open });
      });
    }
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
