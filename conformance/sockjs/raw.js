// SockJS by hand: connections that are cut, held and read as one likes; and what comes by them, as frames.

import { once } from "node:events";
import { connect } from "node:net";

import { within } from "../socketio/patience.js";

/** A connection that broke off before its response was whole. */
export class Broken extends Error {}

/** One connection, on which one request follows the other. */
export class Wire {
  socket;
  #server;
  #bytes = Buffer.alloc(0);
  #ended = false;
  #waits = [];
  #allowance = Infinity;

  static async open(server) {
    const wire = new Wire();
    wire.#server = server;
    const socket = connect(server.port, server.host);
    wire.socket = socket;
    socket.setNoDelay(true);
    socket.on("data", (bytes) => wire.#take(bytes));
    socket.on("error", () => {});
    socket.on("close", () => {
      wire.#ended = true;
      wire.#wake();
    });
    await within(once(socket, "connect"), "a connection");
    return wire;
  }

  #take(bytes) {
    const kept = bytes.subarray(0, this.#allowance);
    this.#allowance -= kept.length;
    this.#bytes = this.#bytes.length === 0 ? kept : Buffer.concat([this.#bytes, kept]);
    if (this.#allowance === 0) this.reset();
    this.#wake();
  }

  /** Resets the connection once so many more bytes have come, and shows nothing of what came behind. */
  cutAfter(bytes) {
    this.#allowance = bytes;
  }

  reset() {
    this.socket.resetAndDestroy();
  }

  /** Ends it from this side, and reads no more. */
  close() {
    this.socket.destroy();
  }

  get isOpen() {
    return !this.#ended;
  }

  /** Resolves when it is closed, with everything that came and was not read. */
  async closed() {
    while (!this.#ended) await within(this.#more(), "the end of a connection");
    return this.#bytes.toString();
  }

  #more() {
    return new Promise((resolve) => this.#waits.push(resolve));
  }

  #wake() {
    for (const resolve of this.#waits.splice(0)) resolve();
  }

  /** Writes these one after the other, each by itself as far as the system lets us. */
  async write(...pieces) {
    for (const piece of pieces) {
      this.socket.write(piece);
      await new Promise((resolve) => setImmediate(resolve));
    }
  }

  /** A request's text, without its body. */
  head({ method = "GET", path, headers = {}, version = "1.1" }) {
    const all = { Host: `${this.#server.host}:${this.#server.port}`, ...headers };
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    return `${method} ${path} HTTP/${version}\r\n${lines.join("")}\r\n`;
  }

  /** The text of one that has a body, if it does not say itself how that comes. */
  text(request) {
    if (request.body === undefined) return this.head(request);
    if (request.headers?.["Transfer-Encoding"] !== undefined) return this.head(request) + request.body;
    const headers = { "Content-Length": Buffer.byteLength(request.body), ...request.headers };
    return this.head({ ...request, headers }) + request.body;
  }

  /** Asks, and resolves with the response when its head is there. */
  async ask(request) {
    this.socket.write(this.text(request));
    return this.response(request.method);
  }

  /** The response to what was asked last. There may be less patience than elsewhere. */
  async response(method = "GET", patience = undefined) {
    let end;
    const come = (async () => {
      while ((end = this.#bytes.indexOf("\r\n\r\n")) < 0) {
        if (this.#ended) throw new Broken(`no response: ${this.#bytes}`);
        await this.#more();
      }
    })();
    await within(come, "a response", patience);
    const [first, ...lines] = this.#bytes.subarray(0, end).toString().split("\r\n");
    this.#bytes = this.#bytes.subarray(end + 4);
    const headers = {};
    for (const line of lines) {
      const colon = line.indexOf(":");
      const key = line.slice(0, colon).toLowerCase();
      const value = line.slice(colon + 1).trim();
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    const status = Number(first.split(" ")[1]);
    const bare = method === "HEAD" || status === 204 || status === 304 || status === 101;
    const length = bare ? 0 : headers["content-length"];
    return new Response(this, status, headers, length === undefined ? undefined : Number(length));
  }

  /** So many bytes of a body, or, without a number, a line. */
  async bytes(count) {
    for (;;) {
      const line = count === undefined ? this.#bytes.indexOf("\r\n") : -1;
      const length = count ?? line + 2;
      if ((count !== undefined || line >= 0) && this.#bytes.length >= length) {
        const found = this.#bytes.subarray(0, count ?? line);
        this.#bytes = this.#bytes.subarray(length);
        return found;
      }
      if (this.#ended) throw new Broken("the response broke off");
      await this.#more();
    }
  }

  /** What there is, something at least; undefined at the end of the connection. */
  async some() {
    while (this.#bytes.length === 0 && !this.#ended) await this.#more();
    const found = this.#bytes;
    this.#bytes = Buffer.alloc(0);
    return found.length === 0 ? undefined : found;
  }
}

class Response {
  status;
  headers;
  #wire;
  #length;

  constructor(wire, status, headers, length) {
    this.#wire = wire;
    this.status = status;
    this.headers = headers;
    this.#length = length;
  }

  /** The pieces of the body, as they come. */
  async *pieces() {
    if (this.#length !== undefined) {
      if (this.#length > 0) yield this.#wire.bytes(this.#length);
      return;
    }
    if (this.headers["transfer-encoding"] !== "chunked") {
      for (let piece; (piece = await this.#wire.some()) !== undefined; ) yield piece;
      return;
    }
    for (;;) {
      const size = Number.parseInt((await this.#wire.bytes()).toString(), 16);
      if (size > 0) yield this.#wire.bytes(size);
      await this.#wire.bytes(2);
      if (size === 0) return;
    }
  }

  /** The whole body. */
  async body() {
    const all = [];
    const read = (async () => {
      for await (const piece of this.pieces()) all.push(piece);
    })();
    await within(read, "a body");
    return Buffer.concat(all).toString();
  }

  /** The frames in it, as they come. */
  async *frames(way) {
    const decoder = new TextDecoder("utf-8", { fatal: true });
    let { prelude, split, open } = SHAPES[way];
    let text = "";
    for await (const piece of this.pieces()) {
      text += decoder.decode(piece, { stream: true });
      if (prelude !== undefined) {
        const end = text.indexOf(prelude);
        if (end < 0) continue;
        text = text.slice(end + prelude.length);
        prelude = undefined;
      }
      for (let end; (end = text.indexOf(split)) >= 0; ) {
        yield open(text.slice(0, end));
        text = text.slice(end + split.length);
      }
    }
    if (text !== "") throw new Error(`half a frame at the end: ${JSON.stringify(text.slice(0, 200))}`);
  }
}

/** The function that pages are called by. */
export const CALLBACK = "_jp.a1b2c3d";

/** What stands between these, of JSON. */
function between(text, before, behind) {
  if (!text.startsWith(before) || !text.endsWith(behind)) throw new Error(`no frame: ${JSON.stringify(text.slice(0, 200))}`);
  return JSON.parse(text.slice(before.length, text.length - behind.length));
}

function fromEvent(text) {
  if (!text.startsWith("data: ")) throw new Error(`no event: ${JSON.stringify(text.slice(0, 200))}`);
  return text.slice(6).replace(/%(..)/g, (_, code) => String.fromCharCode(Number.parseInt(code, 16)));
}

/** What a response begins with, by way; how its frames end, and are taken out of what they stand in. */
const SHAPES = {
  xhr: { split: "\n", open: (text) => text },
  xhr_streaming: { prelude: `${"h".repeat(2048)}\n`, split: "\n", open: (text) => text },
  eventsource: { prelude: "\r\n", split: "\r\n\r\n", open: fromEvent },
  htmlfile: { prelude: "</script>", split: "</script>\r\n", open: (text) => between(text.trimStart(), "<script>\np(", ");\n") },
  jsonp: { split: "\r\n", open: (text) => between(text, `/**/${CALLBACK}(`, ");") },
};

/** The ways to listen without a WebSocket, and whether their responses go on. */
export const STREAMS = ["xhr_streaming", "eventsource", "htmlfile"];
export const POLLS = ["xhr", "jsonp"];

/** The request that listens in this way. */
export function listening(session, way, query = "") {
  const method = way.startsWith("xhr") ? "POST" : "GET";
  const called = way === "htmlfile" || way === "jsonp" ? `?c=${CALLBACK}` : "";
  const asked = query === "" ? called : `${called === "" ? "?" : `${called}&`}${query}`;
  return { method, path: `${session}/${way}${asked}` };
}

/** The request that says these texts, to a session that listens in this way. */
export function saying(session, way, texts) {
  const body = JSON.stringify(texts);
  if (way !== "jsonp") return { method: "POST", path: `${session}/xhr_send`, headers: { "Content-Type": "text/plain" }, body };
  const headers = { "Content-Type": "application/x-www-form-urlencoded" };
  return { method: "POST", path: `${session}/jsonp_send`, headers, body: `d=${encodeURIComponent(body)}` };
}

/** Resolves before it is asked again, for others need the machine, too. */
export const soon = () => new Promise((resolve) => setTimeout(resolve, 10));

/** A request on a connection of its own, and its whole answer. */
export async function asked(server, request) {
  const wire = await Wire.open(server);
  const { status, headers, body } = await whole(await wire.ask(request));
  wire.close();
  return { status, headers, body };
}

/** The whole of a response. */
export async function whole(response) {
  return { status: response.status, headers: response.headers, body: await response.body() };
}

let ids = 0;

/** The address of a session that nobody else has. */
export function freshSession(mount = "/rooms") {
  ids += 1;
  return `${mount}/${String(ids % 1000).padStart(3, "0")}/${process.pid}-${ids}`;
}
