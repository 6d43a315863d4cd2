// The official JavaScript clients, of three generations, and what they heard.

import { once } from "node:events";

import { io as io4 } from "socket.io-client";
import io2 from "socket.io-client-v2";
import io3 from "socket.io-client-v3";
import msgpack from "socket.io-msgpack-parser";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "./patience.js";

const GENERATIONS = { 4: io4, 3: io3, 2: io2 };

export class Client {
  /** What it heard: `{ event, args }`, functions (acknowledgements) left out. */
  heard;
  socket;

  /** A client that is connected; it ends with the test. */
  static async open(test, server, options) {
    const client = Client.begin(test, server, options);
    await client.connected();
    return client;
  }

  /** A client that begins to connect. `generation` is 4, 3 or 2; the rest are its own options. */
  static begin(test, server, { generation = 4, namespace = "/", ...options } = {}) {
    const parser = server.options.parser === "msgpack" ? { parser: msgpack } : {};
    const own = { forceNew: true, reconnection: false, ...parser, ...options };
    const socket = GENERATIONS[generation](server.http + namespace, own);
    atEnd(test, () => socket.disconnect());
    return new Client(socket, `client ${generation} in ${namespace}`);
  }

  constructor(socket, name) {
    this.socket = socket;
    this.heard = new Heard(name);
    this.#hear();
  }

  /** Another namespace on the same connection. */
  of(namespace, options) {
    return new Client(this.socket.io.socket(namespace, options), `client in ${namespace}`);
  }

  /** Resolves once it is; rejects, with the error, if it is refused. */
  async connected() {
    if (this.socket.connected) return;
    const { socket } = this;
    const refused = new Promise((_, reject) => {
      // The second generation says `error` where later ones say `connect_error`.
      for (const event of ["connect_error", "error"]) socket.once(event, reject);
    });
    refused.catch(() => {});
    const done = new Promise((resolve) => socket.once("connect", resolve));
    await within(Promise.race([done, refused]), "a connect");
  }

  /** Resolves with why it was disconnected. */
  async disconnected() {
    // An error, as the second generation tells it before, is no end.
    return within(new Promise((resolve) => this.socket.once("disconnect", resolve)), "a disconnect");
  }

  /** Emits, and resolves with the acknowledgement's first argument. */
  async call(event, ...args) {
    return (await this.callAll(event, ...args))[0];
  }

  /** Emits, and resolves with all arguments of the acknowledgement. */
  callAll(event, ...args) {
    const answer = new Promise((resolve) => this.socket.emit(event, ...args, (...answer) => resolve(answer)));
    return within(answer, `an acknowledgement of ${event}`);
  }

  emit(event, ...args) {
    this.socket.emit(event, ...args);
  }

  /** Acknowledges each such event with what this gives, an array; with nothing at all if it gives undefined. */
  answer(event, answers) {
    this.socket.on(event, (...args) => {
      const ack = args.pop();
      const answer = answers(...args);
      if (answer !== undefined) ack(...answer);
    });
  }

  /** All it heard of one event, as lists of arguments. */
  all(event) {
    return this.heard.messages.filter((message) => message.event === event).map(({ args }) => args);
  }

  /** Once everything that the server sent before has been heard: a question that is answered behind it. */
  async settled() {
    await this.callAll("echo_ack");
  }

  /** The current transport's name. */
  get transport() {
    return this.socket.io.engine.transport.name;
  }

  #hear() {
    const { socket, heard } = this;
    const push = (event, ...args) => heard.push({ event, args: args.filter((arg) => typeof arg !== "function") });
    if (socket.onAny !== undefined) {
      socket.onAny(push);
      return;
    }
    const onevent = socket.onevent;
    socket.onevent = function (packet) {
      push(...packet.data);
      onevent.call(this, packet);
    };
  }
}

/** Resolves once this client's connection runs on WebSocket. */
export async function upgraded({ socket }) {
  const { engine } = socket.io;
  if (engine.transport.name !== "websocket") await within(once(engine, "upgrade"), "an upgrade");
}
