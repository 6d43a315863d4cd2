// What an application does for its clients: calls, answers, and what it sends them.

import assert from "node:assert/strict";

import { Client, fresh, freshName } from "./client.js";
import { Raw } from "./raw.js";
import { WAYS, own } from "./target.js";

const known = (login = freshName()) => ({ login, passcode: "secret" });
const JSON_TYPE = "application/json";

own("answers to whoever asks", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  for (const [event, body, answer] of [
    ["add", '{"a":2,"b":3}', "5"],
    ["echo", '{ "a" : 1e3,"b":12345678901234567890 }', '{ "a" : 1e3,"b":12345678901234567890 }'],
    ["echo", "é😀\u2028", "é😀\u2028"],
    ["echo", "", ""],
    ["nothing", "anything", ""],
  ]) {
    client.send(`/app/${event}`, body, { "reply-to": "/temp-queue/mine", "correlation-id": `${event} ${body}`, receipt: "r" });
    await client.unhandled.count(2);
    const [message, receipt] = client.unhandled.messages.splice(0);
    assert.equal(message.body, answer);
    const { "message-id": id, ...headers } = message.headers;
    assert.match(id, /^[A-Za-z0-9_.-]+$/);
    assert.equal(headers.destination, "/temp-queue/mine");
    assert.equal(headers.subscription, "/temp-queue/mine");
    assert.equal(headers["correlation-id"], `${event} ${body}`.trim());
    assert.equal(headers["content-type"], { "": undefined, "é😀\u2028": "text/plain;charset=utf-8" }[answer] ?? (answer === "" ? undefined : JSON_TYPE));
    // The answer comes before its receipt.
    assert.deepEqual([receipt.command, receipt.headers], ["RECEIPT", { "receipt-id": "r" }]);
  }
});

own("answers elsewhere", WAYS, {}, async (t, server, way) => {
  const room = fresh();
  const headers = known();
  const client = await Client.open(t, server, way, { headers });
  const other = await Client.open(t, server, "plain", { headers });
  const bystander = await Client.open(t, server, "plain");
  const open = (destination) => Promise.all([client, other, bystander].map((each) => each.subscribe(destination)));
  // To its own queue: only whoever asked hears it.
  const [mine, twin, none] = await open("/user/queue/answers");
  const { "receipt-id": id } = await client.sure("/app/add", '{"a":1,"b":2}', { "reply-to": "/user/queue/answers", "correlation-id": "7" });
  assert.ok(id);
  const { headers: said, body } = await mine.one();
  assert.deepEqual([body, said.destination, said.subscription, said["correlation-id"]], ["3", "/user/queue/answers", mine.id, "7"]);
  await Promise.all([other.settled(), bystander.settled()]);
  assert.deepEqual([twin.left, none.left], [[], []]);
  // To a room: all hear it, as an event of the call's name.
  const heards = await open(room);
  await client.sure("/app/add", '{"a":3,"b":4}', { "reply-to": room });
  for (const heard of heards) {
    const message = await heard.one();
    assert.deepEqual([message.body, message.headers.event, message.headers.from], ["7", "add", client.id]);
  }
});

own("receipts when handlers are done", WAYS, {}, async (t, server, way) => {
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const room = fresh();
  const heard = await other.subscribe(room);
  const gate = fresh();
  client.send("/app/wait", JSON.stringify(gate), { receipt: "first", "reply-to": "/temp-queue/a" });
  // What comes behind waits, room or not.
  client.send(room, "behind", { receipt: "second" });
  client.send("/app/add", '{"a":1,"b":1}', { receipt: "third", "reply-to": "/temp-queue/b" });
  await other.sure(room, "meanwhile");
  assert.deepEqual(client.unhandled.messages, []);
  await other.sure("/app/go", JSON.stringify(gate));
  await client.unhandled.count(5);
  const seen = client.unhandled.messages.map(({ headers, body }) => headers["receipt-id"] ?? `${headers.destination} ${body}`);
  assert.deepEqual(seen, [`/temp-queue/a ${JSON.stringify(gate)}`.replaceAll('"', ""), "first", "second", "/temp-queue/b 2", "third"]);
  assert.deepEqual(await heard.bodies(2), ["meanwhile", "behind"]);
});

const FAILURES = [
  ["refuse", '"no\\n"', { code: -32000, message: "no\n", event: "refuse", data: { why: ["so"] } }],
  ["forbid", '"not you"', { code: -32003, message: "not you", event: "forbid" }],
  ["unheard-of", '"a"', { code: -32601, event: "unheard-of" }],
  ["add", '{"a":1}', { code: -32602, event: "add" }],
  ["add", "1,2", { code: -32602, event: "add" }],
  ["refuse", "", { code: -32602, event: "refuse" }],
];

