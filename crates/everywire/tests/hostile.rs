//! Whatever comes from outside has a clear answer in its own protocol and a line in the log that says who and why;
//! then the connection or the server goes on, as the protocol says.
//!
//! The runtime is on the test's own thread, so that its log is the test's own too.

mod support;

use std::net::SocketAddr;

use everywire::{
    App, Args, Connection, EventError, Identity, Options, Verb, jsonrpc, poll, publish, raw, raw_room, sse,
};
use everywire_core::admission::{ForbiddenPart, forbidden_examples};
use everywire_websocket::Opcode;
use serde_json::{Value, json};
use support::log::Log;
use support::{Frame, Response, Tcp, call, frame, get, serve, upgrade_head};

fn application() -> App {
    App::builder()
        .namespace("/", |ns| {
            ns.actions();
            ns.on("add", async |_: Connection, Args((a, b)): Args<(u32, u32)>| Ok(a + b));
            // What a careless program does: it sends on whatever it was given.
            ns.on("relay", async |conn: Connection, Args((event, room)): Args<(String, String)>| {
                conn.within().to(room).emit(event, "x").map_err(|e| EventError::refuse(e.to_string()))
            });
            ns.on("echo", async |conn: Connection, Args((event,)): Args<(String,)>| {
                conn.emit(event, "x").map_err(|e| EventError::refuse(e.to_string()))
            });
        })
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .mount("/raw/{room}", raw_room())
        .mount("/sse", sse())
        .mount("/poll", poll())
        .mount("/pub/{room}", publish())
        .rights(|_: &Identity, room: &str, verb: Verb| match room {
            "silent" => verb != Verb::Publish,
            "secret" => false,
            _ => true,
        })
        .options(Options { batch: 10, ..Options::default() })
        .build()
        .unwrap()
}

/// A JSON-RPC client that knows its own address, as the log does.
struct Caller {
    wire: Tcp,
    peer: String,
}

impl Caller {
    async fn new(address: SocketAddr) -> Self {
        let wire = Tcp::websocket(address, "/ws").await;
        Self { peer: wire.peer(), wire }
    }

    async fn send(&mut self, text: &str) -> Value {
        self.wire.text(text).await;
        serde_json::from_str(&self.wire.next_text().await).unwrap()
    }

    /// Asserts that the connection goes on.
    async fn goes_on(&mut self) {
        assert_eq!(self.send(&call(7, "add", "[1,2]")).await["result"], 3);
    }
}

