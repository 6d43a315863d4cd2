// RabbitMQ as Debian has it, with its Web STOMP: a node of its own, in a folder and on ports of its own.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import net from "node:net";
import { tmpdir } from "node:os";
import path from "node:path";
import { createInterface } from "node:readline";

import { atEnd } from "../rooms/ends.js";
import { within } from "../socketio/patience.js";

/** The script itself: the one on `PATH` wants to become another user. */
const SERVER = "/usr/lib/rabbitmq/bin/rabbitmq-server";

/** In ms: Erlang's virtual machine, a database and two plug-ins. */
const START = 120_000;

async function freePorts(count) {
  const listeners = Array.from({ length: count }, () => net.createServer());
  await Promise.all(listeners.map((listener) => once(listener.listen(0, "127.0.0.1"), "listening")));
  const ports = listeners.map((listener) => listener.address().port);
  await Promise.all(listeners.map((listener) => once(listener.close(), "close")));
  return ports;
}

/** Runs RabbitMQ until the test ends. */
export async function startRabbitMq(test) {
  const folder = await mkdtemp(path.join(tmpdir(), "everywire-rabbitmq-"));
  atEnd(test, () => rm(folder, { recursive: true }));
  const inFolder = (name) => path.join(folder, name);
  const [names, nodes, amqp, stomp] = await freePorts(4);
  await writeFile(inFolder("plugins"), "[rabbitmq_web_stomp].\n");
  const settings = [`listeners.tcp.1 = 127.0.0.1:${amqp}`, "web_stomp.tcp.ip = 127.0.0.1", `web_stomp.tcp.port = ${stomp}`, "stomp.listeners.tcp = none"];
  await writeFile(inFolder("rabbitmq.conf"), `${settings.join("\n")}\n`);
  // Its own register of names, in the foreground: else the first node starts one that outlives it.
  const environment = { ...process.env, HOME: folder, ERL_EPMD_ADDRESS: "127.0.0.1", ERL_EPMD_PORT: String(names) };
  run(test, "epmd", [], environment);
  const server = run(test, SERVER, [], {
    ...environment,
    RABBITMQ_NODENAME: `stories${nodes}@localhost`,
    RABBITMQ_DIST_PORT: String(nodes),
    RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS: "-kernel inet_dist_use_interface {127,0,0,1}",
    RABBITMQ_CONF_ENV_FILE: "/dev/null",
    RABBITMQ_CONFIG_FILE: inFolder("rabbitmq"),
    RABBITMQ_ENABLED_PLUGINS_FILE: inFolder("plugins"),
    RABBITMQ_MNESIA_BASE: inFolder("data"),
    RABBITMQ_LOG_BASE: inFolder("log"),
    RABBITMQ_PID_FILE: inFolder("pid"),
    RABBITMQ_LOGS: "-",
  });
  await within(server.says("Server startup complete"), "the start of RabbitMQ", START);
  const authority = `127.0.0.1:${stomp}`;
  return { authority, http: `http://${authority}`, ws: `ws://${authority}`, log: server.log };
}

function run(test, program, args, env) {
  const child = spawn(program, args, { env, stdio: ["ignore", "pipe", "pipe"] });
  const log = [];
  const waiting = new Map();
  const failed = new Promise((_, reject) => {
    child.once("error", (error) => reject(new Error(`${program}: ${error.message}; cargo xtask soak stomp-rabbitmq installs it`)));
    child.once("exit", (code) => reject(new Error(`${program} ended with ${code}:\n${log.slice(-20).join("\n")}`)));
  });
  // Nobody may be waiting for it by then.
  failed.catch(() => {});
  for (const stream of [child.stdout, child.stderr]) {
    createInterface(stream).on("line", (line) => {
      log.push(line);
      for (const [text, found] of waiting) if (line.includes(text)) found();
    });
  }
  const exited = once(child, "exit");
  atEnd(test, async () => {
    child.kill("SIGTERM");
    await exited;
  });
  const says = (text) => Promise.race([failed, new Promise((resolve) => waiting.set(text, resolve))]);
  return { log, says };
}
