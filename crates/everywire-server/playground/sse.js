// A room over Server-Sent Events: an `EventSource` at `sse?room=…` to hear, `POST pub/{room}` to speak.
//
//   id: …
//   event: chat
//   data: {"data":{"text":"hi"},"room":"lobby","time":…,"from":…}
//
// An `EventSource` reconnects by itself and sends the last id along. Here each attempt is a new one with that id in
// `since=`, so that both panes wait, give up and are cut alike.

/** What chats send; an `EventSource` hears only what it has a listener for. */
const EVENTS = ["chat", "message"];

/** A `POST` that is not answered for so long has failed. In ms. */
const PATIENCE = 10_000;
/** Resolves once the last `POST` is over, however it went. */
let before = Promise.resolve();

/** Starts one attempt; see link.js. */
export function dial({ room, since, heard, opened, gone, lost, refused }) {
  const aborted = new AbortController();
  let source;

  /** `missed` are the offsets of what was said meanwhile. */
  function listen(from, missed) {
    let place = from;
    source = new EventSource(address("sse", { room, since: from }));
    source.onopen = () => opened(place);
    source.addEventListener("$reset", ({ lastEventId }) => gone((place = lastEventId)));
    for (const event of EVENTS) {
      source.addEventListener(event, ({ data, lastEventId }) => {
        heard({ ...JSON.parse(data), event, offset: lastEventId, replayed: missed.has(lastEventId) });
      });
    }
    source.onerror = () => {
      source.close();
      lost("the stream ended");
    };
  }

  /** Asks what an `EventSource` does not tell: where the room is before its first message, which a cut may forestall; which
   * messages were missed, as nothing marks where they end and new ones begin; and why it is refused. */
  async function begin() {
    const query = since === undefined ? { room } : { room, since, wait: 0 };
    try {
      const response = await fetch(address("poll", query), { signal: aborted.signal });
      if (response.ok) {
        const { messages, offset } = await response.json();
        if (!aborted.signal.aborted) listen(since ?? offset, new Set(messages.map((message) => message.offset)));
      } else if (response.status >= 500) {
        lost((await response.text()).trim());
      } else {
        refused((await response.text()).trim());
      }
    } catch (error) {
      lost(error.message);
    }
  }

  begin();

  return {
    publish: (event, data) => publish(room, event, data),
    close() {
      aborted.abort();
      source?.close();
    },
  };
}

/** Publishing needs no connection: it works while the stream is cut, too. One `POST` waits for the one before, as a browser
 * has several connections, and on another one the later would overtake the earlier. */
export function publish(room, event, data) {
  const answer = before.then(() => post(room, event, data));
  before = answer.catch(() => {});
  return answer;
}

async function post(room, event, data) {
  const signal = AbortSignal.timeout(PATIENCE);
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(data), signal };
  const response = await fetch(address(`pub/${encodeURIComponent(room)}`, { event }), request).catch(() => {
    throw new Error("no answer from the server");
  });
  if (!response.ok) throw new Error((await response.text()).trim() || `status ${response.status}`);
  return response.json();
}

function address(path, query) {
  const url = new URL(path, document.baseURI);
  url.search = new URLSearchParams(query);
  return url;
}
