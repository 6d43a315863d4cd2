// One room, five kinds of client at once: each hears each message once, and all hear the same order.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Curl, post } from "./curl.js";
import * as page from "./page.js";
import { npmWs, program, Rpc } from "./rpc.js";
import { built, serve } from "./server.js";

const ROOM = "five kinds/לובי";
const EACH = 20;

test("the page, npm ws, Python websockets, curl and the tokio stream hear the same", async (t) => {
  const server = await serve(t);
  const python = process.env.PYTHON ?? "python3";
  const lines = `${import.meta.dirname}/lines.py`;
  const [tab, ws, websockets, stream, curl] = await Promise.all([
    page.launch(t).then((browser) => page.open(t, browser, server, ROOM)),
    Rpc.open(t, "npm ws", npmWs(`${server.ws}/ws`)),
    Rpc.open(t, "Python websockets", program(python, lines, `${server.ws}/ws`)),
    Rpc.open(t, "the tokio stream", program(built("examples/lines"), `${server.ws}/ws`)),
    Curl.open(t, `${server.http}/sse?room=${encodeURIComponent(ROOM)}`),
  ]);
  for (const client of [ws, websockets, stream]) {
    assert.equal((await client.subscribe(ROOM)).room, ROOM);
  }

  const numbers = Array.from({ length: EACH }, (_, number) => number);
  const speak = async (name, say) => {
    for (const number of numbers) await say({ text: `${name} ${number}`, name });
  };
  const rpc = (client) => (data) => client.publish(ROOM, data);
  const names = ["ws", "websockets", "stream", "curl", "page on WebSocket", "page on SSE", "page on Socket.IO", "page on STOMP"];
  await Promise.all([
    speak("ws", rpc(ws)),
    speak("websockets", rpc(websockets)),
    speak("stream", rpc(stream)),
    speak("curl", (data) => post(server, ROOM, data)),
    // Four panes of one page, one keyboard.
    speak("page on WebSocket", ({ text, name }) => tab.websocket.say(text, name))
      .then(() => speak("page on SSE", ({ text, name }) => tab.sse.say(text, name)))
      .then(() => speak("page on Socket.IO", ({ text, name }) => tab.socketio.say(text, name)))
      .then(() => speak("page on STOMP", ({ text, name }) => tab.stomp.say(text, name))),
  ]);
  const said = names.flatMap((name) => numbers.map((number) => `${name} ${number}`));
  const listeners = [ws, websockets, stream, curl, tab.websocket, tab.sse, tab.socketio, tab.stomp].map(({ heard }) => heard);
  await Promise.all(listeners.map((heard) => heard.count(said.length)));
  // What came twice, or too late, would stand before this or between.
  await ws.publish(ROOM, { text: "end", name: "ws" });
  await Promise.all(listeners.map((heard) => heard.text("end")));

  const [first, ...others] = listeners.map((heard) => heard.lines);
  for (const other of others) assert.deepEqual(other, first);
  const texts = ws.heard.messages.map(({ data }) => data.text);
  assert.equal(texts.pop(), "end");
  assert.deepEqual(texts.toSorted(), said.toSorted());
  for (const name of names) {
    // And what one client said one after the other is heard so.
    const own = texts.filter((text) => text.startsWith(`${name} `));
    assert.deepEqual(own, numbers.map((number) => `${name} ${number}`));
  }
  assert.deepEqual(tab.failures, []);
});
