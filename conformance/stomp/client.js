// stompjs, with what it heard as lists, and its events as promises.

import { Client as Stomp, Versions } from "@stomp/stompjs";
import SockJS from "sockjs-client";
import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "../socketio/patience.js";
import { IS_OURS } from "./target.js";

/** Where a way has a plain WebSocket, if it has one. */
function plainPath(way, mount) {
  if (way === "subprotocol") return "/ws";
  if (way === "plain") return IS_OURS ? `${mount}/websocket` : "/ws";
}

/** What clients say who they are by, unless a story says otherwise. */
const WHO = IS_OURS ? {} : { login: "guest", passcode: "guest", host: "/" };

/** A frame as stories look at it. */
function seen({ command, headers, body }) {
  return { command, headers, body };
}

export class Client {
  /** The frame CONNECTED. */
  connected;
  /** Everything that came for no subscription: `{ command, headers, body }`. */
  unhandled;
  /** Each message of its socket, as it came; and what went out, `out` before it. */
  wire = [];
  stomp;
  #name;
  #sockets = [];
  #receipts = 0;
  #ends;
  #errors;
  /** Rejected when the connection ends. */
  #over;
  #end;

  /** A client that is connected; it ends with the test. */
  static async open(t, server, way, options) {
    const client = Client.begin(t, server, way, options);
    await within(Promise.race([client.opened, client.#over]), client.#name);
    return client;
  }

  /**
   * One that is not. `version` is what it speaks alone, `versions` what it offers; `headers` go with CONNECT, `beats` are what
   * it can and wants; `mount` is of SockJS, `path` of a WebSocket elsewhere; `through` is a proxy. The rest is stompjs's own.
   */
  static begin(t, server, way, { version, versions = [version ?? "1.2"], headers = {}, beats = [0, 0], mount = "/stomp", through = server, path, protocols, ...options } = {}) {
    const client = new Client();
    client.#name = `a client by ${way} in ${versions}`;
    client.unhandled = new Heard(`${client.#name}, of no subscription,`);
    client.#ends = new Heard(`${client.#name}, of its end,`);
    client.#errors = new Heard(`${client.#name}, of errors,`);
    const offered = new Versions(versions);
    client.#renew();
    const connect = () => {
      if (client.#sockets.length > 0) client.#renew();
      const plain = path ?? plainPath(way, mount);
      const socket = plain === undefined
        ? new SockJS(`${through.http}${mount}`, null, { transports: [way], timeout: 5000 })
        : new WebSocket(`${through.http.replace("http", "ws")}${plain}`, protocols ?? offered.protocolVersions());
      client.#sockets.push(socket);
      socket.addEventListener("message", ({ data }) => client.wire.push(data));
      const send = socket.send.bind(socket);
      socket.send = (data) => {
        client.wire.push({ out: data });
        send(data);
      };
      return socket;
    };
    const stomp = new Stomp({
      stompVersions: offered,
      connectHeaders: { ...WHO, ...headers },
      heartbeatOutgoing: beats[0],
      heartbeatIncoming: beats[1],
      reconnectDelay: 0,
      ...options,
      webSocketFactory: connect,
      onUnhandledMessage: (message) => client.unhandled.push(message),
      onUnhandledReceipt: (frame) => client.unhandled.push(seen(frame)),
      onUnhandledFrame: (frame) => client.unhandled.push(seen(frame)),
      onStompError: (frame) => client.#errors.push(seen(frame)),
      onWebSocketClose: ({ code, reason, wasClean }) => {
        client.#ends.push({ code, reason, wasClean });
        client.#end(new Error(`${client.#name} has ended: ${JSON.stringify(client.#errors.messages)}`));
      },
    });
    client.stomp = stomp;
    client.opened = new Promise((resolve) => {
      stomp.onConnect = (frame) => {
        client.connected = frame.headers;
        resolve(frame.headers);
        client.onConnect?.();
      };
    });
    stomp.activate();
    atEnd(t, async () => {
      if (stomp.active) await stomp.deactivate({ force: true });
      for (const socket of client.#sockets) socket.terminate?.();
    });
    return client;
  }

  /** From here on another connection counts. */
  #renew() {
    this.#over = new Promise((_, reject) => (this.#end = reject));
    // It may be that nobody waits for anything.
    this.#over.catch(() => {});
  }

  /** The socket of the last connection. */
  get socket() {
    return this.#sockets.at(-1);
  }

  get id() {
    return this.connected.session;
  }

  /** Headers with one that asks for a receipt; and that, when it comes. */
  asking(headers = {}) {
    const receipt = headers.receipt ?? `receipt ${(this.#receipts += 1)}`;
    const came = new Promise((resolve) => this.stomp.watchForReceipt(receipt, ({ headers }) => resolve(headers)));
    return [{ ...headers, receipt }, () => within(Promise.race([came, this.#over]), `${receipt} of ${this.#name}`)];
  }

  /** Begins to listen, and resolves when it does. */
  async subscribe(destination, headers = {}) {
    const [asked, receipt] = this.asking(headers);
    const subscription = this.listen(destination, asked);
    subscription.receipt = await receipt();
    return subscription;
  }

  /** The same, without waiting. */
  listen(destination, headers = {}) {
    const heard = new Heard(`${this.#name}, on ${destination},`);
    const { id } = this.stomp.subscribe(destination, (message) => heard.push(message), headers);
    return new Subscription(this, id, heard);
  }

  /** Sends, and waits for nothing. A body is a text, or bytes. */
  send(destination, body = "", headers = {}) {
    const what = typeof body === "string" ? { body } : { binaryBody: body };
    this.stomp.publish({ destination, headers, ...what });
  }

  /** Sends, and resolves with the receipt. */
  sure(destination, body = "", headers = {}) {
    const [asked, receipt] = this.asking(headers);
    this.send(destination, body, asked);
    return receipt();
  }

  /** A frame that stompjs has no words for, on the wire as it is. */
  raw(text) {
    this.socket.send(text);
  }

  /** Calls an event of the application's, and resolves with what it answers: a text, or of JSON. */
  async ask(event, body = "", headers = {}) {
    const to = `/temp-queue/${event}-${(this.#receipts += 1)}`;
    this.send(`/app/${event}`, typeof body === "string" ? body : JSON.stringify(body), { "reply-to": to, ...headers });
    const answered = () => this.unhandled.messages.find((message) => message.headers.destination === to);
    await this.unhandled.until(answered, `an answer to ${event}`);
    const { headers: said, body: answer } = answered();
    return said["content-type"] === "application/json" ? JSON.parse(answer) : answer;
  }

  /** Resolves once the server has done all that it was asked before: what it sent by then has come. */
  async settled() {
    const [headers, receipt] = this.asking();
    this.stomp.unsubscribe(this.listen(IS_OURS ? "/user/queue/nothing" : "/topic/nothing").id, headers);
    await receipt();
  }

  /** Resolves with the ERROR. */
  async failed() {
    await this.#errors.count(1);
    return this.#errors.messages[0];
  }

  /** Resolves with code and reason when the connection is closed, for the n-th time. */
  async closed(n = 1) {
    await this.#ends.count(n);
    return this.#ends.messages[n - 1];
  }

  /** Whether it was told of an error. */
  get errors() {
    return this.#errors.messages;
  }

  /** Says goodbye, and resolves when the socket is closed. */
  leave() {
    return within(this.stomp.deactivate(), `the goodbye of ${this.#name}`);
  }
}

class Subscription {
  id;
  heard;
  receipt;
  #client;
  #taken = 0;

  constructor(client, id, heard) {
    this.#client = client;
    this.id = id;
    this.heard = heard;
  }

  /** The next messages. */
  async next(count) {
    await this.heard.count(this.#taken + count);
    const from = this.#taken;
    this.#taken += count;
    return this.heard.messages.slice(from, from + count);
  }

  /** The next message. */
  async one() {
    return (await this.next(1))[0];
  }

  /** The bodies of the next messages. */
  async bodies(count) {
    return (await this.next(count)).map(({ body }) => body);
  }

  /** How many have been heard that nobody has looked at. */
  get left() {
    return this.heard.messages.slice(this.#taken).map(({ body }) => body);
  }

  /** Ends, and resolves when nothing more comes. */
  async end(headers = {}) {
    const [asked, receipt] = this.#client.asking(headers);
    this.#client.stomp.unsubscribe(this.id, asked);
    return receipt();
  }
}

let names = 0;

/** A name that no other story has. */
export function freshName() {
  names += 1;
  return `${process.pid}-${names}`;
}

/** A destination that no other story has. */
export function fresh(kind = "topic") {
  return `/${kind}/${freshName()}`;
}
