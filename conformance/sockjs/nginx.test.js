// nginx in between: as it comes, as our documentation has it, and set to collect whatever it is told. The official client finds
// what works, in Node and in Chromium.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launch } from "../rooms/page.js";
import { within } from "../socketio/patience.js";
import { Client } from "./client.js";
import { Exchange, ask } from "./exchange.js";
import { nginx, documented, PLAIN, STUBBORN } from "./nginx.js";
import { SCRIPT, pages, talk } from "./page.js";
import { share } from "./target.js";

const DOCUMENTED = await documented();

/** For how long a client waits for a transport of which nothing comes: by itself, some 600 ms here, which a machine that has
 * other things to do may need. */
const IMPATIENT = 1000;
/** The same, where one works that comes before those of which nothing does. */
const PATIENT = 8000;

/** Where a client ends that may do what it likes, by server and nginx. */
const ENDS_AT = [
  // nginx heeds the header that the reference does not send.
  ["everywire", "as it comes", PLAIN, "xhr-streaming"],
  ["reference", "as it comes", PLAIN, "xhr-polling"],
  ["everywire", "that collects all", STUBBORN, "xhr-polling"],
  ["everywire", "as documented", DOCUMENTED, "websocket"],
  ["reference", "as documented", DOCUMENTED, "websocket"],
];

/** How a request to this address went that has ended, as soon as it has. */
async function seen(front, name) {
  const find = async () => {
    for (;;) {
      const line = (await front.asked()).find((line) => line.includes(`/${name} `));
      if (line !== undefined) return line.replace(/\/echo\/\d+\/\w+/, "");
    }
  };
  return within(find(), `${name} at nginx`);
}

for (const [which, how, inLocation, transport] of ENDS_AT) {
  test(`${which} behind an nginx ${how}: ${transport}`, async (t) => {
    const front = await nginx(t, await share(which), inLocation);
    const timeout = transport === "xhr-polling" ? IMPATIENT : PATIENT;
    const client = await Client.open(t, front, "/echo", undefined, { timeout });
    assert.equal(client.transport, transport);
    const numbers = Array.from({ length: 200 }, (_, n) => String(n));
    client.send(...numbers);
    assert.deepEqual(await client.hear(numbers.length), numbers);
    const long = `${"é😀".repeat(50_000)}!`;
    client.send("!long 300000", long);
    assert.deepEqual(await client.hear(2), ["x".repeat(300_000), long]);
    client.send("!end");
    assert.deepEqual(await within(client.closed, "an end"), [1000, "Normal closure", true]);
    const leaving = await Client.open(t, front, "/echo", [transport]);
    leaving.close(3001, "enough");
    assert.deepEqual(await within(leaving.closed, "its end"), [3001, "enough", true]);
  });
}

// Left to itself the client has no patience left for events after it has waited for `xhr_streaming`: the clocks of what failed
// before go on in 1.6.1. So each is tried alone.
test("what comes of streams at an nginx that collects all", async (t) => {
  const front = await nginx(t, await share("everywire"), STUBBORN);
  for (const [name, transport, outcome] of [
    ["websocket", "websocket", "GET /websocket 400 29"],
    // Given up by the client when not one byte had come through.
    ["xhr_streaming", "xhr-streaming", "POST /xhr_streaming 499 0"],
    ["eventsource", "eventsource", "GET /eventsource 499 0"],
  ]) {
    const client = await Client.open(t, front, "/echo", [transport, "xhr-polling"], { timeout: IMPATIENT });
    assert.equal(client.transport, "xhr-polling");
    assert.equal(await seen(front, name), outcome);
    client.close();
  }
});

for (const [how, inLocation] of [["as it comes", PLAIN], ["as documented", DOCUMENTED]]) {
  test(`frames pass an nginx ${how} while the response goes on`, async (t) => {
    const server = await share("everywire", { heartbeatDelay: 60_000 });
    const front = await nginx(t, server, inLocation);
    for (const [method, name, frame] of [
      ["POST", "xhr_streaming", (text) => `a["${text}"]\n`],
      ["GET", "eventsource", (text) => `data: a["${text}"]\r\n\r\n`],
      ["GET", "htmlfile?c=x", (text) => `p("a[\\"${text}\\"]");`],
    ]) {
      const address = `/echo/000/${name.slice(0, 4)}${inLocation.length}`;
      const stream = await Exchange.open(front, { method, path: `${address}/${name}` });
      await stream.says(name.startsWith("html") ? 'p("o");' : name.startsWith("event") ? "data: o\r\n\r\n" : "h\no\n");
      for (const text of ["one", "two"]) {
        const { status } = await ask(front, { method: "POST", path: `${address}/xhr_send`, body: JSON.stringify([text]) });
        assert.equal(status, 204);
        await stream.says(frame(text));
      }
      assert.equal(stream.ended, false);
      // Who hangs up at nginx has hung up here.
      stream.abort();
      for (;;) {
        const { status } = await ask(front, { method: "POST", path: `${address}/xhr_send`, body: "[]" });
        if (status === 404) break;
      }
    }
  });
}

test("Chromium behind nginx", async (t) => {
  const open = await pages(await launch(t));
  const texts = ["a", "", "é😀\u2028\u0001%\"\\/</script><b>", "x".repeat(100_000), "the last"];
  for (const [how, inLocation, path, transport] of [
    ["as it comes", PLAIN, "/echo", "xhr-streaming"],
    ["that collects all", STUBBORN, "/echo", "xhr-polling"],
    ["as documented", DOCUMENTED, "/echo", "websocket"],
    ["as documented, where there is no WebSocket", DOCUMENTED, "/disabled_websocket_echo", "xhr-streaming"],
  ]) {
    await t.test(`${how}: ${transport}`, async (t) => {
      // Told the host that the page knows, a server knows its own pages; else they are of another origin than it.
      const origins = inLocation === DOCUMENTED ? [] : ["*"];
      const front = await nginx(t, await share("everywire", { sockjsUrl: SCRIPT, origins }), inLocation);
      const page = await open(`${front.url}/echo/`);
      const timeout = transport === "xhr-polling" ? IMPATIENT : PATIENT;
      const seen = await page.evaluate(talk, { url: `${front.url}${path}`, texts, timeout });
      // On a busy machine the first poll may take longer than an impatient client waits: then it polls in an iframe.
      const by = transport === "xhr-polling" ? seen.by.replace(/^iframe-/, "") : seen.by;
      assert.deepEqual({ ...seen, by }, { by: transport, heard: texts, code: 1000, reason: "Normal closure" });
      await page.close();
    });
  }
});
