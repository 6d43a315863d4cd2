// What breaks the rules of SockJS, one crime at a time: each has the answer that the protocol has for it, and the session, if there is
// one, goes on. `fuzz.test.js` has all of it at once.

import assert from "node:assert/strict";
import { once } from "node:events";
import { test } from "node:test";

import { WebSocket } from "ws";

import { within } from "../socketio/patience.js";
import { Gauges } from "./gauges.js";
import { CALLBACK, Wire, asked, freshSession, listening, saying, whole } from "./raw.js";
import { share } from "./target.js";

const NOT_FOUND = [404, "404 Error: Page not found\n"];
const OPENED = [200, "o\n"];
const PAYLOAD = [500, "Payload expected."];
const JSON_FAULT = [500, "Broken JSON encoding."];
const NO_CALLBACK = [500, '"callback" parameter required'];
const BAD_CALLBACK = [500, 'invalid "callback" parameter'];
const FORM = { "Content-Type": "application/x-www-form-urlencoded" };
const UPGRADE = { Connection: "Upgrade", Upgrade: "websocket", "Sec-WebSocket-Version": "13", "Sec-WebSocket-Key": "dGhlIHNhbXBsZSBub25jZQ==" };

/** A time limit that stories wait for. */
const SHORT = { handshakeTimeout: 1000 };
const BODY_BYTES = 100_000;
const OPTIONS = { heartbeatDelay: 60_000, bodyBytes: BODY_BYTES };

/** A story whose server holds nothing of it afterwards. */
function crime(name, options, commit) {
  test(name, async (t) => {
    const server = await share("everywire", { ...OPTIONS, disconnectDelay: 300, ...options });
    const gauges = await Gauges.of(t, server);
    await commit(server, t, gauges);
    await gauges.serve("still there");
    await gauges.back(name);
  });
}

/** Asks each of these, and compares status and body. Sessions in an address that says `ID` are nobody's. */
async function answers(server, table) {
  for (const [request, expected] of table) {
    const path = request.path.replace("ID", freshSession("").split("/").at(-1));
    const { status, body } = await asked(server, { ...request, path });
    assert.deepEqual([status, body], expected, JSON.stringify(request).slice(0, 300));
  }
}

const post = (path, more = {}) => ({ method: "POST", path, ...more });
const get = (path, more = {}) => ({ method: "GET", path, ...more });

const UNMOUNTED = (path) => [404, `nothing is mounted at ${JSON.stringify(path)}\n`];
const LONGEST = "s".repeat(128);

