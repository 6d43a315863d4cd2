// The example that `docs/socketio.md` moves from Node: official clients chat on it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { built } from "../rooms/server.js";
import { Client } from "./clients.js";
import { isReference } from "./target.js";

test("a chat that was moved from Node", { skip: isReference && "it is ours" }, async (t) => {
  const child = spawn(built("socketio_chat"), ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  atEnd(t, () => child.kill("SIGKILL"));
  const [line] = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", (...line) => resolve(line));
    child.once("error", reject);
  });
  const server = { http: line.split(" ").at(-1), options: {} };
  await assert.rejects(Client.open(t, server, {}), /say who you are/);
  const ada = await Client.open(t, server, { auth: { name: "ada" } });
  const bob = await Client.open(t, server, { auth: { name: "bob" } });
  await ada.heard.count(1);
  assert.equal(await bob.call("chat message", "hello"), "delivered");
  await Promise.all([ada.heard.count(2), bob.heard.count(1)]);
  // Each event ends with its place: the example lets clients come back.
  const heard = () => ada.heard.messages.map(({ event, args }) => [event, ...args.slice(0, -1)]);
  assert.deepEqual(heard(), [
    ["joined", "bob"],
    ["chat message", "bob", "hello"],
  ]);
  assert.deepEqual((await ada.call("who")).toSorted(), ["ada", "bob"]);
  bob.socket.disconnect();
  await ada.heard.count(3);
  assert.deepEqual(heard()[2], ["left", "bob"]);
});
