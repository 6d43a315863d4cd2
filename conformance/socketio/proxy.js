// A wire that can be cut: TCP through us, to the server and back.

import { once } from "node:events";
import net from "node:net";

import { atEnd } from "../rooms/ends.js";

export class Proxy {
  /** What a client connects to instead of the server. */
  http;
  #pairs = new Set();
  #allowance = Infinity;
  #whenCut;
  #isAsked = false;
  #whenAsked = () => {};

  static async to(test, server) {
    const [host, port] = server.authority.split(":");
    const proxy = new Proxy();
    const listener = net.createServer((client) => proxy.#join(client, net.connect(Number(port), host)));
    listener.listen(0, "127.0.0.1");
    await once(listener, "listening");
    atEnd(test, () => {
      proxy.cut();
      listener.close();
    });
    proxy.http = `http://127.0.0.1:${listener.address().port}`;
    return proxy;
  }

  /** Cuts everything that runs through it, on both sides. */
  cut() {
    for (const { client, server } of this.#pairs) {
      client.destroy();
      server.destroy();
    }
    this.#pairs.clear();
  }

  /** Cuts the clients off; the server sees nothing of it, and whatever it says goes nowhere. */
  cutClients() {
    for (const pair of this.#pairs) {
      pair.isDead = true;
      pair.client.destroy();
    }
  }

  /** Cuts everything once the server has said so many more bytes, and not one more of them goes through. */
  cutAfter(bytes) {
    this.#allowance = bytes;
    return new Promise((resolve) => (this.#whenCut = resolve));
  }

  /** Resolves once the server owes an answer: the last that went through was the client's. */
  asked() {
    return new Promise((resolve) => {
      if (this.#isAsked) resolve();
      else this.#whenAsked = resolve;
    });
  }

  #join(client, server) {
    const pair = { client, server, isDead: false };
    this.#pairs.add(pair);
    client.setNoDelay(true);
    server.setNoDelay(true);
    client.on("data", (data) => {
      server.write(data);
      this.#isAsked = true;
      this.#whenAsked();
    });
    server.on("data", (data) => {
      if (pair.isDead) return;
      this.#isAsked = false;
      if (data.length <= this.#allowance) {
        this.#allowance -= data.length;
        client.write(data);
        return;
      }
      const last = data.subarray(0, this.#allowance);
      this.#allowance = Infinity;
      // What was let through arrives before the end.
      client.end(last, () => {
        this.cut();
        this.#whenCut();
      });
      pair.isDead = true;
    });
    for (const [one, other] of [[client, server], [server, client]]) {
      one.on("error", () => {});
      one.on("close", () => {
        if (pair.isDead && one === client) return;
        this.#pairs.delete(pair);
        other.end();
      });
    }
  }
}
