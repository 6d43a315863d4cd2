// What the server holds, as it tells: by JSON-RPC on a plain WebSocket of our own.

import assert from "node:assert/strict";
import { once } from "node:events";
import { isDeepStrictEqual } from "node:util";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { PATIENCE, within } from "../socketio/patience.js";
import { soon } from "./raw.js";

/** What each server showed to the first who asked, before anybody else came. */
const firsts = new WeakMap();

export class Gauges {
  #socket;
  #calls = 0;
  /** What they showed at first: one connection like this, and nobody else. */
  first;

  static async of(t, server) {
    const gauges = new Gauges();
    gauges.#socket = new WebSocket(`${server.ws}/rpc/websocket`);
    atEnd(t, () => gauges.#socket.terminate());
    await within(once(gauges.#socket, "open"), "the gauges");
    if (!firsts.has(server)) firsts.set(server, await gauges.read());
    gauges.first = firsts.get(server);
    return gauges;
  }

  async #call(method, params) {
    const id = (this.#calls += 1);
    this.#socket.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    const [data] = await within(once(this.#socket, "message"), method);
    const answer = JSON.parse(data);
    assert.equal(answer.id, id);
    return answer.result;
  }

  read() {
    return this.#call("gauges");
  }

  /** Whether somebody who does nothing wrong is served. */
  async serve(value) {
    assert.deepEqual(await this.#call("echo", [value]), value);
  }

  /** Resolves once this holds of them. */
  async until(holds, what) {
    const began = performance.now();
    for (;;) {
      const shown = await this.read();
      if (holds(shown)) return shown;
      assert.ok(performance.now() - began < PATIENCE, `${what}: gauges stay ${JSON.stringify(shown)}`);
      await soon();
    }
  }

  /** Resolves once they are where they were. */
  back(what) {
    return this.until((shown) => isDeepStrictEqual(shown, this.first), `${what}, at first ${JSON.stringify(this.first)}`);
  }
}
