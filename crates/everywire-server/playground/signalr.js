// A room over SignalR, with the official client: both ways, on the first of its transports that works.
//
//   connection.invoke("Subscribe", "lobby", { since: "…" })  →  { room, offset, recovered, connection }
//   connection.on("chat", ({ text }, { room, offset, time, from }) => …)
//   connection.invoke("Publish", "lobby", "chat", { text, name })  →  { offset }
//
// What was missed comes before the answer to `Subscribe`, in order. The client could reconnect by itself; here each attempt
// is a new one, so that all panes wait, give up and are cut alike.

import { official } from "./official.js";

/** A call that is not answered for so long means that the connection is dead, whatever the browser believes. In ms. */
const PATIENCE = 10_000;
/** What this server has if it was started with `--client-assets`. */
const OWN_CLIENT = "playground/signalr.min.js";
const NO_CLIENT =
  "@microsoft/signalr comes neither from cdn.jsdelivr.net nor from this server, which needs --client-assets and the npm package’s folder dist/browser";
/** A SignalR client hears what it has named, and nothing else. */
const EVENTS = ["chat", "message"];

/** Transports, and what the client logs when it has connected by one. */
const TRANSPORTS = [
  ["WebSocket", "WebSocket connected to"],
  ["Server-Sent Events", "SSE connected to"],
];

const load = official("#signalr-client", async () => {
  await import(new URL(OWN_CLIENT, document.baseURI));
  return globalThis;
});

/** Starts one attempt; see link.js. */
export function dial({ room, since, heard, opened, gone, lost, refused, unable, carried }) {
  let connection;
  let closed = false;
  let last;
  let joined = false;
  let transport = "long polling";

  async function call(method, ...args) {
    const answer = await Promise.race([connection.invoke(method, ...args), silence()]);
    if (answer === silence) {
      const why = connection.state === "Connected" ? `no answer to ${method} in ${PATIENCE / 1000} s` : "the connection was lost";
      end(why);
      throw new Error(why);
    }
    return answer;
  }

  function end(why) {
    closed = true;
    connection?.stop();
    lost(why);
  }

  async function join() {
    try {
      const { offset, recovered } = await call("Subscribe", room, { since });
      // A message that was heard meanwhile is newer than the place in the answer.
      const place = last ?? offset;
      joined = true;
      opened(place);
      if (since !== undefined && !recovered) gone(place);
    } catch (error) {
      // After a loss nobody listens any more; else it was the server that said no.
      refused(words(error));
    }
  }

  function hear(event, ...args) {
    const meta = args.at(-1);
    // A message to this connection alone has no meta.
    if (meta?.room !== room) return;
    last = meta.offset;
    const data = args.length === 2 ? args[0] : args.slice(0, -1);
    heard({ ...meta, event, data, replayed: since !== undefined && !joined });
  }

  /** The client says nowhere else which transport it has come to use. */
  function log(_level, message) {
    transport = TRANSPORTS.find(([, said]) => message.startsWith(said))?.[0] ?? transport;
  }

  async function begin() {
    let client;
    try {
      client = (await load()).signalR;
    } catch {
      unable(NO_CLIENT);
      return;
    }
    if (closed) return;
    const url = new URL("hubs/default", document.baseURI).href;
    connection = new client.HubConnectionBuilder().withUrl(url).configureLogging({ log }).build();
    for (const event of EVENTS) connection.on(event, (...args) => hear(event, ...args));
    connection.onclose((error) => end(error === undefined ? "the server closed the connection" : words(error)));
    try {
      await connection.start();
    } catch (error) {
      if (!closed) end(words(error));
      return;
    }
    if (closed) {
      connection.stop();
      return;
    }
    carried([transport]);
    await join();
  }

  begin();

  return {
    publish: (event, data) => call("Publish", room, event, data),
    close() {
      closed = true;
      connection?.stop();
    },
  };
}

/** Resolves, to itself, after some time. */
function silence() {
  return new Promise((resolve) => setTimeout(resolve, PATIENCE, silence));
}

/** What the server said, without what the client puts before it. */
function words(error) {
  return error.message.replace(/^.*HubException: /, "").replace(/^Error: /, "");
}
