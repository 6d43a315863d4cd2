// SockJS and STOMP over HTTP/2 and TLS, with the official bundles in Chromium: each transport brings more than a stream's window,
// and more than a streaming response has.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import { launch } from "../rooms/page.js";
import { ofClient } from "../rooms/server.js";
import { FLAGS, protocolOf, serveTls } from "./tls.js";

const { resolve } = createRequire(import.meta.url);
const STOMP = path.join(path.dirname(resolve("@stomp/stompjs")), "stomp.umd.js");
const SOCKJS = ofClient("sockjs", "dist", "sockjs.js");

const TRANSPORTS = ["websocket", "xhr-streaming", "eventsource", "xhr-polling", "iframe-eventsource", "iframe-htmlfile", "iframe-xhr-polling", "jsonp-polling"];

/** In the page: publishes these bodies, one after the other, and answers with what of them came back. */
async function talk({ url, transport, sizes }) {
  const { StompJs, SockJS } = window;
  let socket;
  const client = new StompJs.Client({ reconnectDelay: 0 });
  client.webSocketFactory = () => (socket = new SockJS(url, null, { transports: [transport], timeout: 8000 }));
  const closed = new Promise((done) => (client.onWebSocketClose = ({ code }) => done(code)));
  await new Promise((done, fail) => {
    client.onConnect = done;
    client.onStompError = ({ body }) => fail(new Error(body));
    closed.then((code) => fail(new Error(`closed with ${code}`)));
    client.activate();
  });
  const destination = `/topic/${transport}`;
  const bodies = sizes.map((size, i) => `${i}é😀${String.fromCharCode(97 + i).repeat(size)}`);
  const heard = [];
  const all = new Promise((done) => {
    client.watchForReceipt("joined", () => bodies.forEach((body) => client.publish({ destination, body, headers: { "content-type": "text/plain" } })));
    client.subscribe(destination, ({ body }) => heard.push(body) === bodies.length && done(), { receipt: "joined" });
  });
  await Promise.race([all, closed.then((code) => Promise.reject(new Error(`closed with ${code} after ${heard.length}`)))]);
  const by = socket.transport;
  await client.deactivate();
  return { by, same: heard.map((body, i) => body === bodies[i]), code: await closed };
}

test("each transport over HTTP/2", { concurrency: true }, async (t) => {
  const config = 'legacy_browser_transports = true\nsockjs.script = "/playground/sockjs.min.js"\n';
  const [{ origin }, browser] = await Promise.all([serveTls(t, config), launch(t, { flags: FLAGS })]);
  const bundles = await Promise.all([SOCKJS, STOMP].map((file) => readFile(file, "utf8")));
  const context = await browser.newContext({ ignoreHTTPSErrors: true });
  const sizes = [300_000, ...Array(10).fill(20_000), 1, 100_000, 1];
  await Promise.all(
    TRANSPORTS.map((transport) =>
      t.test(transport, async () => {
        const page = await context.newPage();
        // The greeting of SockJS is a page as good as any.
        await page.goto(`${origin}/sockjs/`);
        assert.equal(await protocolOf(page), "h2");
        for (const content of bundles) await page.addScriptTag({ content });
        const seen = await page.evaluate(talk, { url: `${origin}/stomp`, transport, sizes });
        assert.deepEqual(seen, { by: transport, same: sizes.map(() => true), code: 1000 });
        await page.close();
      }),
    ),
  );
});
