// The clients in a real browser: a page, served by the test, with a bundle out of its npm package.

import { once } from "node:events";
import { readFile } from "node:fs/promises";
import http from "node:http";
import { createRequire } from "node:module";

import { atEnd } from "../rooms/ends.js";

const { resolve } = createRequire(import.meta.url);

const BUNDLES = {
  4: "socket.io-client/dist/socket.io.js",
  "4-msgpack": "socket.io-client/dist/socket.io.msgpack.min.js",
  3: "socket.io-client-v3/dist/socket.io.js",
  2: "socket.io-client-v2/dist/socket.io.js",
};

/** Serves one empty page for each bundle, at `/NAME`, until the test ends. Resolves with its origin. */
export async function servePages(test) {
  const server = http.createServer(async ({ url }, response) => {
    const name = url.slice(1);
    const isBundle = name.endsWith(".js");
    const bundle = BUNDLES[name.replace(/\.js$/, "")];
    if (bundle === undefined) {
      response.writeHead(404).end();
      return;
    }
    response.setHeader("content-type", isBundle ? "text/javascript" : "text/html; charset=utf-8");
    response.end(isBundle ? await readFile(path(bundle)) : `<!doctype html><link rel="icon" href="data:,"><title>${name}</title><script src="/${name}.js"></script>`);
  });
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  atEnd(test, () => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${server.address().port}`;
}

/** A package's `exports` may not name its bundles; they stand beside what they do. */
function path(bundle) {
  const [name, ...rest] = bundle.split("/");
  const main = resolve(name);
  return [main.slice(0, main.lastIndexOf(`/node_modules/${name}/`)), "node_modules", name, ...rest].join("/");
}
