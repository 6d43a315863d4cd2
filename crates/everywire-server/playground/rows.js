// The rows of a pane: a message, or a mark between messages.
//
// Rule: whatever comes from the network becomes `textContent`, never markup.

const CLOCK = { hour: "2-digit", minute: "2-digit", second: "2-digit" };

/** A message. The row remembers its element as `item`. */
export function messageRow(row) {
  const { name, text } = said(row);
  const item = element("li", "message");
  item.dataset.offset = row.offset;
  item.classList.toggle("replayed", row.replayed);
  row.item = item;
  const when = new Date(row.time);
  const time = element("time", "", when.toLocaleTimeString([], CLOCK));
  time.dateTime = when.toISOString();
  const head = element("div", "head");
  head.append(isolated("span", "who", name), time);
  item.append(head, isolated("p", "what", text));
  if (row.latency !== undefined) showLatency(row);
  return item;
}

/** Something that happened to the connection. */
export function markRow(row) {
  row.item = isolated("li", `mark ${row.kind ?? ""}`, row.mark);
  return row.item;
}

/** Marks a message as one's own, with the time from sending to hearing it. */
export function showLatency({ item, latency, replayed }) {
  item.classList.add("own");
  if (!replayed) item.querySelector(".head").append(element("span", "took", milliseconds(latency)));
}

export function milliseconds(time) {
  return `${time < 10 ? time.toFixed(1) : Math.round(time)} ms`;
}

/** Name and text of a message of whatever client: ours, a bare `curl`, another program. */
function said({ event, data }) {
  if (typeof data === "string") return { name: event === "message" ? "a raw wire" : "somebody", text: data };
  const { name, text } = data ?? {};
  if (typeof text !== "string") return { name: event, text: JSON.stringify(data) };
  return { name: typeof name === "string" && name !== "" ? name : "somebody", text };
}

/** Text of either direction, which does not turn what stands around it. */
function isolated(tag, className, text) {
  const made = element(tag, className, text);
  made.dir = "auto";
  return made;
}

function element(tag, className, text = "") {
  const made = document.createElement(tag);
  made.className = className;
  made.textContent = text;
  return made;
}
