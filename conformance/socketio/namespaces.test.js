// Who gets into which namespace, and what the others are told.

import assert from "node:assert/strict";
import { test } from "node:test";

import { Client } from "./clients.js";
import { share, start } from "./target.js";
import { watch } from "./watch.js";

const OPTIONS = { allowEIO3: true };

/** The error that a connection attempt fails with. */
async function refusal(test, server, options) {
  const client = Client.begin(test, server, options);
  return client.connected().then(() => assert.fail("was let in"), (error) => error);
}

for (const generation of [4, 3]) {
  test(`client ${generation}: a middleware lets in, or says why not`, async (t) => {
    const server = await share(OPTIONS);
    const chat = { generation, namespace: "/chat" };
    const error = await refusal(t, server, chat);
    assert.deepEqual([error.message, error.data], ["not authorized", { code: 42 }]);
    const bare = await refusal(t, server, { ...chat, auth: { token: "bare" } });
    assert.deepEqual([bare.message, bare.data], ["no", undefined]);
    const none = await refusal(t, server, { generation, namespace: "/none" });
    assert.deepEqual([none.message, none.data], ["Invalid namespace", undefined]);

    const auth = { token: "secret", more: [1, "é"] };
    const client = await Client.open(t, server, { ...chat, auth });
    const who = await client.call("whoami");
    assert.deepEqual([who.id, who.namespace, who.auth], [client.socket.id, "/chat", auth]);
  });

  test(`client ${generation}: credentials that it makes when it connects`, async (t) => {
    const server = await share(OPTIONS);
    const auth = (tell) => tell({ token: "secret" });
    await Client.open(t, server, { generation, namespace: "/chat", auth });
  });
}

test("client 2: credentials in the query, errors as they are", async (t) => {
  const server = await share(OPTIONS);
  const of = (namespace) => ({ generation: 2, namespace });
  assert.deepEqual(await refusal(t, server, of("/chat")), { code: 42 });
  assert.equal(await refusal(t, server, of("/chat?token=bare")), "no");
  const none = await refusal(t, server, of("/none"));
  assert.deepEqual(none, { message: "Invalid namespace" });

  const client = await Client.open(t, server, of("/chat?token=secret"));
  const who = await client.call("whoami");
  assert.deepEqual([who.namespace, who.auth], ["/chat", { token: "secret" }]);
});

for (const generation of [4, 3, 2]) {
  test(`client ${generation}: many namespaces, one connection`, async (t) => {
    const server = await start(t, OPTIONS);
    const watcher = await watch(server);
    const before = await watcher.gauges();
    const root = await Client.open(t, server, { generation, transports: ["websocket"] });
    const others = Array.from({ length: 5 }, (_, n) => root.of(`/dynamic-${n}`));
    await Promise.all(others.map((other) => other.connected()));
    const { sessions, connections, namespaces } = await watcher.gauges();
    assert.deepEqual(
      { sessions, connections, namespaces },
      { sessions: before.sessions + 1, connections: before.connections + 6, namespaces: before.namespaces + 5 },
    );
    // What is said in one is not heard in another, whatever the rooms are called.
    await Promise.all(others.map((other) => other.call("join", ["room"])));
    await Promise.all(others.map((other, n) => other.call("emit", { to: ["room"] }, "said", [n])));
    for (const [n, other] of others.entries()) {
      await other.settled();
      assert.deepEqual(other.all("said"), [[n]]);
      assert.equal((await other.call("whoami")).namespace, `/dynamic-${n}`);
    }
    // One leaves, the others stay.
    others[0].socket.disconnect();
    await others[1].settled();
    assert.deepEqual(root.all("said"), []);
    await root.settled();
    root.socket.disconnect();
    for (const other of others) other.socket.disconnect();
    await watcher.back(before);
  });
}

test("a namespace of a pattern: only what it matches", async (t) => {
  const server = await share(OPTIONS);
  for (const namespace of ["/dynamic-", "/dynamic-x", "/dynamic-1x", "/x/dynamic-1", "/Dynamic-1"]) {
    assert.equal((await refusal(t, server, { namespace })).message, "Invalid namespace", namespace);
  }
  const clients = await Promise.all([1, 2].map(() => Client.open(t, server, { namespace: "/dynamic-007" })));
  // Both are in the same one.
  await clients[0].call("emit", { from: "others" }, "said", ["hello"]);
  await clients[1].heard.count(1);
  assert.deepEqual(clients[1].all("said"), [["hello"]]);
  // And its middleware and handlers are those of the pattern.
  const { middleware, connected } = await clients[0].call("seen");
  assert.deepEqual([middleware >= 2, connected >= 2], [true, true]);
});

test("what a middleware of events stops is heard by nobody", async (t) => {
  const server = await share(OPTIONS);
  const client = await Client.open(t, server, { transports: ["websocket"] });
  client.emit("secret:thing");
  await client.settled();
  assert.deepEqual(client.heard.messages, []);
});

test("the query of the first request", async (t) => {
  const server = await share(OPTIONS);
  for (const generation of [4, 3, 2]) {
    const client = await Client.open(t, server, { generation, query: { from: "a & b" } });
    assert.equal((await client.call("whoami")).query.from, "a & b");
  }
});

test("headers of the first request", async (t) => {
  const server = await share(OPTIONS);
  const extraHeaders = { "x-conformance": "there" };
  const client = await Client.open(t, server, { extraHeaders });
  assert.equal((await client.call("whoami")).header, "there");
});
