// The hub under test, as `app.md` has it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { createInterface } from "node:readline";
import { after } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { built } from "../rooms/server.js";

const shared = new Map();
const endings = [];
after(async () => {
  while (endings.length > 0) await endings.pop()();
});

/** For `atEnd`: what is started for it ends with the whole file of stories. */
export const file = { after: (end) => endings.push(end) };

/** The hub with these options, one for all stories of a file that ask for the same. */
export function share(options = {}) {
  const key = JSON.stringify(options);
  if (!shared.has(key)) shared.set(key, start(file, options));
  return shared.get(key);
}

/** Runs the hub with these options until the test ends. */
export async function start(test, options = {}) {
  const child = spawn(built("signalr_conformance"), [JSON.stringify(options)], { stdio: ["ignore", "pipe", "pipe"] });
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
    child.once("exit", (code) => reject(new Error(`the hub ended with ${code}:\n${log.join("\n")}`)));
  });
  const exited = once(child, "exit");
  const stop = async (signal) => {
    child.kill(signal);
    return (await exited)[0];
  };
  atEnd(test, () => stop("SIGKILL"));
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, options, log, stop };
}
