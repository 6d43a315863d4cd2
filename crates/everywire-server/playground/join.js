// How to join the room from elsewhere: commands with this page's own host, to be copied.

/** What stands in a shell between single quotes, in a URL or a Rust or JavaScript string, needs no escape after this. */
function inUrl(text) {
  return encodeURIComponent(text).replace(/[!'()*]/g, (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`);
}

/** Each with a title, a line about it and its text. */
function commands(room) {
  const http = new URL(".", document.baseURI).href;
  const ws = http.replace(/^http/, "ws");
  const name = inUrl(room);
  return [
    ["curl", "hear: SSE is plain HTTP", `curl -N '${http}sse?room=${name}'`],
    ["curl", "speak: one POST", `curl -d '{"name":"curl","text":"hello"}' '${http}pub/${name}?event=chat'`],
    ["websocat", "both: each line is a message", `websocat '${ws}raw/${name}'`],
    ["Python", "both: pip install websockets", `websockets '${ws}raw/${name}'`],
    [
      "JavaScript",
      "in this page’s console",
      `const socket = new WebSocket("${ws}ws");
socket.onmessage = ({ data }) => console.log(data);
socket.onopen = () => socket.send(JSON.stringify({
  jsonrpc: "2.0", id: 1,
  method: "subscribe", params: [${JSON.stringify(room)}],
}));`,
    ],
    [
      "Socket.IO",
      "in Node: npm i socket.io-client",
      `const socket = io("${new URL(http).origin}");
socket.onAny(console.log);
socket.emit("subscribe", ${JSON.stringify(room)}, console.log);
socket.emit("publish", ${JSON.stringify(room)}, "chat", { text: "hello" });`,
    ],
    [
      "SignalR",
      "in Node: npm i @microsoft/signalr",
      `const hub = new HubConnectionBuilder()
  .withUrl("${http}hubs/default")
  .build();
hub.on("chat", console.log);
await hub.start();
await hub.invoke("Subscribe", ${JSON.stringify(room)});
await hub.invoke("Publish", ${JSON.stringify(room)}, "chat", { text: "hello" });`,
    ],
    [
      "STOMP",
      "in Node 22: npm i @stomp/stompjs",
      `const client = new Client({ brokerURL: "${ws}stomp/websocket" });
client.onConnect = () => {
  const destination = ${JSON.stringify(`/topic/${room}`)};
  client.subscribe(destination, ({ body }) => console.log(body));
  client.publish({ destination, headers: { event: "chat" }, body: "hello" });
};
client.activate();`,
    ],
    [
      "Rust",
      "everywire-websocket, on tokio",
      `let uri = "${ws}raw/${name}".parse()?;
let tcp = TcpStream::connect("${authority()}").await?;
let (mut socket, _) = connect(
    tcp, &uri, &Default::default(), Default::default(),
).await?;
socket.send("hello").await?;
while let Some(message) = socket.recv().await? {
    println!("{message:?}");
}`,
    ],
  ];
}

function authority() {
  const { hostname, port, protocol } = location;
  return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
}

/** Shows the commands for this room. */
export function show(container, room) {
  container.replaceChildren(...commands(room).map(([title, about, text]) => command(title, about, text)));
}

function command(title, about, text) {
  const figure = document.createElement("figure");
  const caption = document.createElement("figcaption");
  const strong = document.createElement("strong");
  const what = document.createElement("span");
  const copy = document.createElement("button");
  const pre = document.createElement("pre");
  strong.textContent = title;
  what.textContent = about;
  copy.type = "button";
  copy.textContent = "Copy";
  copy.setAttribute("aria-label", `Copy the command: ${title}, ${about}`);
  copy.addEventListener("click", () => copyText(copy, pre));
  pre.textContent = text;
  pre.dir = "ltr";
  caption.append(strong, what, copy);
  figure.append(caption, pre);
  return figure;
}

async function copyText(button, pre) {
  try {
    await navigator.clipboard.writeText(pre.textContent);
    button.textContent = "Copied";
  } catch {
    // Without a secure context there is no clipboard: select it, so that the keyboard can copy it.
    getSelection().selectAllChildren(pre);
    button.textContent = "Selected";
  }
  setTimeout(() => (button.textContent = "Copy"), 1500);
}