crime("tricks in paths", {}, async (server) => {
  const nowhere = [
    ";x=1", "/..", "/.", "//", "/x", "%20", "%00", "%2f", ".", ";", "/;", "/xhr", "%3bx", "X", "\\", "/%2e",
  ].map((tail) => post(`/echo/000/ID/xhr${tail}`));
  for (const path of [
    "/echo/000/ID;x/xhr", "/echo/0;0/ID/xhr", "/echo/000/ID;/xhr", "/echo/;/ID/xhr",
    "/echo//000/ID/xhr", "/echo/000//xhr", "/echo/000/ID//xhr", "/echo//ID/xhr", "/echo///xhr", "/echo//xhr",
    "/echo/0.0/ID/xhr", "/echo/000/I.D/xhr", "/echo/../ID/xhr", "/echo/000/../xhr", "/echo/./ID/xhr", "/echo/000/./xhr", "/echo/../echo/000/ID/xhr",
    "/echo/000/ID/../ID/xhr", `/echo/${LONGEST}s/ID/xhr`, `/echo/000/${LONGEST}s/xhr`, `/echo/000/${"s".repeat(8000)}/xhr`,
    "/echo/xhr", "/echo/000/xhr", "/echo/000/ID/", "/echo/000/ID", "/echo/000", "/echo/000/ID/XHR", "/echo/000/ID/Xhr", "/echo/000/ID/%78hr", "/echo/000/ID/xhr%5fsend",
    "/echo/websocket/xhr", "/echo/info/xhr", "/echo/000%2fID%2fxhr", "/echo/000/ID%2fxhr",
  ]) nowhere.push(post(path));
  for (const path of [
    "/echo/info;x", "/echo//info", "/echo/./info", "/echo/../echo/info", "/echo/%69nfo", "/echo/info/x", "/echo/info//", "/echo/INFO", "/echo/info%2f",
    "/echo/iframe;a.html", "/echo/iframe/.html", "/echo/iframe/../x.html", "/echo/iframe%2e.html", "/echo/iframeA.html", "/echo/iframe.html;x", "/echo/iframe.html/x",
    "/echo//websocket", "/echo/websocket;x", "/echo/websocket/x", "/echo/000/I.D/websocket", "/echo/000/ID;x/websocket", "/echo/000/ID/websocket;x", "/echo/000//websocket",
    "/echo//", "/echo/.", "/echo/..", "/echo/;", "/echo/%2e",
  ]) nowhere.push(get(path), get(path, { headers: UPGRADE }));
  await answers(server, nowhere.map((request) => [request, NOT_FOUND]));
  // What HTTP has no place for is no path at all.
  for (const path of ["/echo/iframe<x>.html", "/echo/000/a b/xhr", "/echo/000/\u0001/xhr", "echo/info", "", "/echo/000/\u00e9\u0000/xhr"]) {
    assert.equal((await asked(server, get(path))).status, 400, path);
  }
  // What is not decoded is a name like any other.
  const names = ["%2e", "%2e%2e", "%2E%2e", "a%2fb", "%2F..%2F".replaceAll(".", "%2e"), "%00", "%", "%zz", "a%3bb", "~", "@", "a:b", "x y".replace(" ", "+"), LONGEST, "__proto__", "%ff"];
  await answers(server, names.flatMap((name) => [[post(`/echo/${name}/ID/xhr`), OPENED], [post(`/echo/000/${name}/xhr/`), OPENED]]));
  const named = ["/ECHO/000/ID/xhr", "/Echo", "//echo/000/a/xhr", "/%65cho", "/ech", "/echoo/000/a/xhr", "/echo;x/000/a/xhr", "/./echo/info", "/x/../echo/info", "/", "/%2fecho/info"];
  await answers(server, named.filter((path) => !path.includes("ID")).map((path) => [post(path), UNMOUNTED(path)]));
});

/** Everything but what names have. */
const NO_LETTERS = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code)).filter((letter) => !/[A-Za-z0-9_.]/.test(letter));

crime("functions that are none", {}, async (server) => {
  const wrong = [
    ...NO_LETTERS.map((letter) => `a${letter}b`),
    "é", "a\u2028b", "\ufeffa", "😀", "a..b", ".a", "a.", ".", "1a", "a.1", "x".repeat(33), "alert(1)//", "</script><script>alert(1)</script>", "*/alert(1)/*", "a\r\nSet-Cookie: x=1", "a;b", "a=b", "a[0]",
  ];
  for (const name of ["jsonp", "htmlfile"]) {
    const path = `/echo/000/ID/${name}`;
    await answers(server, [
      ...wrong.map((callback) => [get(`${path}?c=${encodeURIComponent(callback)}`), BAD_CALLBACK]),
      ...["?c=", "?callback=", "?c=&callback=x", "?c=%", "?c=%zz", "?c=%ff", "?c=a%00", "?c=a&c=b;".replace("a&c=", "")].map((query) => [get(path + query), BAD_CALLBACK]),
      ...["", "?", "?d=x", "?C=x", "?c", "?cc=x", "?x=c=y"].map((query) => [get(path + query), NO_CALLBACK]),
    ]);
  }
  const session = freshSession("/echo");
  for (const [path, headers] of [[`${session}/jsonp?c=a(`, {}], [`${session}/htmlfile?c=`, {}]]) {
    const { headers: said } = await asked(server, get(path, { headers }));
    assert.deepEqual([said["content-type"], said["x-content-type-options"]], ["text/plain; charset=UTF-8", "nosniff"]);
  }
  // None of them has begun a session.
  await answers(server, [[saying(session, "jsonp", ["x"]), NOT_FOUND]]);
});

