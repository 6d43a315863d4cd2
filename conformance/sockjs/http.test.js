// The same requests to both servers, and the same answers, chunk by chunk; but for what `app.md` lists.

import assert from "node:assert/strict";
import { createHash, randomUUID } from "node:crypto";
import { test } from "node:test";

import { Exchange, ask } from "./exchange.js";
import { share } from "./target.js";

const OPTIONS = { sockjsUrl: "http://x/lib.js", heartbeatDelay: 600, disconnectDelay: 400, responseLimit: 4096 };
const SHOWN = [
  "content-type",
  "cache-control",
  "expires",
  "etag",
  "allow",
  "vary",
  "set-cookie",
  "access-control-allow-origin",
  "access-control-allow-credentials",
  "access-control-allow-methods",
  "access-control-allow-headers",
  "access-control-max-age",
  "x-content-type-options",
];

/** What is compared of an answer: a date in a year is one, whenever it is. */
function shown({ status, headers, chunks }) {
  const picked = {};
  for (const name of SHOWN) {
    if (headers[name] === undefined) continue;
    const inAYear = Math.abs(Date.parse(headers[name]) - Date.now() - 31_536_000_000) < 100_000;
    picked[name] = name === "expires" && inAYear ? "in a year" : headers[name];
  }
  return { status, headers: picked, chunks: chunks.map((chunk) => chunk.replace(/"entropy":\d+/, '"entropy":0')) };
}

const long = "x".repeat(3000);
const JSON_TYPE = { "Content-Type": "text/plain" };
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };

/** Asks both servers, one after the other, and compares all answers. `differs` turns the reference's into ours. */
function story(name, tell, differs = (answers) => answers) {
  test(name, async () => {
    const heard = {};
    for (const which of ["everywire", "reference"]) {
      const server = await share(which, OPTIONS);
      const id = randomUUID().slice(0, 8);
      const answers = [];
      const request = async (method, path, more = {}) => {
        const answer = await ask(server, { method, path: path.replaceAll("ID", id), ...more });
        answers.push(shown(answer));
        return answer;
      };
      const listen = (method, path, more = {}) => Exchange.open(server, { method, path: path.replaceAll("ID", id), ...more });
      const note = async (exchange, count) => {
        const { status, headers } = await exchange.head();
        answers.push(shown({ status, headers, chunks: await exchange.chunks(count) }));
      };
      await tell({ request, listen, note, answers, server });
      heard[which] = answers;
    }
    assert.deepEqual(heard.everywire, differs(structuredClone(heard.reference)));
  });
}

/** Errors have a content type, and no browser is to guess it. */
function typed(answers) {
  for (const { status, headers } of answers) {
    if (status !== 400 && status !== 500) continue;
    headers["content-type"] = "text/plain; charset=UTF-8";
    headers["x-content-type-options"] = "nosniff";
  }
  return answers;
}

story("greeting and info", async ({ request }) => {
  for (const path of ["/echo", "/echo/", "/echo/info", "/disabled_websocket_echo/info", "/cookie_needed_echo/info"]) await request("GET", path);
  for (const origin of ["http://a.example", "null"]) await request("GET", "/echo/info", { headers: { Origin: origin } });
  await request("OPTIONS", "/echo/info", { headers: { Origin: "http://a.example", "Access-Control-Request-Headers": "x-a, x-b" } });
  await request("OPTIONS", "/cookie_needed_echo/info");
  for (const method of ["POST", "PUT", "HEAD"]) await request(method, "/echo/info");
  for (const method of ["POST", "HEAD", "OPTIONS"]) await request(method, "/echo/");
});

story("paths that are none", async ({ request }) => {
  for (const path of ["/echo//", "/echo/a", "/echo/a/b", "/echo/a/b/", "/echo//ID/xhr", "/echo/a//xhr", "/echo/a.b/ID/xhr", "/echo/a/ID.x/xhr"])
    await request("POST", path);
  for (const path of ["/echo/a/ID/xhr/x", "/echo/a/ID/xhr//", "/echo/a/ID/XHR", "/echo/IFRAME.HTML", "/echo/iframe.HTML", "/echo/iframe.xml"])
    await request("GET", path);
});

story("methods that are none", async ({ request }) => {
  for (const name of ["xhr", "xhr_streaming", "xhr_send"]) {
    for (const method of ["GET", "PUT", "HEAD"]) await request(method, `/echo/000/ID/${name}`);
    await request("OPTIONS", `/echo/000/ID/${name}`, { headers: { Origin: "http://a.example", "Access-Control-Request-Headers": "x-a" } });
    await request("OPTIONS", `/cookie_needed_echo/000/ID/${name}`, { headers: { Cookie: "JSESSIONID=abc" } });
  }
  for (const name of ["eventsource", "htmlfile", "jsonp", "websocket"]) {
    for (const method of ["POST", "HEAD"]) await request(method, `/echo/000/ID/${name}?c=x`);
  }
  await request("POST", "/echo/websocket");
});

