// How a client gets in: versions, subprotocols, who it is, and what it may not do before.

import assert from "node:assert/strict";
import { once } from "node:events";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { within } from "../socketio/patience.js";
import { Client, fresh } from "./client.js";
import { Raw, frame, read } from "./raw.js";
import { IS_OURS, WAYS, own, story } from "./target.js";

for (const version of ["1.0", "1.1", "1.2"]) {
  story(`CONNECTED in ${version}`, WAYS, {}, async (t, server, way) => {
    const client = await Client.open(t, server, way, { version, beats: [10_000, 10_000] });
    const { session, server: name, ...rest } = client.connected;
    // There are no heart-beats in 1.0; RabbitMQ has them all the same.
    const beats = version === "1.0" && IS_OURS ? {} : { "heart-beat": "10000,10000" };
    assert.deepEqual(rest, { version, ...beats });
    assert.ok(session);
    if (!IS_OURS) return;
    assert.match(name, /^everywire\/\d+\.\d+\.\d+/);
    assert.match(session, /^[A-Za-z0-9_-]{20}$/);
    assert.deepEqual(await client.ask("whoami"), {
      id: session,
      user: null,
      headers: { "accept-version": version, "heart-beat": "10000,10000" },
    });
  });
}

story("the highest version, by its subprotocol too", ["plain", "subprotocol"], {}, async (t, server, way) => {
  for (const [versions, version] of [[["1.0", "1.1", "1.2"], "1.2"], [["1.0", "1.1"], "1.1"], [["1.0"], "1.0"]]) {
    const client = await Client.open(t, server, way, { versions });
    assert.equal(client.connected.version, version);
    assert.equal(client.socket.protocol, `v${version.replace(".", "")}.stomp`);
  }
});

own("on WebSocket alone", ["plain"], {}, async (t, server, way) => {
  const client = await Client.open(t, server, way, { path: "/bare" });
  assert.equal(client.socket.protocol, "v12.stomp");
  assert.equal(await client.ask("add", { a: 1, b: 2 }), 3);
});

own("no subprotocol, and none of ours", ["plain"], {}, async (t, server, way) => {
  assert.equal((await Client.open(t, server, way, { protocols: [] })).socket.protocol, "");
  // A client that offered some wants one of them.
  const socket = new WebSocket(`${server.ws}/stomp/websocket`, ["other"]);
  atEnd(t, () => socket.terminate());
  const [error] = await within(once(socket, "error"), "an error");
  assert.equal(error.message, "Server sent no subprotocol");
});

own("on /ws the subprotocol decides", ["subprotocol"], {}, async (t, server, way) => {
  const room = fresh();
  const client = await Client.open(t, server, way, { protocols: ["other", "v11.stomp", "v12.stomp"] });
  assert.equal(client.socket.protocol, "v12.stomp");
  const heard = await client.subscribe(room);
  const rpc = await Raw.open(t, server, "/ws");
  assert.equal(rpc.socket.protocol, "");
  const params = [room.replace("/topic/", ""), "chat", { text: "hi" }];
  rpc.say(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "publish", params }));
  await rpc.heard.count(1);
  const { headers, body } = await heard.one();
  assert.equal(body, '{"text":"hi"}');
  assert.deepEqual([headers.event, headers["content-type"], headers["content-length"]], ["chat", "application/json", "13"]);
  assert.equal(headers.offset, JSON.parse(rpc.heard.messages[0].data).result.offset);
});

story("versions and their blanks", ["plain"], {}, async (t, server) => {
  const path = IS_OURS ? "/stomp/websocket" : "/ws";
  const who = IS_OURS ? {} : { login: "guest", passcode: "guest" };
  for (const [accepted, version] of [["1.0,1.1,1.2", "1.2"], ["1.2,1.1", "1.2"], ["1.1,3.0", "1.1"], [undefined, "1.0"]]) {
    const raw = await Raw.open(t, server, path);
    raw.say(frame("STOMP", { ...(accepted && { "accept-version": accepted }), host: "/", ...who }));
    const [{ command, headers }] = await raw.frames(1);
    assert.deepEqual([command, headers.version], ["CONNECTED", version]);
  }
});

own("blanks between versions", ["plain"], {}, async (t, server) => {
  // RabbitMQ settles for 1.1.
  const raw = await Raw.connect(t, server, { "accept-version": "1.1, 1.2" });
  assert.equal(raw.connected.version, "1.2");
});

own("no version in common", WAYS, {}, async (t, server, way) => {
  const client = Client.begin(t, server, way, { versions: ["2.0", "3.1"], protocols: ["v12.stomp"] });
  const { headers, body } = await client.failed();
  assert.deepEqual([headers.message, headers.version, headers["content-type"]], ["Version mismatch", "1.0,1.1,1.2", "text/plain;charset=utf-8"]);
  assert.equal(body, 'accept-version "2.0,3.1" has none of 1.0, 1.1 and 1.2');
  assert.equal((await client.closed()).code, 1002);
});

const ANN = [
  ["login and passcode", { login: "ann", passcode: "secret" }],
  ["a token", { Authorization: "Bearer secret:ann" }],
];

for (const [by, headers] of ANN) {
  own(`known by ${by}`, WAYS, { membersOnly: true }, async (t, server, way) => {
    const client = await Client.open(t, server, way, { headers });
    assert.equal(client.connected["user-name"], "ann");
    const { user, headers: shown } = await client.ask("whoami");
    assert.equal(user, "ann");
    assert.equal(shown.login, headers.login);
  });
}

