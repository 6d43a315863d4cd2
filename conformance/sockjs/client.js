// The official client, in Node or in a page, as stories use it.

import SockJS from "sockjs-client";

import { within } from "../socketio/patience.js";
import { Socket } from "./socket.js";

/** Transports that it has in Node. */
export const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];

export class Client {
  /** Calls a method of its `Socket`, wherever that is. */
  #call;
  transport;
  /** How it ended: code, reason, and whether this was clean. */
  closed;

  /** A client by this transport, or whichever works. */
  static async open(t, server, path = "/echo", transports = TRANSPORTS, options = {}) {
    const socket = new Socket(SockJS, `${server.url}${path}`, { transports, timeout: 5000, ...options });
    t.after(() => socket.close());
    return Client.#opened((method, ...args) => socket[method](...args), transports);
  }

  /** One in this page, which `pages` has opened. */
  static async inPage(t, page, server, path, transports) {
    const begin = ([url, options]) => new window.Socket(window.SockJS, url, options);
    const handle = await page.evaluateHandle(begin, [`${server.url}${path}`, { transports, timeout: 15_000 }]);
    t.after(() => page.isClosed() || handle.evaluate((socket) => socket.close()));
    // As JSON, half a pair of surrogates gets there and back.
    const run = async (socket, [method, args]) => JSON.stringify((await socket[method](...JSON.parse(args))) ?? null);
    return Client.#opened(async (method, ...args) => JSON.parse(await handle.evaluate(run, [method, JSON.stringify(args)])), transports);
  }

  static async #opened(call, transports) {
    const client = new Client();
    client.#call = call;
    client.closed = call("closed");
    // A page that goes takes it along.
    client.closed.catch(() => {});
    client.transport = await within(call("opened"), `a client by ${transports}`);
    return client;
  }

  send(...texts) {
    return this.#call("send", ...texts);
  }

  close(...args) {
    return this.#call("close", ...args);
  }

  /** The next messages. */
  hear(count = 1) {
    return this.#await(`${count} messages`, "hear", count);
  }

  /** The next messages, to the one with this text. */
  upTo(text) {
    return this.#await(text, "upTo", text);
  }

  /** Resolves once it has heard so many heart-beats. */
  beat(count) {
    return this.#await(`${count} heart-beats`, "beat", count);
  }

  async #await(what, ...call) {
    try {
      return await within(this.#call(...call), `${what} by ${this.transport}`);
    } catch (error) {
      const left = await Promise.resolve(this.#call("left")).catch(() => "that it has gone");
      throw new Error(`${error.message}, heard ${JSON.stringify(left).slice(0, 200)}`, { cause: error });
    }
  }
}
