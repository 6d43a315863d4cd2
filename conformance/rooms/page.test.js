// The playground does what it says: five wires, what it shows of them, and nothing that comes from anybody else.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { after, test } from "node:test";

import { atEnd } from "./ends.js";
import * as page from "./page.js";
import { npmWs, Rpc } from "./rpc.js";
import { CLIENTS, ofClient, serve } from "./server.js";

const KEEPS_LITTLE = `
[[retention]]
rooms = "*"
messages = 5
bytes = "1MiB"
age = "1h"
`;

/** The files of others that the page may load. */
const OFFICIAL = {
  socketio: "https://cdn.socket.io/4.8.4/socket.io.min.js",
  signalr: "https://cdn.jsdelivr.net/npm/@microsoft/signalr@10.0.11/dist/browser/signalr.min.js",
  sockjs: "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js",
  stompjs: "https://cdn.jsdelivr.net/npm/@stomp/stompjs@7.5.0/bundles/stomp.umd.min.js",
};

function bundle(client) {
  return readFile(ofClient(client, CLIENTS[client].folder, CLIENTS[client].official), "utf8");
}

/** Answers as the clients' own servers would; `change` may change the file. */
async function official(route, _request, change = (body) => body) {
  const [client] = Object.entries(OFFICIAL).find(([, url]) => url === route.request().url());
  const headers = { "access-control-allow-origin": "*", "content-type": "text/javascript" };
  await route.fulfill({ headers, body: change(await bundle(client)) });
}

const browser = await page.launch({ after });

test("a wire that is cut catches up, and says how much it missed", async (t) => {
  const server = await serve(t);
  const { websocket, sse, socketio, signalr, stomp, panes, failures } = await page.open(t, browser, server, "cuts", { cutsLast: true });
  for (const [cut, other] of [
    [websocket, sse],
    [sse, socketio],
    [socketio, signalr],
    [signalr, stomp],
    [stomp, websocket],
  ]) {
    const before = cut.heard.messages.length;
    await cut.press();
    await cut.state("lost");
    for (const text of ["one", "two", "three"]) await other.say(text);
    await other.heard.count(before + 3);
    assert.equal(cut.heard.messages.length, before, "it is cut");
    await cut.press();
    await cut.state("open");
    await cut.news("Caught up: 3 missed messages replayed.");
    await cut.heard.count(before + 3);
  }
  await Promise.all(panes.map(({ heard }) => heard.count(15)));
  for (const { heard } of panes) assert.deepEqual(heard.lines, sse.heard.lines);
  assert.deepEqual(failures, []);
});

test("a wire that is cut comes back without a hand", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "back");
  await opened.page.clock.install();
  for (const pane of opened.panes) {
    await pane.press();
    await pane.state("lost");
  }
  // For all at once: connections on which nothing comes for longer than this are given up.
  await opened.page.clock.fastForward("00:08");
  await Promise.all(opened.panes.map((pane) => pane.state("open")));
});

test("history that no longer reaches back is told, in all panes", async (t) => {
  const server = await serve(t, KEEPS_LITTLE);
  const { panes } = await page.open(t, browser, server, "gaps", { cutsLast: true });
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  for (const pane of panes) {
    // One mouse, one click at a time.
    await pane.press();
    await pane.state("lost");
  }
  for (let n = 0; n < 6; n += 1) await speaker.publish("gaps", { text: `${n}`, name: "speaker" });
  for (const pane of panes) {
    await pane.press();
    await pane.news("History no longer reaches back.");
    await pane.heard.count(5);
    assert.deepEqual(pane.heard.messages.map(({ data }) => data.text), ["1", "2", "3", "4", "5"]);
    assert.deepEqual(await pane.texts(".gap"), ["Connection lost: cut by hand. Some messages are missing here"]);
  }
});

test("a server that goes away and comes back is found again without a hand", async (t) => {
  // Both lives have one address, on which nobody else can take the port meanwhile: all others are at 127.0.0.1.
  const first = await serve(t, "", { listen: "127.0.0.2:0" });
  const { websocket, panes } = await page.open(t, browser, first, "lives");
  await first.stop("SIGKILL");
  await Promise.all(panes.map((pane) => pane.state("lost")));
  await serve(t, "", { listen: first.authority });
  await Promise.all(panes.map((pane) => pane.state("open")));
  await websocket.say("here again");
  await Promise.all(panes.map(({ heard }) => heard.text("here again")));
});

test("what is said on the SSE pane goes out in order, however slow the server answers", async (t) => {
  const server = await serve(t);
  const { page: tab, websocket, sse } = await page.open(t, browser, server, "order");
  const posts = [];
  tab.on("request", (request) => request.method() === "POST" && posts.push(request.postDataJSON().text));
  let release;
  const held = new Promise((resolve) => (release = resolve));
  await tab.route("**/pub/**", (route) => held.then(() => route.continue()), { times: 1 });
  await sse.say("one");
  await sse.say("two");
  // A message to and fro on the other wire: whatever was going to be posted has been.
  await websocket.say("meanwhile");
  await sse.heard.text("meanwhile");
  assert.deepEqual(posts, ["one"]);
  release();
  await sse.heard.text("two");
  assert.deepEqual(sse.heard.messages.map(({ data }) => data.text), ["meanwhile", "one", "two"]);
});

