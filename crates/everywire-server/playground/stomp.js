// A room over STOMP in SockJS, with the official clients of both: both ways, on the first transport that works or on the one
// that is chosen.
//
//   SUBSCRIBE  destination:/topic/lobby  since:…      →  RECEIPT  offset:…  recovered:true
//   MESSAGE    event:chat  offset:…  time:…  from:…      {"text":"hi"}
//   SEND       destination:/topic/lobby  event:chat   →  RECEIPT
//
// What was missed comes before the RECEIPT of SUBSCRIBE, in order. An ERROR ends a connection. stompjs would reconnect by
// itself; here each attempt is a new one, so that all panes wait, give up and are cut alike.

import { official } from "./official.js";

/** What is not answered for so long means that the connection is dead, whatever the browser believes. In ms. */
const PATIENCE = 10_000;
/** A transport that is not open after this long is given up for the next one. SockJS's own patience, from 0.6 s, is short for
 * a busy server; with more than this, the last one would not be reached while link.js waits for the attempt. In ms. */
const TRYING = 2_000;
/** How often the client says that it lives: no oftener than the timers of hidden pages run. In ms. */
const HEARTBEAT_OUT = 60_000;
/** How often it wants to hear that of the server. In ms. */
const HEARTBEAT_IN = 10_000;
/** Where the server tells what has failed and does not end the connection. */
const ERRORS = "/user/queue/errors";
/** What this server has if it was started with `--client-assets`. */
const OWN_SOCKJS = "playground/sockjs.min.js";
const OWN_STOMPJS = "playground/stomp.umd.min.js";
const NO_CLIENT =
  "sockjs-client and @stomp/stompjs come neither from cdn.jsdelivr.net nor from this server, which needs --client-assets and files of both npm packages, dist/sockjs.min.js and bundles/stomp.umd.min.js";

const loadSockJs = official("#sockjs-client", () => own(OWN_SOCKJS));
const loadStompJs = official("#stompjs-client", () => own(OWN_STOMPJS));

async function own(file) {
  await import(new URL(file, document.baseURI));
  return globalThis;
}

/** Starts one attempt, by these transports of SockJS's; see link.js. */
export function dial(transports, { room, since, heard, opened, gone, lost, refused, unable, carried }) {
  const destination = `/topic/${room}`;
  /** By receipt, who waits for it. */
  const calls = new Map();
  /** By receipt of a SEND, who waits until the message is heard, which tells its offset. */
  const echoes = new Map();
  let client;
  let session;
  let closed = false;
  let lastReceipt = 0;
  let last;
  let joined = false;

  /** Sends a frame that asks for a receipt, and resolves to that one's headers. */
  function call(command, send) {
    const receipt = `${++lastReceipt}`;
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => end(`no answer to ${command} in ${PATIENCE / 1000} s`), PATIENCE);
      calls.set(receipt, { resolve, reject, timer });
      client.watchForReceipt(receipt, ({ headers }) => settle(receipt, ({ resolve }) => resolve(headers)));
      send(receipt);
    });
  }

  function settle(receipt, act) {
    const call = calls.get(receipt);
    if (call === undefined) return;
    calls.delete(receipt);
    clearTimeout(call.timer);
    act(call);
  }

  function end(why) {
    close();
    for (const receipt of [...calls.keys()]) settle(receipt, ({ reject }) => reject(new Error(why)));
    lost(why);
  }

  function close() {
    closed = true;
    client?.deactivate();
    // They are sent, and will not be heard here.
    for (const hear of echoes.values()) hear(undefined);
    echoes.clear();
  }

  async function join() {
    client.subscribe(ERRORS, fail);
    const from = since === undefined ? {} : { since };
    try {
      const { offset, recovered } = await call("SUBSCRIBE", (receipt) => client.subscribe(destination, hear, { receipt, ...from }));
      // A message that was heard meanwhile is newer than the place in the answer.
      const place = last ?? offset;
      joined = true;
      opened(place);
      if (since !== undefined && recovered !== "true") gone(place);
    } catch (error) {
      // After a loss nobody listens any more; else it was the server that said no.
      refused(error.message);
    }
  }

  function hear({ headers, body }) {
    const { event, offset, time, from, echo } = headers;
    last = offset;
    heard({ room, event, data: meaning(headers, body), offset, time: Number(time), from, replayed: since !== undefined && !joined });
    if (from !== session) return;
    echoes.get(echo)?.(offset);
    echoes.delete(echo);
  }

  /** Something has failed, which is told to whoever subscribes to that. */
  function fail({ headers, body }) {
    const { message, data } = JSON.parse(body);
    settle(headers["receipt-id"], ({ reject }) => reject(new Error(typeof data === "string" ? `${message}: ${data}` : message)));
  }

  async function publish(event, data) {
    const body = JSON.stringify(data);
    let echoed;
    await call("SEND", (receipt) => {
      echoed = new Promise((resolve) => echoes.set(receipt, resolve));
      // Headers that are not STOMP's come back with the message.
      client.publish({ destination, body, headers: { receipt, event, echo: receipt, "content-type": "application/json" } });
    });
    return { offset: await echoed };
  }

  /** A new socket of SockJS's, for stompjs. */
  function socket(SockJS) {
    const timeout = transports.length > 1 ? TRYING : PATIENCE;
    const socket = new SockJS(new URL("stomp", document.baseURI).href, null, { transports, timeout });
    socket.addEventListener("open", () => carried([socket.transport]));
    return socket;
  }

  async function begin() {
    let loaded;
    try {
      loaded = await Promise.all([loadSockJs(), loadStompJs()]);
    } catch {
      unable(NO_CLIENT);
      return;
    }
    if (closed) return;
    const [{ SockJS }, { StompJs }] = loaded;
    client = new StompJs.Client({
      webSocketFactory: () => socket(SockJS),
      reconnectDelay: 0,
      heartbeatOutgoing: HEARTBEAT_OUT,
      heartbeatIncoming: HEARTBEAT_IN,
      onConnect({ headers }) {
        session = headers.session;
        join();
      },
      onStompError({ headers, body }) {
        const why = body || headers.message;
        if (!joined) refused(why);
        end(why);
      },
      onWebSocketClose({ code, reason }) {
        if (!closed) end(reason || `closed with code ${code}`);
      },
    });
    client.activate();
  }

  begin();

  return { publish, close };
}

/** What a body is, by its type: as for every other wire. */
function meaning(headers, body) {
  const type = (headers["content-type"] ?? "").split(";")[0].trim().toLowerCase();
  if (type === "" && body === "") return [];
  if (type !== "" && type !== "application/json" && type !== "text/json" && !type.endsWith("+json")) return body;
  try {
    return JSON.parse(body);
  } catch {
    // It has no type, and is text.
    return body;
  }
}
