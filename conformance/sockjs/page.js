// The official bundle in headless Chromium.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";
import path from "node:path";

import { atEnd } from "../rooms/ends.js";
import { Socket } from "./socket.js";

const { resolve } = createRequire(import.meta.url);
const BUNDLE = path.join(path.dirname(resolve("sockjs-client/package.json")), "dist", "sockjs.js");

/** Where pages for iframes find the bundle: a server's `sockjsUrl`. */
export const SCRIPT = "http://bundle.example/sockjs.js";

/** What opens pages at addresses, with the bundle in them, `Socket`, and these scripts. They share the six connections that a
 * browser has to a host. */
export async function pages(browser, scripts = []) {
  const context = await browser.newContext();
  const bundle = await readFile(BUNDLE, "utf8");
  await context.route(SCRIPT, (route) => route.fulfill({ contentType: "text/javascript", body: bundle }));
  return async (address) => {
    const page = await context.newPage();
    await page.goto(address);
    for (const content of [bundle, `window.Socket = ${Socket};`, ...scripts]) await page.addScriptTag({ content });
    return page;
  };
}

/** Serves a page of another site until the test ends; returns its origin. */
export async function servePage(t) {
  const server = http.createServer((_, response) => response.end("nothing is here"));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(t, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://localhost:${server.address().port}`;
}

/** In the page: connects, says these texts, asks for the end when it has heard as many, and answers with what it saw. By these
 * transports, or whichever works, with as much time for each as the client takes it for. */
export function talk({ url, transports, texts, timeout }) {
  return new Promise((done) => {
    const heard = [];
    let by;
    const socket = new window.SockJS(url, null, { transports, timeout });
    socket.onopen = () => {
      by = socket.transport;
      texts.forEach((text) => socket.send(text));
    };
    socket.onmessage = ({ data }) => {
      heard.push(data);
      if (heard.length === texts.length) socket.send("!end");
    };
    socket.onclose = ({ code, reason }) => done({ by, heard, code, reason });
  });
}
