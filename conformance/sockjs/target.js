// Both servers under test, as `app.md` has them.

import path from "node:path";
import { after } from "node:test";

import { launch } from "../rooms/listening.js";
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
  const { address, log, stop } = launch(which, program, args);
  endings.push(() => stop("SIGKILL"));
  const at = await within(address, `the address of ${which}`);
  const [host, port] = at.split(":");
  return { which, host, port: Number(port), url: `http://${at}`, ws: `ws://${at}`, log };
}
