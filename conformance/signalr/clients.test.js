// What a hub can do, over every transport, in both encodings, with clients of two generations.

import assert from "node:assert/strict";
import { describe, test } from "node:test";

import { Client, MATRIX, subject } from "./clients.js";
import { share } from "./target.js";

const HUB = "An unexpected error occurred invoking";

for (const way of MATRIX) {
  const { generation, transport, protocol } = way;
  describe(`client ${generation} by ${transport} in ${protocol}`, () => {
    test("calls and what they answer", async (t) => {
      const client = await Client.open(t, await share(), way);
      assert.equal(await client.call("Add", 2, 3), 5);
      assert.equal(await client.call("add", -1, 1), 0, "case does not matter");
      assert.equal(await client.call("Nothing"), null);
      assert.equal(await client.call("Optional", "a"), "a nothing");
      assert.equal(await client.call("Optional", "a", "b"), "a b");
      const text = "é€😀\u2028\u0000\u001e\"\\";
      const value = { text, list: [1, -2.5, null, true, []], deep: { a: { b: {} } } };
      assert.deepEqual(await client.call("Echo", value), value);
      const long = "x".repeat(30_000);
      assert.equal(await client.call("Echo", long), long);
      // No answer is asked for: the next is the proof that it came.
      await client.hub.send("Send", "caller", [], "event", 1);
      await client.settled();
      assert.deepEqual(client.all("event"), [[1]]);
      if (generation === "10") assert.equal(await client.call("ConnectionId"), client.id);
    });

    test("calls that fail", async (t) => {
      const client = await Client.open(t, await share(), way);
      assert.equal(await client.fails("Nope"), "Unknown hub method 'Nope'");
      const bind = "Failed to invoke 'Add' due to an error on the server.";
      assert.equal(await client.fails("Add", 1), bind);
      assert.equal(await client.fails("Add", 1, 2, 3), bind);
      assert.equal(await client.fails("Add", 1, "two"), bind);
      assert.equal(await client.fails("Refuse", "no, 1 > 2"), `${HUB} 'Refuse' on the server. HubException: no, 1 > 2`);
      assert.equal(await client.fails("Break", "a secret"), `${HUB} 'Break' on the server.`);
      assert.equal(await client.fails("Forbidden"), "Failed to invoke 'Forbidden' because user is unauthorized");
      assert.equal(
        await client.fails("Count", 1),
        "The client attempted to invoke the streaming 'Count' method with a non-streaming invocation.",
      );
      assert.deepEqual(await client.stream("Add", 1, 2), [
        "The client attempted to invoke the non-streaming 'Add' method with a streaming invocation.",
      ]);
      assert.deepEqual(await client.stream("Nope"), ["Unknown hub method 'Nope'"]);
      const upload = subject(way);
      const refused = client.fails("Add", upload, 1, 2);
      upload.complete();
      assert.equal(await refused, `${HUB} 'Add' on the server. HubException: Client sent 1 stream(s), Hub method expects 0.`);
      await client.settled();
    });

    test("calls are handled in order, one at a time", async (t) => {
      const client = await Client.open(t, await share(), way);
      const done = [];
      const slow = client.call("Slow", 50, "slow").then((value) => done.push(value));
      const fast = client.call("Echo", "fast").then((value) => done.push(value));
      await Promise.all([slow, fast]);
      assert.deepEqual(done, ["slow", "fast"]);
      const three = await Client.open(t, await share(), { ...way, at: "welcoming", events: ["welcome"] });
      const slower = three.call("Slow", 100, "slower").then((value) => done.push(value));
      await three.call("Slow", 1, "faster").then((value) => done.push(value));
      await slower;
      assert.deepEqual(done.slice(2), ["faster", "slower"]);
      assert.equal(three.all("welcome").length, 1);
      if (generation === "10") assert.deepEqual(three.all("welcome"), [[three.id]], "and nothing but its arguments");
    });

    test("everybody who can be addressed", async (t) => {
      const server = await share();
      const [one, two, three] = await Promise.all([1, 2, 3].map(() => Client.open(t, server, way)));
      const all = [one, two, three];
      const ids = await Promise.all(all.map((client) => client.call("ConnectionId")));
      await Promise.all([one.call("JoinGroup", "red"), two.call("JoinGroup", "red"), three.call("JoinGroup", "blue")]);
      /** Who of the three hears it. */
      const hearers = async (whom, names) => {
        const label = `${whom} ${names}`;
        await one.call("Send", whom, names, "event", label);
        await Promise.all(all.map((client) => client.settled()));
        return all.map((client) => client.all("event").filter(([heard]) => heard === label).length);
      };
      assert.deepEqual(await hearers("caller", []), [1, 0, 0]);
      assert.deepEqual(await hearers("all", []), [1, 1, 1]);
      assert.deepEqual(await hearers("allExcept", [ids[1]]), [1, 0, 1]);
      assert.deepEqual(await hearers("others", []), [0, 1, 1]);
      assert.deepEqual(await hearers("clients", [ids[1], ids[2]]), [0, 1, 1]);
      assert.deepEqual(await hearers("groups", ["red"]), [1, 1, 0]);
      assert.deepEqual(await hearers("groups", ["red", "blue"]), [1, 1, 1], "each once");
      assert.deepEqual(await hearers("othersInGroup", ["red"]), [0, 1, 0]);
      assert.deepEqual(await hearers("groupExcept", ["red", ids[0]]), [0, 1, 0]);
      await two.call("LeaveGroup", "red");
      assert.deepEqual(await hearers("groups", ["red", "none"]), [1, 0, 0]);
      // Names of groups tell case apart.
      assert.deepEqual(await hearers("groups", ["Red"]), [0, 0, 0]);
    });

    test("users, by a token in the header or the query", async (t) => {
      const server = await share({ token: "secret" });
      const as = (user) => Client.open(t, server, { ...way, accessTokenFactory: () => `secret:${user}` });
      const [ann, again, bob] = await Promise.all([as("ann"), as("ann"), as("bob")]);
      assert.deepEqual(await Promise.all([ann, again, bob].map((client) => client.call("User"))), ["ann", "ann", "bob"]);
      await bob.call("Send", "users", ["ann"], "event", "for ann");
      await Promise.all([ann, again, bob].map((client) => client.settled()));
      assert.deepEqual([ann, again, bob].map((client) => client.all("event").length), [1, 1, 0]);
      const stranger = new Client(t, server, { ...way, accessTokenFactory: () => "wrong" });
      await assert.rejects(stranger.hub.start(), generation === "5" ? /Unauthorized/ : /Error: Unauthorized: Status code '401'/);
    });

    test("the server asks, and clients answer", async (t) => {
      if (generation === "5") return t.skip("its clients cannot");
      const server = await share();
      const answers = {
        twice: (value) => value * 2,
        later: (value) => new Promise((resolve) => setTimeout(resolve, 5, `${value} later`)),
        throws: () => {
          throw new Error("not me");
        },
        silent: () => {},
      };
      const client = await Client.open(t, server, { ...way, answers });
      const other = await Client.open(t, server, way);
      assert.equal(await client.call("Ask", null, "twice", 21), 42, "the caller itself, while it waits");
      assert.equal(await other.call("Ask", client.id, "later", "a"), "a later");
      const failed = (words) => `${HUB} 'Ask' on the server. HubException: the client answered with error 0: ${words}`;
      assert.equal(await client.fails("Ask", null, "throws", 1), failed("Error: not me"));
      assert.equal(await client.fails("Ask", null, "nobody", 1), failed("Client didn't provide a result."));
      const nobody = `${HUB} 'Ask' on the server. HubException: Connection 'nobody' does not exist.`;
      assert.equal(await client.fails("Ask", "nobody", "twice", 1), nobody);
    });

    test("streams from the server", async (t) => {
      const server = await share();
      const client = await Client.open(t, server, way);
      assert.deepEqual(await client.stream("Count", 5), [0, 1, 2, 3, 4]);
      assert.deepEqual(await client.stream("Count", 0), []);
      assert.equal((await client.stream("Count", 1000)).length, 1000);
      const broke = "An error occurred on the server while streaming results. HubException: the stream broke";
      assert.deepEqual(await client.stream("BreakAt", 2), [0, 1, broke]);
      assert.deepEqual(await client.stream("RefuseStream"), [`${HUB} 'RefuseStream' on the server. HubException: no stream for you`]);
      const long = await client.stream("Fast", 50, 10_000);
      assert.deepEqual(long.map((item) => item.length), Array.from({ length: 50 }, (_, n) => `${n} `.length + 10_000));
      // Two at once, and a call in between.
      const [left, right, sum] = await Promise.all([client.stream("Pace", 20, 2), client.stream("Count", 20), client.call("Add", 1, 1)]);
      assert.deepEqual(left, right);
      assert.equal(sum, 2);
    });

    test("a stream that is cancelled ends at once", async (t) => {
      const server = await share();
      const client = await Client.open(t, server, way);
      const before = await client.call("World");
      await new Promise((resolve) => {
        let heard = 0;
        const subscription = client.hub.stream("Pace", 1e9, 1).subscribe({
          next: () => {
            heard += 1;
            if (heard === 3) {
              subscription.dispose();
              resolve();
            }
          },
          error: () => {},
          complete: () => {},
        });
      });
      for (;;) {
        const { begun, dropped } = await client.call("World");
        if (begun - before.begun === dropped - before.dropped) break;
      }
      await client.settled();
    });

    test("streams to the server", async (t) => {
      const client = await Client.open(t, await share(), way);
      const numbers = subject(way);
      const sum = client.call("Sum", numbers);
      for (let n = 0; n < 500; n += 1) numbers.next(n);
      numbers.complete();
      assert.equal(await sum, 124_750);
      const [left, right] = [subject(way), subject(way)];
      // (Of two streams side by side, these clients take the second for an ordinary argument.)
      const zipped = client.call("Zip", left, "-", right);
      for (const text of ["a", "b", "c"]) left.next(text);
      for (const text of ["1", "2"]) right.next(text);
      left.complete();
      right.complete();
      assert.deepEqual(await zipped, ["a-1", "b-2"]);
      const failing = subject(way);
      const failed = client.fails("Sum", failing);
      failing.next(1);
      failing.error("broken here");
      assert.match(await failed, /HubException: broken here$/);
      const wrong = subject(way);
      const unbound = client.fails("Sum", wrong);
      wrong.next("a text");
      wrong.complete();
      assert.match(await unbound, /HubException: Failed to bind Stream message\.$/);
      const mirrored = subject(way);
      const mirror = client.stream("Mirror", "!", mirrored);
      for (const text of ["a", "b"]) mirrored.next(text);
      mirrored.complete();
      assert.deepEqual(await mirror, ["a!", "b!"]);
      // What the client still says of its streams is behind it before it is stopped.
      await client.settled();
    });

    test("rooms that a client enters itself tell more", async (t) => {
      const client = await Client.open(t, await share(), way);
      const room = `room of ${client.name}`;
      const { offset, recovered } = await client.call("Subscribe", room);
      assert.equal(recovered, false);
      assert.equal(typeof offset, "string");
      await client.call("publish", room, "event", { text: "hi" });
      await client.settled();
      const [[data, meta]] = client.all("event");
      assert.deepEqual(data, { text: "hi" });
      assert.equal(meta.room, room);
      assert.equal(meta.from, await client.call("ConnectionId"));
      assert.match(await client.fails("Subscribe", "$bad"), /HubException: room names that begin with/);
    });

    test("the end, from either side", async (t) => {
      const server = await share();
      const watch = await Client.open(t, server, {});
      const ended = async (id) => {
        for (;;) {
          const end = (await watch.call("World")).ended.find(([ended]) => ended === id);
          if (end !== undefined) return end[1];
        }
      };
      const leaving = await Client.open(t, server, way);
      const left = await leaving.call("ConnectionId");
      await leaving.hub.stop();
      assert.equal(await leaving.closed(), undefined);
      // By events the goodbye and the end of the stream go different ways.
      assert.ok(["client closed", ...(transport === "ServerSentEvents" ? ["connection lost"] : [])].includes(await ended(left)));

      const aborted = await Client.open(t, server, { ...way, build: (builder) => builder.withAutomaticReconnect([0]) });
      aborted.hub.onreconnecting(() => assert.fail("it is not to come back"));
      const id = await aborted.call("ConnectionId");
      aborted.hub.send("Abort").catch(() => {});
      const error = await aborted.closed();
      // The stream's end, behind the goodbye, is an error to the older client.
      if (generation === "5" && transport === "ServerSentEvents") assert.match(error?.message ?? "Error occurred", /^Error occurred$/);
      else assert.equal(error, undefined, "no error");
      assert.equal(await ended(id), "server closed");
    });

    test("who is not let in hears why", async (t) => {
      const client = new Client(t, await share(), { ...way, at: "guarded", events: ["early"] });
      // The handshake is good, and the end comes with it, or behind it.
      const error = await client.hub.start().then(
        () => client.closed(),
        (error) => error,
      );
      assert.equal(error.message, "Server returned an error on close: Connection closed with an error. HubException: not you");
    });
  });
}
