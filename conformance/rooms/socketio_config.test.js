// What a server's configuration says of Socket.IO, with official clients on the binary.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { Client } from "../socketio/clients.js";
import { Proxy } from "../socketio/proxy.js";
import { serve } from "./server.js";

const ROOM = "lobby";
const AGAIN = { transports: ["websocket"], reconnection: true, reconnectionDelay: 5, reconnectionDelayMax: 20 };

for (const parser of ["json", "msgpack"]) {
  for (const recovery of [true, false]) {
    test(`parser ${parser}, ${recovery ? "with" : "without"} recovery`, async (t) => {
      const config = `[socketio]\nparser = "${parser}"\nrecovery = ${recovery ? '"1m"' : "false"}\n`;
      const server = { ...(await serve(t, config)), options: { parser } };
      const proxy = await Proxy.to(t, server);
      const listener = await Client.open(t, { ...server, http: proxy.http }, AGAIN);
      const speaker = await Client.open(t, server);
      await listener.call("subscribe", ROOM);
      await speaker.call("publish", ROOM, "chat", { n: 1 });
      await listener.heard.count(1);
      const { id } = listener.socket;
      const back = once(listener.socket, "connect");
      proxy.cut();
      for (const n of [2, 3]) await speaker.call("publish", ROOM, "chat", { n });
      await back;
      assert.equal(Boolean(listener.socket.recovered), recovery);
      assert.equal(listener.socket.id === id, recovery);
      // Who is another now is in no room, and has missed what it missed.
      if (!recovery) await listener.call("subscribe", ROOM);
      await speaker.call("publish", ROOM, "chat", { n: 4 });
      const expected = recovery ? [1, 2, 3, 4] : [1, 4];
      await listener.heard.count(expected.length);
      assert.deepEqual(listener.heard.messages.map(({ event, args }) => [event, args[0].n]), expected.map((n) => ["chat", n]));
    });
  }
}
