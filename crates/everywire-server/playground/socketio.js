// A room over Socket.IO, with the official client: both ways, on polls at first and a WebSocket as soon as there is one.
//
//   socket.emit("subscribe", "lobby", { since: "…" }, ({ room, offset, recovered, connection }) => …)
//   socket.on("chat", ({ text }, { room, offset, time, from }) => …)
//   socket.emit("publish", "lobby", "chat", { text, name }, ({ offset }) => …)
//
// What was missed comes before the answer to `subscribe`, in order. The client would reconnect by itself; here each attempt
// is a new one, so that all panes wait, give up and are cut alike.

import { official } from "./official.js";

/** A call that is not answered for so long means that the connection is dead, whatever the browser believes. In ms. */
const PATIENCE = 10_000;
/** What this server has if it was started with `--client-assets`. */
const OWN_CLIENT = "socket.io/socket.io.esm.min.js";
const NO_CLIENT =
  "socket.io-client comes neither from cdn.socket.io nor from this server, which needs --client-assets and the npm package’s folder dist";

const load = official("#socketio-client", () => import(new URL(OWN_CLIENT, document.baseURI)));

/** Starts one attempt; see link.js. */
export function dial({ room, since, heard, opened, gone, lost, refused, unable, carried }) {
  const base = new URL(document.baseURI);
  let socket;
  let closed = false;
  let last;
  let joined = false;

  async function call(method, ...args) {
    const answer = await socket.timeout(PATIENCE).emitWithAck(method, ...args).catch(() => {
      const why = socket.connected ? `no answer to ${method} in ${PATIENCE / 1000} s` : "the connection was lost";
      end(why);
      throw new Error(why);
    });
    if (answer?.error === undefined) return answer;
    const { message, data } = answer.error;
    throw new Error(typeof data === "string" ? `${message}: ${data}` : message);
  }

  function end(why) {
    closed = true;
    socket?.disconnect();
    lost(why);
  }

  async function join() {
    try {
      const { offset, recovered } = await call("subscribe", room, { since });
      // A message that was heard meanwhile is newer than the place in the answer.
      const place = last ?? offset;
      joined = true;
      opened(place);
      if (since !== undefined && !recovered) gone(place);
    } catch (error) {
      // After a loss nobody listens any more; else it was the server that said no.
      refused(error.message);
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

  async function begin() {
    let io;
    try {
      ({ io } = await load());
    } catch {
      unable(NO_CLIENT);
      return;
    }
    if (closed) return;
    const path = new URL("socket.io/", base).pathname;
    socket = io(base.origin, { path, forceNew: true, reconnection: false, timeout: PATIENCE });
    // It may be upgraded before it is in its namespace.
    socket.io.on("open", () => {
      const { engine } = socket.io;
      const first = engine.transport.name;
      carried([first]);
      engine.once("upgrade", ({ name }) => carried([first, name]));
    });
    socket.on("connect", join);
    socket.onAny(hear);
    socket.on("disconnect", (reason) => end(reason));
    // The server's own refusal has a message of its own; a transport's has a type.
    socket.on("connect_error", (error) => (error.type === undefined && socket.io.engine?.readyState === "open" ? refused(error.message) : end(error.message)));
  }

  begin();

  return {
    publish: (event, data) => call("publish", room, event, data),
    close() {
      closed = true;
      socket?.disconnect();
    },
  };
}
