// A JSON-RPC 2.0 client of `/ws` on any pipe of text messages: npm `ws`, or a program that turns lines into messages.
//
// A pipe has `send(text)`, `kill()` and tells `onMessage(text)`. Two promises tell that it has `opened`, and that it has
// `ended`: no message comes after that.

import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

import WebSocket from "ws";

import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";

/** npm `ws`. `kill` destroys the socket, without a close frame. */
export function npmWs(url) {
  const socket = new WebSocket(url);
  const pipe = { send: (text) => socket.send(text), kill: () => socket.terminate() };
  socket.on("message", (data) => pipe.onMessage(data.toString()));
  pipe.ended = new Promise((resolve) => socket.once("close", resolve));
  // What follows is its close.
  socket.on("error", () => {});
  pipe.opened = new Promise((resolve, reject) => {
    socket.once("open", resolve);
    socket.once("error", reject);
  });
  return pipe;
}

/** A program that sends each line of its input, and prints each message as a line. */
export function program(command, ...args) {
  const child = spawn(command, args, { stdio: ["pipe", "pipe", "inherit"] });
  const pipe = { send: (text) => child.stdin.write(`${text}\n`), kill: () => child.kill("SIGKILL") };
  createInterface(child.stdout).on("line", (line) => pipe.onMessage(line));
  // Not its `exit`, after which there may be output to read.
  pipe.ended = new Promise((resolve) => child.once("close", resolve));
  // Once the program has ended, its input is broken; that it ended is told.
  child.stdin.on("error", () => {});
  pipe.opened = new Promise((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", reject);
  });
  return pipe;
}

export class Rpc {
  /** What it heard, a `Heard`; several lives may share one. */
  heard;
  #name;
  #pipe;
  #ended = false;
  #calls = new Map();
  #lastId = 0;

  /** A client that is connected; it ends with the test. */
  static async open(test, name, pipe, heard = new Heard(name)) {
    const rpc = new Rpc(name, pipe, heard);
    atEnd(test, () => rpc.kill());
    await pipe.opened;
    return rpc;
  }

  constructor(name, pipe, heard) {
    this.heard = heard;
    this.#name = name;
    this.#pipe = pipe;
    pipe.onMessage = (text) => this.#receive(JSON.parse(text));
    pipe.ended.then(() => {
      this.#ended = true;
      for (const { reject } of this.#calls.values()) reject(this.#lost());
      this.#calls.clear();
    });
  }

  call(method, ...params) {
    if (this.#ended) return Promise.reject(this.#lost());
    const id = ++this.#lastId;
    return new Promise((resolve, reject) => {
      this.#calls.set(id, { resolve, reject });
      this.#pipe.send(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
    });
  }

  subscribe(room, since) {
    return this.call("subscribe", room, { since });
  }

  publish(room, data, event = "chat") {
    return this.call("publish", room, event, data);
  }

  /** Ends it as a crash would. Calls without an answer fail; what had come before has been heard when this resolves. */
  async kill() {
    this.#pipe.kill();
    await this.#pipe.ended;
  }

  #lost() {
    return new Error(`${this.#name} has lost its connection`);
  }

  #receive({ id, method, params, result, error }) {
    if (method !== undefined) {
      const meta = params.at(-1);
      this.heard.push({ event: method, data: params[0], ...meta });
      return;
    }
    const call = this.#calls.get(id);
    this.#calls.delete(id);
    if (error !== undefined) call.reject(new Error(`${error.message}: ${error.data}`));
    else call.resolve(result);
  }
}
