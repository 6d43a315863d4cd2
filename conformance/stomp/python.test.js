// PyPI stomp-py, on a plain WebSocket: a client that is not by the authors of stompjs.

import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { fresh } from "./client.js";
import { IS_OURS, own, story } from "./target.js";

const PYTHON = process.env.PYTHON ?? "python3";
const SCRIPT = `${import.meta.dirname}/python_client.py`;
const SERVER = { heartbeat: 1000, clientHeartbeat: 1000 };

function python(tell, name, story, expect) {
  tell(`stomp-py ${name}`, ["plain"], SERVER, async (t, server) => {
    const who = IS_OURS ? { path: "/stomp/websocket", host: "anything", login: "ann", passcode: "secret" } : { path: "/ws", host: "/", login: "guest", passcode: "guest" };
    const options = { ...who, story, authority: server.authority, room: fresh(), queue: fresh("queue") };
    const { stdout } = await promisify(execFile)(PYTHON, [SCRIPT, JSON.stringify(options)], { timeout: 60_000 });
    const expected = typeof expect === "function" ? expect(options) : expect;
    assert.deepEqual(JSON.parse(stdout), expected);
  });
}

python(own, "connects", "connects", { version: "1.2", user: "ann", errors: false });
python(own, "is refused", "is_refused", { message: "Connection refused", body: "login or passcode is wrong" });
python(story, "talks", "talks", ({ room }) => ({
  seen: [["a:1", room, "a:b\nc", "é"], ["2", room, "a:b\nc", "é"]],
  left: "left",
  heard: "behind",
  late: false,
}));
python(own, "sends a mebibyte, and one byte more", "is_large", { same: true, message: "Body too long" });
python(own, "sends bytes", "is_binary", { same: true, type: "application/octet-stream" });
python(story, "consumes queues", "queues", { first: ["0", "1", "2"], others: ["3"], again: ["2", "true"] });
python(story, "has transactions", "transactions", { bodies: ["outside kept", "kept 0", "kept 1", "outside dropped", "the last"] });
python(own, "calls", "calls", { answer: ["5", "7", "/temp-queue/mine"], error: ["no", "r"], receipt: false });
python(story, "beats", "beats", { agreed: "1000,1000", body: "still here", lost: false });
