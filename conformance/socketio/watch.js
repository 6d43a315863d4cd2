// Why the server says that somebody has left, and what of it is left.

import { Client } from "./clients.js";
import { PATIENCE } from "./patience.js";
import { file } from "./target.js";

const watchers = new WeakMap();

/** Somebody who hears of everybody's end, of this server, from the first call on; one a server, so that gauges compare. */
export function watch(server) {
  if (!watchers.has(server)) watchers.set(server, begin(server));
  return watchers.get(server);
}

async function begin(server) {
  const client = await Client.open(file, server, { transports: ["websocket"] });
  await client.call("watch");
  const { heard } = client;
  return {
    client,
    /** Resolves with the reason of this connection's end. */
    async reason(id) {
      if (!client.socket.connected) throw new Error("whoever watches has been cut off itself");
      const find = () => heard.messages.find(({ event, args }) => event === "left" && args[0].id === id);
      await heard.until(() => find() !== undefined, `the end of ${id}`);
      return find().args[0].reason;
    },
    gauges: () => client.call("gauges"),
    /** Resolves once the gauges are these; a client's end may be seen before the server has tidied up. */
    async back(gauges) {
      let now;
      const same = async () => JSON.stringify((now = await client.call("gauges"))) === JSON.stringify(gauges);
      const asked = performance.now();
      while (!(await same())) {
        if (performance.now() - asked > PATIENCE) throw new Error(`gauges stay ${JSON.stringify(now)}, were ${JSON.stringify(gauges)}`);
        await new Promise((resolve) => setTimeout(resolve, 10));
      }
    },
  };
}
