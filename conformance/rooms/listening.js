// A server as a process of its own, that says where it listens: in a line `listening on <address>`.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

/** Starts a program. `address` is where it listens, or fails with all that it said if it ends before; `log` are the lines that
 * it wrote so far. */
export function launch(name, program, args) {
  // Its input stays open for as long as we live: one that reads it ends with us.
  const child = spawn(program, args, { stdio: ["pipe", "pipe", "pipe"] });
  // It may end before its input does.
  child.stdin.on("error", () => {});
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
    child.once("close", (code) => reject(new Error(`${name} ended with ${code}:\n${log.join("\n")}`)));
  });
  const exited = new Promise((resolve) => {
    child.once("exit", resolve);
    // It was never started.
    child.once("error", () => resolve(null));
  });
  /** Ends it, if it has not ended. Resolves with its exit code, null after SIGKILL. */
  const stop = (signal) => {
    child.kill(signal);
    return exited;
  };
  return { address, log, stop };
}
