// HTTP as it is on the wire: what a server says, chunk by chunk.

import { within } from "../socketio/patience.js";
import { Broken, Wire } from "./raw.js";

/** One request on a connection of its own, and its response as far as it has come. */
export class Exchange {
  #wire;
  #method;
  #response;
  #pieces;
  #chunks = [];

  static async open(server, request) {
    const exchange = new Exchange();
    exchange.#method = request.method;
    exchange.#wire = await Wire.open(server);
    await exchange.#wire.write(exchange.#wire.text(request));
    return exchange;
  }

  get ended() {
    return !this.#wire.isOpen;
  }

  /** Status and headers; a name that comes twice has its values joined. */
  async head() {
    this.#response ??= await this.#wire.response(this.#method);
    return { status: this.#response.status, headers: this.#response.headers };
  }

  /** The next chunk of the body is there, or its end: false. */
  async #next() {
    await this.head();
    this.#pieces ??= this.#response.pieces();
    const { value, done } = await this.#pieces.next();
    if (!done) this.#chunks.push(value.toString());
    return !done;
  }

  /** The chunks of the body: so many from its beginning, or all. Without chunks, it is one. */
  async chunks(count = Infinity) {
    const { headers } = await this.head();
    const read = (async () => {
      while (this.#chunks.length < count && (await this.#next()));
    })();
    await within(read, `${count} chunks, got ${JSON.stringify(this.#chunks).slice(0, 300)}`);
    if (headers["transfer-encoding"] === "chunked" || this.#chunks.length === 0) return this.#chunks.slice(0, count);
    return [this.#chunks.join("")];
  }

  /** Waits until the body has this in it. */
  async says(text) {
    const read = (async () => {
      while (!this.#chunks.join("").includes(text)) {
        if (!(await this.#next())) throw new Broken(`it ended without ${JSON.stringify(text)}: ${this.#chunks.join("")}`);
      }
    })();
    await within(read, JSON.stringify(text));
  }

  /** Breaks the connection off. */
  abort() {
    this.#wire.reset();
  }

  close() {
    this.#wire.close();
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
