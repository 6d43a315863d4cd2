// PyPI python-socketio: a client that is not by the authors of the reference.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { test } from "node:test";
import { promisify } from "node:util";

import { share } from "./target.js";

const PYTHON = process.env.PYTHON ?? "python3";
const SCRIPT = `${import.meta.dirname}/python_client.py`;

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };
const SERIALIZERS = { default: "json", msgpack: "msgpack" };

const hex = (bytes) => ({ hex: bytes });

for (const [serializer, parser] of Object.entries(SERIALIZERS)) {
  for (const [way, transports] of Object.entries(TRANSPORTS)) {
    test(`python-socketio, ${parser}, ${way}`, async () => {
      const server = await share({ parser });
      const options = JSON.stringify({ url: server.http, transports, serializer });
      const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, options], { timeout: 30_000 });
      const { refused, ...seen } = JSON.parse(stdout);
      assert.deepEqual(seen, {
        text: ["é€😀", { a: [1, null] }, [], "x".repeat(5000)],
        binary: [{ deep: [hex("0102")] }, hex("")],
        echo: [1, hex("03"), { b: hex("04") }],
        elsewhere: ["there"],
        answer: { answer: ["answer", hex("09"), 2] },
        who: ["/chat", { token: "secret" }, "python", true],
        numbers: Array.from({ length: 50 }, (_, n) => n),
        transport: transports.at(-1),
        ended: "server disconnect",
      });
      assert.match(refused, /not authorized|namespaces failed to connect/);
    });
  }
}
