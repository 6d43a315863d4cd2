// Golden tables, `golden/*.json`: conversations line by line, asserted literally.
//
// A line is `> text` (we send) or `< text` (the server does), `>> hex` and `<< hex` for binary, `closed CODE` for the
// end of a WebSocket. Over polling a line is the body of a POST, or of one poll. Ids are replaced: `<sid>`, `<pid>`, and `<id>` of what
// the server asks.
// With GOLDEN=record the server's lines are written anew, from whatever target there is: the reference, that is.

import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import { ask, Polling, SEPARATOR, Ws } from "./raw.js";

export const RECORDS = process.env.GOLDEN === "record";

/** What is recorded is what came until it was quiet for so long, in ms. */
const QUIET = 80;

/** Sent after each conversation: what is answered before is all that was to come. */
const FENCE = {
  json: ["40/fence,", (came) => came === '44/fence,{"message":"Invalid namespace"}'],
  msgpack: [Buffer.from("82a47479706500a36e7370a62f66656e6365", "hex"), (came) => came.includes("/fence")],
};

export class Table {
  #file;
  #table;

  constructor(name) {
    this.#file = new URL(`golden/${name}.json`, import.meta.url);
    this.#table = JSON.parse(readFileSync(this.#file, "utf8"));
  }

  /** Options of the server. */
  get options() {
    return this.#table.options ?? {};
  }

  get query() {
    return this.#table.query ?? {};
  }

  /** `[what, lines]` of each conversation. */
  get conversations() {
    return Object.entries(this.#table.conversations);
  }

  /** Holds a conversation, as `hold(lines)` does, or records it. */
  async check(what, lines, hold) {
    const heard = await hold(RECORDS ? lines.filter((line) => line.startsWith(">")) : lines);
    if (!RECORDS) {
      assert.deepEqual(heard, lines, what);
      return;
    }
    this.#table.conversations[what] = heard;
    writeFileSync(this.#file, `${JSON.stringify(this.#table, null, 2)}\n`);
  }
}

/** Sends its lines on a WebSocket; resolves with the whole conversation, as lines. */
export async function onWebSocket(test, server, query, lines) {
  const ws = await Ws.open(test, server, query);
  const [fence, isAnswer] = FENCE[server.options.parser ?? "json"];
  const heard = [await ws.next()].map(line);
  const hear = async () => {
    const frame = await ws.next();
    heard.push(frame === undefined ? `closed ${await ws.ended()}` : line(frame));
  };
  if (RECORDS) {
    for (const said of [undefined, ...lines]) {
      if (said !== undefined) {
        heard.push(said);
        ws.send(frame(said));
      }
      await new Promise((resolve) => setTimeout(resolve, QUIET));
      while (ws.unread.length > 0) await hear();
    }
    if (ws.socket.readyState === 3) await hear();
  } else {
    for (const said of lines.slice(1)) {
      if (!said.startsWith(">")) await hear();
      else {
        heard.push(said);
        ws.send(frame(said));
      }
      // The first that is wrong is shown as it is, and nothing after it is waited for.
      if (heard.at(-1) !== lines[heard.length - 1]) return heard;
    }
  }
  if (heard.at(-1).startsWith("closed")) return heard;
  ws.send(fence);
  for (let came = await ws.next(); ; came = await ws.next()) {
    if (came === undefined) return [...heard, `closed ${await ws.ended()}`];
    if (isAnswer(came)) break;
    heard.push(line(came));
  }
  ws.kill();
  return heard;
}

/**
 * Posts its lines; where it hears, it polls until there is as much. Resolves with the whole conversation.
 * `join` is what stands between packets of a payload; none in revision 3.
 */
export async function onPolling(server, query, lines) {
  const session = await Polling.open(server, query);
  const join = session.query.EIO === "4" ? SEPARATOR : "";
  const heard = [`< ${blank(session.opening)}`];
  const post = async (said) => {
    heard.push(said);
    const body = frame(said);
    const headers = { "content-type": said.startsWith(">>") ? "application/octet-stream" : "text/plain;charset=UTF-8" };
    const { status, text } = await session.post(body, { headers });
    if (status !== 200 || text !== "ok") heard.push(`${status} ${text}`);
  };
  const polled = async () => {
    const { status, headers, body } = await session.poll();
    if (status !== 200) return `${status} ${body}`;
    return headers["content-type"] === "application/octet-stream" ? line(body) : line(body.toString());
  };
  if (RECORDS) {
    // In revision 3 the first that comes is asked for by nobody.
    if (session.query.EIO === "3") heard.push(await polled());
    for (const said of lines) {
      await post(said);
      const poll = polled();
      const quiet = new Promise((resolve) => setTimeout(resolve, QUIET));
      const came = await Promise.race([poll, quiet]);
      if (came === undefined) throw new Error(`over polling each line is recorded with an answer; none to ${said}`);
      heard.push(came);
    }
    return heard;
  }
  for (const said of lines.slice(1)) {
    if (said.startsWith(">")) {
      await post(said);
    } else {
      // How many polls it takes is the server's own affair.
      let came = await polled();
      const separator = came.startsWith("<<") ? "" : join;
      while (came.length < said.length && said.startsWith(came)) came += separator + (await polled()).replace(/^<<? /, "");
      heard.push(came);
    }
    if (heard.at(-1) !== lines[heard.length - 1]) return heard;
  }
  return heard;
}

/** Over JSONP: as `onPolling`, but whole answers, `data` as the form that a page would send. */
export async function onJsonp(server, query, lines) {
  const opening = await ask(server, query).answer;
  const heard = [`< ${blank(opening.text)}`];
  const sid = /\\"sid\\":\\"([^\\]+)/.exec(opening.text)[1];
  const first = query.EIO === "3" ? ["<"] : [];
  for (const said of RECORDS ? [...first, ...lines.flatMap((line) => [line, "<"])] : lines.slice(1)) {
    if (said.startsWith(">")) {
      const body = new URLSearchParams({ d: said.slice(2) }).toString();
      const headers = { "content-type": "application/x-www-form-urlencoded" };
      const { text } = await ask(server, { ...query, sid }, { method: "POST", headers, body }).answer;
      heard.push(said);
      assert.equal(text, "ok");
    } else {
      const { text } = await ask(server, { ...query, sid }).answer;
      heard.push(`< ${blank(text)}`);
    }
  }
  return heard;
}

function frame(said) {
  return said.startsWith(">> ") ? Buffer.from(said.slice(3).replaceAll(" ", ""), "hex") : said.slice(2);
}

function line(came) {
  return typeof came === "string" ? `< ${blank(came)}` : `<< ${blankHex(came.toString("hex"))}`;
}

/**
 * Ids are 20 characters; in JSON inside of JavaScript (JSONP) their quotes are escaped. By which number a server asks is
 * its own affair.
 */
function blank(text) {
  return text.replace(/^(42(?:\/[^,]*,)?)\d+\[/, "$1<id>[").replace(/(\\?"(sid|pid)\\?":\\?")[\w-]{20}(\\?")/g, "$1<$2>$3");
}

function blankHex(bytes) {
  const key = (name) => `a3${hex(name)}b4`;
  return bytes.replace(new RegExp(`(${key("sid")}).{40}`, "g"), "$1<sid>").replace(/(22736964223a22).{40}(22)/g, "$1<sid>$2");
}

function hex(text) {
  return Buffer.from(text).toString("hex");
}