/// What is answered to bytes on a connection of its own, and where they came from.
async fn answer(address: SocketAddr, bytes: impl AsRef<[u8]>) -> (Response, String) {
    let mut wire = Tcp::connect(address).await;
    let peer = wire.peer();
    wire.send_anyway(bytes).await;
    (wire.answer().await, peer)
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

#[tokio::test]
async fn malformed_http() {
    let (log, _guard) = Log::listen();
    let address = serve(&application()).await;
    let faults: [&[u8]; 7] = [
        b"what is this\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost localhost\r\n\r\n",
        b"GET /ws HTTP/1.1\r\nHost: local\0host\r\n\r\n",
        b"GET /ws HTTP/9.9\r\nHost: localhost\r\n\r\n",
        b"POST /pub/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
        b"POST /pub/lobby HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\nx",
    ];
    for fault in faults {
        let (response, peer) = answer(address, fault).await;
        assert_eq!(response.status, 400, "{}", fault.escape_ascii());
        log.line(&["WARN", &peer, "refused"]).await;
    }
    let (response, _) = answer(address, get("/poll?room=lobby")).await;
    assert_eq!(response.status, 200, "the server goes on");
}

#[tokio::test]
async fn wrong_paths_methods_hosts_and_pages() {
    let (log, _guard) = Log::listen();
    let address = serve(&application()).await;
    let with = |line: &str, path: &str| get(path).replace("Host: localhost", line);
    let cases = [
        (get("/nowhere"), 404, "nothing is mounted"),
        (get("/ws/"), 404, "nothing is mounted"),
        (get("/raw/a/b"), 404, "nothing is mounted"),
        (get("/raw/%ff"), 400, "not UTF-8"),
        (get("/ws"), 426, "Upgrade must be websocket"),
        (upgrade_head("/ws", "Content-Length: 0\r\n").replacen("GET", "PUT", 1), 405, "opened with GET"),
        (get("/sse?room=lobby").replacen("GET", "POST", 1), 405, "405"),
        (get("/pub/lobby"), 405, "publish with POST"),
        (with("Host: evil.example", "/ws"), 421, "evil.example"),
        (with("X: y", "/poll?room=lobby"), 421, "not one of this server's names"),
        (upgrade_head("/ws", "Origin: https://evil.example\r\n"), 403, "https://evil.example"),
        (upgrade_head("/raw/lobby", "Origin: null\r\n"), 403, "null"),
        (with("Host: localhost\r\nOrigin: https://evil.example", "/sse?room=lobby"), 403, "evil.example"),
        (with("Host: localhost\r\nSec-Fetch-Site: cross-site", "/poll?room=lobby"), 403, "cross-site"),
        (
            "POST /pub/lobby HTTP/1.1\r\nHost: localhost\r\nOrigin: http://a.example\r\nContent-Length: 1\r\n\r\n1"
                .to_owned(),
            403,
            "http://a.example",
        ),
    ];
    for (request, status, reason) in cases {
        let (response, peer) = answer(address, &request).await;
        assert_eq!(response.status, status, "{request}");
        assert!(!response.body.is_empty(), "it says why: {request}");
        log.line(&["WARN", &peer, reason]).await;
    }
}

#[tokio::test]
async fn malformed_frames() {
    let (log, _guard) = Log::listen();
    let address = serve(&application()).await;
    let faults: [(&[u8], u16, &str); 4] = [
        (&[0x83, 0x80, 0, 0, 0, 0], 1002, "reserved opcode"),
        (&[0x81, 0x01, b'x'], 1002, "must be masked"),
        (&[0x81, 0x81, 0, 0, 0, 0, 0xff], 1007, "not valid UTF-8"),
        (&[0x81, 0xff, 0, 0, 0, 0, 0x7f, 0, 0, 0, 0, 0, 0, 0], 1009, "larger than the limit"),
    ];
    for (fault, code, reason) in faults {
        for path in ["/ws", "/raw", "/raw/lobby"] {
            let mut wire = Tcp::websocket(address, path).await;
            let peer = wire.peer();
            wire.send(fault).await;
            assert_eq!(wire.close_code().await, Some(code), "{path}");
            log.line(&["WARN", &peer, reason]).await;
        }
    }
}

#[tokio::test]
async fn malformed_json_and_unknown_events() {
    let (log, _guard) = Log::listen();
    let address = serve(&application()).await;
    let mut caller = Caller::new(address).await;
    let deep = format!("{}1{}", "[".repeat(100), "]".repeat(100));
    let batch = format!("[{}]", vec![call(1, "add", "[1,2]"); 11].join(","));
    let cases = [
        ("{".to_owned(), -32700),
        ("not JSON".to_owned(), -32700),
        (r#"{"jsonrpc":"2.0","id":1,"method":"add","params":[1,]}"#.to_owned(), -32700),
        ("\"text\"".to_owned(), -32600),
        ("[]".to_owned(), -32600),
        (batch, -32600),
        (r#"{"id":1,"method":"add"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":{},"method":"add"}"#.to_owned(), -32600),
        (r#"{"jsonrpc":"2.0","id":1,"method":5}"#.to_owned(), -32600),
        (call(1, "add", "5"), -32600),
        (call(1, "add", &deep), -32700),
        (call(1, "add", r#"["one",2]"#), -32602),
        (call(1, "add", "[1]"), -32602),
        (call(1, "nobody", "[]"), -32601),
        (call(1, "rpc.discover", "[]"), -32601),
        (call(1, "", "[]"), -32601),
    ];
    for (text, code) in cases {
        log.clear();
        let error = caller.send(&text).await["error"].clone();
        assert_eq!(error["code"], code, "{text}: {error}");
        log.line(&[&caller.peer]).await;
        caller.goes_on().await;
    }
    // Nobody asked for an answer: the log alone hears of it.
    log.clear();
    caller.wire.text(r#"{"jsonrpc":"2.0","method":"nobody"}"#).await;
    log.line(&["WARN", &caller.peer, "nobody"]).await;
    caller.goes_on().await;
    // Binary is read as text where it is some.
    log.clear();
    caller.wire.send(frame(Opcode::Binary, call(1, "add", "[1,1]").as_bytes())).await;
    assert!(caller.wire.next_text().await.contains("\"result\":2"));
    caller.wire.send(frame(Opcode::Binary, b"\xff")).await;
    assert!(caller.wire.next_text().await.contains("-32700"));
    log.line(&["WARN", &caller.peer]).await;
    caller.goes_on().await;
    // On a raw wire nobody can be told, but the log can.
    let mut raw = Tcp::websocket(address, "/raw").await;
    raw.text("hello?").await;
    log.line(&["WARN", &raw.peer(), "message"]).await;
    raw.close(1000).await;
    assert_eq!(raw.frame().await, Frame::Close(Some(1000)));
}

/// A forbidden publication as JSON-RPC calls: of the actions, and of handlers that do as they are told.
fn calls(what: &ForbiddenPart) -> Vec<(&'static str, Value)> {
    match what {
        ForbiddenPart::Event(event) => vec![
            ("publish", json!(["lobby", event, 1])),
            ("relay", json!([event, "lobby"])),
            ("echo", json!([event])),
        ],
        ForbiddenPart::Room(room) => vec![
            ("publish", json!([room, "news", 1])),
            ("subscribe", json!([room])),
            ("relay", json!(["news", room])),
        ],
        ForbiddenPart::Arguments { .. } => vec![],
    }
}

/// The same as paths and bodies of POST.
fn posts(what: &ForbiddenPart) -> Vec<(String, String)> {
    match what {
        ForbiddenPart::Event(event) => {
            vec![(format!("/pub/lobby?event={}", encoded(event)), "1".to_owned())]
        }
        // No name at all is another path, where nothing is mounted.
        ForbiddenPart::Room(room) if room.is_empty() => vec![],
        ForbiddenPart::Room(room) => vec![(format!("/pub/{}", encoded(room)), "1".to_owned())],
        ForbiddenPart::Arguments { json, attachments: 0 } => vec![("/pub/lobby".to_owned(), json.clone())],
        // Attachments come with protocols that have them.
        ForbiddenPart::Arguments { .. } => vec![],
    }
}

#[tokio::test]
async fn nothing_forbidden_is_published_from_any_wire() {
    let (log, _guard) = Log::listen();
    let app = application();
    let address = serve(&app).await;
    let mut caller = Caller::new(address).await;
    assert!(caller.send(&call(1, "subscribe", r#"["lobby"]"#)).await["result"].is_object());
    let mut reader = Tcp::websocket(address, "/raw/lobby").await;
    let mut events = Tcp::connect(address).await;
    events.send(get("/sse?room=lobby")).await;
    events.head().await;
    events.chunk().await.unwrap();

    for forbidden in forbidden_examples() {
        let rule = forbidden.rule;
        log.clear();
        if let ForbiddenPart::Arguments { json, attachments: 0 } = &forbidden.what {
            let reply = caller.send(&call(1, "publish", &format!(r#"["lobby","news",{json}]"#))).await;
            let code = &reply["error"]["code"];
            assert!([-32700, -32602, -32000].iter().any(|known| code == *known), "{rule}: {reply}");
        }
        for (method, params) in calls(&forbidden.what) {
            let reply = caller.send(&call(1, method, &params.to_string())).await;
            assert!(reply["error"]["code"].is_i64(), "{rule} by {method}: {reply}");
            log.line(&[&caller.peer]).await;
        }
        for (path, body) in posts(&forbidden.what) {
            let length = body.len();
            let head =
                format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n");
            let (response, peer) =
                answer(address, format!("{head}Content-Length: {length}\r\n\r\n{body}")).await;
            assert_eq!(response.status, 400, "{rule} by {path}: {response:?}");
            log.line(&["WARN", &peer]).await;
        }
        if let ForbiddenPart::Room(room) = &forbidden.what
            && !room.is_empty()
        {
            for request in [
                upgrade_head(&format!("/raw/{}", encoded(room)), ""),
                get(&format!("/sse?room={}", encoded(room))),
                get(&format!("/poll?room={}", encoded(room))),
            ] {
                let (response, peer) = answer(address, &request).await;
                assert_eq!(response.status, 400, "{rule}: {request}");
                log.line(&["WARN", &peer]).await;
            }
        }
    }
    // Nobody has heard anything, and all hear what is well formed.
    app.to("lobby").emit("message", "all is well").unwrap();
    assert_eq!(reader.next_text().await, "all is well");
    let event = events.chunk().await.unwrap();
    assert!(event.contains("all is well"), "{event}");
    let event: Value = serde_json::from_str(&caller.wire.next_text().await).unwrap();
    assert_eq!(event["params"][0], "all is well");
}

#[tokio::test]
async fn without_the_right() {
    let (log, _guard) = Log::listen();
    let address = serve(&application()).await;
    let mut caller = Caller::new(address).await;
    for (method, params) in [
        ("publish", r#"["silent","news",1]"#),
        ("publish", r#"{"room":"secret","event":"news","data":1}"#),
        ("subscribe", r#"["secret"]"#),
        ("presence", r#"["secret"]"#),
        ("history", r#"["secret"]"#),
    ] {
        log.clear();
        let reply = caller.send(&call(1, method, params)).await;
        assert_eq!(reply["error"]["code"], -32003, "{method}: {reply}");
        log.line(&[&caller.peer, "you may not"]).await;
        caller.goes_on().await;
    }
    for room in ["silent", "secret"] {
        let mut wire = Tcp::websocket(address, &format!("/raw/{room}")).await;
        let peer = wire.peer();
        wire.text("hello").await;
        assert_eq!(wire.close_code().await, Some(1008), "{room}");
        log.line(&["WARN", &peer, "you may not"]).await;
        let post = format!("POST /pub/{room} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1\r\n\r\n1");
        let (response, peer) = answer(address, post).await;
        assert_eq!(response.status, 403);
        log.line(&["WARN", &peer, "you may not publish"]).await;
    }
    for path in ["/sse?room=lobby&room=secret", "/poll?room=secret"] {
        let (response, peer) = answer(address, get(path)).await;
        assert_eq!(response.status, 403);
        log.line(&["WARN", &peer, "you may not subscribe"]).await;
    }
}
