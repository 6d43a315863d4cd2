// Engine.IO by hand, step by step: what no well-behaved client would send, and the bytes of what comes back.

import { once } from "node:events";
import http from "node:http";

import WebSocket from "ws";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "./patience.js";

/** Between packets of a payload of revision 4. */
export const SEPARATOR = "\u001e";

const PATH = "/socket.io/";
/** Lets go of a connection before the server does (Node: after 5 s), so that no request meets its end. */
const agent = new http.Agent({ keepAlive: true, timeout: 2000 });

function address({ authority }, query, path = PATH) {
  const search = new URLSearchParams(query).toString();
  return `${authority}${path}${search && `?${search}`}`;
}

/**
 * A request that has been sent: `answer` is `{ status, headers, body, text }`, `abort()` cuts it, `sent` is once its head
 * and what of its body is there have gone. Of a body that stays `open`, the server has begun to read by then: it was asked
 * to say so, since what is sent over another connection meanwhile may be served first.
 */
export function ask(server, query, { method = "GET", headers = {}, body, path, open = false } = {}) {
  if (open) headers = { ...headers, Expect: "100-continue" };
  const request = http.request(`http://${address(server, query, path)}`, { method, headers, agent });
  const answered = new Promise((resolve, reject) => {
    request.once("error", reject);
    request.once("response", async (response) => {
      try {
        const chunks = await response.toArray();
        const bytes = Buffer.concat(chunks);
        resolve({ status: response.statusCode, headers: response.headers, body: bytes, text: bytes.toString() });
      } catch (error) {
        reject(error);
      }
    });
  });
  const answer = within(answered, `${method} ${JSON.stringify(query)}`);
  // Who cuts a request does not wait for its answer.
  answer.catch(() => {});
  const sent = new Promise((resolve) => {
    if (open) request.once("continue", () => request.write(body, resolve)).flushHeaders();
    else request.end(body, resolve);
  });
  return { answer, sent, abort: () => request.destroy() };
}

/** A session over polling. */
export class Polling {
  /** What the OPEN packet says. */
  handshake;
  #server;
  #query;

  static async open(server, { EIO = "4", ...query } = {}, options) {
    const { status, text } = await ask(server, { EIO, transport: "polling", ...query }, options).answer;
    if (status !== 200) throw new Error(`a handshake was answered with ${status} ${text}`);
    const session = new Polling();
    session.handshake = JSON.parse(/\{.*?\}/.exec(text)[0]);
    session.opening = text;
    session.#server = server;
    session.#query = { EIO, transport: "polling", ...query, sid: session.handshake.sid };
    return session;
  }

  /** One that has joined `/`, in revision 4. */
  static async joined(server, query, options) {
    const session = await Polling.open(server, query, options);
    await session.post("40");
    // On a busy machine a ping may come with it.
    let reply;
    while (reply === undefined) reply = /^40(\{.*?\})/m.exec((await session.poll()).text);
    session.id = JSON.parse(reply[1]).sid;
    return session;
  }

  get sid() {
    return this.handshake.sid;
  }

  /** The query of this session's requests. */
  get query() {
    return this.#query;
  }