const INJECTIONS = [
  "</script><script>alert(1)</script>", "<!--<script>", "]]>", "</SCRIPT >", "\u2028alert(1)\u2029", '");alert(1);//', "\\", "\r\ndata: x\r\n\r\n", "\n\nid: 1\n", "%0D%0A%", "*/alert(1)/*", "\u0000\u0001", "a\"]\nc[3000,\"x\"]\n", "\ufffe\uffff", "o\n", "h",
];

/** Says all of them to a session that listens in this way, one by one, and compares what comes back with what it comes in. */
async function inject(server, way) {
  const session = freshSession("/echo");
  const wire = await Wire.open(server);
  const expected = ["o", ...INJECTIONS.map((text) => JSON.stringify([text]))];
  const heard = [];
  const pieces = [];
  while (heard.length < expected.length) {
    const response = await wire.ask(listening(session, way));
    const bodies = response.pieces.bind(response);
    response.pieces = async function* () {
      for await (const piece of bodies()) {
        pieces.push(piece.toString());
        yield piece;
      }
    };
    const frames = response.frames(way);
    for (let next; heard.length < expected.length && !(next = await within(frames.next(), `frame ${heard.length}, ${way}`)).done; ) {
      heard.push(next.value.startsWith("a") ? JSON.stringify(JSON.parse(next.value.slice(1))) : next.value);
      if (heard.length < expected.length) await asked(server, saying(session, way, [INJECTIONS[heard.length - 1]]));
    }
  }
  assert.deepEqual(heard, expected, way);
  wire.close();
  return pieces.join("");
}

crime("what breaks out of nothing", { disconnectDelay: 2000 }, async (server) => {
  const [lines, lined, events, page, scripts] = await Promise.all(["xhr", "xhr_streaming", "eventsource", "htmlfile", "jsonp"].map((way) => inject(server, way)));
  const frames = INJECTIONS.length + 1;
  assert.equal(lines.match(/\n/g).length, frames);
  assert.equal(lined.match(/\n/g).length, frames + 1);
  assert.equal(events.match(/^data: /gm).length, frames);
  for (const [text, ends] of [[page, frames + 1], [scripts, 0]]) {
    assert.equal(text.match(/<\/script/gi)?.length ?? 0, ends, text);
    assert.equal(text.match(/<!--|[\u2028\u2029]/g), null);
  }
});

