// Byte for byte: what either server says to a client that sends just this.

import { test } from "node:test";

import { onJsonp, onPolling, onWebSocket, Table } from "./golden.js";
import { differs, share } from "./target.js";

const TABLES = {
  ws4: onWebSocket,
  violations: onWebSocket,
  ignored: onWebSocket,
  "as-it-came": onWebSocket,
  ws3: onWebSocket,
  "ws3-b64": onWebSocket,
  msgpack: onWebSocket,
  "msgpack-violations": onWebSocket,
  polling4: (_, ...rest) => onPolling(...rest),
  polling3: (_, ...rest) => onPolling(...rest),
  "polling3-binary": (_, ...rest) => onPolling(...rest),
  jsonp4: (_, ...rest) => onJsonp(...rest),
  jsonp3: (_, ...rest) => onJsonp(...rest),
};

/** The same packet without what is undefined, in our order of keys, and with numbers as they came. */
function msgpack(line) {
  return line
    .replace(/82(a3736964b4<sid>)a3706964d40000|82(a76d657373616765a26e6f)a464617461d40000/, "81$1$2")
    .replace(/^(<< 83a47479706504)(a36e7370a32f7a7a)(a464617461.*)$/, "$1$3$2")
    .replace("cb3ff8000000000000cb3ff8000000000000", "cb3ff8000000000000ca3fc00000")
    .replace(/^(<< 83a47479706502a46461746192a46563686f)d40000/, "$1c0")
    .replace(/^(<< 83a47479706502a46461746192a46563686f)c70300/, "$1c403");
}

/** What we say instead, where it is only written otherwise. */
const OURS = {
  "as-it-came": {
    heading: "JSON goes on as it came",
    line: (line, index, lines) => (line.startsWith("< 42") ? lines[index - 1].replace(">", "<") : line),
  },
  jsonp4: {
    heading: "JSON goes on as it came",
    line: (line, index, lines) => (lines[index - 1]?.includes("u2028") ? line.replace("\\\\n\\u2028", "\\\\n\\\\u2028") : line),
  },
  msgpack: { heading: "MessagePack leaves out what is undefined", line: msgpack },
  "msgpack-violations": { heading: "MessagePack leaves out what is undefined", line: msgpack },
};

for (const [name, hold] of Object.entries(TABLES)) {
  test(name, async (t) => {
    const table = new Table(name);
    const server = await share(table.options);
    const ours = OURS[name];
    for (const [what, recorded] of table.conversations) {
      const lines = ours !== undefined && differs(ours.heading) ? recorded.map(ours.line) : recorded;
      await t.test(what, (t) => table.check(what, lines, (lines) => hold(t, server, table.query, lines)));
    }
  });
}