  ask(options) {
    return ask(this.#server, this.#query, options);
  }

  poll(options) {
    return this.ask(options).answer;
  }

  post(body, options) {
    return this.ask({ method: "POST", body, ...options }).answer;
  }

  /** A poll that the server has by now: what was posted after it has been answered. */
  async pending(options) {
    const poll = this.ask(options);
    await poll.sent;
    await this.post("3");
    return poll;
  }

  /** Polls until all of these have come, in order, and nothing else. Resolves with the number of polls. */
  async hears(packets) {
    const heard = [];
    let polls = 0;
    while (heard.length < packets.length) {
      const { status, text } = await this.poll();
      if (status !== 200) throw new Error(`a poll was answered with ${status} ${text}; heard ${JSON.stringify(heard)}`);
      heard.push(...text.split(SEPARATOR));
      polls += 1;
    }
    if (heard.join(SEPARATOR) !== packets.join(SEPARATOR)) {
      throw new Error(`heard ${JSON.stringify(heard)} instead of ${JSON.stringify(packets)}`);
    }
    return polls;
  }

  /** Upgrades this session: a WebSocket of the same sid. */
  socket(test) {
    return Ws.open(test, this.#server, { ...this.#query, transport: "websocket" });
  }

  /** Whether the server still knows it. A poll would take what is queued, so this is a request that no session allows. */
  async isAlive() {
    const { status } = await this.poll({ method: "DELETE" });
    return status === 500;
  }
}

/** A WebSocket, frame by frame. */
export class Ws {
  /** Frames: text as string, binary as Buffer. */
  heard = new Heard("a WebSocket");
  /** When each frame came, in ms. */
  times = [];
  /** Resolves with the close code. */
  closed;
  socket;
  #read = 0;

  /** One whose handshake is done. */
  static async open(test, server, query = {}, options = {}) {
    const ws = new Ws(test, server, query, options);
    await within(ws.opened, "a WebSocket handshake");
    return ws;
  }

  /** One that has joined `/`. */
  static async joined(test, server, query, options) {
    const ws = await Ws.open(test, server, query, options);
    ws.handshake = JSON.parse((await ws.next()).slice(1));
    ws.send("40");
    ws.id = JSON.parse((await ws.next()).slice(2)).sid;
    return ws;
  }

  constructor(test, server, query, options) {
    const asked = { EIO: "4", transport: "websocket", ...query };
    this.socket = new WebSocket(`ws://${address(server, asked)}`, { perMessageDeflate: false, ...options });
    atEnd(test, () => this.socket.terminate());
    this.socket.on("message", (data, isBinary) => {
      this.times.push(performance.now());
      this.heard.push(isBinary ? data : data.toString());
    });
    this.closed = new Promise((resolve) => this.socket.once("close", resolve));
    this.closed.then(() => this.heard.poke());
    this.opened = once(this.socket, "open");
    this.opened.catch(() => {});
    this.socket.on("error", () => {});
  }

  send(frame) {
    this.socket.send(frame);
  }

  /** The next frame that has not been read; undefined if it has closed instead. */
  async next() {
    const at = this.#read++;
    const there = () => this.heard.messages.length > at || this.socket.readyState === WebSocket.CLOSED;
    await within(this.heard.until(there, "a frame"), "a frame");
    return this.heard.messages[at];
  }

  /** Reads up to the frame that is meant; resolves with all of them. */
  async until(isMeant) {
    const frames = [];
    do {
      const frame = await this.next();
      if (frame === undefined) throw new Error(`closed instead; heard ${JSON.stringify(frames)}`);
      frames.push(frame);
    } while (!isMeant(frames.at(-1)));
    return frames;
  }

  /** Sends what is always answered, and reads until then; false if it is closed instead. */
  async isFenced() {
    this.send("40/fence,");
    for (;;) {
      const frame = await this.next();
      if (frame === undefined) return false;
      if (frame === '44/fence,{"message":"Invalid namespace"}') return true;
    }
  }

  async ended() {
    return within(this.closed, "the end of a WebSocket");
  }

  /** Frames that nobody has read. */
  get unread() {
    return this.heard.messages.slice(this.#read);
  }

  kill() {
    this.socket.terminate();
  }
}

/** Why a WebSocket handshake was refused: `{ status, headers, text }`. */
export async function refusal(server, query, { path, headers } = {}) {
  const socket = new WebSocket(`ws://${address(server, query, path)}`, { perMessageDeflate: false, headers });
  socket.on("error", () => {});
  const opened = once(socket, "open").then(() => {
    socket.terminate();
    throw new Error(`${JSON.stringify(query)} was not refused`);
  });
  opened.catch(() => {});
  const [, response] = await within(Promise.race([once(socket, "unexpected-response"), opened]), "a refusal");
  const text = Buffer.concat(await response.toArray()).toString();
  return { status: response.statusCode, headers: response.headers, text };
}
