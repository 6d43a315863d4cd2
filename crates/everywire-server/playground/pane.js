// One wire's pane: how its link is, what it heard, and a line to speak.

import { Link } from "./link.js";
import { markRow, messageRow, milliseconds, showLatency } from "./rows.js";

/** So many messages are kept on the page; older ones go. */
const KEPT = 300;
/** How long a cut lasts: time enough to say something on the other wire. In ms. */
const CUT = 8_000;
/** Nearer to the end than this, the reader follows it. In px. */
const NEAR = 40;
/** So many own messages may be on their way, or their answers. */
const TIMED = 64;

export class Pane {
  #wire;
  #room;
  #link;
  #parts;
  #state = {};
  #ticking;
  /** What is to be shown in the next frame. */
  #arriving = [];
  #unread = 0;
  /** The reader is at the end, and stays there. */
  #follows = true;
  #replayed = 0;
  /** The row that says that the connection was broken off, the last time. */
  #loss;
  /** By offset, when an own message was sent or any was heard: whichever came first waits for the other. */
  #sent = new Map();
  #heard = new Map();

  /** Fills `section`; `wire` is a module with `dial`, and `publish` if it can speak while not connected. */
  constructor(section, wire, { name, keep, onOpen }) {
    const content = document.querySelector("#pane-template").content.cloneNode(true);
    const find = (selector) => content.querySelector(selector);
    this.#wire = wire;
    this.#parts = {
      section,
      state: find(".state"),
      carrier: find(".carrier"),
      countdown: find(".countdown"),
      latency: find(".latency"),
      cut: find(".cut"),
      news: find(".news"),
      log: find(".log"),
      list: find("ol"),
      latest: find(".latest"),
      form: find("form"),
      problem: find(".problem"),
    };
    this.#link = new Link(wire.dial, {
      state: (state) => {
        this.#enter(state);
        if (state.name === "open") onOpen();
      },
      heard: (message) => this.#hear(message),
      carried: (by) => setText(this.#parts.carrier, by.join(" → ")),
      gone: () => {
        this.#tell("History no longer reaches back.", "gap");
        this.#markGap();
      },
    });
    const { form, cut, latest, log } = this.#parts;
    const title = section.querySelector("h2");
    log.setAttribute("role", "log");
    log.setAttribute("aria-labelledby", title.id);
    cut.addEventListener("click", () => (this.#link.isOpen ? this.#link.cut(CUT) : this.#link.hurry()));
    latest.addEventListener("click", () => this.#follow());
    log.addEventListener("scroll", () => {
      this.#follows = log.scrollHeight - log.scrollTop - log.clientHeight < NEAR;
      if (this.#follows) this.#read();
    });
    new ResizeObserver(() => this.#follows && this.#follow()).observe(log);
    form.addEventListener("submit", (event) => {
      event.preventDefault();
      this.#speak();
    });
    form.elements.text.addEventListener("keydown", (event) => {
      // While an input method composes, Enter is its own.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
      event.preventDefault();
      form.requestSubmit();
    });
    form.elements.name.value = name;
    form.elements.name.addEventListener("change", ({ target }) => keep(target.value.trim()));
    section.append(content);
  }

  /** The current connection, or null. */
  get connection() {
    return this.#link.connection;
  }

  /** Does not read its messages out: for the pane that hears what another one reads. */
  hush() {
    this.#parts.log.setAttribute("aria-live", "off");
  }

  enter(room) {
    this.#room = room;
    this.#arriving = [];
    this.#parts.list.replaceChildren();
    this.#follow();
    this.#tell("");
    this.#problem("");
    this.#link.enter(room);
  }

  /** Comes back at once if it waits. */
  hurry() {
    this.#link.hurry();
  }

  /** Connects anew. `why` stands where the connection was broken off for that. */
  reconnect(why) {
    if (this.#link.isOpen) this.#breakOff(why);
    this.#link.reconnect();
  }

  // Link

  #enter(state) {
    const { section, cut, form } = this.#parts;
    const before = this.#state.name;
    this.#state = { ...state, failed: before === "connecting" };
    section.dataset.state = state.name;
    cut.textContent = { open: "Cut the wire", refused: "Try again", unable: "Try again" }[state.name] ?? "Reconnect now";
    cut.disabled = state.name === "connecting";
    if (state.name === "connecting") {
      this.#replayed = 0;
      setText(this.#parts.carrier, "");
    }
    if (state.name === "lost" && before === "open") this.#breakOff(`Connection lost: ${state.why}`);
    if (state.name === "open") {
      if (state.resumes) this.#caughtUp();
      else this.#add({ mark: `Joined “${this.#room}”` });
    }
    clearInterval(this.#ticking);
    if (state.name === "lost") this.#ticking = setInterval(() => this.#showState(), 250);
    this.#showState();
  }

  #breakOff(why) {
    this.#tell("");
    this.#loss = { mark: why };
    this.#add(this.#loss);
  }

  #showState() {
    const { name, why, until, failed } = this.#state;
    const seconds = Math.max(1, Math.ceil((until - Date.now()) / 1000));
    // Why an open connection was lost stands among the messages.
    const lost = failed ? `lost: ${why}` : "lost";
    const texts = { connecting: "connecting…", open: "open", lost, refused: `refused: ${why}`, unable: `not available: ${why}` };
    setText(this.#parts.state, texts[name]);
    setText(this.#parts.countdown, name === "lost" ? `retrying in ${seconds} s` : "");
  }

  #caughtUp() {
    const n = this.#replayed;
    const missed = n === 0 ? "nothing was missed" : n === 1 ? "1 missed message replayed" : `${n} missed messages replayed`;
    this.#tell(`Caught up: ${missed}.`, "good");
  }

  #tell(text, kind = "") {
    const { news } = this.#parts;
    // A gap is the worse news: having caught up with the rest does not hide it.
    if (kind === "good" && news.dataset.kind === "gap") return;
    setText(news, text);
    news.dataset.kind = kind;
  }

  // Hearing

  #hear(message) {
    if (message.replayed) {
      this.#replayed += 1;
      if (this.#link.isOpen) this.#caughtUp();
    }
    const row = { ...message, heardAt: performance.now() };
    this.#add(row);
    this.#time(this.#heard, this.#sent, row.offset, row);
  }

  /** It lies where the connection was broken off: what is left of what was missed may be shown already. */
  #markGap() {
    this.#loss.mark += ". Some messages are missing here";
    this.#loss.kind = "gap";
    this.#loss.item?.replaceWith(markRow(this.#loss));
  }

  /** Many messages may come in one frame: they are shown together, and only as many as are kept. */
  #add(row) {
    if (this.#arriving.length === 0) requestAnimationFrame(() => this.#show());
    this.#arriving.push(row);
    if (this.#arriving.length > KEPT) this.#arriving.shift();
  }

  #show() {
    const { list, section } = this.#parts;
    const rows = this.#arriving;
    this.#arriving = [];
    list.append(...rows.map((row) => (row.mark === undefined ? messageRow(row) : markRow(row))));
    while (list.children.length > KEPT) list.firstElementChild.remove();
    const heard = rows.filter((row) => row.mark === undefined).length;
    if (this.#follows) this.#follow();
    else this.#unread += heard;
    this.#showUnread();
    if (heard > 0) pulse(section);
  }

  // Speaking

  async #speak() {
    const { name, text } = this.#parts.form.elements;
    const said = text.value.trim();
    if (said === "") return;
    const data = { text: said, name: name.value.trim() || "somebody" };
    text.value = "";
    const sentAt = performance.now();
    try {
      const { offset } = await this.#publish("chat", data);
      this.#problem("");
      // A wire that does not tell it with the answer may have been lost before it has heard the message.
      if (offset !== undefined) this.#time(this.#sent, this.#heard, offset, { sentAt });
    } catch (error) {
      this.#problem(`Not sent: ${error.message}`);
      if (text.value === "") text.value = said;
    }
  }

  async #publish(event, data) {
    if (this.#link.connection) return this.#link.connection.publish(event, data);
    if (this.#wire.publish) return this.#wire.publish(this.#room, event, data);
    throw new Error("the wire is down");
  }

  /** An own message is known by its offset, which the answer to publishing tells: before it is heard or after. */
  #time(mine, others, offset, entry) {
    const other = others.get(offset);
    if (other === undefined) {
      mine.set(offset, entry);
      if (mine.size > TIMED) mine.delete(mine.keys().next().value);
      return;
    }
    others.delete(offset);
    const [row, { sentAt }] = mine === this.#heard ? [entry, other] : [other, entry];
    row.latency = Math.max(0, row.heardAt - sentAt);
    if (row.item) showLatency(row);
    if (!row.replayed) setText(this.#parts.latency, `echo ${milliseconds(row.latency)}`);
  }

  #problem(text) {
    setText(this.#parts.problem, text);
  }

  // Reading

  #follow() {
    const { log } = this.#parts;
    this.#follows = true;
    log.scrollTop = log.scrollHeight;
    this.#read();
  }

  #read() {
    this.#unread = 0;
    this.#showUnread();
  }

  #showUnread() {
    const { latest } = this.#parts;
    latest.hidden = this.#unread === 0;
    setText(latest, `${this.#unread} new below`);
  }
}

/** A bead runs down the wire into the pane. */
function pulse(section) {
  if (matchMedia("(prefers-reduced-motion: reduce)").matches) return;
  const bead = section.querySelector(".bead");
  const length = bead.parentElement.clientHeight;
  for (const animation of bead.getAnimations()) animation.cancel();
  bead.animate([{ opacity: 1 }, { opacity: 1, transform: `translateY(${length}px)` }], { duration: 400, easing: "ease-in" });
}

/** Writes only what is new: a live region speaks at every write. */
function setText(node, text) {
  if (node.textContent !== text) node.textContent = text;
}
