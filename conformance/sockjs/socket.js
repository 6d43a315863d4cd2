// A socket of the official client, with its events as promises. It runs here and in pages alike: it uses nothing from around it.

export class Socket {
  #socket;
  #opened;
  #closed;
  #heard = [];
  #beats = 0;
  #wake = () => {};

  constructor(SockJS, url, options) {
    const socket = new SockJS(url, null, options);
    this.#socket = socket;
    this.#opened = new Promise((resolve) => (socket.onopen = () => resolve(socket.transport)));
    this.#closed = new Promise((resolve) => (socket.onclose = ({ code, reason, wasClean }) => resolve([code, reason, wasClean])));
    socket.onmessage = ({ data }) => {
      this.#heard.push(data);
      this.#wake();
    };
    socket.onheartbeat = () => {
      this.#beats += 1;
      this.#wake();
    };
  }

  /** By which transport it is open. */
  opened() {
    return Promise.race([this.#opened, this.#closed.then((end) => Promise.reject(new Error(`closed: ${end}`)))]);
  }

  /** How it ended. */
  closed() {
    return this.#closed;
  }

  send(...texts) {
    for (const text of texts) this.#socket.send(text);
  }

  close(...args) {
    this.#socket.close(...args);
  }

  /** The next messages. */
  hear(count) {
    return this.#until(() => (this.#heard.length >= count ? this.#heard.splice(0, count) : undefined));
  }

  /** The next messages, to the one with this text. */
  upTo(text) {
    return this.#until(() => (this.#heard.includes(text) ? this.#heard.splice(0, this.#heard.indexOf(text) + 1) : undefined));
  }

  /** Resolves once it has heard so many heart-beats. */
  beat(count) {
    return this.#until(() => (this.#beats >= count ? true : undefined));
  }

  /** What it has heard that nobody asked for yet. */
  left() {
    return this.#heard;
  }

  async #until(ready) {
    for (;;) {
      const value = ready();
      if (value !== undefined) return value;
      await new Promise((resolve) => (this.#wake = resolve));
    }
  }
}
