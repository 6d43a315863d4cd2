// The playground: five clients in one room, each on its own wire, so that one sees all hear the same.

import * as join from "./join.js";
import { Pane } from "./pane.js";
import * as signalr from "./signalr.js";
import * as socketio from "./socketio.js";
import * as sse from "./sse.js";
import * as stomp from "./stomp.js";
import * as websocket from "./websocket.js";

/** Who comes without a name is called after one of those who laid the wires. */
const NAMES = ["Ada", "Alan", "Grace", "Guglielmo", "Hedy", "Heinrich", "Joan", "Michael", "Nikola", "Radia", "Samuel", "Vint"];
/** How often the room's members are counted. In ms. */
const COUNT_EVERY = 5_000;

const roomInput = document.querySelector("#room");
const presence = document.querySelector("#presence");
const transport = document.querySelector("#transport");
const names = someNames();
const stompPane = new Pane(
  document.querySelector("#stomp"),
  { dial: (request) => stomp.dial(transports(), request) },
  { ...storedName("stomp", names[4]), onOpen: count },
);
const panes = [
  new Pane(document.querySelector("#websocket"), { dial: websocket.dial }, { ...storedName("websocket", names[0]), onOpen: count }),
  new Pane(document.querySelector("#sse"), sse, { ...storedName("sse", names[1]), onOpen: count }),
  new Pane(document.querySelector("#socketio"), socketio, { ...storedName("socketio", names[2]), onOpen: count }),
  new Pane(document.querySelector("#signalr"), signalr, { ...storedName("signalr", names[3]), onOpen: count }),
  stompPane,
];
// All hear the same: to have it read out five times helps nobody.
for (const pane of panes.slice(1)) pane.hush();

function enter() {
  const room = roomOfAddress();
  roomInput.value = room;
  document.title = `${room} · Everywire playground`;
  join.show(document.querySelector("#commands"), room);
  presence.textContent = "";
  for (const pane of panes) pane.enter(room);
}

function roomOfAddress() {
  const fragment = location.hash.slice(1);
  try {
    return decodeURIComponent(fragment) || "lobby";
  } catch {
    return fragment;
  }
}

/** Asks on the WebSocket, as every page has one. */
async function count() {
  const { connection } = panes[0];
  if (connection === null) {
    presence.textContent = "";
    return;
  }
  try {
    const n = await connection.presence();
    presence.textContent = n === 1 ? "1 connection here" : `${n} connections here`;
  } catch {
    // Not allowed, or lost meanwhile, which its pane shows: then nobody knows.
    presence.textContent = "";
  }
}

/** What SockJS may try: what is chosen, or else all but what only old browsers need. It would try some of that before it
 * polls, each for as long as the others, and not get there while link.js waits. */
function transports() {
  const { value } = transport;
  if (value !== "") return [value];
  return [...transport.querySelectorAll(":scope > option")].map(({ value }) => value).filter((name) => name !== "");
}

function someNames() {
  const left = [...NAMES];
  return [0, 1, 2, 3, 4].map(() => left.splice(Math.floor(Math.random() * left.length), 1)[0]);
}

/** A name that a reload keeps, and that another tab does not share. */
function storedName(key, fallback) {
  const stored = `everywire.name.${key}`;
  const name = sessionStorage.getItem(stored) ?? fallback;
  const keep = (name) => sessionStorage.setItem(stored, name);
  keep(name);
  return { name, keep };
}

document.querySelector("#room-form").addEventListener("submit", (event) => {
  event.preventDefault();
  location.hash = encodeURIComponent(roomInput.value.trim() || "lobby");
});
transport.addEventListener("change", () => stompPane.reconnect(`Transport: ${transport.selectedOptions[0].text}`));
addEventListener("hashchange", enter);
// The network is back, or somebody looks again: no reason to wait any longer.
addEventListener("online", () => panes.forEach((pane) => pane.hurry()));
document.addEventListener("visibilitychange", () => {
  if (document.hidden) return;
  for (const pane of panes) pane.hurry();
  count();
});
setInterval(() => document.hidden || count(), COUNT_EVERY);
enter();
