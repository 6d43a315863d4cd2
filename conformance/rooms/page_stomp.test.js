// The playground's pane of STOMP: each transport of SockJS's that there is for browsers, and what the server refuses.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import * as page from "./page.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

/** Transports that the page offers, and what their clients ask for below a session's address. */
const TRANSPORTS = [
  ["websocket", ["websocket"]],
  ["xhr-streaming", ["xhr_send", "xhr_streaming"]],
  ["eventsource", ["eventsource", "xhr_send"]],
  ["xhr-polling", ["xhr", "xhr_send"]],
];
/** Those that it offers where the server has them. */
const LEGACY = [
  ["iframe-eventsource", ["eventsource", "xhr_send"]],
  ["htmlfile", ["htmlfile", "xhr_send"]],
  ["iframe-htmlfile", ["htmlfile", "xhr_send"]],
  ["iframe-xhr-polling", ["xhr", "xhr_send"]],
  ["jsonp-polling", ["jsonp", "jsonp_send"]],
];
/** What a server is told that has all of them; its page for iframes is of the same client as the playground. */
const FOR_OLD_BROWSERS = `legacy_browser_transports = true
sockjs.script = "/playground/sockjs.min.js"
`;
/** SockJS's pages for frames set what only old browsers heed. */
const NEW_BROWSER = /^document\.domain mutation is ignored/;

const browser = await page.launch({ after });

function choose(tab, transport) {
  return tab.selectOption("#transport", transport);
}

function offered(tab) {
  return tab.$$eval("#transport option:enabled", (options) => options.map(({ value }) => value));
}

for (const [whose, config, transports] of [
  ["each transport", "", TRANSPORTS],
  ["each transport for old browsers", FOR_OLD_BROWSERS, LEGACY],
]) {
  test(`${whose} can be forced, by which one hears and speaks`, async (t) => {
    const server = await serve(t, config);
    const { page: tab, stomp, sse, failures } = await page.open(t, browser, server, "forced");
    const complaints = [];
    tab.on("console", (message) => complaints.push(message.text()));
    /** By session, in the order of their first requests. */
    const sessions = new Map();
    const asks = (url) => {
      const [, session, what] = new URL(url).pathname.match(/^\/stomp\/\d{3}\/(\w{8})\/(.+)$/) ?? [];
      if (session === undefined) return;
      if (!sessions.has(session)) sessions.set(session, new Set());
      sessions.get(session).add(what);
    };
    tab.on("websocket", (socket) => asks(socket.url()));
    tab.on("request", (request) => asks(request.url()));
    for (const [transport, asked] of transports) {
      const before = sessions.size;
      await choose(tab, transport);
      await stomp.carrier(transport);
      await stomp.state("open");
      await stomp.news("Caught up: nothing was missed.");
      await stomp.say(`by ${transport}`);
      await sse.heard.text(`by ${transport}`);
      await sse.say(`to ${transport}`);
      await Promise.all([stomp, sse].map(({ heard }) => heard.text(`to ${transport}`)));
      assert.deepEqual([...sessions.values()].slice(before).map((asked) => [...asked].sort()), [asked]);
      const frames = tab.frames().filter((frame) => new URL(frame.url()).pathname === "/stomp/iframe.html");
      assert.equal(frames.length, transport.startsWith("iframe-") ? 1 : 0, transport);
    }
    assert.deepEqual(stomp.heard.lines, sse.heard.lines);
    // Each own message has its time, and the pane the last one's.
    await tab.waitForFunction((count) => document.querySelectorAll("#stomp .own .took").length === count, transports.length);
    assert.match((await stomp.texts(".latency"))[0], /^echo \d/);
    const marks = await stomp.texts(".mark");
    assert.deepEqual(marks, ["Joined “forced”", ...transports.map(([name]) => `Transport: ${name}`)]);
    // No transport does what the page's policy forbids.
    assert.deepEqual([...failures, ...complaints.filter((text) => !NEW_BROWSER.test(text))], []);
  });
}