const NOBODY = [
  [{ login: "ann", passcode: "Secret" }, "login or passcode is wrong"],
  [{ login: "ann" }, "login or passcode is wrong"],
  [{ Authorization: "Bearer ann" }, "the token is not valid"],
  [{}, "show who you are"],
];

own("who is not let in", WAYS, { membersOnly: true }, async (t, server, way) => {
  for (const [headers, why] of NOBODY) {
    const client = Client.begin(t, server, way, { headers });
    const { headers: said, body } = await client.failed();
    assert.deepEqual([said.message, body], ["Connection refused", why]);
    // Nobody is named.
    assert.doesNotMatch(JSON.stringify(client.wire.filter((data) => typeof data === "string")), /ann/);
    assert.equal((await client.closed()).code, 1008);
    assert.equal(client.connected, undefined);
  }
});

own("nothing is done for who is not in", ["plain"], { membersOnly: true }, async (t, server, way) => {
  const room = fresh();
  const member = await Client.open(t, server, way, { headers: ANN[0][1] });
  const heard = await member.subscribe(room);
  const send = frame("SEND", { destination: room }, "from nobody");
  const frames = [send, frame("SUBSCRIBE", { id: 1, destination: room }), frame("ACK", { id: "q1.1" }), frame("DISCONNECT", { receipt: 1 })];
  for (const first of frames) {
    const raw = await Raw.open(t, server);
    raw.say(first, frame("CONNECT", { "accept-version": "1.2", login: "ann", passcode: "secret" }));
    const { frames, code } = await raw.rest();
    const [command] = first.split("\n");
    assert.deepEqual(frames.map(({ command, headers }) => [command, headers.message]), [["ERROR", "Not connected"]], command);
    assert.equal(frames[0].body, `${command} before CONNECT; a client has to CONNECT first`);
    assert.equal(code, 1002);
  }
  // In one breath with a CONNECT that is refused, and in one message.
  for (const join of [(all) => all, (all) => [all.join("")]]) {
    const raw = await Raw.open(t, server);
    raw.say(...join([frame("CONNECT", { "accept-version": "1.2", login: "eve", passcode: "x" }), send, frames[1]]));
    const { frames: said, code } = await raw.rest();
    assert.deepEqual(said.map(({ command, headers }) => [command, headers.message]), [["ERROR", "Connection refused"]]);
    assert.equal(code, 1008);
  }
  await member.sure(room, "the last");
  assert.deepEqual(heard.left, ["the last"]);
});

own("frames right behind CONNECT wait for it", ["plain"], {}, async (t, server) => {
  const destination = fresh();
  const frames = [
    frame("CONNECT", { "accept-version": "1.2" }),
    frame("SUBSCRIBE", { id: "a", destination, receipt: "1" }),
    frame("SEND", { destination, receipt: "2" }, "b"),
  ];
  for (const join of [(all) => all, (all) => [all.join("")], (all) => [...all.join("\n")]]) {
    const raw = await Raw.open(t, server);
    raw.say(...join(frames));
    const [connected, receipt, ...both] = await raw.frames(4);
    assert.deepEqual([connected.command, receipt.headers["receipt-id"]], ["CONNECTED", "1"]);
    assert.deepEqual(both.map(({ headers }) => headers["receipt-id"] ?? headers.subscription).sort(), ["2", "a"]);
    raw.socket.close();
  }
});

own("a second CONNECT", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  client.raw(frame("CONNECT", { "accept-version": "1.2" }));
  assert.equal((await client.failed()).headers.message, "Already connected");
  assert.equal((await client.closed()).code, 1002);
});

own("nobody waits for a CONNECT that does not come", ["plain"], { loginTimeout: 200 }, async (t, server) => {
  const raw = await Raw.open(t, server);
  // What is no whole frame does not help.
  raw.say("\n", "CONNECT\n");
  const { frames, code } = await raw.rest();
  assert.deepEqual(frames.map(({ headers, body }) => [headers.message, body]), [["Login timeout", "no CONNECT came within 0.2 s"]]);
  assert.equal(code, 1001);
});

own("a long CONNECT", ["plain"], { firstBytes: 1000 }, async (t, server) => {
  const raw = await Raw.open(t, server);
  raw.say(frame("CONNECT", { "accept-version": "1.2", token: "x".repeat(1000) }));
  const { frames, code } = await raw.rest();
  assert.equal(frames[0].headers.message, "Frame too long before login");
  assert.equal(code, 1009);
});

own("what CONNECT cannot be", ["plain"], {}, async (t, server) => {
  for (const [text, message] of [
    [frame("CONNECT", { "accept-version": "1.2", "heart-beat": "1000" }), "Malformed heart-beat"],
    [frame("CONNECT", { "accept-version": "1.2", "heart-beat": "-1,0" }), "Malformed heart-beat"],
    [frame("CONNECT", { "accept-version": "1.2" }, "a body"), "Body not allowed"],
    ["GET / HTTP/1.1\r\n\r\n\0", "Not connected"],
    ['{"jsonrpc":"2.0","id":1,"method":"publish"}', "Command too long"],
  ]) {
    const raw = await Raw.open(t, server);
    raw.say(text);
    const { frames, code } = await raw.rest();
    assert.deepEqual([frames.length, frames[0].headers.message, code], [1, message, 1002], text);
  }
});

own("escapes are not for CONNECT", ["plain"], {}, async (t, server) => {
  const client = await Client.open(t, server, "plain", { headers: { path: "c:\\new", "a b": "c" } });
  const { headers } = await client.ask("whoami");
  assert.equal(headers.path, "c:\\new");
  assert.equal(read(client.wire.find((data) => typeof data === "string")).command, "CONNECTED");
});
