// The official bundle in headless Chromium, on a page of another origin, over each transport and in both encodings.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { launch } from "../rooms/page.js";
import { WAYS } from "./clients.js";
import { start } from "./target.js";

const { resolve } = createRequire(import.meta.url);

/** A package's file for browsers: its main file is beside the folder. */
function bundle(name, file) {
  const main = resolve(name);
  return path.join(main.slice(0, main.lastIndexOf(`${path.sep}dist${path.sep}`)), "dist", "browser", file);
}

const SCRIPTS = {
  "/signalr.js": bundle("@microsoft/signalr", "signalr.js"),
  "/msgpack.js": bundle("@microsoft/signalr-protocol-msgpack", "signalr-protocol-msgpack.js"),
};

/** Serves a page with both bundles until the test ends. Resolves with its origin. */
async function servePage(t) {
  const server = http.createServer(async ({ url }, response) => {
    const script = SCRIPTS[url];
    response.setHeader("content-type", script === undefined ? "text/html; charset=utf-8" : "text/javascript");
    const scripts = Object.keys(SCRIPTS).map((src) => `<script src="${src}"></script>`);
    response.end(script === undefined ? `<!doctype html><link rel="icon" href="data:,"><title>hub</title>${scripts.join("")}` : await readFile(script));
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** In the page: connects, calls, is asked, streams both ways, and answers with what it saw. */
async function talk({ url, transport, protocol }) {
  const { signalR } = window;
  let builder = new signalR.HubConnectionBuilder()
    .withUrl(url, { transport: signalR.HttpTransportType[transport], accessTokenFactory: () => "secret:ann" })
    .configureLogging(signalR.LogLevel.None);
  if (protocol === "messagepack") builder = builder.withHubProtocol(new signalR.protocols.msgpack.MessagePackHubProtocol());
  const hub = builder.build();
  const heard = [];
  hub.on("event", (...args) => heard.push(args));
  hub.on("twice", (value) => value * 2);
  await hub.start();
  const items = [];
  await new Promise((complete, error) => hub.stream("Count", 5).subscribe({ next: (item) => items.push(item), complete, error }));
  const numbers = new signalR.Subject();
  const sum = hub.invoke("Sum", numbers);
  for (let n = 0; n < 100; n += 1) numbers.next(n);
  numbers.complete();
  const seen = {
    user: await hub.invoke("User"),
    echo: await hub.invoke("Echo", { text: "é€😀\u2028", list: [1, null] }),
    failed: await hub.invoke("Refuse", "no").catch((error) => error.message),
    asked: await hub.invoke("Ask", null, "twice", 21),
    items,
    sum: await sum,
  };
  if (protocol === "messagepack") seen.bytes = [...(await hub.invoke("Echo", new Uint8Array([0, 255])))];
  await hub.invoke("Send", "all", [], "event", "for all");
  await hub.invoke("Nothing");
  const closed = new Promise((done) => hub.onclose((error) => done(error?.message ?? "no error")));
  hub.send("Abort").catch(() => {});
  return { ...seen, heard, closed: await closed };
}

test("pages of another origin", async (t) => {
  const origin = await servePage(t);
  const [browser, server] = await Promise.all([launch(t), start(t, { origins: [origin], token: "secret" })]);
  for (const [transport, protocol] of WAYS) {
    await t.test(`${transport} in ${protocol}`, async () => {
      const page = await browser.newPage();
      const complaints = [];
      page.on("pageerror", (error) => complaints.push(error.message));
      await page.goto(`${origin}/`);
      const { bytes, ...seen } = await page.evaluate(talk, { url: `${server.http}/hubs/default`, transport, protocol });
      assert.deepEqual(seen, {
        user: "ann",
        echo: { text: "é€😀\u2028", list: [1, null] },
        failed: "An unexpected error occurred invoking 'Refuse' on the server. HubException: no",
        asked: 42,
        items: [0, 1, 2, 3, 4],
        sum: 4950,
        heard: [["for all"]],
        closed: "no error",
      });
      assert.deepEqual(bytes, protocol === "messagepack" ? [0, 255] : undefined);
      assert.deepEqual(complaints, []);
      await page.close();
    });
  }
});
