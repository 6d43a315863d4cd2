// STOMP by hand, by a plain WebSocket or over SockJS's streams: any bytes, in any pieces, and a wire that can be cut.

import assert from "node:assert/strict";

import { Heard } from "../rooms/heard.js";
import { within } from "../socketio/patience.js";
import { Broken, Wire, asked, freshSession, listening, saying } from "../sockjs/raw.js";
import { Raw, frame, read } from "./raw.js";

/** The ways by which a client is driven by hand. */
export const BY_HAND = ["plain", "xhr-streaming"];

export class Hand {
  /** Frames, in their order. */
  heard;
  #say;
  #cut;
  #ended;

  /** One that has said nothing. */
  static async open(t, server, way, path = "/stomp") {
    const hand = new Hand();
    hand.heard = new Heard(`a client by hand, by ${way},`);
    await (way === "plain" ? hand.#onSocket(t, server, path) : hand.#onStream(server, path));
    return hand;
  }

  /** One that has connected, and CONNECTED is taken from what it heard. */
  static async connect(t, server, way, headers = { "accept-version": "1.2" }) {
    const hand = await Hand.open(t, server, way);
    await hand.say(frame("CONNECT", headers));
    await hand.heard.count(1);
    hand.connected = hand.heard.messages.shift();
    assert.equal(hand.connected.command, "CONNECTED");
    return hand;
  }

  async #onSocket(t, server, path) {
    const raw = await Raw.open(t, server, `${path}/websocket`);
    raw.socket.on("error", () => {});
    raw.socket.on("message", (data) => this.#hear(data));
    this.#ended = new Promise((resolve) => raw.socket.once("close", (code) => resolve(code)));
    this.#say = async (texts) => raw.say(...texts);
    this.#cut = () => raw.socket.terminate();
  }

  async #onStream(server, path) {
    const [host, port] = server.authority.split(":");
    const to = { host, port: Number(port) };
    const session = freshSession(path);
    const wire = await Wire.open(to);
    let open;
    const opened = new Promise((resolve) => (open = resolve));
    // As with a WebSocket: the server's code, or 1006.
    this.#ended = (async () => {
      try {
        for (;;) {
          const response = await wire.ask(listening(session, "xhr_streaming"));
          for await (const sockjs of response.frames("xhr_streaming")) {
            if (sockjs === "o") open();
            else if (sockjs.startsWith("a")) JSON.parse(sockjs.slice(1)).forEach((text) => this.#hear(text));
            else if (sockjs.startsWith("c")) {
              wire.close();
              return JSON.parse(sockjs.slice(1))[0];
            }
          }
        }
      } catch (error) {
        if (!(error instanceof Broken)) throw error;
        return 1006;
      }
    })();
    this.#ended.catch(() => {});
    this.#say = async (texts) => {
      for (const text of texts) {
        const { status } = await asked(to, saying(session, "xhr", [text]));
        // It may have ended by what was said before.
        assert.ok(status === 204 || status === 404, `${status}`);
      }
    };
    this.#cut = () => wire.reset();
    await within(opened, "a session");
  }

  #hear(data) {
    if (data.toString() !== "\n") this.heard.push(read(data));
  }

  /** Each is a message of its own. */
  say(...texts) {
    return this.#say(texts);
  }

  /** Is gone, without a word. */
  cut() {
    this.#cut();
    return this.ended();
  }

  /** Resolves with the code of its end. */
  ended() {
    return within(this.#ended, "the end of a client by hand");
  }
}
