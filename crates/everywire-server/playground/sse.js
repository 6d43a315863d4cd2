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

/** Between the server's clock and ours, delivery at its quickest included; unknown before the first message. In ms. */
let skew = Infinity;
/** Clocks tick and packets wait: what was sent so shortly before the stream opened counts as sent after. In ms. */
const TOLERANCE = 50;

/** Starts one attempt; see link.js. */
export function dial({ room, since, heard, opened, gone, lost, refused }) {
  const aborted = new AbortController();
  let source;

  function listen(from) {
    let place = from;
    let openedAt;
    source = new EventSource(address("sse", { room, since: from }));
    source.onopen = () => {
      openedAt = Date.now();
      opened(place);
    };
    source.addEventListener("$reset", ({ lastEventId }) => gone((place = lastEventId)));
    for (const event of EVENTS) {
      source.addEventListener(event, ({ data, lastEventId }) => {
        const message = JSON.parse(data);
        skew = Math.min(skew, Date.now() - message.time);
        // Nothing marks where what was missed ends and what is new begins, except the time.
        const replayed = since !== undefined && message.time + skew < openedAt - TOLERANCE;
        heard({ ...message, event, offset: lastEventId, replayed });
      });
    }
    source.onerror = () => {
      source.close();
      lost("the stream ended");
    };
  }

  /** Where the room is now: an `EventSource` does not tell before the first message, which a cut may forestall. */
  async function begin() {
    try {
      const response = await fetch(address("poll", { room }), { signal: aborted.signal });
      if (response.ok) {
        const { offset } = await response.json();
        if (!aborted.signal.aborted) listen(offset);
      } else if (response.status >= 500) {
        lost((await response.text()).trim());
      } else {
        refused((await response.text()).trim());
      }
    } catch (error) {
      lost(error.message);
    }
  }

  if (since === undefined) begin();
  else listen(since);

  return {
    publish: (event, data) => publish(room, event, data),
    close() {
      aborted.abort();
      source?.close();
    },
  };
}

/** Publishing needs no connection: it works while the stream is cut, too. */
export async function publish(room, event, data) {
  const request = { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(data) };
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
