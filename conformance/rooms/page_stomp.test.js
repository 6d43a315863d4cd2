// The playground's pane of STOMP: each transport of SockJS's that a browser of today has, and what the server refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import * as page from "./page.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

/** Transports that the page offers, and where their clients hear. */
const TRANSPORTS = [
  ["websocket", /^\/stomp\/\d{3}\/\w{8}\/websocket$/],
  ["xhr-streaming", /^\/stomp\/\d{3}\/\w{8}\/xhr_streaming$/],
  ["eventsource", /^\/stomp\/\d{3}\/\w{8}\/eventsource$/],
  ["xhr-polling", /^\/stomp\/\d{3}\/\w{8}\/xhr$/],
];

const browser = await page.launch({ after });

function choose(tab, transport) {
  return tab.selectOption("#transport", transport);
}

test("each transport can be forced, by which one hears and speaks", async (t) => {
  const server = await serve(t);
  const { page: tab, stomp, sse, failures } = await page.open(t, browser, server, "forced");
  const complaints = [];
  tab.on("console", (message) => complaints.push(message.text()));
  const listening = new Set();
  const listens = (url) => {
    const { pathname } = new URL(url);
    if (pathname.startsWith("/stomp/") && !/\/(info|xhr_send)$/.test(pathname)) listening.add(pathname);
  };
  tab.on("websocket", (socket) => listens(socket.url()));
  tab.on("request", (request) => listens(request.url()));
  const options = await tab.$$eval("#transport option", (options) => options.map(({ value }) => value));
  assert.deepEqual(options, ["", ...TRANSPORTS.map(([name]) => name)]);
  for (const [transport, path] of TRANSPORTS) {
    listening.clear();
    await choose(tab, transport);
    await stomp.carrier(transport);
    await stomp.state("open");
    await stomp.news("Caught up: nothing was missed.");
    await stomp.say(`by ${transport}`);
    await sse.heard.text(`by ${transport}`);
    await sse.say(`to ${transport}`);
    await stomp.heard.text(`to ${transport}`);
    assert.ok(listening.size > 0);
    for (const pathname of listening) assert.match(pathname, path);
  }
  assert.deepEqual(stomp.heard.lines, sse.heard.lines);
  // Each own message has its time, and the pane the last one's.
  await tab.waitForFunction(() => document.querySelectorAll("#stomp .own .took").length === 4);
  assert.match((await stomp.texts(".latency"))[0], /^echo \d/);
  const marks = await stomp.texts(".mark");
  assert.deepEqual(marks, ["Joined “forced”", ...TRANSPORTS.map(([name]) => `Transport: ${name}`)]);
  // No transport does what the page's policy forbids.
  assert.deepEqual([...failures, ...complaints], []);
});

test("what is said while the transport changes is caught up with, as far as history reaches", async (t) => {
  const keepsLittle = `retention = [{ rooms = "*", messages = 5, bytes = "1MiB", age = "1h" }]`;
  const server = await serve(t, keepsLittle);
  const { page: tab, stomp } = await page.open(t, browser, server, "between");
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  let release;
  const hold = () => {
    const held = new Promise((resolve) => (release = resolve));
    return tab.route("**/stomp/info?*", (route) => held.then(() => route.continue()), { times: 1 });
  };
  await hold();
  await choose(tab, "xhr-streaming");
  await stomp.state("connecting");
  for (const text of ["one", "two"]) await speaker.publish("between", { text, name: "speaker" });
  release();
  await stomp.news("Caught up: 2 missed messages replayed.");
  await stomp.heard.count(2);

  await hold();
  await choose(tab, "eventsource");
  await stomp.state("connecting");
  for (let n = 0; n < 6; n += 1) await speaker.publish("between", { text: `${n}`, name: "speaker" });
  release();
  await stomp.news("History no longer reaches back.");
  await stomp.heard.count(7);
  assert.deepEqual(stomp.heard.messages.map(({ data }) => data.text), ["one", "two", "1", "2", "3", "4", "5"]);
  assert.deepEqual(await stomp.texts(".gap"), ["Transport: eventsource. Some messages are missing here"]);
});

test("by itself it takes the first transport that works, and says why none does", async (t) => {
  const server = await serve(t, "sockjs.websocket = false");
  const { page: tab, stomp } = await page.open(t, browser, server, "falls back");
  await stomp.carrier("xhr-streaming");
  await choose(tab, "websocket");
  await stomp.state("lost");
  assert.deepEqual(await stomp.texts(".state"), ["lost: All transports failed"]);
  await choose(tab, "");
  await stomp.carrier("xhr-streaming");
  await stomp.state("open");
});

test("an ERROR of the server's is shown, and the wire comes back", async (t) => {
  const server = await serve(t, `rule = [{ rooms = "read", allow = ["subscribe"] }]`);
  const { page: tab, stomp, failures } = await page.open(t, browser, server, "read");
  for (const [transport] of TRANSPORTS) {
    await choose(tab, transport);
    await stomp.carrier(transport);
    await stomp.state("open");
    const why = `you may not publish to the room "read"`;
    await stomp.say("may I?");
    await stomp.problem(`Not sent: ${why}`);
    await tab.waitForFunction(
      (mark) => [...document.querySelectorAll("#stomp .mark")].at(-1).textContent === mark,
      `Connection lost: ${why}`,
    );
    await stomp.state("open");
    assert.equal(await tab.inputValue("#stomp textarea"), "may I?");
  }
  // In a room that it may not enter, there is no use in coming back.
  await tab.fill("#room", "shut");
  await tab.press("#room", "Enter");
  await stomp.state("refused");
  assert.deepEqual(await stomp.texts(".state"), [`refused: you may not subscribe to the room "shut"`]);
  assert.deepEqual(failures, []);
});

test("by every transport a server is found again that was away", async (t) => {
  // As in page.test.js: an address at which nobody else takes the port meanwhile.
  let server = await serve(t, "", { listen: "127.0.0.3:0" });
  const { page: tab, stomp, sse } = await page.open(t, browser, server, "away");
  for (const [index, [transport]] of TRANSPORTS.entries()) {
    await choose(tab, transport);
    await stomp.carrier(transport);
    await stomp.state("open");
    await server.stop("SIGKILL");
    server = await serve(t, "", { listen: server.authority });
    // SockJS's `eventsource` tries by itself, and knows that its session is lost when there is another server.
    const losses = (n) => [...document.querySelectorAll("#stomp .mark")].filter((mark) => mark.textContent.startsWith("Connection lost")).length === n;
    await tab.waitForFunction(losses, index + 1);
    await Promise.all([stomp, sse].map((pane) => pane.state("open")));
    await stomp.carrier(transport);
    await stomp.say(`again by ${transport}`);
    await Promise.all([stomp, sse].map(({ heard }) => heard.text(`again by ${transport}`)));
  }
});
