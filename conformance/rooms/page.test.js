// The playground does what it says: two wires, what it shows of them, and nothing that comes from anybody else.

import assert from "node:assert/strict";
import { after, test } from "node:test";

import { atEnd } from "./ends.js";
import * as page from "./page.js";
import { npmWs, Rpc } from "./rpc.js";
import { serve } from "./server.js";

const KEEPS_LITTLE = `
[[retention]]
rooms = "*"
messages = 5
bytes = "1MiB"
age = "1h"
`;

const browser = await page.launch({ after });

test("a wire that is cut catches up, and says how much it missed", async (t) => {
  const server = await serve(t);
  const { websocket, sse, failures } = await page.open(t, browser, server, "cuts", { cutsLast: true });
  for (const [cut, other] of [
    [websocket, sse],
    [sse, websocket],
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
  assert.deepEqual(websocket.heard.lines, sse.heard.lines);
  assert.deepEqual(failures, []);
});

test("a wire that is cut comes back without a hand", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "back");
  await opened.page.clock.install();
  for (const pane of [opened.websocket, opened.sse]) {
    await pane.press();
    await pane.state("lost");
    await opened.page.clock.fastForward("00:08");
    await pane.state("open");
  }
});

test("history that no longer reaches back is told, in both panes", async (t) => {
  const server = await serve(t, KEEPS_LITTLE);
  const { websocket, sse } = await page.open(t, browser, server, "gaps", { cutsLast: true });
  const speaker = await Rpc.open(t, "the speaker", npmWs(`${server.ws}/ws`));
  for (const pane of [websocket, sse]) {
    // One mouse, one click at a time.
    await pane.press();
    await pane.state("lost");
  }
  for (let n = 0; n < 6; n += 1) await speaker.publish("gaps", { text: `${n}`, name: "speaker" });
  for (const pane of [websocket, sse]) {
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
  const { websocket, sse } = await page.open(t, browser, first, "lives");
  await first.stop("SIGKILL");
  await Promise.all([websocket.state("lost"), sse.state("lost")]);
  await serve(t, "", { listen: first.authority });
  await Promise.all([websocket.state("open"), sse.state("open")]);
  await websocket.say("here again");
  await Promise.all([websocket.heard.text("here again"), sse.heard.text("here again")]);
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
  for (const pane of [opened.websocket, opened.sse]) {
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
  for (const pane of [opened.websocket, opened.sse]) {
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
  opened.page.on("websocket", () => (attempts += 1));
  opened.page.on("request", (request) => (attempts += new URL(request.url()).searchParams.has("room")));
  await opened.page.fill("#room", "$bad");
  await opened.page.press("#room", "Enter");
  for (const pane of [opened.websocket, opened.sse]) {
    await pane.state("refused");
    const [state] = await pane.texts(".state");
    assert.match(state, /^refused: room names that begin with/);
  }
  // One on each wire, and an hour later no more.
  assert.equal(attempts, 2);
  await opened.page.clock.fastForward("01:00:00");
  for (const pane of [opened.websocket, opened.sse]) await pane.state("refused");
  assert.equal(attempts, 2);
  await opened.page.fill("#room", "good again");
  await opened.page.press("#room", "Enter");
  await Promise.all([opened.websocket.state("open"), opened.sse.state("open")]);
  assert.equal(new URL(opened.page.url()).hash, "#good%20again");
});

test("the page asks nobody but its own server, and allows nothing inline", async (t) => {
  const server = await serve(t);
  const context = await browser.newContext();
  atEnd(t, () => context.close());
  const asked = [];
  context.on("request", (request) => asked.push(new URL(request.url()).origin));
  const tab = await context.newPage();
  const complaints = [];
  tab.on("console", (message) => complaints.push(message.text()));
  const response = await tab.goto(`${server.http}/`);
  await tab.waitForSelector('#sse[data-state="open"]');
  const policy = (await response.allHeaders())["content-security-policy"];
  assert.match(policy, /default-src 'none'/);
  assert.doesNotMatch(policy, /unsafe|\*/);
  assert.deepEqual([...new Set(asked)], [server.http]);
  assert.deepEqual(complaints, []);
});

test("it can be used by keyboard alone, and every control has a name", async (t) => {
  const server = await serve(t);
  const opened = await page.open(t, browser, server, "keys");
  const { keyboard } = opened.page;
  for (const role of ["button", "textbox"]) {
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