own("what handlers refuse", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  const errors = await client.subscribe("/user/queue/errors");
  for (const [event, body, expected] of FAILURES) {
    client.send(`/app/${event}`, body, { receipt: "r", "reply-to": "/temp-queue/a" });
    const { headers, body: said } = await errors.one();
    assert.deepEqual([headers.destination, headers["content-type"], headers["receipt-id"]], ["/user/queue/errors", JSON_TYPE, "r"]);
    const { message, ...rest } = JSON.parse(said);
    assert.deepEqual("message" in expected ? { ...rest, message } : rest, expected);
  }
  // There is no other answer, and the connection goes on.
  await client.settled();
  assert.deepEqual([client.unhandled.messages, client.errors], [[], []]);
});

own("what breaks in handlers is not told", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  const errors = await client.subscribe("/user/queue/errors");
  for (const event of ["break", "panic"]) {
    client.send(`/app/${event}`, '"a secret"');
    const { body } = await errors.one();
    assert.doesNotMatch(body, /secret/);
    const { code, event: named, message } = JSON.parse(body);
    assert.deepEqual([code, named], [-32603, event]);
    assert.match(message, /[A-Za-z0-9]{8,}/);
  }
  assert.equal(await client.ask("add", { a: 1, b: 1 }), 2);
});

own("a subscription that is a question", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe("/app/whoami");
  const { headers, body } = await heard.one();
  assert.equal(JSON.parse(body).id, client.id);
  assert.deepEqual([headers.destination, headers.subscription], ["/app/whoami", heard.id]);
  await heard.end();
  // One that nobody answers.
  const errors = await client.subscribe("/user/queue/errors");
  client.listen("/app/unheard-of");
  assert.equal(JSON.parse((await errors.one()).body).code, -32601);
  // Nothing that a room hears.
  const again = await client.subscribe("/app/whoami");
  await client.sure("/topic/whoami", "a");
  await client.settled();
  assert.equal(again.heard.messages.length, 1);
});

own("a handler tells its caller", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  const twin = await Client.open(t, server, "plain");
  const [queue, topic, other] = [await client.subscribe("/user/queue/news"), await client.subscribe("/user/topic/news"), await twin.subscribe("/user/queue/news")];
  await client.sure("/app/tell-me", '{"event":"news","data":{"text":"é😀\\u2028"}}');
  for (const [heard, destination] of [[queue, "/user/queue/news"], [topic, "/user/topic/news"]]) {
    const { headers, body } = await heard.one();
    assert.equal(body, '{"text":"é😀\u2028"}');
    assert.deepEqual([headers.destination, headers.event, headers["content-type"]], [destination, "news", JSON_TYPE]);
  }
  // Many, in order, before the receipt.
  const numbers = await client.subscribe("/user/queue/number");
  await client.sure("/app/tell-me", '{"event":"number","data":7,"times":200}');
  assert.deepEqual(numbers.left, Array(200).fill("7"));
  await twin.settled();
  assert.deepEqual(other.left, []);
});

own("what is for a user, all its connections hear", WAYS, {}, async (t, server, way) => {
  const open = (by, headers) => Client.open(t, server, by, { headers });
  const ann = known();
  const [one, two, eve, nobody] = [await open(way, ann), await open("plain", ann), await open("plain", known()), await open("plain", {})];
  const all = [one, two, eve, nobody];
  const heards = await Promise.all(all.map((client) => client.subscribe("/user/queue/news")));
  await eve.sure("/app/tell-user", JSON.stringify({ to: ann.login, event: "news", data: "from the application" }));
  // A client says something to its own user; one without a user only to itself.
  await one.sure("/user/queue/news", "from ann");
  await nobody.sure("/user/queue/news", "from nobody");
  await Promise.all(all.map((client) => client.settled()));
  assert.deepEqual(heards.map((heard) => heard.left), [["from the application", "from ann"], ["from the application", "from ann"], [], ["from nobody"]]);
  const [, { headers }] = heards[1].heard.messages;
  assert.deepEqual([headers.user, headers.from, headers.event], [ann.login, one.id, "news"]);
});

