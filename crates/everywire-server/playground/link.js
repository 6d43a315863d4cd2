// One client's place in a room, kept: it connects, notices the loss, waits, comes back from where it was.
//
// Rule: a link knows no wire. It is given `dial(request)`, which starts one attempt and returns
// `{ publish(event, data), close() }`; the attempt reports by the functions in the request:
//
//   heard({ event, data, offset, time, from, replayed })   a message; `offset` is where to resume after it
//   opened(offset)    in the room, which is here now
//   gone(offset)      what was missed is not to be had any more; the room is here now
//   lost(why)         over, worth another attempt
//   refused(why)      over, and the same again would end the same
//   unable(why)       over: this page has not what it takes
//   carried(by)       the names of the transports that it has gone through, if its wire has several
//
// An attempt that is not the current one is not listened to.

/** The first wait is at most this long, and each further one twice the one before. In ms. */
const FIRST_WAIT = 500;
/** No wait is longer. In ms. */
const LONGEST_WAIT = 30_000;
/** An attempt that is not open after this long has failed. In ms. */
const PATIENCE = 10_000;

/**
 * How long to wait before attempt `n`, counted from 0: exponential, the upper half of it random. When a server
 * comes back its clients then do not all arrive at once, and none waits for nothing.
 */
export function backoff(n, random = Math.random) {
  const most = Math.min(LONGEST_WAIT, FIRST_WAIT * 2 ** n);
  return most / 2 + (most / 2) * random();
}

export class Link {
  #dial;
  #on;
  #room;
  #attempt = null;
  #failures = 0;
  #timer;
  /** After which message to go on; undefined before the room has said where it is. */
  #since;

  /** What happens is told by `on.state(state)`, `on.heard(message)`, `on.gone()` and `on.carried(by)`. */
  constructor(dial, on) {
    this.#dial = dial;
    this.#on = on;
  }

  /** Leaves whatever room it is in and enters this one. */
  enter(room) {
    this.#end();
    this.#room = room;
    this.#since = undefined;
    this.#failures = 0;
    this.#connect();
  }

  /** Breaks the connection as a network would, and comes back after `wait` ms. */
  cut(wait) {
    if (!this.isOpen) return;
    this.#end();
    this.#wait("cut by hand", wait);
  }

  /** Comes back at once, if it waits. */
  hurry() {
    if (this.#attempt === null) this.reconnect();
  }

  /** Connects anew, from where it was. */
  reconnect() {
    if (this.#room === undefined) return;
    this.#end();
    this.#connect();
  }

  get isOpen() {
    return this.#attempt?.open === true;
  }

  /** The connection of the current attempt, for what only one wire can do; null if there is none. */
  get connection() {
    return this.isOpen ? this.#attempt.connection : null;
  }

  #connect() {
    const attempt = { open: false, connection: null };
    const current = (act) => (...args) => {
      if (this.#attempt === attempt) act(...args);
    };
    const resumes = this.#since !== undefined;
    this.#attempt = attempt;
    this.#timer = setTimeout(() => this.#lose(`no answer in ${PATIENCE / 1000} s`), PATIENCE);
    this.#on.state({ name: "connecting", resumes });
    attempt.connection = this.#dial({
      room: this.#room,
      since: this.#since,
      heard: current((message) => {
        this.#since = message.offset ?? this.#since;
        this.#on.heard(message);
      }),
      opened: current((offset) => {
        clearTimeout(this.#timer);
        attempt.open = true;
        this.#failures = 0;
        this.#since = offset;
        this.#on.state({ name: "open", resumes });
      }),
      gone: current((offset) => {
        this.#since = offset;
        this.#on.gone();
      }),
      lost: current((why) => this.#lose(why)),
      refused: current((why) => this.#stop("refused", why)),
      unable: current((why) => this.#stop("unable", why)),
      carried: current((by) => this.#on.carried(by)),
    });
  }

  #lose(why) {
    this.#end();
    this.#wait(why, backoff(this.#failures++));
  }

  /** Ends for good, or until somebody asks. */
  #stop(name, why) {
    this.#end();
    this.#on.state({ name, why });
  }

  #wait(why, wait) {
    this.#timer = setTimeout(() => this.#connect(), wait);
    this.#on.state({ name: "lost", why, until: Date.now() + wait });
  }

  #end() {
    clearTimeout(this.#timer);
    const attempt = this.#attempt;
    this.#attempt = null;
    attempt?.connection?.close();
  }
}