test("the waits grow, are never alike and never endless", async (t) => {
  const server = await serve(t);
  const { page: tab } = await page.open(t, browser, server, "waits");
  const waits = await tab.evaluate(async () => {
    const { backoff } = await import("/playground/link.js");
    return [0, 1, 2, 5, 6, 40].map((n) => [backoff(n, () => 0), backoff(n, () => 1)]);
  });
  // In ms, the shortest and the longest before the first attempt, the second and so on.
  assert.deepEqual(waits, [[250, 500], [500, 1000], [1000, 2000], [8000, 16000], [15000, 30000], [15000, 30000]]);
});

test("what others say is text, however it is written", async (t) => {
  const server = await serve(t);
  const room = `<b>'"&/ %`;
  const opened = await page.open(t, browser, server, room);
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  const texts = [`<img src=x onerror="window.wrong = 1">`, "<script>window.wrong = 1</script>", "לובי \u202e abc", "a".repeat(4000)];
  for (const text of texts) await speaker.publish(room, { text, name: "<i>x</i>" });
  for (const pane of opened.panes) {
    await pane.heard.count(texts.length);
    assert.deepEqual(pane.heard.messages.map(({ data }) => data), texts.map((text) => ({ text, name: "<i>x</i>" })));
    assert.deepEqual(await pane.texts("ol img, ol script, ol i"), []);
  }
  assert.equal(await opened.page.evaluate(() => window.wrong), undefined);
  // However long a word is, the page is as wide as the screen.
  await opened.page.setViewportSize({ width: 390, height: 844 });
  assert.equal(await opened.page.evaluate(() => document.documentElement.scrollWidth), 390);
  assert.deepEqual(opened.failures, []);
});

test("many messages leave a page that stays small, at the end of which is the last", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "many");
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  // Without a pause, so that more come in one frame than are kept.
  await Promise.all(Array.from({ length: 2000 }, (_, n) => speaker.publish("many", { text: `${n}`, name: "speaker" })));
  for (const pane of opened.panes) {
    await pane.heard.text("1999");
    const shown = await pane.texts("li.message .what");
    assert.equal(shown.length, 300);
    assert.deepEqual(shown, Array.from({ length: 300 }, (_, index) => `${1700 + index}`));
  }
});

test("a room that the server refuses is not tried again and again", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "good");
  await opened.page.clock.install();
  let attempts = 0;
  // Socket.IO begins with a poll, SignalR and SockJS ask first; their WebSockets are of the same attempt.
  opened.page.on("websocket", (socket) => (attempts += !/[?&](EIO|id)=|\/stomp\//.test(socket.url())));
  opened.page.on("request", (request) => {
    const { pathname, searchParams } = new URL(request.url());
    attempts += searchParams.has("room") || (searchParams.has("EIO") && !searchParams.has("sid")) || pathname.endsWith("/negotiate") || pathname.endsWith("/info");
  });
  await opened.page.fill("#room", "$bad");
  await opened.page.press("#room", "Enter");
  for (const pane of opened.panes) {
    await pane.state("refused");
    const [state] = await pane.texts(".state");
    assert.match(state, /^refused: room names that begin with/);
  }
  // One on each wire, and an hour later no more.
  assert.equal(attempts, 5);
  await opened.page.clock.fastForward("01:00:00");
  for (const pane of opened.panes) await pane.state("refused");
  assert.equal(attempts, 5);
  await opened.page.fill("#room", "good again");
  await opened.page.press("#room", "Enter");
  await Promise.all(opened.panes.map((pane) => pane.state("open")));
  assert.equal(new URL(opened.page.url()).hash, "#good%20again");
});

