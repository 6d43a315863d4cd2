// A session without a WebSocket that counts what it hears: numbers said in its room, and its own that come back.

import assert from "node:assert/strict";
import { once } from "node:events";

import { WebSocket } from "ws";

import { atEnd } from "../rooms/ends.js";
import { Heard } from "../rooms/heard.js";
import { within } from "../socketio/patience.js";
import { Broken, Wire, freshSession, listening, saying } from "./raw.js";

/** Connections by which it says numbers of its own, each in an order of their own. */
const LANES = 3;

/** Says 0, 1, 2, … in a room, by a plain WebSocket. */
export class Speaker {
  room;
  said = 0;
  #socket;
  /** Its own that came back. */
  #heard;
  #asked = 0;

  static async open(t, server, room) {
    const speaker = new Speaker();
    speaker.room = room;
    speaker.#heard = new Heard(`the speaker in ${room}`);
    speaker.#socket = new WebSocket(`${server.ws}/rooms/websocket`);
    speaker.#socket.on("message", (data) => speaker.#heard.push(data.toString()));
    atEnd(t, () => speaker.close());
    await within(once(speaker.#socket, "open"), "a speaker");
    return speaker;
  }

  /** Says the next number, with so many characters behind it. */
  say(padding) {
    this.#socket.send(`!say ${this.room} d ${this.said++} ${"é".repeat(padding)}`);
  }

  /** Resolves when all that was said is published. */
  async settled() {
    const asked = (this.#asked += 1);
    this.#socket.send(`so far ${asked}`);
    await this.#heard.count(asked);
  }

  close() {
    this.#socket.terminate();
  }
}

export class Life {
  server;
  session;
  way;
  speaker;
  name;
  /** What is done to it now, for errors. */
  at = "the beginning";
  /** The connection that listens. */
  wire;
  /** Of the numbers in the room, the next to come. */
  down = 0;
  /** The same of its own, by lane. */
  up = Array(LANES).fill(0);
  refused = 0;
  closes = [];
  /** Whether it says each thing in one piece, by a connection of its own: where what idles or drips is soon over, it has to. */
  isBrief = false;
  /** Whether it listens no more when this response has ended: what breaks off now may. */
  isOver = false;
  /** Whether what breaks off may, and it listens on until then. */
  mayBreak = false;
  /** Resolves when it listens no more. */
  ended;
  #choose;
  #changed;
  #failed;
  #opened = 0;
  #joined = false;
  #responses = 0;
  #posted = Array(LANES).fill(0);
  #lanes = Array(LANES);
  #gate;
  #listening = 0;
  #extra;

  /** One that is open. */
  static async begin(server, way, speaker, name, choose, session = freshSession()) {
    const life = new Life();
    Object.assign(life, { server, way, speaker, name, session });
    life.#choose = choose;
    life.#changed = new Heard(name);
    life.wire = await Wire.open(server);
    life.ended = life.#run();
    await life.until(() => life.#opened === 1, "its beginning");
    return life;
  }

  async join() {
    await this.post(0, [`!join ${this.speaker.room}`]);
    await this.until(() => this.#joined, "its room");
  }

  /** How it listens next. */
  #next() {
    return this.way === "xhr in turns" ? ["xhr", "xhr_streaming"][this.#choose(2)] : this.way;
  }

  async #run() {
    try {
      while (!this.isOver) {
        const way = this.#next();
        await this.#hearAll(await this.wire.ask(listening(this.session, way)), way);
        this.#responses += 1;
        this.#changed.poke();
        await this.#letAnother();
        if (this.#gate !== undefined) {
          this.#gate.isReached = true;
          this.#changed.poke();
          await this.#gate.opened;
        }
      }
    } catch (error) {
      if (!(error instanceof Broken && (this.isOver || this.mayBreak))) this.#failed = error;
    }
    this.#changed.poke();
  }

  /** If another listens in its place, that goes first. */
  async #letAnother() {
    const extra = this.#extra;
    if (extra === undefined || extra.isOver) return;
    const own = this.wire;
    this.wire = extra.wire;
    this.#changed.poke();
    await extra.heard;
    this.wire = own;
  }

  async #hearAll(response, way) {
    assert.equal(response.status, 200, this.name);
    this.#listening += 1;
    this.#changed.poke();
    let isRefused = false;
    for await (const frame of response.frames(way)) {
      if (this.#hear(frame)) isRefused = true;
      this.#changed.poke();
    }
    this.#listening -= 1;
    return isRefused;
  }

  /** Whether it says that another listens. */
  #hear(frame) {
    if (frame === "o") assert.equal((this.#opened += 1), 1, `${this.name}: opened once`);
    else if (frame.startsWith("a")) JSON.parse(frame.slice(1)).forEach((text) => this.#take(text));
    else if (frame.startsWith("c")) {
      const [code, reason] = JSON.parse(frame.slice(1));
      if (code !== 2010) {
        this.closes.push(code);
        this.isOver = true;
        return false;
      }
      assert.equal(reason, "Another connection still open");
      this.refused += 1;
      return true;
    } else assert.equal(frame, "h", this.name);
    return false;
  }

  #take(text) {
    const [kind, number] = text.split(" ");
    if (kind === "!join") this.#joined = true;
    else if (kind === "d") assert.equal(Number(number), this.down++, `${this.name}, ${this.at}: the next in the room`);
    else {
      const lane = Number(kind.slice(1));
      assert.equal(Number(number), this.up[lane]++, `${this.name}, ${this.at}: the next of its own, ${kind}`);
    }
  }

  /** Resolves once this holds; fails as soon as something was heard that is wrong. */
  async until(holds, what) {
    await this.#changed.until(() => this.#failed !== undefined || holds(), `${what}, ${this.at}`);
    if (this.#failed !== undefined) throw this.#failed;
  }

  /** Resolves when all numbers have come that were said. */
  async quiet({ speaking = true } = {}) {
    await this.speaker.settled();
    const here = () => (!speaking || this.down === this.speaker.said) && this.up.every((count, lane) => count === this.#posted[lane]);
    await this.until(here, `all ${this.speaker.said} and ${this.#posted}`);
  }

  /** Has so many numbers said in its room. */
  say(count, choose) {
    for (let more = count; more > 0; more -= 1) this.speaker.say(choose(60));
  }

  /** The same, as long as it takes until this is so. */
  async speakUntil(reached, choose) {
    let isOver = false;
    const done = reached.finally(() => (isOver = true));
    done.catch(() => {});
    while (!isOver) {
      for (let more = 1 + choose(4); more > 0; more -= 1) this.speaker.say(choose(8) === 0 ? choose(8000) : choose(60));
      await this.speaker.settled();
    }
    await done;
  }

  /** Resolves when so many more responses have ended. */
  answered(count) {
    const before = this.#responses;
    return this.until(() => this.#responses >= before + count, `${count} responses`);
  }

  /** Asks for no more when this response has ended, which `reached` tells, until it is `open`ed. */
  hold() {
    let open;
    const gate = { isReached: false, opened: new Promise((resolve) => (open = resolve)) };
    this.#gate = gate;
    return {
      reached: this.until(() => gate.isReached, "a gap"),
      open: () => {
        this.#gate = undefined;
        open();
      },
    };
  }

  /** Resolves when the response is there that goes on. */
  listens() {
    return this.until(() => this.#listening > 0, "a response");
  }

  /** Another request listens at the same time: one of both is refused, and the other goes on. Resolves with whose connection that is. */
  async another() {
    const before = this.refused;
    const way = this.#next();
    const wire = await Wire.open(this.server);
    const extra = { isOver: false, wire };
    this.#extra = extra;
    extra.heard = (async () => {
      try {
        extra.isRefused = await this.#hearAll(await wire.ask(listening(this.session, way)), way);
      } catch (error) {
        if (!(error instanceof Broken && (this.isOver || this.mayBreak))) this.#failed = error;
      }
      extra.isOver = true;
      wire.close();
      this.#changed.poke();
    })();
    // A heart-beat may have ended the one before the other came.
    await this.until(() => extra.isOver || (this.refused > before && this.wire === wire), "a refusal");
    return extra.isRefused ? this.wire : wire;
  }

  /** Resolves with the connection that listens, when the server knows of it. */
  async parked() {
    if (["xhr_streaming", "eventsource", "htmlfile"].includes(this.way)) {
      await this.listens();
      return this.wire;
    }
    for (;;) {
      const before = this.refused;
      const wire = await this.another();
      if (this.refused > before) return wire;
    }
  }

  /** Says numbers of its own by all lanes at once. */
  postOnAll(choose) {
    return Promise.all(this.up.map((_, lane) => this.#postOn(lane, choose)));
  }

  async #postOn(lane, choose) {
    for (let more = choose(3); more > 0; more -= 1) {
      const texts = Array.from({ length: 1 + choose(5) }, () => `u${lane} ${this.#posted[lane]++} ${"é%+&".repeat(choose(10))}`);
      await this.post(lane, texts, choose);
    }
  }

  /** Says these texts by this lane, in one of the ways in which a body may come. */
  async post(lane, texts, choose) {
    const request = saying(this.session, this.way, texts);
    if (this.#lanes[lane] === undefined || this.isBrief || choose?.(4) === 0) {
      this.#lanes[lane]?.close();
      this.#lanes[lane] = await Wire.open(this.server);
    }
    const wire = this.#lanes[lane];
    await POSTS[choose === undefined || this.isBrief ? 0 : choose(POSTS.length)](wire, request, this, choose);
    if (this.isBrief) wire.close();
  }

  close() {
    this.wire.close();
    this.#extra?.wire.close();
    for (const wire of this.#lanes) wire?.close();
  }
}

/** The server has taken it. */
async function isTaken(wire, life) {
  const response = await wire.response();
  assert.deepEqual([response.status, await response.body()], life.way === "jsonp" ? [200, "ok"] : [204, ""], `${life.name}, ${life.at}: a body`);
}

/** This text, at seeded places cut into pieces. */
function cutUp(text, choose, longest) {
  const bytes = Buffer.from(text);
  const pieces = [];
  for (let start = 0; start < bytes.length; ) pieces.push(bytes.subarray(start, (start += 1 + choose(longest))));
  return pieces;
}

const POSTS = [
  async (wire, request, life) => {
    wire.socket.write(wire.text(request));
    await isTaken(wire, life);
  },
  // In pieces, as they may come over a bad line.
  async (wire, request, life, choose) => {
    await wire.write(...cutUp(wire.text(request), choose, 80));
    await isTaken(wire, life);
  },
  // In chunks.
  async (wire, { body, ...request }, life, choose) => {
    const head = wire.head({ ...request, headers: { ...request.headers, "Transfer-Encoding": "chunked" } });
    const chunks = cutUp(body, choose, 40).map((piece) => Buffer.concat([Buffer.from(`${piece.length.toString(16)}\r\n`), piece, Buffer.from("\r\n")]));
    await wire.write(head, ...chunks, "0\r\n\r\n");
    await isTaken(wire, life);
  },
  // It breaks off on one connection, and comes again on another.
  async (wire, request, life, choose) => {
    const broken = await Wire.open(life.server);
    const bytes = Buffer.from(broken.text(request));
    await broken.write(bytes.subarray(0, bytes.length - 1 - choose(Buffer.byteLength(request.body))));
    if (choose(2) === 0) broken.reset();
    else broken.socket.end();
    await POSTS[0](wire, request, life);
    broken.close();
  },
  // Another behind it, before the answer.
  async (wire, request, life) => {
    const empty = saying(life.session, life.way, []);
    wire.socket.write(wire.text(request) + wire.text(empty));
    await isTaken(wire, life);
    await isTaken(wire, life);
  },
];