crime("bodies that are none", { disconnectDelay: 1000 }, async (server) => {
  const session = freshSession("/echo");
  const forms = freshSession("/echo");
  const wires = [await Wire.open(server), await Wire.open(server)];
  await wires[0].ask(listening(session, "xhr_streaming"));
  await whole(await wires[1].ask(listening(forms, "jsonp")));
  // It waits for something to hear meanwhile, until the end.
  await wires[1].write(wires[1].text(listening(forms, "jsonp")));
  const deep = (count) => `${"[".repeat(count)}${"]".repeat(count)}`;
  const table = [];
  for (const [body, expected] of [
    ["", PAYLOAD], ["null", PAYLOAD], ["{}", PAYLOAD], ['{"0":"a"}', PAYLOAD], ['"a"', PAYLOAD], ["1", PAYLOAD], ["true", PAYLOAD], ["[1]", PAYLOAD], ['["a",1]', PAYLOAD], ['["a",null]', PAYLOAD], ['[["a"]]', PAYLOAD], ['["a",{}]', PAYLOAD],
    [" ", JSON_FAULT], ["x", JSON_FAULT], ["[", JSON_FAULT], ["]", JSON_FAULT], ['["a"', JSON_FAULT], ['["a"]]', JSON_FAULT], ['["a",]', JSON_FAULT], ["['a']", JSON_FAULT], ['["a"]["b"]', JSON_FAULT], ["\ufeff[]", JSON_FAULT], ['["\n"]', JSON_FAULT], ['["\\x"]', JSON_FAULT], ['["\\u12"]', JSON_FAULT], ["\0", JSON_FAULT], ["[NaN]", JSON_FAULT],
  ]) {
    for (const kind of [undefined, "text/plain", "text/plain; charset=x"]) {
      const headers = kind === undefined ? {} : { "Content-Type": kind };
      table.push([post(`${session}/xhr_send`, { headers, body }), expected], [post("/echo/000/nobody/xhr_send", { headers, body }), expected]);
    }
    table.push([post(`${forms}/jsonp_send`, { headers: FORM, body: `d=${encodeURIComponent(body)}` }), expected]);
  }
  for (const kind of ["text/html", "TEXT/PLAIN", "multipart/form-data", "application/octet-stream", "application/x-www-form-urlencoded", "x", "/", "text/plain/x"]) table.push([post(`${session}/xhr_send`, { headers: { "Content-Type": kind }, body: '["a"]' }), PAYLOAD]);
  for (const kind of ["application/json", "text/html", "x"]) table.push([post(`${forms}/jsonp_send`, { headers: { "Content-Type": kind }, body: '["a"]' }), PAYLOAD]);
  for (const body of ["", "d", "d=", "e=1", "=", "&", "D=[]", "x=d=[]", "&&&"]) table.push([post(`${forms}/jsonp_send`, { headers: FORM, body }), PAYLOAD]);
  for (const body of ["d=%", "d=%zz", "d=%5B%22", "d=+"]) table.push([post(`${forms}/jsonp_send`, { headers: FORM, body }), JSON_FAULT]);
  await answers(server, table);
  for (const body of [deep(100), deep(40_000), "[".repeat(90_000), `["a",${deep(40_000)}]`, `[${"{\"a\":".repeat(15_000)}`]) {
    const { status, body: said } = await asked(server, post(`${session}/xhr_send`, { body }));
    assert.ok(status === 500 && [PAYLOAD[1], JSON_FAULT[1]].includes(said), `${status} ${said}`);
  }
  // As much as may be, and one more.
  const fits = `["${"x".repeat(BODY_BYTES - 4)}"]`;
  await answers(server, [
    [post(`${session}/xhr_send`, { body: `${fits} ` }), [413, ""]],
    [post(`${session}/xhr_send`, { body: fits }), [204, ""]],
    [post(`/echo/000/nobody/xhr_send`, { body: `${fits} ` }), [413, ""]],
    [post(`${session}/xhr_send`, { body: '["a"]' }), [204, ""]],
    [post(`${forms}/jsonp_send`, { headers: FORM, body: `d=["${"x".repeat(BODY_BYTES)}"]` }), [413, ""]],
    [post(`${forms}/jsonp_send`, { headers: FORM, body: 'd=["a"]' }), [200, "ok"]],
  ]);
  for (const wire of wires) wire.close();
});

/** A request whose text is all that is said, and what becomes of it: a status, or 0 if the connection is closed without one. */
async function told(server, ...texts) {
  const wire = await Wire.open(server);
  await wire.write(...texts);
  let status = 0;
  try {
    const response = await wire.response();
    ({ status } = response);
    await response.body();
  } catch (error) {
    assert.equal(error.name, "Error", error.message);
    assert.match(error.message, /no response|broke off/);
  }
  wire.close();
  return status;
}

crime("lengths that are lies", SHORT, async (server) => {
  const session = freshSession("/echo");
  const wire = await Wire.open(server);
  await wire.ask(listening(session, "xhr_streaming"));
  const head = (...lines) => `POST ${session}/xhr_send HTTP/1.1\r\nHost: x\r\n${lines.map((line) => `${line}\r\n`).join("")}\r\n`;
  const chunked = head("Transfer-Encoding: chunked");
  // What is no length is refused; what promises more than comes is waited for, and no longer than that.
  const lies = [
    [400, head("Content-Length: -1"), '["a"]'],
    [400, head("Content-Length: x"), '["a"]'],
    [400, head("Content-Length: 99999999999999999999999"), '["a"]'],
    [400, head("Content-Length: 5", "Content-Length: 6"), '["a"]'],
    [400, chunked, "zz\r\n"],
    [400, chunked, "-1\r\n"],
    [400, chunked, "fffffffffffffffff\r\n"],
    [400, chunked, '5\r\n["a"]x\r\n'],
    [408, head("Content-Length: 1000"), '["a"]'],
    [408, head("Content-Length: 9007199254740991"), '["a"]'],
    [408, chunked, "ffffffff\r\n", '["a"]'],
    [408, chunked, '5\r\n["a"]\r\n'],
    [408, head("Content-Length: 1000"), ..."body that drips".split("")],
    [413, chunked, "ffffff\r\n", "x".repeat(BODY_BYTES + 1)],
    [413, head(`Content-Length: ${BODY_BYTES * 2}`), "x".repeat(BODY_BYTES + 1)],
  ];
  await Promise.all(
    lies.map(async ([expected, ...texts]) => {
      assert.equal(await told(server, ...texts), expected, JSON.stringify(texts).slice(0, 200));
    }),
  );
  // It has hurt nobody.
  await answers(server, [[saying(session, "xhr_streaming", ["a"]), [204, ""]]]);
  wire.close();
});

