// The official bundle in headless Chromium, on a page of the server's own origin and on one of another, by each transport.

import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { launch } from "../rooms/page.js";
import { share } from "./target.js";

const { resolve } = createRequire(import.meta.url);
const BUNDLE = path.join(path.dirname(resolve("sockjs-client/package.json")), "dist", "sockjs.js");

const ANYWHERE = ["websocket", "xhr-streaming", "eventsource", "iframe-eventsource", "iframe-htmlfile", "xhr-polling", "iframe-xhr-polling", "jsonp-polling"];
/** By transport: those that need the server's own origin too. */
const WAYS = { same: [...ANYWHERE, "htmlfile"], other: ANYWHERE };

/** A page of another site, until the test ends. */
async function servePage(t) {
  const server = http.createServer((_, response) => response.end("nothing is here"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${server.address().port}/`;
}

/** In the page: connects by this transport, talks, and answers with what it saw. */
function talk({ url, transport, texts }) {
  return new Promise((done) => {
    const heard = [];
    const socket = new window.SockJS(url, null, { transports: [transport], timeout: 8000 });
    socket.onopen = () => texts.forEach((text) => socket.send(text));
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length === texts.length) socket.send("!end");
    };
    socket.onclose = ({ code, reason }) => done({ by: socket.transport ?? transport, heard, code, reason });
  });
}

for (const origin of ["same", "other"]) {
  test(`Chromium, on a page of ${origin === "same" ? "the server's own" : "another"} origin`, async (t) => {
    const browser = await launch(t);
    const script = "http://bundle.example/sockjs.js";
    const server = await share("everywire", { sockjsUrl: script, responseLimit: 8192 });
    const context = await browser.newContext();
    const bundle = await readFile(BUNDLE, "utf8");
    await context.route(script, (route) => route.fulfill({ contentType: "text/javascript", body: bundle }));
    // The greeting is a page as good as any.
    const address = origin === "same" ? `${server.url}/echo/` : await servePage(t);
    const open = async () => {
      const page = await context.newPage();
      await page.goto(address);
      await page.addScriptTag({ content: bundle });
      return page;
    };
    for (const transport of WAYS[origin]) {
      await t.test(transport, async () => {
        const page = await open();
        const texts = ["a", "", "é😀\u2028\u0001%\"\\/</script><b>", "x".repeat(10_000), "the last"];
        const seen = await page.evaluate(talk, { url: `${server.url}/echo`, transport, texts });
        assert.deepEqual(seen, { by: transport, heard: texts, code: 1000, reason: "Normal closure" });
        await page.close();
      });
    }
    // Whatever works, where the WebSocket does not.
    await t.test("falls back", async () => {
      const page = await open();
      const seen = await page.evaluate(
        (url) =>
          new Promise((done) => {
            const socket = new window.SockJS(url);
            socket.onopen = () => done(socket.transport);
            socket.onclose = ({ code }) => done(code);
          }),
        `${server.url}/disabled_websocket_echo`,
      );
      assert.equal(seen, "xhr-streaming");
    });
  });
}
