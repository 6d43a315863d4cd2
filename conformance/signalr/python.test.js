// PyPI signalrcore and pysignalr: clients that are not by the authors of the reference.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { share } from "./target.js";

const PYTHON = process.env.PYTHON ?? "python3";
const SCRIPT = `${import.meta.dirname}/python_client.py`;

const WAYS = [
  { client: "signalrcore", protocol: "json", transport: "web_sockets" },
  { client: "signalrcore", protocol: "messagepack", transport: "web_sockets" },
  { client: "signalrcore", protocol: "json", transport: "server_sent_events" },
  // It takes one message of each answer to a poll, and those behind it with the next answers: empty ones, when nothing else is said.
  { client: "signalrcore", protocol: "json", transport: "long_polling", pollTimeout: 100 },
  { client: "pysignalr", protocol: "json" },
  { client: "pysignalr", protocol: "messagepack" },
];

for (const { pollTimeout, ...way } of WAYS) {
  test(Object.values(way).join(", "), async () => {
    const server = await share(pollTimeout === undefined ? {} : { pollTimeout });
    const options = JSON.stringify({ url: `${server.http}/hubs/default`, ...way });
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, options], { timeout: 60_000 });
    assert.deepEqual(JSON.parse(stdout), {
      sum: 5,
      echo: { text: "é€😀", list: [1, null] },
      failed: "An unexpected error occurred invoking 'Refuse' on the server. HubException: no",
      items: [0, 1, 2, 3, 4],
      heard: ["for it alone"],
    });
  });
}