own("what the application lets it hear, and it has not subscribed to", WAYS, {}, async (t, server, way) => {
  const name = freshName();
  const client = await Client.open(t, server, way);
  await client.sure("/app/join", JSON.stringify(name));
  const news = await client.subscribe("/user/queue/news");
  await client.sure("/app/tell-room", JSON.stringify({ to: name, event: "news", data: "a" }));
  // Nobody listens for this one.
  await client.sure("/app/tell-room", JSON.stringify({ to: name, event: "other", data: "b" }));
  assert.deepEqual(news.left, ["a"]);
  // Once it has subscribed, it hears everything there, and there alone.
  const room = await client.subscribe(`/topic/${name}`);
  for (const event of ["news", "other"]) await client.sure("/app/tell-room", JSON.stringify({ to: name, event, data: event }));
  assert.deepEqual([room.left, news.left], [["news", "other"], ["a"]]);
});

own("a handler publishes", WAYS, {}, async (t, server, way) => {
  const name = freshName();
  const [client, other] = [await Client.open(t, server, way), await Client.open(t, server, "plain")];
  const [mine, others] = [await client.subscribe(`/topic/${name}`), await other.subscribe(`/topic/${name}`)];
  // A publisher hears its own before the receipt.
  await client.sure("/app/tell-room", JSON.stringify({ to: name, event: "a", data: [1, 2], times: 100 }));
  assert.deepEqual(mine.left, Array(100).fill("[1,2]"));
  await client.sure("/app/tell-others", JSON.stringify({ to: name, event: "b", data: null }));
  const heard = await others.next(101);
  assert.deepEqual([heard[0].headers.event, heard[100].headers.event, heard[100].body], ["a", "b", "null"]);
  assert.equal(heard[100].headers.from, client.id);
  assert.equal(mine.left.length, 100);
});

own("the same room by JSON-RPC", WAYS, {}, async (t, server, way) => {
  const name = freshName();
  const client = await Client.open(t, server, way);
  const heard = await client.subscribe(`/topic/${name}`);
  const rpc = await Raw.open(t, server, "/ws");
  rpc.say(JSON.stringify({ jsonrpc: "2.0", id: 1, method: "subscribe", params: [name] }));
  await rpc.heard.count(1);
  await client.sure(`/topic/${name}`, '{"a":1}', { event: "chat", "x-not": "told" });
  await client.sure(`/topic/${name}`, "text");
  await rpc.heard.count(3);
  const [, chat, text] = rpc.heard.messages.map(({ data }) => JSON.parse(data));
  const [{ headers }] = await heard.next(2);
  const { time, ...meta } = chat.params[1];
  assert.deepEqual([chat.method, chat.params[0], meta], ["chat", { a: 1 }, { room: name, offset: headers.offset, from: client.id }]);
  assert.equal(String(time), headers.time);
  assert.deepEqual([text.method, text.params[0]], ["message", "text"]);
  // Several arguments are an array where there is one body.
  rpc.say(JSON.stringify({ jsonrpc: "2.0", id: 2, method: "publish", params: [name, "chat", [1, "two"]] }));
  assert.equal((await heard.one()).body, '[1,"two"]');
});

own("in Spring's way", ["plain", "websocket", "xhr-polling"], {}, async (t, server, way) => {
  const open = (login) => Client.open(t, server, way, { mount: "/spring", headers: known(login) });
  const names = [freshName(), `${freshName()}/x`];
  const [ann, eve] = [await open(names[0]), await open(names[1])];
  // What a handler returns is published under the event's name.
  const answers = await eve.subscribe("/topic/add");
  await ann.sure("/app/add", '{"a":20,"b":1}');
  await answers.heard.until(() => answers.heard.messages.some(({ headers }) => headers.from === ann.id), "an answer");
  const of = (heard, client) => heard.heard.messages.filter(({ headers }) => headers.from === client.id).map(({ body, headers }) => `${headers.event} ${body}`);
  assert.deepEqual(of(answers, ann), ["add 21"]);
  // Where an answer is asked for elsewhere, it goes there; nothing is no news.
  assert.equal(await ann.ask("add", { a: 1, b: 1 }), 2);
  const nothing = await eve.subscribe("/topic/nothing");
  await ann.sure("/app/nothing");
  await eve.settled();
  assert.deepEqual([of(answers, ann), of(nothing, ann)], [["add 21"], []]);
  // Users send to each other.
  const [mine, its] = [await ann.subscribe("/user/queue/news"), await eve.subscribe("/user/queue/news")];
  await ann.sure(`/user/${names[1].replace("/", "%2F")}/queue/news`, "for eve");
  await eve.sure(`/user/${names[0]}/queue/news`, "for ann");
  assert.deepEqual([await mine.bodies(1), await its.bodies(1)], [["for ann"], ["for eve"]]);
});

own("a handler ends its caller", WAYS, {}, async (t, server, way) => {
  const client = await Client.open(t, server, way);
  client.send("/app/leave");
  assert.equal((await client.closed()).code, 1000);
  assert.deepEqual(client.errors, []);
});
