// The official bundle in headless Chromium, on a page of the server's own origin and on one of another, by each transport: the
// stories of `stories.js`, side by side, and what pages alone can do.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launch } from "../rooms/page.js";
import { Client } from "./client.js";
import { Gauges } from "./gauges.js";
import { SCRIPT, pages, servePage } from "./page.js";
import { REFUSED, STORIES } from "./stories.js";
import { share } from "./target.js";

const ANYWHERE = ["websocket", "xhr-streaming", "eventsource", "iframe-eventsource", "iframe-htmlfile", "xhr-polling", "iframe-xhr-polling", "jsonp-polling"];
/** By transport: those that need the server's own origin too. */
const WAYS = { same: [...ANYWHERE, "htmlfile"], other: ANYWHERE };

/** What all stories want of a server, so that a page, which has one server, can have them all. */
const OPTIONS = Object.assign({ sockjsUrl: SCRIPT, frames: true }, ...Object.values(STORIES).map(({ options }) => options));

/** What a page gets of the server that has its script or its frame, without asking `info` first: how the script ends, and the
 * frame's status, or why the browser does not show it. */
async function reach(page, base) {
  const [script, frame] = [`${base}/000/abcdefgh/jsonp?c=note`, `${base}/iframe.html`];
  const shown = new Promise((done) => {
    page.on("requestfinished", async (request) => request.url() === frame && done((await request.response()).status()));
    page.on("requestfailed", (request) => request.url() === frame && done(request.failure().errorText));
  });
  const ended = await page.evaluate(async ([script, frame]) => {
    window.note = () => {};
    document.body.append(Object.assign(document.createElement("iframe"), { src: frame }));
    const element = Object.assign(document.createElement("script"), { src: script });
    const end = new Promise((done) => (element.onload = element.onerror = ({ type }) => done(type)));
    document.body.append(element);
    return end;
  }, [script, frame]);
  return [ended, await shown];
}

/** Tells all stories by this transport in a page of this origin, which then goes, and nobody says so. */
async function tellAll(t, transport, page, server, at) {
  const open = (t, path) => Client.inPage(t, page, at, path, [transport]);
  for (const [name, { tell }] of Object.entries(STORIES)) {
    await t.test(name, (t) => tell({ t, which: "everywire", server, transport, open: (path) => open(t, path) }));
  }
  const client = await open(t, "/echo");
  client.send("a");
  assert.deepEqual(await client.hear(), ["a"]);
  await page.close();
}

test("Chromium", { concurrency: true }, async (t) => {
  const [browser, elsewhere, stranger] = await Promise.all([launch(t), servePage(t), servePage(t)]);
  const server = await share("everywire", { ...OPTIONS, origins: [elsewhere] });
  const gauges = await Gauges.of(t, server);
  const openPage = await pages(browser);

  const onPage = async (t, origin) => {
    // A browser has six connections to a host: a transport has a host of its own.
    const from = (name) => ({ url: `http://${name}.${origin}.localhost:${server.port}` });
    // The greeting is a page as good as any.
    const open = (at) => openPage(origin === "same" ? `${at.url}/echo/` : elsewhere);
    const ways = WAYS[origin].map((transport) =>
      t.test(transport, async (t) => {
        const at = from(transport);
        await tellAll(t, transport, await open(at), server, at);
      }),
    );
    // Whatever works, where the WebSocket does not.
    const falls = t.test("falls back", async (t) => {
      const at = from("any");
      const client = await Client.inPage(t, await open(at), at, "/disabled_websocket_echo");
      assert.equal(client.transport, "xhr-streaming");
    });
    await Promise.all([...ways, falls]);
  };
  await Promise.all([
    t.test("on a page of the server's own origin", { concurrency: true }, (t) => onPage(t, "same")),
    t.test("on a page of another origin", { concurrency: true }, (t) => onPage(t, "other")),
    t.test("on a page of an origin that is not allowed", async (t) => {
      const page = await openPage(stranger);
      const refused = (transport) => assert.rejects(Client.inPage(t, page, server, "/echo", [transport]), REFUSED);
      await Promise.all(ANYWHERE.map(refused));
      // Nor by scripts and frames that it has without asking `info` first: from `elsewhere`, both would be there.
      assert.deepEqual(await reach(page, `${server.url}/echo`), ["error", 403]);
      const may = await openPage(elsewhere);
      assert.deepEqual(await reach(may, `${server.url}/echo`), ["load", 200]);
      // Were the answer to the other page in the browser's cache: the page says itself who may show it.
      const cached = await openPage(stranger);
      await cached.route("**/iframe.html", async (route) => route.fulfill({ response: await route.fetch({ headers: {} }) }));
      assert.deepEqual(await reach(cached, `${server.url}/echo`), ["error", "net::ERR_BLOCKED_BY_RESPONSE"]);
    }),
  ]);
  await t.test("the server notices that they are gone", async () => {
    await browser.close();
    await gauges.back("pages have gone");
  });
});
