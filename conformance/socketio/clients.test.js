// Each generation of the official client, on each transport, with each parser: what goes in comes out.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client, upgraded } from "./clients.js";
import { differs, share } from "./target.js";

const TRANSPORTS = {
  polling: ["polling"],
  websocket: ["websocket"],
  upgrade: ["polling", "websocket"],
};

const PARSERS = {
  json: { generations: [4, 3, 2], options: { allowEIO3: true } },
  // The parser of the second generation is another package.
  msgpack: { generations: [4, 3], options: { parser: "msgpack" } },
};

const bytes = (...values) => Buffer.from(values);

/** Lists of arguments that come back as they were. */
const VALUES = [
  [],
  [1, -2, 0.5, true, false, null],
  ["text", "é€😀", "\n\u2028\u0000\"\\", ""],
  [{ a: { b: [1, { c: [] }] } }, [], {}],
  [bytes(1, 2, 3)],
  [bytes()],
  [{ deep: [{ er: bytes(1) }, bytes(2, 3)] }, "between", bytes(4), bytes()],
  [bytes(...Array.from({ length: 256 }, (_, n) => n))],
  Array.from({ length: 10 }, (_, n) => bytes(n)),
  ["x".repeat(100_000), Buffer.alloc(100_000, 7)],
];

for (const [parser, { generations, options }] of Object.entries(PARSERS)) {
  for (const generation of generations) {
    for (const [transport, transports] of Object.entries(TRANSPORTS)) {
      test(`client ${generation}, ${parser}, ${transport}`, async (t) => {
        const server = await share(options);
        const client = await Client.open(t, server, { generation, transports });
        if (transport === "upgrade") await upgraded(client);

        for (const values of VALUES) assert.deepEqual(await client.callAll("echo_ack", ...values), values);
        for (const values of VALUES) client.emit("echo", ...values);
        await client.heard.count(VALUES.length);
        assert.deepEqual(client.all("echo"), VALUES);

        // The server asks, and is answered; once too late.
        client.answer("q", (...args) => [args.length, ...args]);
        for (const values of VALUES.slice(0, 9)) {
          const { answer } = await client.call("ask", 10_000, "q", values);
          assert.deepEqual(answer, [values.length, ...values]);
        }
        client.answer("silence", () => undefined);
        assert.deepEqual(await client.call("ask", 100, "silence", []), { error: "timeout" });

        // Questions of both sides at once, each with its own answer.
        const numbers = Array.from({ length: 50 }, (_, n) => n);
        const answers = numbers.map((n) => [client.call("echo_ack", n), client.call("ask", 10_000, "q", [n])]);
        assert.deepEqual(await Promise.all(answers.flat()), numbers.flatMap((n) => [n, { answer: [1, n] }]));

        await client.call("emit", { from: "self" }, "named", ["here"]);
        assert.deepEqual(client.all("named"), [["here"]]);
        client.emit("any:thing", 1, bytes(2));
        await client.settled();
        assert.deepEqual(client.all("caught"), [["any:thing", [1, bytes(2)]]]);
        assert.equal(client.transport, transports.at(-1));
      });
    }
  }
}

test("values that MessagePack has and JSON has not", async (t) => {
  const server = await share({ parser: "msgpack" });
  const client = await Client.open(t, server, { transports: ["websocket"] });
  const values = [new Date(1_700_000_000_000), Infinity, NaN, 2 ** 53 - 1, -(2 ** 40)];
  assert.deepEqual(await client.callAll("echo_ack", ...values), values);
});

test("a date is text in JSON, and what is no number is null", async (t) => {
  const server = await share({ allowEIO3: true });
  const client = await Client.open(t, server, { transports: ["websocket"] });
  const values = [new Date(1_700_000_000_000), Infinity, undefined, [() => {}], { gone: undefined }];
  assert.deepEqual(await client.callAll("echo_ack", ...values), ["2023-11-14T22:13:20.000Z", null, null, [null], {}]);
});

test("a client that stores its events until it is connected", async (t) => {
  const server = await share({ allowEIO3: true });
  const client = Client.begin(t, server);
  for (let n = 0; n < 20; n += 1) client.emit("echo", n);
  await client.heard.count(20);
  assert.deepEqual(client.all("echo"), Array.from({ length: 20 }, (_, n) => [n]));
});

test("two questions with the client's own timeouts", async (t) => {
  const server = await share({ allowEIO3: true });
  const client = await Client.open(t, server, { transports: ["websocket"] });
  assert.deepEqual(await client.socket.timeout(10_000).emitWithAck("echo_ack", "soon"), "soon");
  const unheard = client.socket.timeout(500).emitWithAck("nobody", "handles this");
  if (differs("events without a handler are answered if an answer was asked for")) {
    const { error } = await unheard;
    assert.deepEqual(Object.keys(error).slice(0, 2), ["code", "message"]);
  } else {
    await assert.rejects(unheard, /timed out/);
  }
});

test("retries are heard once", async (t) => {
  const server = await share({ allowEIO3: true });
  const client = await Client.open(t, server, { retries: 3, ackTimeout: 10_000, transports: ["websocket"] });
  const answers = await Promise.all([1, 2, 3].map((n) => client.socket.emitWithAck("echo_ack", n)));
  assert.deepEqual(answers, [1, 2, 3]);
});
