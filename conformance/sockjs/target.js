// Both servers under test, as `app.md` has them.

import { spawn } from "node:child_process";
import { once } from "node:events";
import path from "node:path";
import { createInterface } from "node:readline";
import { after } from "node:test";

import { built } from "../rooms/server.js";
import { within } from "../socketio/patience.js";

const shared = new Map();
const endings = [];
after(async () => {
  while (endings.length > 0) await endings.pop()();
});

/** A server with these options, one for all stories of a file that ask for the same: `everywire`, or `reference`. */
export function share(which, options = {}) {
  const key = `${which} ${JSON.stringify(options)}`;
  if (!shared.has(key)) shared.set(key, start(which, options));
  return shared.get(key);
}

async function start(which, options) {
  const json = JSON.stringify(options);
  const [program, ...args] =
    which === "reference"
      ? [process.execPath, path.join(import.meta.dirname, "reference.js"), json]
      : [built("sockjs_conformance"), json];
  const child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
  endings.push(async () => {
    child.kill("SIGKILL");
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  });
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
    child.once("exit", (code) => reject(new Error(`${which} ended with ${code}:\n${log.join("\n")}`)));
  });
  const at = await within(address, `the address of ${which}`);
  const [host, port] = at.split(":");
  return { which, host, port: Number(port), url: `http://${at}`, ws: `ws://${at}`, log };
}
