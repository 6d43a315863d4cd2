//! Server-Sent Events and long polling, as clients of plain HTTP meet them.

mod support;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use everywire::{
    App, Connection, Identity, MailboxOptions, Options, Reason, Refusal, Retention, Verb, poll, publish, sse,
};
use serde_json::Value;
use support::log::Log;
use support::{Tcp, get, http2, serve, until, within};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// How many messages a room keeps.
const KEPT: usize = 5;

fn application(options: Options) -> (App, UnboundedReceiver<Reason>) {
    let (tell, told) = unbounded_channel();
    let app = App::builder()
        .namespace("/", move |ns| {
            let tell = tell.clone();
            ns.on_disconnect(move |_: Connection, reason| {
                // Nobody may listen any more.
                let _ = tell.send(reason);
                async {}
            });
        })
        .mount("/sse", sse())
        .mount("/poll", poll())
        .mount("/pub/{room}", publish())
        .retention(|_, _| Retention { messages: KEPT as u32, ..Retention::RECENT })
        .authenticate(|credentials| {
            let known = credentials.token != Some("wrong");
            let refusal = Refusal::unauthenticated("this token is not known");
            std::future::ready(known.then(Identity::default).ok_or(refusal))
        })
        .rights(|_: &Identity, room: &str, verb: Verb| !(room == "secret" && verb == Verb::Subscribe))
        .options(options)
        .build()
        .unwrap();
    (app, told)
}

/// A stream of events.
struct Events(Tcp);

impl Events {
    async fn open(address: SocketAddr, query: &str, more: &str) -> Self {
        let mut wire = Tcp::connect(address).await;
        wire.send(format!("GET /sse?{query} HTTP/1.1\r\nHost: localhost\r\n{more}\r\n")).await;
        let head = wire.head().await;
        assert_eq!((head.status, head.header("content-type")), (200, Some("text/event-stream")));
        Self(wire)
    }

    /// The next block, of fields or a comment.
    async fn block(&mut self) -> String {
        self.0.read_to("\n\n").await
    }

    /// The next blocks: as many as a chunk has.
    async fn chunk(&mut self) -> String {
        self.0.chunk().await.expect("the stream goes on")
    }

    /// The offset and the data of the next event.
    async fn event(&mut self) -> (String, Value) {
        let block = self.block().await;
        let field = |name: &str| block.lines().find_map(|line| line.strip_prefix(name));
        let data = field("data: ").unwrap_or_else(|| panic!("no event: {block:?}"));
        (field("id: ").unwrap().to_owned(), serde_json::from_str(data).unwrap())
    }
}

async fn publish_all(app: &App, numbers: std::ops::Range<usize>) {
    for number in numbers {
        app.to("lobby").publish("news", number).await.unwrap();
    }
}

#[tokio::test]
async fn a_stream_is_resumed_where_it_was_cut() {
    let (app, mut told) = application(Options::default());
    let address = serve(&app).await;
    let mut events = Events::open(address, "room=lobby", "").await;
    let first = events.block().await;
    let begin = first.lines().find_map(|line| line.strip_prefix("id: ")).unwrap().to_owned();
    assert!(first.contains("retry: "), "{first}");
    publish_all(&app, 0..2).await;
    let (_, zero) = events.event().await;
    assert_eq!((&zero["data"], &zero["room"]), (&0.into(), &"lobby".into()));
    let (offset, _) = events.event().await;
    drop(events);
    assert_eq!(within("the end", told.recv()).await, Some(Reason::Lost));
    until("nobody to be left", || app.session_count() == 0).await;

    publish_all(&app, 2..KEPT).await;
    for (query, header) in [
        ("room=lobby".to_owned(), format!("Last-Event-ID: {offset}\r\n")),
        (format!("room=lobby&since={offset}"), String::new()),
        (format!("room=lobby&since={begin}"), format!("Last-Event-ID: {offset}\r\n")),
    ] {
        let mut events = Events::open(address, &query, &header).await;
        assert!(!events.block().await.contains("$reset"), "nothing is missing");
        for number in 2..KEPT {
            assert_eq!(events.event().await.1["data"], number, "{query}");
        }
    }
    // From the beginning, before the first message.
    let mut events = Events::open(address, "room=lobby", &format!("Last-Event-ID: {begin}\r\n")).await;
    events.block().await;
    assert_eq!(events.event().await.1["data"], 0);
}

#[tokio::test]
async fn who_comes_back_too_late_is_told_so() {
    let (app, _told) = application(Options::default());
    let address = serve(&app).await;
    let begin = app.to("lobby").publish("news", "first").await.unwrap();
    publish_all(&app, 0..2 * KEPT).await;
    for since in [begin.to_string(), "0123456789abcdef-1".to_owned()] {
        let mut events = Events::open(address, "room=lobby", &format!("Last-Event-ID: {since}\r\n")).await;
        let first = events.chunk().await;
        assert!(first.contains("event: $reset\ndata: {\"recovered\":false,\"offset\":\""), "{first}");
        let answer = Tcp::ask(address, &get(&format!("/poll?room=lobby&since={since}"))).await;
        let answer: Value = serde_json::from_str(&answer.body).unwrap();
        assert_eq!(answer["recovered"], false, "{answer}");
    }
}

