// The official bundle in headless Chromium, on a page of the server's own origin and on one of another, by each transport.

import assert from "node:assert/strict";
import { once } from "node:events";
import http from "node:http";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { launch } from "../rooms/page.js";
import { SCRIPT, pages, talk } from "./page.js";
import { share } from "./target.js";

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

for (const origin of ["same", "other"]) {
  test(`Chromium, on a page of ${origin === "same" ? "the server's own" : "another"} origin`, async (t) => {
    const browser = await launch(t);
    const server = await share("everywire", { sockjsUrl: SCRIPT, responseLimit: 8192 });
    // The greeting is a page as good as any.
    const address = origin === "same" ? `${server.url}/echo/` : await servePage(t);
    const open = await pages(browser);
    for (const transport of WAYS[origin]) {
      await t.test(transport, async () => {
        const page = await open(address);
        const texts = ["a", "", "é😀\u2028\u0001%\"\\/</script><b>", "x".repeat(10_000), "the last"];
        const seen = await page.evaluate(talk, { url: `${server.url}/echo`, transports: [transport], texts, timeout: 8000 });
        assert.deepEqual(seen, { by: transport, heard: texts, code: 1000, reason: "Normal closure" });
        await page.close();
      });
    }
    // Whatever works, where the WebSocket does not.
    await t.test("falls back", async () => {
      const page = await open(address);
      const { by } = await page.evaluate(talk, { url: `${server.url}/disabled_websocket_echo`, texts: ["a"] });
      assert.equal(by, "xhr-streaming");
    });
  });
}