crime("a body that drips for a session that is none", SHORT, async (server) => {
  const texts = [`POST /echo/000/nobody/xhr_send HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n`, ..."[[["];
  assert.equal(await told(server, ...texts), 408);
  // And a head that does.
  await Promise.all(
    ["", "P", "POST /echo/000/x/xhr HTTP/1.1\r\n", "POST /echo/000/x/xhr HTTP/1.1\r\nHost: x\r\nX: "].map(async (head) => {
      const wire = await Wire.open(server);
      await wire.write(head);
      assert.match(await wire.closed(), /^(HTTP\/1.1 408 [^]*)?$/, head);
    }),
  );
});

/** Every URL, and the methods it has. */
const URLS = {
  "/echo": "GET",
  "/echo/": "GET",
  "/echo/info": "OPTIONS, GET",
  "/echo/iframe.html": "GET",
  "/echo/iframe-1.6.1.html": "GET",
  "/echo/000/ID/xhr": "POST, OPTIONS",
  "/echo/000/ID/xhr_streaming": "POST, OPTIONS",
  "/echo/000/ID/xhr_send": "POST, OPTIONS",
  "/echo/000/ID/eventsource": "GET",
  "/echo/000/ID/htmlfile?c=x": "GET",
  "/echo/000/ID/jsonp?c=x": "GET",
  "/echo/000/ID/jsonp_send": "POST",
};
const METHODS = ["GET", "HEAD", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "get", "X"];

crime("methods that are none", {}, async (server) => {
  for (const [url, allow] of Object.entries({ ...URLS, "/echo/websocket": "GET", "/echo/000/ID/websocket": "GET" })) {
    for (const method of METHODS.filter((method) => !allow.split(", ").includes(method))) {
      for (const headers of [{}, UPGRADE]) {
        const { status, headers: said, body } = await asked(server, { method, path: url, headers });
        assert.deepEqual([status, said.allow, said["content-type"], body], [405, allow, undefined, ""], `${method} ${url}`);
      }
    }
  }
});

/** What may differ between two answers to one question. */
function alike({ status, headers, body }) {
  const { date, expires, connection, ...rest } = headers;
  const [random] = /"entropy":\d+/.exec(body) ?? [""];
  if (random !== "") rest["content-length"] -= random.length;
  return { status, headers: rest, body: body.replace(random, "") };
}

crime("upgrades where there are none to be had", {}, async (server) => {
  for (const [url, allow] of Object.entries(URLS)) {
    for (const method of METHODS) {
      // Streams have no end to compare.
      if (/streaming|eventsource|htmlfile/.test(url) && allow.split(", ")[0] === method) continue;
      const ask = async (headers) => alike(await asked(server, { method, path: url.replace("ID", freshSession("").split("/").at(-1)), headers }));
      const plain = await ask({});
      for (const headers of [UPGRADE, { ...UPGRADE, Upgrade: "h2c, websocket", "HTTP2-Settings": "AAMAAABkAARAAAAAAAIAAAAA" }, { ...UPGRADE, Upgrade: "x" }, { ...UPGRADE, Connection: "close, Upgrade" }]) {
        assert.deepEqual(await ask(headers), plain, `${method} ${url} ${JSON.stringify(headers)}`);
      }
    }
  }
  for (const way of ["xhr_streaming", "eventsource", "htmlfile"]) {
    const wire = await Wire.open(server);
    const response = await wire.ask({ ...listening(freshSession("/echo"), way), headers: UPGRADE });
    assert.equal(response.status, 200);
    for await (const frame of response.frames(way)) {
      assert.equal(frame, "o");
      break;
    }
    wire.close();
  }
});

