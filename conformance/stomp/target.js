// The servers under test: ours, as `app.md` has it, and RabbitMQ for what both do.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after, test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { built } from "../rooms/server.js";
import { startRabbitMq } from "./rabbitmq.js";

/** `everywire`, or `rabbitmq`. */
export const TARGET = process.env.STOMP_TARGET ?? "everywire";
export const IS_OURS = TARGET === "everywire";
if (!["everywire", "rabbitmq"].includes(TARGET)) throw new Error(`STOMP_TARGET is everywire or rabbitmq, not ${TARGET}`);

const shared = new Map();
const endings = [];
after(async () => {
  while (endings.length > 0) await endings.pop()();
});

/** For `atEnd`: what is started for it ends with the whole file of stories. */
export const file = { after: (end) => endings.push(end) };

/** Ways that clients have to the server: ours has SockJS beside WebSocket. */
export const WAYS = IS_OURS ? ["plain", "subprotocol", "websocket", "xhr-streaming", "eventsource", "xhr-polling"] : ["plain"];

/** A story of what both have, by each of these ways, side by side; it gets a server with these options. */
export function story(name, ways, options, tell) {
  const possible = ways.filter((way) => WAYS.includes(way));
  if (possible.length === 0) return;
  test(name, { concurrency: true }, async (t) => {
    const server = await share(options);
    await Promise.all(possible.map((way) => t.test(way, (t) => tell(t, server, way))));
  });
}

/** A story of what ours alone has. */
export const own = IS_OURS ? story : () => {};

/** The server with these options, one for all stories of a file that ask for the same. RabbitMQ has none of them. */
export function share(options = {}) {
  const key = IS_OURS ? JSON.stringify(options) : "";
  if (!shared.has(key)) shared.set(key, IS_OURS ? start(file, options) : startRabbitMq(file));
  return shared.get(key);
}

/** Runs our server with these options until the test ends. */
export async function start(test, options = {}) {
  const child = spawn(built("stomp_conformance"), [JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  const address = new Promise((resolve, reject) => {
    for (const stream of [child.stdout, child.stderr]) {
      createInterface(stream).on("line", (line) => {
        log.push(line);
        const listening = /^listening on (\S+)$/.exec(line);
        if (listening) resolve(listening[1]);
      });
    }
    child.once("error", reject);
    child.once("exit", (code) => reject(new Error(`the server ended with ${code}:\n${log.join("\n")}`)));
  });
  const exited = once(child, "exit");
  const stop = async (signal) => {
    child.kill(signal);
    return (await exited)[0];
  };
  atEnd(test, () => stop("SIGKILL"));
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, log, stop };
}
