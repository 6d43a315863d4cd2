// The server as anybody starts it: the binary, on a free port, with a configuration file if the story needs one.

import { copyFile, mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";

import { atEnd } from "./ends.js";
import { launch } from "./listening.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUILT = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug");

/** A program that Cargo built, such as `everywire` or `examples/lines`. */
export function built(name) {
  return path.join(BUILT, name);
}

const MODULES = path.resolve(ROOT, "conformance/node_modules");

/** Official clients' bundles for browsers: the package, the folder in it, what the page asks of its own server, and what it
 * asks of theirs. */
export const CLIENTS = {
  socketio: { package: "socket.io-client", folder: "dist", own: "socket.io.esm.min.js", official: "socket.io.min.js" },
  signalr: { package: "@microsoft/signalr", folder: "dist/browser", own: "signalr.min.js", official: "signalr.min.js" },
  sockjs: { package: "sockjs-client", folder: "dist", own: "sockjs.min.js", official: "sockjs.min.js" },
  stompjs: { package: "@stomp/stompjs", folder: "bundles", own: "stomp.umd.min.js", official: "stomp.umd.min.js" },
};

/** A file of such a package. */
export function ofClient(client, ...file) {
  return path.join(MODULES, CLIENTS[client].package, ...file);
}

/** The folder for `--client-assets`, with all clients in it. */
async function gather(folder) {
  await mkdir(folder);
  const files = Object.entries(CLIENTS).map(([name, { folder: from, own }]) => [ofClient(name, from, own), path.join(folder, own)]);
  await Promise.all(files.map(([from, to]) => copyFile(from, to)));
  return folder;
}

const BINARY = process.env.EVERYWIRE_BIN ?? built("everywire");

/** Runs `everywire serve` for this test, with this configuration (TOML), until the test ends. The playground finds
 * official clients on it, unless it is to have no `assets`: tests have no network. */
export async function serve(test, config = "", { listen = "127.0.0.1:0", assets = true } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "everywire-"));
  const file = path.join(folder, "everywire.toml");
  await writeFile(file, config);
  const options = ["--listen", listen, "--config", file];
  if (assets) options.push("--client-assets", await gather(path.join(folder, "assets")));
  const { address, log, stop } = launch("everywire", BINARY, ["serve", ...options]);
  atEnd(test, async () => {
    await stop("SIGKILL");
    await rm(folder, { recursive: true });
  });
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, log, stop };
}