crime("handshakes that are none", {}, async (server) => {
  const no = [400, "Not a valid websocket request"];
  const version = [400, "Only supported WebSocket protocol is RFC 6455."];
  for (const path of ["/echo/websocket", "/echo/000/ID/websocket"]) {
    const isRaw = path === "/echo/websocket";
    await answers(server, [
      [get(path), no],
      [get(path, { headers: { ...UPGRADE, Upgrade: "x" } }), no],
      [get(path, { headers: { ...UPGRADE, Connection: "close" } }), no],
      [get(path, { headers: { ...UPGRADE, "Sec-WebSocket-Version": "7" } }), isRaw ? version : no],
      [get(path, { headers: { ...UPGRADE, "Sec-WebSocket-Version": "" } }), isRaw ? version : no],
    ]);
    for (const key of ["", "x", "dGhlIHNhbXBsZSBub25jZQ", "dGhlIHNhbXBsZSBub25jZQ==x"]) {
      const { status } = await asked(server, get(path, { headers: { ...UPGRADE, "Sec-WebSocket-Key": key } }));
      assert.equal(status, 400, key);
    }
  }
});

/** What a SockJS session on a WebSocket hears when this is said, and the code of its end; which is ours, if it has none by then. */
async function socket(t, server, say) {
  const ws = new WebSocket(`${server.ws}${freshSession("/echo")}/websocket`);
  t.after(() => ws.terminate());
  const heard = [];
  let pongs = 0;
  ws.on("error", () => {});
  ws.on("pong", () => (pongs += 1));
  const closed = once(ws, "close");
  ws.on("message", (data) => {
    heard.push(data.toString());
    if (data.toString() === 'a["the end"]') ws.close(4000);
  });
  await within(once(ws, "open"), "a WebSocket");
  say(ws);
  ws.send('["the end"]');
  const [code, reason] = await within(closed, "its end");
  return { heard, pongs, code, reason: reason.toString() };
}

crime("frames that are none", {}, async (server, t) => {
  const broken = { heard: ["o"], pongs: 0, code: 3000, reason: "Broken framing." };
  for (const text of ['["a"', "x", "{}", "null", "1", "[1]", '["a",1]', '["a",null]', '[["a"]]', '["a"]x', "\ufeff[]", "[".repeat(50_000), "o", "h", " "]) {
    assert.deepEqual(await socket(t, server, (ws) => ws.send(text)), broken, text.slice(0, 100));
    assert.deepEqual(await socket(t, server, (ws) => ws.send(Buffer.from(text))), broken, text.slice(0, 100));
  }
  const fine = (...heard) => ({ heard: ["o", ...heard, 'a["the end"]'], code: 4000 });
  const goesOn = async (say, ...heard) => {
    const { pongs, reason, ...seen } = await socket(t, server, say);
    assert.deepEqual(seen, fine(...heard));
    return pongs;
  };
  await goesOn((ws) => ["", "[]", Buffer.alloc(0), ' [ ] '].forEach((text) => ws.send(text)));
  await goesOn((ws) => ws.send(Buffer.from('["a"]')), 'a["a"]');
  await goesOn((ws) => ws.send('"alone"'), 'a["alone"]');
  await goesOn((ws) => {
    for (const piece of '["in pieces"]') {
      ws.send(piece, { fin: false });
      ws.ping("between");
    }
    ws.send("", { fin: true });
  }, 'a["in pieces"]');
  const pings = 3000;
  const pongs = await goesOn((ws) => {
    for (let n = 0; n < pings; n += 1) ws.ping("x".repeat(125));
    for (let n = 0; n < pings; n += 1) ws.pong("nobody asked");
  });
  // A flood may be answered by the last alone (RFC 6455, section 5.5.3), but it is answered.
  assert.ok(pongs >= 1 && pongs <= pings, `${pongs}`);
  const large = await socket(t, server, (ws) => ws.send(`["${"x".repeat(BODY_BYTES)}"]`));
  assert.deepEqual([large.heard, large.code], [["o"], 1009]);
  const pieces = await socket(t, server, (ws) => {
    for (let n = 0; n < 20; n += 1) ws.send("x".repeat(BODY_BYTES / 10), { fin: false });
  });
  assert.deepEqual([pieces.heard, pieces.code], [["o"], 1009]);
});

