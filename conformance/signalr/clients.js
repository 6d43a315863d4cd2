// The official JavaScript clients, of two generations, and what they heard.

import { createRequire } from "node:module";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "../socketio/patience.js";

const require = createRequire(import.meta.url);
// Version 5 takes a Node that has `fetch` for a browser.
globalThis.self ??= globalThis;

const GENERATIONS = {
  10: { signalr: "@microsoft/signalr", msgpack: "@microsoft/signalr-protocol-msgpack" },
  5: { signalr: "signalr-v5", msgpack: "signalr-msgpack-v5" },
};

/** Every way in which a client of a generation may talk: transport, encoding. */
export const WAYS = [
  ["WebSockets", "json"],
  ["WebSockets", "messagepack"],
  ["ServerSentEvents", "json"],
  ["LongPolling", "json"],
  ["LongPolling", "messagepack"],
];

/** All of them, of all generations. */
export const MATRIX = Object.keys(GENERATIONS).flatMap((generation) => WAYS.map(([transport, protocol]) => ({ generation, transport, protocol })));

export class Client {
  /** What it heard: `{ event, args }`. */
  heard;
  hub;
  #closed;

  /** A client that is connected; it ends with the test. */
  static async open(test, server, options) {
    const client = new Client(test, server, options);
    await within(client.hub.start(), `the start of ${client.name}`);
    return client;
  }

  /**
   * A client that is not. `generation` is 10 or 5, `events` are what it has handlers for, `answers` functions that give a
   * result; `build` may do something with its builder, and the rest are its own options.
   */
  constructor(test, server, { generation = 10, transport = "WebSockets", protocol = "json", at = "default", events = ["event"], answers = {}, build = (b) => b, ...options } = {}) {
    const { signalr, msgpack } = GENERATIONS[generation];
    const { HubConnectionBuilder, HttpTransportType, LogLevel } = require(signalr);
    const requests = patient(require(signalr));
    this.name = `client ${generation} by ${transport} in ${protocol}`;
    this.heard = new Heard(this.name);
    let builder = new HubConnectionBuilder()
      .withUrl(`${server.http}/hubs/${at}`, { transport: HttpTransportType[transport], httpClient: requests, ...options })
      .configureLogging(LogLevel.None);
    if (protocol === "messagepack") builder = builder.withHubProtocol(new (require(msgpack).MessagePackHubProtocol)());
    this.hub = build(builder).build();
    this.#closed = new Promise((resolve) => this.hub.onclose((error) => resolve(error)));
    for (const event of events) this.hub.on(event, (...args) => this.heard.push({ event, args }));
    for (const [event, answer] of Object.entries(answers)) this.hub.on(event, answer);
    atEnd(test, async () => {
      // What it still has to say of its streams, it would say to nobody, and complain.
      await requests.allDone();
      await this.hub.stop();
      await requests.allDone();
    });
  }

  get id() {
    return this.hub.connectionId;
  }

  /** Calls a method, and resolves with its result. */
  call(method, ...args) {
    return within(this.hub.invoke(method, ...args), `${method} of ${this.name}`);
  }

  /** Calls a method that fails, and resolves with the error's text. */
  async fails(method, ...args) {
    return this.call(method, ...args).then(
      (result) => {
        throw new Error(`${method} gave ${JSON.stringify(result)}`);
      },
      ({ message }) => message,
    );
  }

  /** All items of a stream; an error's text is the last. */
  async stream(method, ...args) {
    const items = [];
    await within(
      new Promise((resolve) => {
        this.hub.stream(method, ...args).subscribe({
          next: (item) => items.push(item),
          complete: resolve,
          error: (error) => resolve(items.push(error.message)),
        });
      }),
      `${method} of ${this.name}`,
    );
    return items;
  }

  /** Once everything that the server sent before has been heard: a call that is answered behind it. */
  async settled() {
    await this.call("Nothing");
  }

  /** Resolves with why it was closed, undefined for no error. */
  closed() {
    return within(this.#closed, `the end of ${this.name}`);
  }

  /** All it heard of one event, as lists of arguments. */
  all(event) {
    return this.heard.messages.filter((message) => message.event === event).map(({ args }) => args);
  }
}

/** The client's own way to make requests; it knows when none brings anything more. A client does not wait for its last. */
function patient({ DefaultHttpClient, NullLogger }) {
  const underWay = new Set();
  return new (class extends DefaultHttpClient {
    constructor() {
      super(NullLogger.instance);
    }

    send(request) {
      const answer = super.send(request);
      if (request.method !== "POST" && request.method !== "DELETE") return answer;
      const done = answer.then(
        () => underWay.delete(done),
        () => underWay.delete(done),
      );
      underWay.add(done);
      return answer;
    }

    async allDone() {
      do {
        await Promise.all(underWay);
        // It begins the next one in a later turn.
        for (let turns = 0; turns < 5; turns += 1) await new Promise(setImmediate);
      } while (underWay.size > 0);
    }
  })();
}

/** What a client uploads. */
export function subject({ generation = 10 } = {}) {
  const { Subject } = require(GENERATIONS[generation].signalr);
  return new Subject();
}
