// Why the server says that somebody has left, and what of it is left.

import { Client } from "./clients.js";

/** Somebody who hears of everybody's end, of this server, from now on. */
export async function watch(test, server) {
  const client = await Client.open(test, server, { transports: ["websocket"] });
  await client.call("watch");
  const { heard } = client;
  return {
    client,
    /** Resolves with the reason of this connection's end. */
    async reason(id) {
      const find = () => heard.messages.find(({ event, args }) => event === "left" && args[0].id === id);
      await heard.until(() => find() !== undefined, `the end of ${id}`);
      return find().args[0].reason;
    },
    gauges: () => client.call("gauges"),
    /** Resolves once the gauges are these; a client's end may be seen before the server has tidied up. */
    async back(gauges) {
      const same = async () => JSON.stringify(await client.call("gauges")) === JSON.stringify(gauges);
      while (!(await same())) await new Promise((resolve) => setImmediate(resolve));
    },
  };
}