#[tokio::test]
async fn silence_is_filled_with_comments() {
    let (app, _told) = application(Options { sse_comment: Duration::from_millis(50), ..Options::default() });
    let address = serve(&app).await;
    let mut events = Events::open(address, "room=lobby", "").await;
    events.chunk().await;
    for _ in 0..3 {
        assert_eq!(events.chunk().await, ":\n\n");
    }
}

#[tokio::test]
async fn a_poll_answers_at_once_or_waits() {
    let (app, mut told) = application(Options { poll_wait: Duration::from_secs(2), ..Options::default() });
    let address = serve(&app).await;
    let mut wire = Tcp::connect(address).await;
    let answer = |response: support::Response| -> Value {
        assert_eq!((response.status, response.header("content-type")), (200, Some("application/json")));
        serde_json::from_str(&response.body).unwrap()
    };
    let first = answer(wire.request(&get("/poll?room=lobby")).await);
    assert_eq!(first["messages"], serde_json::json!([]));
    assert_eq!(within("the end", told.recv()).await, Some(Reason::ClientClosed));
    let since = first["offset"].as_str().unwrap();

    // What is there comes at once, on the same connection.
    publish_all(&app, 0..2).await;
    let both = answer(wire.request(&get(&format!("/poll?room=lobby&since={since}"))).await);
    assert_eq!((&both["messages"][0]["data"], &both["messages"][1]["data"]), (&0.into(), &1.into()));
    let since = both["offset"].as_str().unwrap().to_owned();

    // What is not there yet comes when it comes.
    let waiting = tokio::spawn({
        let request = get(&format!("/poll?room=lobby&since={since}"));
        async move { Tcp::ask(address, &request).await }
    });
    until("the poll to wait", || !app.hub().namespace("/").local_members(&"lobby".into()).is_empty()).await;
    publish_all(&app, 2..3).await;
    assert_eq!(answer(waiting.await.unwrap())["messages"][0]["data"], 2);

    // And nothing after the wait, the shorter of two.
    let (offset, begun) = (app.to("lobby").publish("news", "last").await.unwrap(), Instant::now());
    let nothing = answer(wire.request(&get(&format!("/poll?room=lobby&since={offset}&wait=1"))).await);
    assert_eq!(
        (&nothing["messages"], &nothing["offset"]),
        (&serde_json::json!([]), &offset.to_string().into())
    );
    let waited = begun.elapsed();
    assert!((Duration::from_millis(600)..Duration::from_millis(1800)).contains(&waited), "{waited:?}");
}

#[tokio::test]
async fn a_poll_that_is_given_up_leaves() {
    let (app, mut told) = application(Options::default());
    let address = serve(&app).await;
    let since = app.to("lobby").publish("news", 1).await.unwrap();
    let mut wire = Tcp::connect(address).await;
    wire.send(get(&format!("/poll?room=lobby&since={since}"))).await;
    until("it to wait", || app.session_count() == 1).await;
    drop(wire);
    assert_eq!(within("the end", told.recv()).await, Some(Reason::Lost));
    until("it to be gone", || app.session_count() == 0).await;
}

