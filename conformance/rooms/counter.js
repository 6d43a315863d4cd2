// Somebody who says 0, 1, 2, … in a room without a pause, as long as its listener is not too far behind.

import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";
import { npmWs, Rpc } from "./rpc.js";

/** It waits while the listener misses so many. */
export const LEAD = 400;

/** A configuration in which a listener that misses `LEAD` messages can catch up. */
export const KEEPS_ENOUGH = `
[[retention]]
rooms = "*"
messages = 1000
bytes = "16MiB"
age = "1h"
`;

export class Counter {
  /** The answers to what it said. */
  said = new Heard("the counter");
  #rpc;
  #room;
  #listener;
  #stopped = false;
  #running;

  /** `listener` is what somebody hears of it, a `Heard`. */
  static async start(test, server, room, listener) {
    const rpc = await Rpc.open(test, "the counter", npmWs(`${server.ws}/ws`));
    const counter = new Counter(rpc, room, listener);
    atEnd(test, () => counter.stop());
    return counter;
  }

  constructor(rpc, room, listener) {
    this.#rpc = rpc;
    this.#room = room;
    this.#listener = listener;
    this.#running = this.#count();
  }

  async #count() {
    const said = this.said.messages;
    const heard = this.#listener.messages;
    const mayGoOn = () => this.#stopped || said.length - heard.length < LEAD;
    while (!this.#stopped) {
      this.said.push(await this.#rpc.publish(this.#room, { n: said.length }));
      await this.#listener.until(mayGoOn, "what the counter has said");
    }
  }

  /** Resolves, with how many numbers there are, once it has said the last. */
  async stop() {
    this.#stopped = true;
    this.#listener.poke();
    await this.#running;
    return this.said.messages.length;
  }
}