crime("frames that are no WebSocket's", {}, async (server) => {
  for (const [bytes, code] of [
    ["8100", 1002], ["810161", 1002], ["c1800000000061", 1002], ["8380000000", 1002], ["8980ff", undefined], ["09800000000000", 1002], ["89fe007e00000000", 1002], ["80800000000000", 1002], ["81ff8000000000000000", 1002],
    ["81ff7fffffffffffffff00000000", 1009], ["818200000000fffe", 1007], ["888100000000ff", 1002], ["888200000000 03ed".replace(" ", ""), 1002],
  ]) {
    const wire = await Wire.open(server);
    const response = await wire.ask(get(`${freshSession("/echo")}/websocket`, { headers: UPGRADE }));
    assert.equal(response.status, 101);
    assert.equal((await wire.bytes(3)).toString("latin1"), "\x81\x01o");
    wire.socket.write(Buffer.from(bytes, "hex"));
    if (code === undefined) wire.reset();
    else {
      const [opcode, length] = await within(wire.bytes(2), `an answer to ${bytes}`);
      assert.equal(opcode, 0x88, bytes);
      assert.equal((await wire.bytes(length)).readUInt16BE(0), code, bytes);
      await wire.closed();
    }
    wire.close();
  }
});

crime("bombs of headers", {}, async (server, t, gauges) => {
  const many = (count, length) => Object.fromEntries(Array.from({ length: count }, (_, n) => [`X-${n}`, "x".repeat(length)]));
  for (const path of ["/echo/info", "/echo/000/ID/xhr", "/echo/000/ID/websocket", "/nowhere"]) {
    for (const headers of [many(1, 20_000), many(2000, 1), many(99, 1000), many(5, 300_000)]) {
      const lines = Object.entries(headers).map(([name, value]) => `${name}: ${value}\r\n`).join("");
      // Who is still writing when the answer comes may miss it.
      assert.ok([431, 0].includes(await told(server, `POST ${path} HTTP/1.1\r\nHost: x\r\n`, lines)), path);
    }
    assert.ok([414, 431, 0].includes(await told(server, `POST ${path}?${"x".repeat(100_000)} HTTP/1.1\r\nHost: x\r\n\r\n`)));
  }
  await gauges.serve("meanwhile");
  // What comes back in headers is what may.
  const cookie = async (value) => (await asked(server, post(`${freshSession("/cookie_needed_echo")}/xhr`, { headers: { Cookie: `JSESSIONID=${value}` } }))).headers["set-cookie"];
  for (const value of ["a b", "<script>", "é", "x".repeat(2000), "", '"a"', "a,b", "a\tb"]) assert.equal(await cookie(value), "JSESSIONID=dummy; path=/", value);
  assert.equal(await cookie("abc!1-2_3.x"), "JSESSIONID=abc!1-2_3.x; path=/");
  for (const asks of ["x\tb", "<x>", "é", "x".repeat(2000), "a;b", '"a"']) {
    const headers = { Origin: "http://a.example", "Access-Control-Request-Method": "POST", "Access-Control-Request-Headers": asks };
    const { headers: said } = await asked(server, { method: "OPTIONS", path: "/echo/000/ID/xhr", headers });
    assert.equal(said["access-control-allow-headers"], undefined, asks);
  }
});

