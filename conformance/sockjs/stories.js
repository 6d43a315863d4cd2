// What clients live through, by any transport, in Node and in pages alike. A story has `which` server it is about, the server,
// the transport, and `open`, which opens a client by it at a prefix.

import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";

import { within } from "../socketio/patience.js";
import { Client } from "./client.js";

const TEXTS = ["a", "", "é😀\u2028\u0001%\"\\/<>&", "</script><b>", "x".repeat(20_000), '["not an array"]', "\ud800 half"];
/** Ours makes U+FFFD of half a pair; the reference keeps it. */
const AS_HEARD = { everywire: TEXTS.map((text) => text.replace("\ud800", "\ufffd")), reference: TEXTS };

/** How a client fails that is told nothing about the server. */
export const REFUSED = /closed: 1002,Cannot connect to server,false/;
const NORMALLY = [1000, "Normal closure", true];

/** By name: what the server is to be told, and how the story goes. */
export const STORIES = {
  "texts come back": {
    async tell({ open, which, transport }) {
      const client = await open("/echo");
      assert.equal(client.transport, transport);
      client.send(...TEXTS);
      assert.deepEqual(await client.hear(TEXTS.length), AS_HEARD[which]);
      // Far more than one response may have.
      for (let i = 0; i < 5; i++) client.send("!long 100000");
      for (const text of await client.hear(5)) assert.equal(text.length, 100_000);
      client.send("!end");
      assert.deepEqual(await within(client.closed, "an end"), NORMALLY);
    },
  },

  "many, in order": {
    options: { responseLimit: 4096 },
    async tell({ open }) {
      const client = await open("/echo");
      const numbers = Array.from({ length: 2000 }, (_, i) => String(i));
      client.send(...numbers);
      assert.deepEqual(await client.hear(numbers.length), numbers);
    },
  },

  "an end at once": {
    async tell({ open }) {
      const client = await open("/close");
      assert.deepEqual(await within(client.closed, "an end"), NORMALLY);
    },
  },

  "the client goes": {
    async tell({ t, server, open }) {
      const others = await Client.open(t, server, "/broadcast", ["websocket"]);
      const client = await open("/broadcast");
      // Others may talk there meanwhile.
      const [before, after] = [randomUUID(), randomUUID()];
      client.send(before);
      for (const one of [client, others]) await one.upTo(before);
      client.close(3001, "enough");
      assert.deepEqual(await within(client.closed, "its end"), [3001, "enough", true]);
      others.send(after);
      await others.upTo(after);
    },
  },

  "heart-beats": {
    options: { heartbeatDelay: 200 },
    async tell({ open, which, transport }) {
      const client = await open("/echo");
      // The reference beats by pings on a WebSocket, which nobody sees here.
      if (which === "everywire" || transport !== "websocket") await client.beat(3);
      client.send("still here");
      assert.deepEqual(await client.hear(), ["still here"]);
    },
  },

  "nothing is there": {
    async tell({ open }) {
      await assert.rejects(open("/nothing"), REFUSED);
    },
  },
};
