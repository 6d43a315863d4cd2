// The official client, with its events as promises.

import SockJS from "sockjs-client";

import { within } from "../socketio/patience.js";

/** Transports that it has in Node. */
export const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling"];

export class Client {
  #socket;
  #heard = [];
  #wake = () => {};
  beats = 0;
  transport;
  closed;

  /** A client by this transport, or whichever works. */
  static async open(t, server, path = "/echo", transports = TRANSPORTS, options = {}) {
    const client = Client.begin(t, server, path, transports, options);
    await within(Promise.race([client.opened, client.closed.then((end) => Promise.reject(new Error(`closed: ${end}`)))]), `a client by ${transports}`);
    client.transport = client.#socket.transport;
    return client;
  }

  static begin(t, server, path, transports, options = {}) {
    const client = new Client();
    const socket = new SockJS(`${server.url}${path}`, null, { transports, timeout: 5000, ...options });
    client.#socket = socket;
    client.opened = new Promise((resolve) => (socket.onopen = resolve));
    client.closed = new Promise((resolve) => (socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean])));
    socket.onmessage = ({ data }) => {
      client.#heard.push(data);
      client.#wake();
    };
    socket.onheartbeat = () => {
      client.beats += 1;
      client.#wake();
    };
    t.after(() => socket.close());
    return client;
  }

  send(...texts) {
    for (const text of texts) this.#socket.send(text);
  }

  close(...args) {
    this.#socket.close(...args);
  }

  async #until(ready, what) {
    const found = (async () => {
      for (;;) {
        const value = ready();
        if (value !== undefined) return value;
        await new Promise((resolve) => (this.#wake = resolve));
      }
    })();
    return within(found, what);
  }

  /** The next messages. */
  hear(count = 1) {
    return this.#until(
      () => (this.#heard.length >= count ? this.#heard.splice(0, count) : undefined),
      `${count} messages by ${this.transport}, heard ${JSON.stringify(this.#heard).slice(0, 200)}`,
    );
  }

  beat(count) {
    return this.#until(() => (this.beats >= count ? true : undefined), `${count} heart-beats by ${this.transport}`);
  }
}