crime("pages that may not", { origins: ["http://good.example"] }, async (server) => {
  const cors = ({ headers }) => [headers["access-control-allow-origin"], headers["access-control-allow-credentials"]];
  const all = [...Object.entries(URLS), ["/echo/websocket", "GET"], ["/echo/000/ID/websocket", "GET"]];
  for (const [url, allow] of all) {
    for (const method of allow.split(", ")) {
      for (const headers of [
        { Origin: "http://evil.example" }, { Origin: "null" }, { Origin: "http://good.example.evil.example" }, { Origin: "https://good.example" }, { Origin: "http://good.example:81" }, { Origin: "" }, { Origin: "*" }, { Origin: "http://good.example, http://evil.example" },
        { "Sec-Fetch-Site": "cross-site" }, { "Sec-Fetch-Site": "same-site" },
      ]) {
        for (const more of [{}, UPGRADE]) {
          const answer = await asked(server, { method, path: url, headers: { ...more, ...headers }, ...(method === "POST" ? { body: '["a"]' } : {}) });
          assert.deepEqual([answer.status, ...cors(answer)], [403, undefined, undefined], `${method} ${url} ${JSON.stringify(headers)}`);
        }
      }
    }
  }
  for (const path of ["/echo/info", "/echo/000/ID/jsonp_send"]) {
    const answer = await asked(server, get(path, { headers: { Origin: "http://good.example" } }));
    if (path === "/echo/info") assert.deepEqual([answer.status, ...cors(answer)], [200, "http://good.example", "true"]);
  }
});

crime("sessions of others", {}, async (server, t) => {
  const session = freshSession("/echo");
  const wires = [];
  const open = async (path, way, query) => {
    const wire = await Wire.open(server);
    wires.push(wire);
    const frames = (await wire.ask(listening(path, way, query))).frames(way);
    assert.equal((await within(frames.next(), "an open session")).value, "o");
    return frames;
  };
  const say = async (path, way, query, text) => {
    const request = saying(path, way, [text]);
    const { status } = await asked(server, { ...request, path: `${request.path}?${query}` });
    return status;
  };
  const hers = await open(session, "xhr_streaming", "access_token=ann");
  assert.equal(await say(session, "xhr", "access_token=bob", "from bob"), 404);
  assert.equal(await say(session, "xhr", "", "from nobody"), 404);
  assert.equal(await say(session, "xhr", "access_token=ann%00", "from one who is called nearly so"), 404);
  for (const mount of ["/disabled_websocket_echo", "/cookie_needed_echo", "/rooms", "/rpc", "/broadcast"]) {
    assert.equal(await say(session.replace("/echo", mount), "xhr", "access_token=ann", "from elsewhere"), 404, mount);
  }
  // By other ways than it was opened by there is none.
  for (const way of ["eventsource", "htmlfile", "jsonp"]) {
    assert.equal((await asked(server, listening(session, way, "access_token=ann"))).status, 404, way);
  }
  assert.equal(await say(session, "jsonp", "access_token=ann", "by a form"), 404);
  // Who names it opens one of his own.
  const his = await open(session, "xhr_streaming", "access_token=bob");
  const nobodys = await open(session, "xhr_streaming", "");
  assert.equal(await say(session, "xhr", "access_token=bob", "bob's"), 204);
  assert.equal(await say(session, "xhr", "access_token=ann", "ann's"), 204);
  assert.equal(await say(session, "xhr", "", "nobody's"), 204);
  for (const [frames, text] of [[hers, "ann's"], [his, "bob's"], [nobodys, "nobody's"]]) {
    assert.equal((await within(frames.next(), text)).value, JSON.stringify([text]).replace(/^/, "a"));
  }
  // One on a WebSocket is found by nobody.
  const onSocket = freshSession("/echo");
  const ws = new WebSocket(`${server.ws}${onSocket}/websocket`);
  t.after(() => ws.terminate());
  await within(once(ws, "open"), "a WebSocket");
  assert.equal(await say(onSocket, "xhr", "", "x"), 404);
  await answers(server, [[post(`${onSocket}/xhr`), OPENED]]);
  ws.terminate();
  for (const wire of wires) wire.close();
});

crime("what only old browsers need, where it is not", { legacy: false }, async (server) => {
  await answers(server, [
    [get("/echo/iframe.html"), NOT_FOUND],
    [get(`/echo/000/ID/htmlfile?c=${CALLBACK}`), NOT_FOUND],
    [get(`/echo/000/ID/jsonp?c=${CALLBACK}`), NOT_FOUND],
    [post("/echo/000/ID/jsonp_send", { headers: FORM, body: 'd=["a"]' }), NOT_FOUND],
  ]);
});
