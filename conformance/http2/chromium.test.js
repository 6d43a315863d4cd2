// Chromium talks WebSocket over HTTP/2: over TLS, on the connection that has brought the page (RFC 8441).

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";

import * as page from "../rooms/page.js";
import { FLAGS, folderFor, protocolOf, serveTls } from "./tls.js";

test("both panes of the playground share one HTTP/2 connection", async (t) => {
  const [folder, { authority, origin }] = await Promise.all([folderFor(t), serveTls(t)]);
  const netLog = path.join(folder, "net.json");
  const browser = await page.launch(t, { flags: [...FLAGS, `--log-net-log=${netLog}`] });
  const tab = await page.open(t, browser, { http: origin }, "http2");
  assert.equal(await protocolOf(tab.page), "h2");
  await tab.websocket.say("over one connection");
  await tab.sse.heard.text("over one connection");
  await tab.sse.say("and back");
  await Promise.all([tab.websocket.heard.text("and back"), tab.sse.heard.text("and back")]);
  assert.deepEqual(tab.websocket.heard.lines, tab.sse.heard.lines);
  // The log is whole once its writer has ended.
  await browser.close();

  const { events } = new NetLog(JSON.parse(await readFile(netLog, "utf8")));
  const sent = events("HTTP2_SESSION_SEND_HEADERS").filter(({ headers }) => headers[":authority"] === authority);
  const asked = (path) => sent.filter(({ headers }) => headers[":path"].split("?")[0] === path);
  const [connect, ...more] = asked("/ws");
  assert.deepEqual(more, []);
  assert.equal(connect.headers[":method"], "CONNECT");
  assert.equal(connect.headers[":protocol"], "websocket");
  const answer = events("HTTP2_SESSION_RECV_HEADERS").find(
    ({ session, stream }) => session === connect.session && stream === connect.stream,
  );
  assert.equal(answer.headers[":status"], "200");
  // The page, its files, the stream of events and what was posted came on the same connection.
  for (const path of ["/", "/playground/app.js", "/sse", "/pub/http2"]) {
    assert.deepEqual(asked(path).map(({ session }) => session), [connect.session], path);
  }
});

/** What Chromium's net-internals would show. */
class NetLog {
  #log;
  constructor(log) {
    this.#log = log;
  }

  /** The events of a type that have headers, with the HTTP/2 connection and stream that they are of. */
  events = (type) => {
    const number = this.#log.constants.logEventTypes[type];
    const found = this.#log.events.filter((event) => event.type === number && event.params?.headers);
    return found.map(({ source, params }) => ({
      session: source.id,
      stream: params.stream_id,
      headers: Object.fromEntries(params.headers.map((line) => line.match(/^(:?[^:]+): (.*)$/).slice(1))),
    }));
  };
}
