// The hub under test, as `app.md` has it.

import { after } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { launch } from "../rooms/listening.js";
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
  const { address, log, stop } = launch("the hub", built("signalr_conformance"), [JSON.stringify(options)]);
  atEnd(test, () => stop("SIGKILL"));
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, options, log, stop };
}
