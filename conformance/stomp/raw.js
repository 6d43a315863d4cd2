// STOMP by hand on a plain WebSocket: what no client says, and what a server's frames are to the byte.

import { once } from "node:events";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "../socketio/patience.js";

/** Reads a message that is one frame, without unescaping anything. */
export function read(data) {
  const text = data.toString();
  const [head, ...rest] = text.split("\n\n");
  const [command, ...lines] = head.split("\n");
  const body = rest.join("\n\n");
  // RabbitMQ ends its frames with a line's end.
  const end = body.lastIndexOf("\0");
  if (end < 0 || body.slice(end + 1).trim() !== "") throw new Error(`no frame: ${JSON.stringify(text)}`);
  const headers = Object.fromEntries(lines.map((line) => [line.slice(0, line.indexOf(":")), line.slice(line.indexOf(":") + 1)]));
  return { command, headers, body: body.slice(0, end) };
}

/** A frame's text. */
export function frame(command, headers = {}, body = "") {
  const lines = Object.entries(headers).map(([name, value]) => `${name}:${value}\n`);
  return `${command}\n${lines.join("")}\n${body}\0`;
}

export class Raw {
  /** Messages: `{ data, isBinary }`. */
  heard;
  socket;
  #closed;

  static async open(t, server, path = "/stomp/websocket", protocols = []) {
    const raw = new Raw();
    raw.heard = new Heard(`a socket on ${path}`);
    raw.socket = new WebSocket(`${server.ws}${path}`, protocols);
    raw.socket.on("message", (data, isBinary) => raw.heard.push({ data, isBinary }));
    raw.#closed = once(raw.socket, "close");
    atEnd(t, () => raw.socket.terminate());
    await within(once(raw.socket, "open"), `a socket on ${path}`);
    return raw;
  }

  /** One that has connected, and CONNECTED is taken from what it heard. */
  static async connect(t, server, headers = { "accept-version": "1.2" }, ...more) {
    const raw = await Raw.open(t, server, ...more);
    raw.say(frame("CONNECT", headers));
    raw.connected = (await raw.frames(1))[0].headers;
    raw.heard.messages.length = 0;
    return raw;
  }

  /** Each is a message of its own. */
  say(...messages) {
    for (const message of messages) this.socket.send(message);
  }

  /** The first messages, as frames, once there are so many. */
  async frames(count) {
    await this.heard.count(count);
    return this.heard.messages.slice(0, count).map(({ data }) => read(data));
  }

  /** Everything it heard, and the code of its end. */
  async rest() {
    const [code] = await within(this.#closed, "the end of a socket");
    return { frames: this.heard.messages.map(({ data }) => read(data)), code };
  }
}