test("the page asks nobody but its own server and those of official clients, and allows nothing inline", async (t) => {
  const server = await serve(t, "", { assets: null });
  const context = await browser.newContext();
  atEnd(t, () => context.close());
  const asked = [];
  context.on("request", (request) => asked.push(new URL(request.url()).origin));
  const tab = await context.newPage();
  for (const url of Object.values(OFFICIAL)) await tab.route(url, official);
  const complaints = [];
  tab.on("console", (message) => complaints.push(message.text()));
  const response = await tab.goto(`${server.http}/`);
  await tab.waitForSelector('#sse[data-state="open"]');
  await tab.waitForSelector('#socketio[data-state="open"]');
  await tab.waitForSelector('#signalr[data-state="open"]');
  await tab.waitForSelector('#stomp[data-state="open"]');
  const policy = (await response.allHeaders())["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.deepEqual(new Set(asked), new Set([server.http, ...Object.values(OFFICIAL).map((url) => new URL(url).origin)]));
  assert.deepEqual(complaints, []);
});

test("an official client is loaded only if it is the file that npm has", async (t) => {
  const server = await serve(t, "", { assets: null });
  const asked = [];
  const cdn = (route) => {
    asked.push(route.request().url());
    return official(route);
  };
  const { page: tab } = await page.open(t, browser, server, "official", { cdn });
  for (const [client, url] of Object.entries(OFFICIAL)) {
    const integrity = `sha384-${createHash("sha384").update(await bundle(client)).digest("base64")}`;
    const { version } = JSON.parse(await readFile(ofClient(client, "package.json")));
    const named = await tab.$eval(`#${client}-client`, ({ content }) => {
      const { src, integrity, crossOrigin } = content.firstElementChild;
      return { src, integrity, crossOrigin };
    });
    assert.deepEqual(named, { src: url, integrity, crossOrigin: "anonymous" });
    assert.ok(url.split(/[/@]/).includes(version), `${url} is not of version ${version}`);
  }
  assert.deepEqual(new Set(asked), new Set(Object.values(OFFICIAL)));
  assert.equal(asked.length, 4);

  const changed = (route, request) => official(route, request, (script) => `window.wrong = 1;${script}`);
  const other = await page.open(t, browser, server, "changed", { cdn: changed, guests: "unable" });
  const there = await other.page.evaluate(() => ["wrong", "io", "signalR", "SockJS", "StompJs"].filter((name) => name in window));
  assert.deepEqual(there, []);
});

test("without any client its pane says so, and the others work on", async (t) => {
  const server = await serve(t, "", { assets: null });
  const opened = await page.open(t, browser, server, "without", { guests: "unable" });
  for (const [client, words] of [
    ["socketio", /^not available: socket.io-client .* --client-assets/],
    ["signalr", /^not available: @microsoft\/signalr .* --client-assets/],
    ["stomp", /^not available: sockjs-client and @stomp\/stompjs .* --client-assets/],
  ]) {
    const [state] = await opened[client].texts(".state");
    assert.match(state, words);
    await opened[client].say("hello?");
    await opened[client].problem("Not sent: the wire is down");
  }
  await opened.websocket.say("hello");
  await opened.sse.heard.text("hello");
  assert.deepEqual(opened.failures, []);
  // Once there is one, it is found.
  await opened.page.unrouteAll();
  for (const url of Object.values(OFFICIAL)) await opened.page.route(url, official);
  for (const pane of [opened.socketio, opened.signalr, opened.stomp]) {
    await pane.press();
    await pane.state("open");
  }
});

test("SignalR takes the best transport that the server offers, and says which", async (t) => {
  for (const [offered, said] of [
    ["long-polling", "long polling"],
    ["server-sent-events", "Server-Sent Events"],
    ["websockets", "WebSocket"],
  ]) {
    const server = await serve(t, `signalr.transports = ["${offered}"]`);
    const { signalr, sse } = await page.open(t, browser, server, "offered");
    await signalr.carrier(said);
    await signalr.say(`by ${said}`);
    await Promise.all([signalr, sse].map(({ heard }) => heard.text(`by ${said}`)));
  }
});

test("Socket.IO begins with polls, moves to a WebSocket, and says so", async (t) => {
  const both = await serve(t);
  const { socketio, sse } = await page.open(t, browser, both, "carried");
  await socketio.carrier("polling → websocket");
  await socketio.say("by WebSocket");
  await sse.heard.text("by WebSocket");
  const polls = await serve(t, `socketio.transports = ["polling"]`);
  const polled = await page.open(t, browser, polls, "carried");
  await polled.socketio.carrier("polling");
  await polled.socketio.say("by POST");
  await polled.sse.heard.text("by POST");
  await polled.socketio.heard.text("by POST");
});

test("it can be used by keyboard alone, and every control has a name", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "keys");
  const { keyboard } = opened.page;
  for (const role of ["button", "textbox", "combobox"]) {
    const all = await opened.page.getByRole(role).count();
    assert.ok(all > 0);
    assert.equal(await opened.page.getByRole(role, { name: /\S/ }).count(), all, role);
  }
  const pane = opened.page.locator("#websocket");
  await pane.locator(".cut").focus();
  for (const [role, name] of [["log", "WebSocket"], ["textbox", "Message"], ["textbox", "Name"], ["button", "Send"]]) {
    await keyboard.press("Tab");
    assert.equal(await pane.getByRole(role, { name }).and(opened.page.locator(":focus")).count(), 1, name);
  }
  await pane.getByRole("textbox", { name: "Message" }).focus();
  await keyboard.type("typed");
  await keyboard.press("Shift+Enter");
  await keyboard.type("in two lines");
  await keyboard.press("Enter");
  await opened.sse.heard.text("typed\nin two lines");
});
