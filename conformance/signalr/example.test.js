// The example that `docs/signalr.md` moves from .NET: official clients chat on it.

import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";
import { test } from "node:test";

import { atEnd } from "../rooms/ends.js";
import { built } from "../rooms/server.js";
import { Client, subject } from "./clients.js";

test("a chat that was moved from .NET", async (t) => {
  const child = spawn(built("signalr_chat"), ["127.0.0.1:0"], { stdio: ["ignore", "pipe", "inherit"] });
  atEnd(t, () => child.kill("SIGKILL"));
  const [line] = await new Promise((resolve, reject) => {
    createInterface(child.stdout).once("line", (...line) => resolve(line));
    child.once("error", reject);
  });
  const server = { http: line.split(" ").at(-1) };
  const events = ["Joined", "ReceiveMessage", "Left"];
  const enter = () => Client.open(t, server, { at: "chat", events, answers: { Answer: (question) => `${question} Yes.` } });
  const ada = await enter();
  const bob = await enter();
  await ada.heard.count(1);
  assert.equal(await bob.call("SendMessage", "bob", "hello"), "delivered");
  await Promise.all([ada.heard.count(2), bob.heard.count(1)]);
  assert.deepEqual(ada.heard.messages, [
    { event: "Joined", args: [bob.id] },
    { event: "ReceiveMessage", args: ["bob", "hello"] },
  ]);
  assert.match(await bob.fails("sendmessage", "bob", ""), /HubException: say something$/);
  assert.equal(await bob.call("AskBack", "Are you there?"), "Are you there? Yes.");
  assert.deepEqual(await ada.stream("Countdown", 3), [3, 2, 1]);
  const numbers = subject();
  const sum = ada.call("Sum", numbers);
  for (const number of [1, 2, 39]) numbers.next(number);
  numbers.complete();
  assert.equal(await sum, 42);
  const { id } = bob;
  await bob.hub.stop();
  await ada.heard.count(3);
  assert.deepEqual(ada.all("Left"), [[id]]);
});
