// The server under test: `SOCKETIO_TARGET=reference` is npm `socket.io`, `everywire` (the default) is ours.
//
// A scenario is the same for both. Where they differ on purpose, it asks `differs`, with a heading of `differences.md`.

import { readFileSync } from "node:fs";
import { after } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { launch } from "../rooms/listening.js";
import { built } from "../rooms/server.js";

const COMMANDS = {
  reference: [process.execPath, `${import.meta.dirname}/reference.js`],
  everywire: [built("socketio_conformance")],
};

export const name = process.env.SOCKETIO_TARGET ?? "everywire";
if (!Object.hasOwn(COMMANDS, name)) {
  throw new Error(`SOCKETIO_TARGET is ${name}; it must be one of ${Object.keys(COMMANDS).join(", ")}`);
}

export const isReference = name === "reference";

const DIFFERENCES = new Set(
  readFileSync(`${import.meta.dirname}/differences.md`, "utf8").match(/(?<=^## ).+$/gm),
);

/** Whether the server under test is ours, which differs here. The heading must stand in `differences.md`. */
export function differs(heading) {
  if (!DIFFERENCES.has(heading)) throw new Error(`differences.md has no heading "${heading}"`);
  return !isReference;
}

/** What we call an end that the reference calls so. */
const COARSER = {
  "parse error": ["forced close"],
  "transport error": ["forced close", "transport close", "transport error"],
};

/** Whether the server under test may call an end so. */
export function isReason(reason, expected) {
  const ours = differs("reasons of ends are fewer") ? COARSER[expected] : undefined;
  return (ours ?? [expected]).includes(reason);
}

const shared = new Map();
const endings = [];
after(async () => {
  while (endings.length > 0) await endings.pop()();
});

/** For `atEnd`: what is started for it ends with the whole file of stories. */
export const file = { after: (end) => endings.push(end) };

/** The conformance app with these options, one for all stories of a file that ask for the same. */
export function share(options = {}) {
  const key = JSON.stringify(options);
  if (!shared.has(key)) shared.set(key, start(file, options));
  return shared.get(key);
}

/** Runs the conformance app with these options (`app.md`) until the test ends. */
export async function start(test, options = {}) {
  const [command, ...args] = COMMANDS[name];
  const { address, log, stop } = launch(name, command, [...args, JSON.stringify(options)]);
  atEnd(test, () => stop("SIGKILL"));
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, options, log, stop };
}
