// What a client has heard, in order, and a way to wait for more of it without ever sleeping.

/** A wait that takes longer fails, and says what for. Far more than anything here takes. In ms. */
const PATIENCE = Number(process.env.PATIENCE ?? 60_000);

export class Heard {
  /** Whatever its owner pushes: `{ event, data, offset, … }`. */
  messages = [];
  /** It is deaf once it has heard so many: whoever is killed at a message has not heard what came in the same packet. */
  limit = Infinity;
  #name;
  #waits = new Set();

  constructor(name) {
    this.#name = name;
  }

  push(message) {
    if (this.messages.length >= this.limit) return;
    this.messages.push(message);
    this.poke();
  }

  /** Something else has changed that a wait may be about. */
  poke() {
    for (const check of [...this.#waits]) check();
  }

  /** Resolves once this holds; it is asked again after every message. */
  until(holds, what) {
    return new Promise((resolve, reject) => {
      const check = () => {
        if (!holds()) return;
        clearTimeout(timer);
        this.#waits.delete(check);
        resolve();
      };
      const timer = setTimeout(() => {
        this.#waits.delete(check);
        const last = JSON.stringify(this.messages.at(-1));
        reject(new Error(`${this.#name} waits for ${what}; it heard ${this.messages.length}, last ${last}`));
      }, PATIENCE);
      this.#waits.add(check);
      check();
    });
  }

  /** Resolves once so many messages have been heard. */
  count(n) {
    return this.until(() => this.messages.length >= n, `${n} messages`);
  }

  /** Resolves once this text has been heard. */
  text(text) {
    return this.until(() => this.messages.some(({ data }) => data?.text === text), JSON.stringify(text));
  }

  /** Each message as a line: what two clients must agree on. */
  get lines() {
    return this.messages.map(({ event, offset, data }) => `${offset} ${event} ${JSON.stringify(data)}`);
  }
}
