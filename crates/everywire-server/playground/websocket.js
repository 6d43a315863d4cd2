// A room over WebSocket: JSON-RPC 2.0 at `ws`, on which hearing and speaking share one socket.
//
//   → {"jsonrpc":"2.0","id":1,"method":"subscribe","params":["lobby",{"since":"…"}]}
//   ← {"jsonrpc":"2.0","method":"chat","params":[{"text":"hi"},{"room":"lobby","offset":"…","time":…,"from":"…"}]}
//   ← {"jsonrpc":"2.0","id":1,"result":{"room":"lobby","offset":"…","recovered":true,"connection":"…"}}
//
// What was missed comes before the answer to `subscribe`, in order.

/** A call that is not answered for so long means that the connection is dead, whatever the browser believes. In ms. */
const PATIENCE = 10_000;

/** Starts one attempt; see link.js. */
export function dial({ room, since, heard, opened, gone, lost, refused }) {
  const url = new URL("ws", document.baseURI);
  url.protocol = url.protocol.replace("http", "ws");
  const socket = new WebSocket(url);
  const calls = new Map();
  let lastId = 0;
  let last;
  let joined = false;

  function call(method, ...params) {
    const id = ++lastId;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(`no answer to ${method} in ${PATIENCE / 1000} s`), PATIENCE);
      calls.set(id, { resolve, reject, timer });
      socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  function settle(id, act) {
    const call = calls.get(id);
    if (call === undefined) return;
    calls.delete(id);
    clearTimeout(call.timer);
    act(call);
  }

  function end(why) {
    socket.close();
    for (const id of [...calls.keys()]) settle(id, ({ reject }) => reject(new Error(why)));
    lost(why);
  }

  socket.onopen = async () => {
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
  };
  socket.onmessage = ({ data }) => {
    const message = JSON.parse(data);
    if (message.method !== undefined) {
      const meta = message.params?.at(-1);
      // A message to this connection alone has no meta.
      if (meta?.room !== room) return;
      last = meta.offset;
      const args = message.params.slice(0, -1);
      const data = args.length === 1 ? args[0] : args;
      heard({ ...meta, event: message.method, data, replayed: since !== undefined && !joined });
    } else if (message.error !== undefined) {
      const { message: what, data: more } = message.error;
      settle(message.id, ({ reject }) => reject(new Error(typeof more === "string" ? `${what}: ${more}` : what)));
    } else {
      settle(message.id, ({ resolve }) => resolve(message.result));
    }
  };
  socket.onclose = ({ code, reason }) => end(reason || `closed with code ${code}`);

  return {
    publish: (event, data) => call("publish", room, event, data),
    /** How many are in the room. */
    presence: async () => (await call("presence", room, { limit: 0 })).count,
    close: () => end("closed here"),
  };
}