test("the page offers and allows what the server has, and no more", async (t) => {
  const directives = async (tab) => {
    const headers = await (await tab.request.get(tab.url())).headers();
    return headers["content-security-policy"].split("; ").filter((directive) => !directive.startsWith("script-src "));
  };
  /** In the page: what it does by an address of its own server's as a script's, a frame's or a form's. */
  const tries = () => {
    const forbidden = [];
    document.addEventListener("securitypolicyviolation", ({ effectiveDirective }) => forbidden.push(effectiveDirective));
    try {
      document.createElement("script").src = "/stomp/";
    } catch (error) {
      forbidden.push(error.name);
    }
    const frame = document.createElement("iframe");
    frame.name = "tried";
    frame.src = "/stomp/";
    const loaded = new Promise((done) => (frame.onload = done));
    document.body.append(frame);
    return loaded.then(async () => {
      const form = document.createElement("form");
      Object.assign(form, { target: "tried", method: "POST", action: "/stomp/" });
      document.body.append(form);
      const ended = new Promise((done) => {
        frame.onload = done;
        document.addEventListener("securitypolicyviolation", done);
      });
      form.submit();
      await ended;
      return forbidden;
    });
  };
  const plain = ["", ...TRANSPORTS.map(([name]) => name)];
  const common = ["default-src 'none'", "style-src 'self'", "img-src 'self'", "connect-src 'self'", "base-uri 'none'", "frame-ancestors 'none'"];

  const usual = await page.open(t, browser, await serve(t), "usual");
  assert.deepEqual(await offered(usual.page), plain);
  assert.deepEqual(await directives(usual.page), [...common, "form-action 'none'", "require-trusted-types-for 'script'", "trusted-types 'none'"]);
  assert.deepEqual(await usual.page.evaluate(tries), ["TypeError", "require-trusted-types-for", "frame-src", "form-action"]);

  const legacy = await page.open(t, browser, await serve(t, FOR_OLD_BROWSERS), "legacy");
  assert.deepEqual(await offered(legacy.page), [...plain, ...LEGACY.map(([name]) => name)]);
  assert.deepEqual(await directives(legacy.page), [...common, "form-action 'self'", "frame-src 'self'"]);
  assert.deepEqual(await legacy.page.evaluate(tries), []);
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
  const server = await serve(t, `sockjs.websocket = false\n${FOR_OLD_BROWSERS}`);
  const { page: tab, stomp } = await page.open(t, browser, server, "falls back");
  await stomp.carrier("xhr-streaming");
  await choose(tab, "websocket");
  await stomp.state("lost");
  assert.deepEqual(await stomp.texts(".state"), ["lost: All transports failed"]);
  await choose(tab, "");
  await stomp.carrier("xhr-streaming");
  await stomp.state("open");
  // Where nothing streams it polls, and tries nothing first that only old browsers need.
  const tried = new Set();
  await tab.route(/\/stomp\/(iframe|.*\/(xhr_streaming|eventsource|htmlfile|jsonp)\b)/, (route) => {
    tried.add(new URL(route.request().url()).pathname.split("/").at(-1));
    return route.fulfill({ status: 404 });
  });
  await choose(tab, "");
  await stomp.carrier("xhr-polling");
  await stomp.state("open");
  assert.deepEqual([...tried], ["xhr_streaming", "eventsource"]);
});

test("an ERROR of the server's is shown, and the wire comes back", async (t) => {
  const server = await serve(t, `${FOR_OLD_BROWSERS}rule = [{ rooms = "read", allow = ["subscribe"] }]`);
  const { page: tab, stomp, failures } = await page.open(t, browser, server, "read");
  for (const [transport] of [...TRANSPORTS, ...LEGACY]) {
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
  let server = await serve(t, FOR_OLD_BROWSERS, { listen: "127.0.0.3:0" });
  const { page: tab, stomp, sse } = await page.open(t, browser, server, "away");
  await tab.clock.install();
  for (const [index, [transport]] of [...TRANSPORTS, ...LEGACY].entries()) {
    await choose(tab, transport);
    await stomp.carrier(transport);
    await stomp.state("open");
    await server.stop("SIGKILL");
    server = await serve(t, FOR_OLD_BROWSERS, { listen: server.authority });
    // Chromium does not tell a page that one in a frame has been cut off: STOMP's heart-beats do, or that there are none.
    if (transport.endsWith("htmlfile")) await tab.clock.fastForward(30_000);
    // SockJS's `eventsource` tries by itself, and knows that its session is lost when there is another server.
    const losses = (n) => [...document.querySelectorAll("#stomp .mark")].filter((mark) => mark.textContent.startsWith("Connection lost")).length === n;
    await tab.waitForFunction(losses, index + 1);
    await Promise.all([stomp, sse].map((pane) => pane.state("open")));
    await stomp.carrier(transport);
    await stomp.say(`again by ${transport}`);
    await Promise.all([stomp, sse].map(({ heard }) => heard.text(`again by ${transport}`)));
  }
});
