// The playground in headless Chromium, and what its panes show.

import { chromium } from "playwright-core";

import { atEnd } from "./ends.js";
import { Heard } from "./heard.js";

/** No window, no graphics card, and nothing sent to anybody but the server. */
const FLAGS = [
  "--headless",
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];

/** Runs Chromium until the test ends, or all tests of a file: `test` is what has their `after`. */
export async function launch(test, { flags = [] } = {}) {
  const executablePath = process.env.CHROMIUM ?? "/usr/bin/chromium";
  const browser = await chromium.launch({ executablePath, args: [...FLAGS, ...flags] });
  atEnd(test, () => browser.close());
  return browser;
}

/** Opens the playground in a room until the test ends, and waits until all panes are in it. With `cutsLast`, a wire that
 * is cut stays so until it is mended by hand, however long the machine takes to say something meanwhile. `cdn` answers for
 * the servers of the official clients, which otherwise are not there; without a client their panes are `unable`, which
 * `guests` then says. */
export async function open(test, browser, server, room, { cutsLast = false, cdn = absent, guests = "open", ...options } = {}) {
  const page = await browser.newPage(options);
  atEnd(test, () => page.close());
  if (cutsLast) await page.route("**/playground/pane.js", lastingCuts);
  for (const url of CDNS) await page.route(url, cdn);
  const failures = [];
  page.on("pageerror", (error) => failures.push(error.message));
  await page.goto(`${server.http}/#${encodeURIComponent(room)}`);
  const panes = {
    websocket: await Pane.of(page, "#websocket"),
    sse: await Pane.of(page, "#sse"),
    socketio: await Pane.of(page, "#socketio"),
    signalr: await Pane.of(page, "#signalr"),
    stomp: await Pane.of(page, "#stomp"),
  };
  await Promise.all([
    panes.websocket.state("open"),
    panes.sse.state("open"),
    panes.socketio.state(guests),
    panes.signalr.state(guests),
    panes.stomp.state(guests),
  ]);
  return { page, failures, panes: Object.values(panes), ...panes };
}

/** Where official clients come from. */
const CDNS = ["https://cdn.socket.io/**", "https://cdn.jsdelivr.net/**"];

function absent(route) {
  return route.abort();
}

async function lastingCuts(route) {
  const response = await route.fetch();
  const [before, after, ...more] = (await response.text()).split(/^const CUT = .*$/m);
  if (after === undefined || more.length > 0) throw new Error("pane.js no longer says in one line how long a cut lasts");
  await route.fulfill({ response, body: `${before}const CUT = 2 ** 31 - 1;${after}` });
}

class Pane {
  #page;
  #selector;
  heard;

  static async of(page, selector) {
    const pane = new Pane();
    pane.#page = page;
    pane.#selector = selector;
    pane.heard = new Heard(`the page's ${selector}`);
    const name = `heard_${selector.slice(1)}`;
    await page.exposeFunction(name, (messages) => messages.forEach((message) => pane.heard.push(message)));
    // Rows are reported as they appear, all of a frame at once: a reader sees them so, and what leaves the page later has
    // been seen.
    await page.$eval(
      `${selector} ol`,
      (list, name) => {
        const said = (row, part) => row.querySelector(part).textContent;
        const message = (row) => ({
          event: "chat",
          offset: row.dataset.offset,
          data: { text: said(row, ".what"), name: said(row, ".who") },
        });
        new MutationObserver((changes) => {
          const rows = changes.flatMap(({ addedNodes }) => [...addedNodes]).filter((row) => row.matches?.(".message"));
          if (rows.length > 0) window[name](rows.map(message));
        }).observe(list, { childList: true });
      },
      name,
    );
    return pane;
  }

  /** Waits until the link is so. */
  state(name) {
    return this.#page.waitForSelector(`${this.#selector}[data-state="${name}"]`);
  }

  async say(text, name) {
    if (name !== undefined) await this.#page.fill(`${this.#selector} [name="name"]`, name);
    await this.#page.fill(`${this.#selector} textarea`, text);
    await this.#page.press(`${this.#selector} textarea`, "Enter");
  }

  /** The button that cuts the connection, or brings it back. */
  press() {
    return this.#page.click(`${this.#selector} .cut`);
  }

  /** Waits for this news: what the pane says about catching up. */
  news(text) {
    return this.#shows(".news", text);
  }

  /** Waits until the connection is carried so. */
  carrier(text) {
    return this.#shows(".carrier", text);
  }

  /** Waits for this complaint about what was to be said. */
  problem(text) {
    return this.#shows(".problem", text);
  }

  #shows(part, text) {
    return this.#page.waitForFunction(
      ([selector, text]) => document.querySelector(selector).textContent === text,
      [`${this.#selector} ${part}`, text],
    );
  }

  texts(part) {
    return this.#page.$$eval(`${this.#selector} ${part}`, (found) => found.map((one) => one.textContent));
  }
}
