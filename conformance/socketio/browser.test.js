// Official bundles in headless Chromium, on a page of another origin.

import assert from "node:assert/strict";
import { test } from "node:test";

import { launch } from "../rooms/page.js";
import { servePages } from "./page.js";
import { differs, start } from "./target.js";

/** In the page: connects, sends values there and back, and answers with what it saw. */
async function talk({ url, options }) {
  const { io } = window;
  const socket = io(url, { forceNew: true, reconnection: false, ...options });
  const call = (event, ...args) => new Promise((resolve) => socket.emit(event, ...args, (...answer) => resolve(answer)));
  const plain = (value) => {
    if (value instanceof ArrayBuffer) return { bytes: [...new Uint8Array(value)] };
    if (ArrayBuffer.isView(value)) return { bytes: [...new Uint8Array(value.buffer, value.byteOffset, value.byteLength)] };
    if (Array.isArray(value)) return value.map(plain);
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, plain(inner)]));
  };
  await new Promise((resolve, reject) => {
    socket.once("connect", resolve);
    for (const event of ["connect_error", "error"]) socket.once(event, (error) => reject(new Error(`${event}: ${error.message ?? error}`)));
  });
  const { engine } = socket.io;
  const wanted = options.transports?.at(-1) ?? (options.forceJSONP ? "polling" : "websocket");
  if (engine.transport.name !== wanted) await new Promise((resolve) => engine.once("upgrade", resolve));
  const buffer = (...values) => new Uint8Array(values).buffer;
  const echoed = new Promise((resolve) => socket.once("echo", (...args) => resolve(args)));
  socket.on("q", (...args) => args.pop()("answer", buffer(9)));
  const text = plain(await call("echo_ack", "é€😀\u2028", { a: [1, null] }, "x".repeat(5000)));
  const binary = plain(await call("echo_ack", { deep: [buffer(1, 2)] }, buffer()));
  socket.emit("echo", 1, buffer(3));
  const echo = plain(await echoed);
  const [{ answer }] = await call("ask", 10_000, "q", []);
  window.leave = () => socket.disconnect();
  return { text, binary, echo, answer: plain(answer), transport: engine.transport.name, cookie: document.cookie, sid: engine.id };
}

const EXPECTED = {
  text: ["é€😀\u2028", { a: [1, null] }, "x".repeat(5000)],
  binary: [{ deep: [{ bytes: [1, 2] }] }, { bytes: [] }],
  echo: [1, { bytes: [3] }],
  answer: ["answer", { bytes: [9] }],
};

const TRANSPORTS = { polling: ["polling"], websocket: ["websocket"], upgrade: ["polling", "websocket"] };

test("pages of another origin", async (t) => {
  const origin = await servePages(t);
  const cors = { origin, credentials: true };
  const [browser, json, msgpack] = await Promise.all([
    launch(t),
    start(t, { cors, allowEIO3: true, cookie: true, legacyBrowserTransports: true }),
    start(t, { cors, parser: "msgpack" }),
  ]);
  for (const [bundle, server] of [
    ["4", json],
    ["4-msgpack", msgpack],
    ["3", json],
    ["2", json],
  ]) {
    const page = await browser.newPage();
    const complaints = [];
    page.on("pageerror", (error) => complaints.push(error.message));
    // A poll that is on its way when its client leaves comes to a session that is over: the browser says so.
    const left = [];
    const isLate = (url) => left.some((sid) => url.includes(`sid=${sid}`));
    page.on("console", (message) => {
      if (message.type() === "error" && !isLate(message.location().url)) complaints.push(message.text());
    });
    await page.goto(`${origin}/${bundle}`);
    const ways = Object.entries(TRANSPORTS).map(([way, transports]) => [way, { transports }]);
    ways.push(["credentials", { withCredentials: true, transports: ["polling"] }]);
    if (bundle === "2") ways.push(["JSONP", { forceJSONP: true, transports: ["polling"] }]);
    for (const [way, options] of ways) {
      await t.test(`${bundle}, ${way}`, async () => {
        const { transport, cookie, sid, ...heard } = await page.evaluate(talk, { url: server.http, options });
        assert.deepEqual(heard, EXPECTED);
        assert.equal(transport, options.transports.at(-1));
        // It is for HTTP only.
        assert.equal(cookie, "");
        assert.deepEqual(complaints, []);
        left.push(sid);
        await page.evaluate(() => window.leave());
      });
    }
    await page.close();
  }
  if (!differs("a script for a page that is not allowed is refused")) return;
  await t.test("of one that is not allowed, by JSONP", async (t) => {
    const page = await browser.newPage();
    await page.goto(`${await servePages(t)}/2`);
    const options = { forceJSONP: true, transports: ["polling"] };
    await assert.rejects(page.evaluate(talk, { url: json.http, options }), /jsonp poll error/);
    await page.close();
  });
});
