//! Responses that go on, and that whoever publishes writes to: SockJS's streams and Server-Sent Events.

mod support;

use std::collections::VecDeque;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use everywire::{
    App, Args, Connection, MailboxOptions, Options, Overflow, SockJsOptions, sockjs_raw, sockjs_stomp, sse,
};
use support::stomp::Stomp;
use support::{Tcp, get, http2, serve, serve_by_axum, small_sockets, until, within};
use tokio::sync::Barrier;

fn application(options: Options, response_limit: usize) -> App {
    let sockjs = SockJsOptions { response_limit, ..SockJsOptions::default() };
    App::builder()
        .namespace("/", |ns| {
            ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
            ns.on("message", async |conn: Connection, Args((text,)): Args<(String,)>| {
                Ok(conn.emit("message", format!("echo {text}"))?)
            });
        })
        .mount("/sockjs", sockjs_raw().sockjs(sockjs.clone()))
        .mount("/stomp", sockjs_stomp().sockjs(sockjs))
        .mount("/sse", sse())
        .options(options)
        .build()
        .unwrap()
}

fn post(id: &str, what: &str, body: &str) -> String {
    format!(
        "POST /sockjs/000/{id}/{what} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

async fn publish(app: &App, text: impl Into<String>) {
    app.to("lobby").publish("message", text.into()).await.unwrap();
}

/// Listens by `xhr_streaming`, until the prelude and, of a session that begins, the greeting.
async fn listen(wire: &mut Tcp, id: &str, begins: bool) {
    wire.send(post(id, "xhr_streaming", "")).await;
    assert_eq!(wire.head().await.status, 200);
    assert_eq!(wire.chunk().await.map(|prelude| prelude.len()), Some(2049));
    if begins {
        assert_eq!(wire.chunk().await.as_deref(), Some("o\n"));
    }
}

/// What the lines of a response say.
fn messages(chunk: &str) -> Vec<String> {
    let frame = chunk.strip_suffix('\n').unwrap_or_else(|| panic!("no line: {chunk:?}"));
    assert!(!frame.contains('\n'), "a chunk of several frames: {chunk:?}");
    let array = frame.strip_prefix('a').unwrap_or_else(|| panic!("no messages: {chunk:?}"));
    serde_json::from_str(array).unwrap()
}

#[tokio::test]
async fn each_response_has_its_own_form() {
    for by_axum in [false, true] {
        let app = application(Options::default(), 1 << 17);
        let address = if by_axum {
            serve_by_axum(axum::Router::new().fallback_service(app.service())).await
        } else {
            serve(&app).await
        };
        each_hears_in_its_own_form(&app, address).await;
    }
}

async fn each_hears_in_its_own_form(app: &App, address: SocketAddr) {
    let mut streaming = Tcp::connect(address).await;
    listen(&mut streaming, "aaa", true).await;
    let mut events = Tcp::connect(address).await;
    events.send(get("/sockjs/000/bbb/eventsource")).await;
    assert_eq!(events.head().await.status, 200);
    for expected in ["\r\n", "data: o\r\n\r\n"] {
        assert_eq!(events.chunk().await.as_deref(), Some(expected));
    }
    let mut sse = Tcp::connect(address).await;
    sse.send(get("/sse?room=lobby")).await;
    assert_eq!(sse.head().await.status, 200);
    sse.chunk().await.expect("what it begins with");
    until("all to be in", || app.session_count() == 3).await;
    for text in ["one", "50 % é\u{2028}\u{1f600}\n\"\\", ""] {
        publish(app, text).await;
        let quoted = serde_json::to_string(text)
            .unwrap()
            .replace('\u{2028}', "\\u2028")
            .replace('\u{1f600}', "\\ud83d\\ude00");
        assert_eq!(streaming.chunk().await.unwrap(), format!("a[{quoted}]\n"));
        let escaped = quoted.replace('%', "%25");
        assert_eq!(events.chunk().await.unwrap(), format!("data: a[{escaped}]\r\n\r\n"));
        let event = sse.chunk().await.unwrap();
        assert!(event.starts_with("id: ") && event.ends_with("\n\n"), "{event:?}");
    }
}

/// Listens again whenever its response ends, until it has heard this. Now and then, something is sent to it alone.
async fn hear(
    address: SocketAddr,
    id: String,
    last: String,
    pause: usize,
    all_in: Arc<Barrier>,
) -> Vec<String> {
    let mut wire = Tcp::connect(address).await;
    listen(&mut wire, &id, true).await;
    all_in.wait().await;
    let (mut heard, mut asked) = (Vec::new(), 0);
    while !heard.contains(&last) {
        match within("a frame", wire.chunk()).await {
            Some(chunk) => heard.extend(messages(&chunk)),
            None => listen(&mut wire, &id, false).await,
        }
        if pause > 0 && heard.len() / pause > asked {
            asked += 1;
            let send = post(&id, "xhr_send", &format!("[\"{asked}\"]"));
            assert_eq!(Tcp::ask(address, &send).await.status, 204);
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_session_goes_on_over_many_responses() {
    const MESSAGES: usize = 3000;
    const CLIENTS: usize = 12;
    let app = application(Options::default(), 4096);
    let address = serve(&app).await;
    let all_in = Arc::new(Barrier::new(CLIENTS + 1));
    let clients: Vec<_> = (0..CLIENTS)
        .map(|i| {
            let last = (MESSAGES - 1).to_string();
            tokio::spawn(hear(address, format!("client{i}"), last, [0, 7, 100][i % 3], all_in.clone()))
        })
        .collect();
    within("all to be in", all_in.wait()).await;
    for number in 0..MESSAGES {
        publish(&app, number.to_string()).await;
    }
    for client in clients {
        let heard = client.await.unwrap();
        let (echoes, published): (Vec<_>, Vec<_>) =
            heard.into_iter().partition(|text| text.starts_with("echo "));
        assert_eq!(published, (0..MESSAGES).map(|number| number.to_string()).collect::<Vec<_>>());
        let expected: Vec<_> = (1..=echoes.len()).map(|number| format!("echo {number}")).collect();
        assert_eq!(echoes, expected);
    }
}

/// Hears by this transport what two rooms say to three subscriptions, until each of these has this many messages.
async fn hear_stomp(address: SocketAddr, transport: &str, all_in: Arc<Barrier>, most: usize) -> Vec<Stomp> {
    let session = format!("/stomp/000/{transport}");
    let ask = match transport {
        "eventsource" => get(&format!("{session}/{transport}")),
        _ => format!("POST {session}/{transport} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n"),
    };
    let mut wire = Tcp::connect(address).await;
    wire.send(&ask).await;
    wire.head().await;
    let say = [
        r"CONNECT\naccept-version:1.2\n\n\u0000",
        r"SUBSCRIBE\nid:0\ndestination:/topic/left\n\n\u0000",
        r"SUBSCRIBE\nid:1\ndestination:/room/left\n\n\u0000",
        r"SUBSCRIBE\nid:2\ndestination:/topic/right\nreceipt:in\n\n\u0000",
    ]
    .map(|frame| format!("\"{frame}\""));
    let body = format!("[{}]", say.join(","));
    let length = body.len();
    let mut heard: Vec<Stomp> = Vec::new();
    let mut open = false;
    while heard.len() < most {
        let Some(chunk) = within("a frame", wire.chunk()).await else {
            wire.send(&ask).await;
            assert_eq!(wire.head().await.status, 200);
            continue;
        };
        let frame = match transport {
            "eventsource" => {
                chunk.strip_prefix("data: ").unwrap_or(&chunk).replace("\r\n\r\n", "\n").replace("%25", "%")
            }
            _ => chunk,
        };
        match &*frame {
            "o\n" => {
                assert!(!open, "another session");
                open = true;
                let send = format!(
                    "POST {session}/xhr_send HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}"
                );
                assert_eq!(Tcp::ask(address, &send).await.status, 204);
            }
            frame if frame.starts_with('a') => {
                for text in messages(frame) {
                    let frame = Stomp::parse(&text);
                    match &*frame.command {
                        "MESSAGE" => heard.push(frame),
                        "RECEIPT" => _ = all_in.wait().await,
                        other => assert_eq!(other, "CONNECTED"),
                    }
                }
            }
            prelude => assert!(prelude.trim().bytes().all(|byte| byte == b'h'), "{prelude:?}"),
        }
    }
    heard
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn subscriptions_of_stomp_share_a_response() {
    const MESSAGES: usize = 1000;
    let app = application(Options::default(), 16 * 1024);
    let address = serve(&app).await;
    let all_in = Arc::new(Barrier::new(3));
    let clients = ["xhr_streaming", "eventsource"]
        .map(|transport| tokio::spawn(hear_stomp(address, transport, all_in.clone(), 3 * MESSAGES)));
    within("all to be in", all_in.wait()).await;
    let body = |room: &str, number: usize| format!("{room} {number}: 50 % é\u{2028}\u{1f600}\n\"\\");
    for number in 0..MESSAGES {
        for room in ["left", "right"] {
            app.to(room).publish("message", body(room, number)).await.unwrap();
        }
    }
    for client in clients {
        let heard = client.await.unwrap();
        for (subscription, destination) in [("0", "/topic/left"), ("1", "/room/left"), ("2", "/topic/right")]
        {
            let (_, room) = destination.rsplit_once('/').unwrap();
            let mut number = 0;
            for message in heard.iter().filter(|message| message.header("subscription") == subscription) {
                assert_eq!(
                    (message.header("destination"), &*message.body),
                    (destination, &*body(room, number))
                );
                number += 1;
            }
            assert_eq!(number, MESSAGES, "{subscription}");
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_response_begins_with_its_prelude_whoever_writes_to_it() {
    // Each frame ends its response, and what comes next is published while its client asks for the next one.
    let app = application(Options::default(), 1);
    let mut wire = Tcp::connect(serve(&app).await).await;
    listen(&mut wire, "aaa", true).await;
    assert_eq!(wire.chunk().await, None);
    for number in 0..1000 {
        wire.send(post("aaa", "xhr_streaming", "")).await;
        // At each moment of the response's beginning.
        let begun = Instant::now();
        while begun.elapsed() < Duration::from_micros(number % 200) {
            tokio::task::yield_now().await;
        }
        publish(&app, number.to_string()).await;
        assert_eq!(wire.head().await.status, 200);
        let chunks =
            [wire.chunk().await, wire.chunk().await, wire.chunk().await].map(Option::unwrap_or_default);
        assert_eq!(
            chunks.each_ref().map(String::len),
            [2049, format!("a[\"{number}\"]\n").len(), 0],
            "{number}"
        );
        assert_eq!(messages(&chunks[1]), [number.to_string()]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn who_does_not_read_costs_what_may_wait() {
    const BOUND: u32 = 64 * 1024;
    let options = Options {
        mailbox: MailboxOptions { bytes: BOUND, overflow: Overflow::Disconnect },
        close_timeout: Duration::from_millis(300),
        ..Options::default()
    };
    let app = application(options, 1 << 30);
    let address = small_sockets::serve(&app);
    let mut readers = Vec::new();
    for i in 0..20 {
        readers.push(small_sockets::connect(address).await);
        listen(&mut readers[i], &format!("reader{i}"), true).await;
    }
    let mut sleepers = Vec::new();
    for i in 0..4 {
        let mut sleeper = small_sockets::connect(address).await;
        if i % 2 == 0 {
            listen(&mut sleeper, &format!("sleeper{i}"), true).await;
        } else {
            sleeper.send(get("/sse?room=lobby")).await;
            assert_eq!(sleeper.head().await.status, 200);
        }
        sleepers.push(sleeper);
    }
    until("all to be in", || app.session_count() == readers.len() + sleepers.len()).await;
    let mut published = 0_usize;
    while app.session_count() > readers.len() {
        publish(&app, format!("{published:<4096}")).await;
        published += 1;
        for reader in &mut readers {
            let chunk = within("a frame", reader.chunk()).await.unwrap();
            assert_eq!(messages(&chunk).len(), 1);
        }
        let most = sleepers.len() as u64 * u64::from(BOUND);
        assert!(app.waiting_bytes() <= most, "{} bytes wait, at most {most} may", app.waiting_bytes());
        assert!(published < 10_000, "those who do not read are still there");
    }
    assert_eq!(app.waiting_bytes(), 0);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_of_http_2_hears_all_when_it_reads_on() {
    let app = application(Options::default(), 1 << 30);
    let address = serve(&app).await;
    let client = http2::connect(address).await;
    // Two streams of one connection: what the one does not read is no matter of the other's.
    let mut bodies = Vec::new();
    for path in ["/sockjs/000/aaa/xhr_streaming", "/sockjs/000/bbb/xhr_streaming"] {
        let request = http::Request::post(format!("http://localhost{path}")).body(()).unwrap();
        let mut client = client.clone().ready().await.unwrap();
        let (response, _) = client.send_request(request, true).unwrap();
        let response = within("a response", response).await.unwrap();
        assert_eq!(response.status(), 200);
        bodies.push(response.into_body());
    }
    until("all to be in", || app.session_count() == 2).await;
    let mut reader = Lines::new(bodies.remove(0));
    let mut sleeper = Lines::new(bodies.remove(0));
    reader.opened().await;
    sleeper.opened().await;
    // Much more than a window, and than a body holds; less than may wait.
    const MESSAGES: usize = 600;
    for number in 0..MESSAGES {
        publish(&app, format!("{number:<1024}")).await;
        assert_eq!(reader.next().await.trim_end(), number.to_string());
    }
    assert!(app.waiting_bytes() > 0, "what is not read waits in the mailbox, where it is counted");
    for number in 0..MESSAGES {
        assert_eq!(sleeper.next().await.trim_end(), number.to_string());
    }
    assert_eq!(app.waiting_bytes(), 0);
}

/// The frames of a body of HTTP/2, whose window is given back only as they are asked for.
struct Lines {
    body: h2::RecvStream,
    read: Vec<u8>,
    messages: VecDeque<String>,
}

impl Lines {
    fn new(body: h2::RecvStream) -> Self {
        Self { body, read: Vec::new(), messages: VecDeque::new() }
    }

    async fn line(&mut self) -> String {
        loop {
            if let Some(end) = self.read.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.read.drain(..=end).collect();
                return String::from_utf8(line).unwrap();
            }
            let more = within("more of a body", self.body.data()).await.unwrap().unwrap();
            self.body.flow_control().release_capacity(more.len()).unwrap();
            self.read.extend_from_slice(&more);
        }
    }

    async fn opened(&mut self) {
        assert_eq!(self.line().await.len(), 2049);
        assert_eq!(self.line().await, "o\n");
    }

    async fn next(&mut self) -> String {
        while self.messages.is_empty() {
            let line = self.line().await;
            self.messages.extend(messages(&line));
        }
        self.messages.pop_front().unwrap()
    }
}