story("the page for iframes", async ({ request }) => {
  const page = await request("GET", "/echo/iframe.html");
  assert.equal(page.headers["content-length"], "424");
  assert.equal(page.headers.etag, `"${createHash("md5").update(page.body).digest("hex")}"`);
  await request("GET", "/echo/iframe-1.6.1.html?t=1", { headers: { "If-None-Match": page.headers.etag } });
  await request("GET", "/echo/iframe.html", { headers: { "If-None-Match": '"other"' } });
  await request("POST", "/echo/iframe.html");
});

story("polls", async ({ request }) => {
  await request("POST", "/echo/000/ID/xhr");
  await request("POST", "/echo/000/ID/xhr_send", { headers: JSON_TYPE, body: '["a","é😀\\u2028\\u0001%\\"\\\\/<"]' });
  await request("POST", "/echo/111/ID/xhr", { headers: { Origin: "http://a.example" } });
  await request("POST", "/echo/000/ID/xhr_send/", { headers: { Origin: "http://a.example" }, body: "[]" });
  await request("POST", "/echo/000/ID/xhr_send", { body: '["!end"]' });
  for (let i = 0; i < 2; i++) await request("POST", "/echo/000/ID/xhr");
});

story("a poll that hears nothing for long", async ({ request }) => {
  await request("POST", "/echo/000/ID/xhr");
  await request("POST", "/echo/000/ID/xhr");
});

story("a chunked body, and one without a length", async ({ request }) => {
  await request("POST", "/echo/000/ID/xhr");
  const headers = { ...JSON_TYPE, "Transfer-Encoding": "chunked" };
  await request("POST", "/echo/000/ID/xhr_send", { headers, body: '6\r\n["a","\r\n3\r\nb"]\r\n0\r\n\r\n' });
  await request("POST", "/echo/000/ID/xhr");
});

story(
  "bodies that are none",
  async ({ request }) => {
    await request("POST", "/echo/000/ID/xhr");
    for (const body of ["", "x", '["a"', '"a"', "{}", "null", "1", "\u{feff}[]"]) {
      await request("POST", "/echo/000/ID/xhr_send", { headers: JSON_TYPE, body });
      await request("POST", "/echo/000/nobody/xhr_send", { headers: JSON_TYPE, body });
    }
    for (const kind of ["text/html", "TEXT/PLAIN", "application/octet-stream"])
      await request("POST", "/echo/000/ID/xhr_send", { headers: { "Content-Type": kind }, body: '["a"]' });
    for (const kind of ["T", "application/json; charset=utf-8", "application/xml", "text/xml"])
      await request("POST", "/echo/000/ID/xhr_send", { headers: { "Content-Type": kind }, body: "[]" });
  },
  typed,
);

story(
  "forms that are none",
  async ({ request }) => {
    await request("GET", "/echo/000/ID/jsonp?c=x");
    for (const body of ["", "x", '["a"', '"a"', "{}", "null", "1", "\u{feff}[]"]) await request("POST", "/echo/000/ID/jsonp_send", { headers: JSON_TYPE, body });
    for (const body of ["d=", "", "e=1", "d=x"]) await request("POST", "/echo/000/ID/jsonp_send", { headers: FORM, body });
    await request("POST", "/echo/000/nobody/jsonp_send", { headers: FORM, body: 'd=["a"]' });
  },
  typed,
);

story("one listens at a time", async ({ request, listen, note }) => {
  const first = await listen("POST", "/echo/000/ID/xhr_streaming");
  await note(first, 2);
  await request("POST", "/echo/000/ID/xhr_streaming");
  await request("POST", "/echo/000/ID/xhr");
  await request("POST", "/echo/000/ID/xhr_send", { body: '["a"]' });
  await note(first, 3);
  first.close();
});

story("streams", async ({ request, listen, note }) => {
  const stream = await listen("POST", "/echo/000/ID/xhr_streaming", { headers: { Origin: "http://a.example" } });
  await note(stream, 2);
  await request("POST", "/echo/000/ID/xhr_send", { body: '["a"]' });
  await note(stream, 3);
  await request("POST", "/echo/000/ID/xhr_send", { body: `["${long}"]` });
  await request("POST", "/echo/000/ID/xhr_send", { body: `["${long}"]` });
  // The limit: the whole response.
  await note(stream, Infinity);
  await request("POST", "/echo/000/ID/xhr_send", { body: '["b"]' });
  const next = await listen("POST", "/echo/000/ID/xhr_streaming");
  await note(next, 2);
  await request("POST", "/echo/000/ID/xhr_send", { body: '["!end"]' });
  await note(next, Infinity);
  await request("POST", "/echo/000/ID/xhr_streaming");
});

story("a stream beats", async ({ listen, note }) => {
  const stream = await listen("POST", "/echo/000/ID/xhr_streaming");
  await note(stream, 4);
  stream.close();
});

story("events", async ({ request, listen, note }) => {
  for (const origin of [undefined, "http://a.example", "null"]) {
    const path = `/echo/000/ID${origin?.length ?? ""}/eventsource`;
    const events = await listen("GET", path, origin === undefined ? {} : { headers: { Origin: origin } });
    await note(events, 2);
    await request("POST", path.replace("eventsource", "xhr_send"), { body: '["5 %\\r\\né"]' });
    await note(events, 3);
    events.close();
  }
});

