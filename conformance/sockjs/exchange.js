// HTTP as it is on the wire: what a server says, chunk by chunk.

import { once } from "node:events";
import { connect } from "node:net";

import { within } from "../socketio/patience.js";

/** One request, and its response as far as it has come. */
export class Exchange {
  #socket;
  #bytes = Buffer.alloc(0);
  #wake = () => {};
  #method;
  ended = false;

  static async open(server, { method = "GET", path, headers = {}, body, version = "1.1" }) {
    const exchange = new Exchange();
    exchange.#method = method;
    const socket = connect(server.port, server.host);
    exchange.#socket = socket;
    socket.on("data", (bytes) => {
      exchange.#bytes = Buffer.concat([exchange.#bytes, bytes]);
      exchange.#wake();
    });
    socket.on("error", () => {});
    socket.on("close", () => {
      exchange.ended = true;
      exchange.#wake();
    });
    await within(once(socket, "connect"), "a connection");
    const all = { Host: `${server.host}:${server.port}`, ...headers };
    if (body !== undefined && all["Transfer-Encoding"] === undefined) all["Content-Length"] = Buffer.byteLength(body);
    const lines = Object.entries(all).map(([name, value]) => `${name}: ${value}\r\n`);
    socket.write(`${method} ${path} HTTP/${version}\r\n${lines.join("")}\r\n${body ?? ""}`);
    return exchange;
  }

  /** Waits until `ready` says something of the bytes so far, or the connection ends. */
  async #until(ready, what) {
    const found = (async () => {
      for (;;) {
        const value = ready(this.#bytes);
        if (value !== undefined) return value;
        if (this.ended) return undefined;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    })();
    return within(found, what);
  }

  /** Status and headers; a name that comes twice has its values joined. */
  async head() {
    const end = await this.#until((bytes) => (bytes.indexOf("\r\n\r\n") + 1 || undefined), "a response");
    if (end === undefined) throw new Error(`no response: ${this.#bytes}`);
    const [first, ...lines] = this.#bytes.subarray(0, end - 1).toString().split("\r\n");
    const headers = {};
    for (const line of lines) {
      const [, name, value] = /^([^:]+):\s*(.*)$/.exec(line);
      const key = name.toLowerCase();
      headers[key] = key in headers ? `${headers[key]}, ${value}` : value;
    }
    return { status: Number(first.split(" ")[1]), headers, start: end + 3 };
  }

  /** The chunks of the body: so many, or all. Without chunks, it is one. */
  async chunks(count = Infinity) {
    const { status, headers, start } = await this.head();
    if (this.#method === "HEAD" || status === 204 || status === 304 || status === 101) return [];
    if (headers["content-length"] !== undefined) {
      const length = Number(headers["content-length"]);
      const body = await this.#until((bytes) => (bytes.length >= start + length ? bytes : undefined), "a body");
      return length === 0 ? [] : [body.subarray(start, start + length).toString()];
    }
    if (headers["transfer-encoding"] !== "chunked") {
      await this.#until(() => (this.ended ? true : undefined), "the end");
      return [this.#bytes.subarray(start).toString()];
    }
    return this.#until((bytes) => {
      const chunks = [];
      let at = start;
      while (chunks.length < count) {
        const line = bytes.indexOf("\r\n", at);
        if (line < 0) return undefined;
        const length = Number.parseInt(bytes.subarray(at, line).toString(), 16);
        if (length === 0) return chunks;
        if (bytes.length < line + 2 + length + 2) return undefined;
        chunks.push(bytes.subarray(line + 2, line + 2 + length).toString());
        at = line + 2 + length + 2;
      }
      return chunks;
    }, `${count} chunks, got ${JSON.stringify(this.#bytes.subarray(start).toString()).slice(0, 300)}`);
  }

  /** Waits until the response has this in it. */
  async says(text) {
    const found = await this.#until((bytes) => (bytes.includes(text) ? true : undefined), JSON.stringify(text));
    if (found === undefined) throw new Error(`it ended without ${JSON.stringify(text)}: ${this.#bytes}`);
  }

  /** Breaks the connection off. */
  abort() {
    this.#socket.resetAndDestroy();
  }

  close() {
    this.#socket.destroy();
  }
}

/** A request and its whole response. */
export async function ask(server, request) {
  const exchange = await Exchange.open(server, request);
  const { status, headers } = await exchange.head();
  const chunks = await exchange.chunks();
  exchange.close();
  return { status, headers, chunks, body: chunks.join("") };
}
