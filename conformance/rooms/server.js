// The server as anybody starts it: the binary, on a free port, with a configuration file if the story needs one.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { atEnd } from "./ends.js";

const ROOT = path.resolve(import.meta.dirname, "../..");
const BUILT = path.resolve(ROOT, process.env.CARGO_TARGET_DIR ?? "target", "debug");

/** A program that Cargo built, such as `everywire` or `examples/lines`. */
export function built(name) {
  return path.join(BUILT, name);
}

/** The official Socket.IO client's bundles for browsers, from its npm package. */
export const CLIENT_ASSETS = path.resolve(ROOT, "conformance/node_modules/socket.io-client/dist");

const BINARY = process.env.EVERYWIRE_BIN ?? built("everywire");

/** Runs `everywire serve` for this test, with this configuration (TOML), until the test ends. The playground finds the Socket.IO
 * client on it, unless it is to have no `assets`: tests have no network. */
export async function serve(test, config = "", { listen = "127.0.0.1:0", assets = CLIENT_ASSETS } = {}) {
  const folder = await mkdtemp(path.join(tmpdir(), "everywire-"));
  const file = path.join(folder, "everywire.toml");
  await writeFile(file, config);
  const options = ["--listen", listen, "--config", file, ...(assets ? ["--client-assets", assets] : [])];
  const child = spawn(BINARY, ["serve", ...options], { stdio: ["ignore", "pipe", "pipe"] });
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
    child.once("close", (code) => reject(new Error(`everywire ended with ${code}:\n${log.join("\n")}`)));
  });
  const stop = async (signal) => {
    if (child.exitCode !== null || child.signalCode !== null) return;
    const exited = once(child, "exit");
    child.kill(signal);
    await exited;
  };
  atEnd(test, async () => {
    await stop("SIGKILL");
    await rm(folder, { recursive: true });
  });
  const authority = await address;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, log, stop };
}
