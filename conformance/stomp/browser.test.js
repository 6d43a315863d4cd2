// The official bundles in headless Chromium, on a page of the server's own origin and on one of another, by each way.

import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import path from "node:path";
import { test } from "node:test";

import { launch } from "../rooms/page.js";
import { SCRIPT, pages, servePage } from "../sockjs/page.js";
import { freshName } from "./client.js";
import { IS_OURS, start } from "./target.js";

const { resolve } = createRequire(import.meta.url);
const BUNDLE = path.join(path.dirname(resolve("@stomp/stompjs")), "stomp.umd.js");

const WAYS = ["plain", "subprotocol", "websocket", "xhr-streaming", "eventsource", "xhr-polling", "iframe-eventsource", "jsonp-polling"];

/** In the page: connects by this way, talks, and answers with what it saw. */
async function talk({ http, way, name }) {
  const { StompJs, SockJS } = window;
  const client = new StompJs.Client({
    connectHeaders: { login: "ann", passcode: "secret" },
    heartbeatIncoming: 1000,
    heartbeatOutgoing: 1000,
    reconnectDelay: 0,
  });
  const plain = { plain: "/stomp/websocket", subprotocol: "/ws" }[way];
  if (plain === undefined) client.webSocketFactory = () => new SockJS(`${http}/stomp`, null, { transports: [way], timeout: 8000 });
  else client.brokerURL = `${http.replace("http", "ws")}${plain}`;
  const errors = [];
  client.onStompError = ({ headers, body }) => errors.push(`${headers.message}: ${body}`);
  const closed = new Promise((done) => (client.onWebSocketClose = ({ code, wasClean }) => done([code, wasClean])));
  const beats = new Promise((done) => (client.onHeartbeatReceived = done));
  const connected = await new Promise((done, fail) => {
    client.onConnect = ({ headers }) => done(headers);
    closed.then((end) => fail(new Error(`closed: ${end} ${errors}`)));
    client.activate();
  });

  const receipts = [];
  let count = 0;
  const asking = (headers = {}) => {
    count += 1;
    const receipt = `${name}:${count}`;
    const came = new Promise((done) => client.watchForReceipt(receipt, (frame) => done(receipts.push(frame.headers["receipt-id"]))));
    return [{ ...headers, receipt }, came];
  };
  const listen = async (destination, headers) => {
    const heard = [];
    let wake = () => {};
    const [asked, came] = asking(headers);
    const next = async (count) => {
      while (heard.length < count) await new Promise((done) => (wake = done));
      return heard.splice(0, count);
    };
    client.subscribe(destination, (message) => wake(heard.push(message)), asked);
    await came;
    return next;
  };
  const sure = (destination, body, headers) => {
    const [asked, came] = asking(headers);
    client.publish({ destination, body, headers: asked });
    return came;
  };

  const room = await listen(`/topic/${name}`);
  const bodies = ["a", "", "é😀\u2028\u0001%\"\\/</script><b>", '{"a":1e3}', "x".repeat(200_000), "the last"];
  for (const body of bodies) client.publish({ destination: `/topic/${name}`, body, headers: { "x-own": "a:b" } });
  const messages = await room(bodies.length);
  const isSame = messages.every(({ body }, i) => body === bodies[i]);

  const queue = await listen(`/queue/${name}`, { ack: "client-individual", "prefetch-count": "1" });
  for (const body of ["one", "two"]) await sure(`/queue/${name}`, body);
  const [first] = await queue(1);
  first.nack();
  const [again] = await queue(1);
  again.ack();
  const [second] = await queue(1);
  second.ack();

  const answers = await listen("/user/queue/answers");
  const failures = await listen("/user/queue/errors");
  await sure("/app/add", '{"a":2,"b":3}', { "reply-to": "/user/queue/answers" });
  client.publish({ destination: "/app/refuse", body: '"no"' });
  const seen = {
    user: connected["user-name"],
    isSame,
    own: messages[0].headers["x-own"],
    queued: [first, again, second].map(({ body, headers }) => [body, headers.redelivered ?? "false"]),
    answer: (await answers(1))[0].body,
    failure: JSON.parse((await failures(1))[0].body).message,
    receipts: receipts.length === count,
  };
  await beats;
  const begun = performance.now();
  await client.deactivate();
  return { ...seen, quick: performance.now() - begun < 1000, clean: (await closed)[1], errors };
}

/** In the page: how an attempt by each of these ways ends, or that it is open. */
async function attempt({ http, ways }) {
  const ends = ways.map((way) => {
    const socket = way === "plain" ? new WebSocket(`${http.replace("http", "ws")}/stomp/websocket`, "v12.stomp") : new window.SockJS(`${http}/stomp`, null, { transports: [way], timeout: 8000 });
    return new Promise((done) => {
      socket.onopen = () => done([way, "open"]);
      socket.onclose = ({ code }) => done([way, code]);
    });
  });
  return Object.fromEntries(await Promise.all(ends));
}

for (const origin of IS_OURS ? ["same", "another"] : []) {
  test(`Chromium, on a page of ${origin === "same" ? "the server's own" : "another"} origin`, { concurrency: true }, async (t) => {
    const [elsewhere, stranger] = await Promise.all([servePage(t), servePage(t)]);
    const origins = origin === "same" ? [] : [elsewhere];
    const options = { heartbeat: 1000, clientHeartbeat: 1000, legacy: true, script: SCRIPT, hosts: ["*"], origins };
    const [browser, server] = await Promise.all([launch(t), start(t, options)]);
    const open = await pages(browser, [await readFile(BUNDLE, "utf8")]);
    await Promise.all(
      WAYS.map((way) =>
        t.test(way, async () => {
          const { port } = new URL(server.http);
          // A browser has six connections to a host: a way has a host of its own.
          const http = `http://${way}.localhost:${port}`;
          // The greeting of SockJS is a page as good as any.
          const page = await open(origin === "same" ? `${http}/stomp/` : elsewhere);
          const seen = await page.evaluate(talk, { http, way, name: freshName() });
          assert.deepEqual(seen, {
            user: "ann",
            isSame: true,
            own: "a:b",
            queued: [["one", "false"], ["one", "true"], ["two", "false"]],
            answer: "5",
            failure: "no",
            receipts: true,
            quick: true,
            clean: true,
            errors: [],
          });
          await page.close();
        }),
      ),
    );
    await t.test("who is not allowed gets nowhere", async () => {
      const page = await open(stranger);
      const ways = WAYS.filter((way) => way !== "subprotocol");
      // 1002: even `info` is not for this page.
      const refused = (way) => (way === "plain" ? 1006 : 1002);
      assert.deepEqual(await page.evaluate(attempt, { http: server.http, ways }), Object.fromEntries(ways.map((way) => [way, refused(way)])));
      await page.close();
    });
  });
}