#[tokio::test]
async fn refusals_have_a_status() {
    let (app, _told) = application(Options::default());
    let address = serve(&app).await;
    let ask = async |method: &str, path: &str| {
        Tcp::ask(
            address,
            &format!("{method} {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
        )
        .await
    };
    for path in ["/sse", "/poll"] {
        for (query, status) in [
            ("", 400),
            ("?room=", 400),
            ("?room=%24x", 400),
            ("?room=%ff", 400),
            ("?room=lobby&since=yesterday", 400),
            ("?room=secret", 403),
            ("?room=lobby&access_token=wrong", 401),
        ] {
            let response = ask("GET", &format!("{path}{query}")).await;
            assert_eq!(response.status, status, "{path}{query}");
            assert!(!response.body.is_empty(), "it says why");
        }
        let many: String = (0..129).map(|i| format!("&room=r{i}")).collect();
        assert_eq!(ask("GET", &format!("{path}?{many}")).await.status, 400);
        let head = ask("HEAD", &format!("{path}?room=lobby")).await;
        assert_eq!((head.status, &*head.body), (200, ""));
        for method in ["POST", "PUT", "DELETE", "PATCH"] {
            let response = ask(method, &format!("{path}?room=lobby")).await;
            assert_eq!((response.status, response.header("allow")), (405, Some("GET, HEAD")), "{method}");
        }
    }
    assert_eq!(app.session_count(), 0);
}

#[tokio::test]
async fn publishing_by_post() {
    let (app, _told) = application(Options { message_bytes: 1000, ..Options::default() });
    let address = serve(&app).await;
    let mut events = Events::open(address, "room=lobby", "").await;
    events.chunk().await;
    let post = async |path: &str, kind: &str, body: &str| {
        let length = body.len();
        let head = format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: {kind}\r\n");
        Tcp::ask(address, &format!("{head}Content-Length: {length}\r\n\r\n{body}")).await
    };
    let sent = post("/pub/lobby?event=chat", "application/json", r#"{"text":"hi"}"#).await;
    assert_eq!(sent.status, 200);
    let (id, data) = events.event().await;
    assert_eq!(sent.body, format!("{{\"offset\":\"{id}\"}}\n"));
    assert_eq!(data["data"]["text"], "hi");
    assert_eq!(post("/pub/lobby", "text/plain", "1").await.status, 200);
    assert_eq!(events.event().await.1["data"], "1");
    assert_eq!(post("/pub/lobby", "application/x-www-form-urlencoded", "1").await.status, 200);
    assert_eq!(events.event().await.1["data"], 1);

    assert_eq!(post("/pub/lobby", "application/json", "{").await.status, 400);
    assert_eq!(post("/pub/lobby", "text/plain", &"x".repeat(1001)).await.status, 413);
    let options = "OPTIONS /pub/lobby HTTP/1.1\r\nHost: localhost\r\nOrigin: http://localhost\r\n\r\n";
    let options = Tcp::ask(address, options).await;
    assert_eq!((options.status, options.header("access-control-allow-methods")), (204, Some("POST")));
    let got = Tcp::ask(address, &get("/pub/lobby")).await;
    assert_eq!((got.status, got.header("allow")), (405, Some("POST, OPTIONS")));
}

/// Publishes until the reader that does not read is gone.
async fn flood(app: &App, told: &mut UnboundedReceiver<Reason>) -> Reason {
    let news = "x".repeat(64 * 1024);
    for _ in 0..200 {
        app.to("lobby").publish("news", &news).await.unwrap();
        tokio::task::yield_now().await;
    }
    assert!(app.waiting_bytes() <= 256 * 1024, "{} bytes wait", app.waiting_bytes());
    let reason = within("the end of who does not read", told.recv()).await.unwrap();
    until("it to be gone", || app.session_count() == 0).await;
    assert_eq!(app.waiting_bytes(), 0);
    reason
}

#[tokio::test]
async fn who_does_not_read_is_disconnected() {
    let (app, mut told) = application(Options {
        mailbox: MailboxOptions { bytes: 256 * 1024, ..MailboxOptions::default() },
        write_timeout: Duration::from_millis(200),
        ..Options::default()
    });
    let address = serve(&app).await;
    let events = Events::open(address, "room=lobby", "").await;
    assert_eq!(flood(&app, &mut told).await, Reason::SlowConsumer);
    drop(events);

    let mut client = http2::connect(address).await;
    let request = http::Request::get("http://localhost/sse?room=lobby").body(()).unwrap();
    let (response, _) = client.send_request(request, true).unwrap();
    // Its body is never read, so nothing of the stream's window is given back.
    let response = within("the response", response).await.unwrap();
    assert_eq!(flood(&app, &mut told).await, Reason::SlowConsumer);
    drop(response);
}

/// A stream over HTTP/2 whose client opens its window no further.
#[tokio::test]
async fn who_takes_nothing_over_http_2_does_not_hold_it() {
    let (log, _guard) = Log::listen();
    let (app, _told) =
        application(Options { write_timeout: Duration::from_millis(50), ..Options::default() });
    let address = serve(&app).await;
    let text = "x".repeat(100_000);
    for is_taken in [true, false] {
        let mut builder = h2::client::Builder::new();
        builder.initial_window_size(20_000);
        let mut client = http2::connect_by(&builder, address).await;
        let since = app.to("lobby").publish("news", 1).await.unwrap();
        app.to("lobby").publish("news", &text).await.unwrap();
        let address = format!("http://localhost/poll?room=lobby&since={since}");
        let request = http::Request::get(address).body(()).unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let mut body = within("the head", response).await.unwrap().into_body();
        if !is_taken {
            log.line(&["a client does not read its response"]).await;
        }
        let mut taken = 0;
        let end = loop {
            match within("the body", body.data()).await {
                Some(Ok(bytes)) => {
                    body.flow_control().release_capacity(bytes.len()).unwrap();
                    taken += bytes.len();
                }
                end => break end.map(|end| end.err().and_then(|error| error.reason())),
            }
        };
        match is_taken {
            true => assert!(end.is_none() && taken > text.len(), "{end:?} {taken}"),
            // Two pieces are in hyper's hands.
            false => assert_eq!((end, taken), (Some(Some(h2::Reason::INTERNAL_ERROR)), 2 * 16_384)),
        }
    }
}
