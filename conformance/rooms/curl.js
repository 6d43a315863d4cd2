// A client of `/sse` that is `curl -N`, and publishing by `curl -d`.

import { execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { promisify } from "node:util";

import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";

export class Curl {
  /** What it heard, a `Heard`; several lives may share one. */
  heard;
  /** What an `EventSource` would send when it comes back. */
  lastEventId;
  #child;
  #exited;
  #over = false;
  #block = {};
  #begun = false;

  /** Runs `curl -N`; resolves once the stream has begun. `since` goes as `Last-Event-ID`. */
  static async open(test, url, { since, heard = new Heard("curl") } = {}) {
    const curl = new Curl(url, since, heard);
    atEnd(test, () => curl.kill());
    await curl.heard.until(() => curl.#begun || curl.#over, "the stream's first block");
    if (!curl.#begun) throw new Error(`curl has ended, and the stream of ${url} had not begun`);
    return curl;
  }

  constructor(url, since, heard) {
    this.heard = heard;
    const header = since === undefined ? [] : ["-H", `Last-Event-ID: ${since}`];
    this.lastEventId = since;
    this.#child = spawn("curl", ["-sS", "-N", "--fail", ...header, url], { stdio: ["ignore", "pipe", "inherit"] });
    this.#exited = once(this.#child, "close").finally(() => {
      this.#over = true;
      heard.poke();
    });
    let rest = "";
    this.#child.stdout.setEncoding("utf8").on("data", (text) => {
      const lines = (rest + text).split("\n");
      rest = lines.pop();
      for (const line of lines) this.#read(line);
    });
  }

  /** Kills it, as it stands; what it printed before counts, but a block that is cut in two does not. */
  async kill() {
    this.#child.kill("SIGKILL");
    await this.#exited;
  }

  /** The part of WHATWG HTML, section 9.2.6, that a program which trusts the server needs. */
  #read(line) {
    if (line !== "") {
      const [name, value] = line.split(/: ?(.*)/s, 2);
      if (name !== "") this.#block[name] = value;
      return;
    }
    const { id, event, data } = this.#block;
    this.#block = {};
    this.#begun = true;
    if (id !== undefined) this.lastEventId = id;
    if (data !== undefined) this.heard.push({ event: event ?? "message", offset: this.lastEventId, ...JSON.parse(data) });
    else this.heard.poke();
  }
}

/** Publishes by `POST`, as a shell script would. */
export async function post(server, room, data) {
  const url = `${server.http}/pub/${encodeURIComponent(room)}?event=chat`;
  const { stdout } = await promisify(execFile)("curl", ["-sS", "--fail-with-body", "-d", JSON.stringify(data), url]);
  return JSON.parse(stdout);
}
