// An nginx of a story's own in front of a server: one process, without privileges, from a configuration in a folder that goes
// with it.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { atEnd } from "../rooms/ends.js";
import { built } from "../rooms/server.js";
import { within } from "../socketio/patience.js";

/** As `NGINX` says, as Debian has it, or as `cargo xtask test nginx` has unpacked it. */
const PROGRAM = process.env.NGINX ?? ["/usr/sbin/nginx", built("../tools/debian/usr/sbin/nginx")].find(existsSync);
/** For a port that somebody else took between our looking for it and nginx's taking it. */
const TRIES = 5;

/** What forwards as little as it may: HTTP/1.0, no upgrades, and answers when they are whole. */
export const PLAIN = "";

/** The same, whatever the server says of an answer. */
export const STUBBORN = "proxy_ignore_headers X-Accel-Buffering;";

/** What our documentation says. */
export async function documented() {
  const text = await readFile(path.resolve(import.meta.dirname, "../../docs/sockjs.md"), "utf8");
  const [, inLocation] = /```nginx\n[^]*?location[^]*?proxy_pass [^;]*;\n([^}]*?)\n *\}/.exec(text);
  return inLocation;
}

function configuration(folder, port, server, inLocation) {
  const folders = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"].map((name) => `${name}_temp_path ${folder}/${name};`);
  return `
    daemon off;
    master_process off;
    pid ${folder}/pid;
    error_log stderr notice;
    events { worker_connections 256; }
    http {
      log_format asked "$request_method $uri $status $body_bytes_sent";
      access_log ${folder}/asked asked;
      ${folders.join("\n      ")}
      map $http_upgrade $connection_upgrade { default upgrade; '' ''; }
      server {
        listen 127.0.0.1:${port};
        location / {
          proxy_pass http://${server.host}:${server.port};
          ${inLocation}
        }
      }
    }`;
}

async function freePort() {
  const server = net.createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address();
  server.close();
  await once(server, "close");
  return port;
}

/** Runs nginx in front of this server until the test ends, with these lines where it forwards: an address as the server's. */
export async function nginx(test, server, inLocation) {
  const folder = await mkdtemp(path.join(tmpdir(), "everywire-nginx-"));
  atEnd(test, () => rm(folder, { recursive: true }));
  for (let tries = 1; ; tries += 1) {
    const port = await freePort();
    const file = path.join(folder, "nginx.conf");
    await writeFile(file, configuration(folder, port, server, inLocation));
    const log = await start(test, folder, file);
    const host = "127.0.0.1";
    /** The requests that have ended, as `GET /echo/info 200 79`. */
    const asked = async () => (await readFile(path.join(folder, "asked"), "utf8")).trimEnd().split("\n");
    if (log === undefined) return { host, port, url: `http://${host}:${port}`, ws: `ws://${host}:${port}`, asked };
    if (tries === TRIES || !log.includes("Address already in use")) throw new Error(`nginx does not start:\n${log}`);
  }
}

/** What it said, if it does not come up. */
async function start(test, folder, file) {
  if (PROGRAM === undefined) throw new Error("there is no nginx: `cargo xtask test nginx` gets one");
  const child = spawn(PROGRAM, ["-p", folder, "-e", "stderr", "-c", file], { stdio: ["ignore", "ignore", "pipe"] });
  const closed = new Promise((resolve) => child.once("close", resolve));
  atEnd(test, async () => {
    child.kill("SIGTERM");
    await closed;
  });
  const log = [];
  // It says what it polls by once it listens.
  const isUp = new Promise((resolve, reject) => {
    createInterface(child.stderr).on("line", (line) => {
      log.push(line);
      if (/using the "\w+" event method/.test(line)) resolve(true);
    });
    child.once("error", reject);
    child.once("close", () => resolve(false));
  });
  return (await within(isUp, "nginx")) ? undefined : log.join("\n");
}