story(
  "pages of scripts",
  async ({ request, listen, answers }) => {
    const page = await listen("GET", "/echo/000/ID/htmlfile?c=_jp.a1b2c3d");
    const [first, ...rest] = await page.chunks(2);
    answers.push(first.length, first.endsWith("  \r\n\r\n"), /var c = parent\._jp\.a1b2c3d;/.test(first), ...rest);
    await request("POST", "/echo/000/ID/xhr_send", { body: '["</script>é\\u2028"]' });
    answers.push(...(await page.chunks(3)).slice(2));
    page.close();
    for (const query of ["", "?c=a%20b", "?callback=x(", "?c=%3Cscript%3E"]) await request("GET", `/echo/000/IDx/htmlfile${query}`);
  },
  (answers) =>
    typed(answers.map((answer) => (typeof answer === "string" ? answer.replace("</script>é", "\\u003c/script\\u003eé") : answer))),
);

story(
  "scripts",
  async ({ request }) => {
    await request("GET", "/echo/000/ID/jsonp?c=_jp.a1b2c3d");
    await request("POST", "/echo/000/ID/jsonp_send", { headers: FORM, body: "d=%5B%22a+%C3%A9%22%2C%22%3Cb%3E%22%5D" });
    await request("GET", "/echo/000/ID/jsonp?callback=cb");
    await request("POST", "/echo/000/ID/jsonp_send", { headers: JSON_TYPE, body: '["b"]' });
    await request("GET", "/echo/000/ID/jsonp?c=x");
    for (const query of ["", "?c=a%20b", `?c=${"a".repeat(33)}`]) await request("GET", `/echo/000/ID/jsonp${query}`);
  },
  (answers) =>
    typed(answers).map((answer) => ({ ...answer, chunks: answer.chunks.map((chunk) => chunk.replace("<b>", "\\u003cb\\u003e")) })),
);

story("the cookie", async ({ request, listen, note }) => {
  const Cookie = "a=b; JSESSIONID=node1=x; c=d";
  await request("POST", "/cookie_needed_echo/000/ID/xhr");
  await request("POST", "/cookie_needed_echo/000/ID/xhr", { headers: { Cookie } });
  await request("POST", "/cookie_needed_echo/000/ID/xhr_send", { headers: { Cookie }, body: "[]" });
  await request("POST", "/cookie_needed_echo/000/nobody/xhr_send", { headers: { Cookie }, body: "[]" });
  const events = await listen("GET", "/cookie_needed_echo/000/ID2/eventsource", { headers: { Cookie } });
  await note(events, 2);
  events.close();
});

story("an end at once, and who comes later", async ({ request }) => {
  for (let i = 0; i < 3; i++) await request("POST", "/close/000/ID/xhr");
  await request("POST", "/close/000/ID/xhr_send", { body: '["swallowed"]' });
  await request("POST", "/close/000/ID/xhr_streaming");
});

story("a session that is gone", async ({ request, listen, note, answers }) => {
  const stream = await listen("POST", "/echo/000/ID/xhr_streaming");
  await note(stream, 2);
  stream.abort();
  // Who goes while it listens takes the session along. How often it was asked before that was seen does not matter.
  while ((await request("POST", "/echo/000/ID/xhr_send", { body: "[]" })).status !== 404) answers.pop();
  await request("POST", "/echo/000/ID/xhr");
});

story(
  "WebSockets that are none",
  async ({ request }) => {
    const upgrade = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
    for (const path of ["/echo/websocket", "/echo/000/ID/websocket"]) {
      await request("GET", path);
      await request("GET", path, { headers: { Connection: "Upgrade", Upgrade: "other" } });
      await request("GET", path, { headers: { Connection: "close", Upgrade: "websocket" } });
    }
    for (const path of ["/disabled_websocket_echo/websocket", "/disabled_websocket_echo/000/ID/websocket"]) {
      await request("GET", path, { headers: { ...upgrade, "Sec-WebSocket-Version": "13" } });
      await request("GET", path);
      await request("POST", path);
    }
  },
  typed,
);

// The reference ends on the second of these, with all its sessions.
test("an upgrade where there is none to is an ordinary request", async () => {
  const server = await share("everywire", OPTIONS);
  const headers = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };
  const statuses = {};
  for (const path of ["/echo/", "/echo/info", "/echo/iframe.html", "/echo/nothing", "/echo/000/abc/xhr", "/echo/000/abc/jsonp?c=x", "/nothing"])
    statuses[path] = (await ask(server, { path, headers })).status;
  assert.deepEqual(Object.values(statuses), [200, 200, 200, 404, 405, 200, 404]);
});

story("HTTP/1.0", async ({ request }) => {
  for (const path of ["/echo/", "/echo/info", "/echo/iframe.html"]) await request("GET", path, { version: "1.0" });
  await request("POST", "/echo/000/ID/xhr", { version: "1.0", headers: { Connection: "keep-alive" } });
  await request("POST", "/echo/000/ID/xhr_send", { version: "1.0", body: '["a"]' });
  await request("POST", "/echo/000/ID/xhr", { version: "1.0" });
});
