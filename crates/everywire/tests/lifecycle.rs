//! However a connection ends, it leaves the hub and the sessions, and its disconnect handler runs once, after
//! the last event.

mod support;

use std::sync::Arc;
use std::time::Duration;

use everywire::{
    App, Args, Connection, EventError, MailboxOptions, Options, Reason, SockJsOptions, WebSocketOptions,
    jsonrpc, raw, sockjs_raw, sse,
};
use everywire_websocket::Opcode;
use support::{
    Frame, Tcp, call, close_frame, frame, get, http2, serve, serve_by_axum, until, upgrade_head, within,
};
use tokio::net::TcpListener;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};
use tokio::sync::{Notify, oneshot};

/// How long a shutdown may take that takes no time. In seconds.
const GRACE: Duration = Duration::from_secs(10);

/// What the handlers did, in order.
struct Told(UnboundedReceiver<String>);

impl Told {
    async fn next(&mut self) -> String {
        within("what handlers do", self.0.recv()).await.expect("the application lives")
    }

    /// Asserts what comes next, and that nothing else has come.
    async fn expect(&mut self, expected: &[&str]) {
        for expected in expected {
            assert_eq!(self.next().await, *expected);
        }
        assert_eq!(self.0.try_recv().ok(), None, "nothing more");
    }
}

/// An application that says what happens to it, and a door that holds up its handler `wait`.
fn tattling(options: Options) -> (App, Told, Arc<Notify>) {
    let (tell, told) = unbounded_channel();
    let door = Arc::new(Notify::new());
    let app = App::builder()
        .namespace("/", |ns| tattle(ns, &tell, &door))
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .mount("/sse", sse())
        .options(options)
        .build()
        .unwrap();
    (app, Told(told), door)
}

fn tattle(ns: &mut everywire::NamespaceBuilder, tell: &UnboundedSender<String>, door: &Arc<Notify>) {
    let said = |what: &'static str| {
        let tell = tell.clone();
        move || tell.send(what.to_owned()).unwrap_or_default()
    };
    let connect = said("connect");
    ns.on_connect(move |conn: Connection| {
        connect();
        async move { conn.join("lobby").await.map(drop).map_err(EventError::from) }
    });
    let tell_end = tell.clone();
    ns.on_disconnect(move |conn: Connection, reason: Reason| {
        assert!(conn.is_closed(), "it has left the hub before");
        let tell = tell_end.clone();
        async move { tell.send(format!("disconnect: {reason}")).unwrap_or_default() }
    });
    let event = said("message");
    ns.on("message", move |_: Connection, _: Args<(String,)>| {
        event();
        async { Ok(()) }
    });
    let (begun, done, wait) = (said("wait"), said("waited"), door.clone());
    ns.on("wait", move |_: Connection, _: Args<()>| {
        begun();
        let (wait, done) = (wait.clone(), done.clone());
        async move {
            wait.notified().await;
            done();
            Ok(())
        }
    });
    ns.on("panic", async |_: Connection, _: Args<()>| -> everywire::Result<()> {
        panic!("as the test asked")
    });
    ns.on("leave", async |conn: Connection, _: Args<()>| {
        conn.emit("message", "goodbye")?;
        conn.disconnect();
        Ok(())
    });
}

async fn nobody_is_left(app: &App) {
    until("the sessions to be none", || app.session_count() == 0).await;
    let lobby = app.to("lobby").fetch_connections().await;
    assert_eq!(lobby.len(), 0, "nobody is left in the room");
    assert_eq!(app.waiting_bytes(), 0);
}

/// Brief waits, so that a test sees what comes after them.
fn brief() -> Options {
    Options {
        handshake_timeout: Duration::from_millis(200),
        close_timeout: Duration::from_millis(200),
        write_timeout: Duration::from_millis(200),
        ..Options::default()
    }
}

#[tokio::test]
async fn the_peer_closes() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    for path in ["/ws", "/raw"] {
        let mut client = Tcp::websocket(address, path).await;
        if path == "/raw" {
            client.text("hello").await;
        } else {
            client.text(&call(1, "message", r#"["hello"]"#)).await;
            client.next_text().await;
        }
        client.close(3001).await;
        assert_eq!(client.frame().await, Frame::Close(Some(3001)), "the code comes back");
        assert_eq!(client.frame().await, Frame::End, "the server closes first");
        told.expect(&["connect", "message", "disconnect: client closed"]).await;
        nobody_is_left(&app).await;
    }
    let mut client = http2::websocket(address, "/raw").await;
    client.text("hello").await;
    client.close(1000).await;
    assert_eq!(client.frame().await, Frame::Close(Some(1000)));
    assert_eq!(client.frame().await, Frame::End);
    told.expect(&["connect", "message", "disconnect: client closed"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn what_came_before_the_close_is_handled() {
    let (app, mut told, door) = tattling(Options::default());
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let mut burst = frame(Opcode::Text, call(1, "wait", "[]").as_bytes());
    burst.extend(frame(Opcode::Text, call(2, "message", r#"["x"]"#).as_bytes()));
    burst.extend(close_frame(1000));
    client.send(burst).await;
    assert_eq!(client.close_code().await, Some(1000));
    told.expect(&["connect", "wait"]).await;
    door.notify_one();
    told.expect(&["waited", "message", "disconnect: client closed"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn the_peer_resets() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    let client = Tcp::websocket(address, "/raw").await;
    told.expect(&["connect"]).await;
    client.reset();
    told.expect(&["disconnect: connection lost"]).await;
    nobody_is_left(&app).await;

    let client = Tcp::websocket(address, "/raw").await;
    told.expect(&["connect"]).await;
    drop(client);
    told.expect(&["disconnect: connection lost"]).await;

    let client = http2::websocket(address, "/raw").await;
    told.expect(&["connect"]).await;
    drop(client);
    told.expect(&["disconnect: connection lost"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn a_silent_peer_is_pinged_and_then_closed() {
    let websocket = WebSocketOptions {
        ping_interval: Duration::from_millis(100),
        ping_timeout: Duration::from_millis(100),
    };
    let (app, mut told, _) = tattling(Options { websocket, ..brief() });
    let address = serve(&app).await;
    let mut silent = Tcp::websocket(address, "/raw").await;
    assert_eq!(silent.frame().await, Frame::Ping);
    // The one that answers outlives three rounds.
    let mut alive = Tcp::websocket(address, "/raw").await;
    for _ in 0..3 {
        assert_eq!(alive.frame().await, Frame::Ping);
        alive.send(frame(Opcode::Pong, b"")).await;
    }
    assert_eq!(silent.close_code().await, Some(1001));
    silent.end().await;
    assert_eq!(told.next().await, "connect");
    assert_eq!(told.next().await, "connect");
    assert_eq!(told.next().await, "disconnect: idle timeout");
    alive.close(1000).await;
    told.expect(&["disconnect: client closed"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn a_handler_panics() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let mut other = Tcp::websocket(address, "/ws").await;
    // It is the end of the event, and of nothing else.
    client.text(&call(1, "panic", "[]")).await;
    let failed = client.next_text().await;
    assert!(failed.contains("-32603") && !failed.contains("as the test asked"), "{failed}");
    told.expect(&["connect", "connect"]).await;
    client.close(1000).await;
    told.expect(&["disconnect: client closed"]).await;
    other.text(&call(1, "message", r#"["still here"]"#)).await;
    assert!(other.next_text().await.contains("result"));
    other.close(1000).await;
    told.expect(&["message", "disconnect: client closed"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn the_peer_breaks_a_rule() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/raw").await;
    client.text("hello").await;
    client.send([0x83, 0x80, 0, 0, 0, 0]).await;
    assert_eq!(client.close_code().await, Some(1002));
    client.end().await;
    drop(client);
    told.expect(&["connect", "message", "disconnect: protocol error"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn the_server_disconnects() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    client.text(&call(1, "leave", "[]")).await;
    assert!(client.next_text().await.contains("goodbye"), "what was sent before leaves before");
    assert_eq!(client.close_code().await, Some(1000));
    client.close(1000).await;
    client.end().await;
    told.expect(&["connect", "disconnect: server closed"]).await;
    nobody_is_left(&app).await;

    let mut client = Tcp::websocket(address, "/ws").await;
    told.expect(&["connect"]).await;
    app.to("lobby").disconnect().await;
    assert_eq!(client.close_code().await, Some(1000));
    client.close(1000).await;
    told.expect(&["disconnect: server closed"]).await;
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn an_upgrade_is_abandoned() {
    let (app, mut told, _) = tattling(brief());
    let address = serve(&app).await;
    let mut client = Tcp::connect(address).await;
    client.send(upgrade_head("/ws", "")).await;
    client.reset();
    // Whether the handshake had finished or not, nothing may stay behind; and others are served meanwhile.
    let mut other = Tcp::websocket(address, "/raw").await;
    other.close(1000).await;
    other.end().await;
    nobody_is_left(&app).await;
    let (mut came, mut went) = (0, 0);
    while went == 0 || came > went {
        match told.next().await.as_str() {
            "connect" => came += 1,
            _ => went += 1,
        }
    }
    assert_eq!(came, went);
}

#[tokio::test]
async fn a_reader_of_events_goes_away() {
    let (app, mut told, _) =
        tattling(Options { sse_comment: Duration::from_millis(50), ..Options::default() });
    let address = serve(&app).await;
    let mut client = Tcp::connect(address).await;
    client.send(get("/sse?room=lobby")).await;
    assert_eq!(client.head().await.status, 200);
    drop(client);
    told.expect(&["connect", "disconnect: connection lost"]).await;
    nobody_is_left(&app).await;
}

#[test]
fn the_runtime_is_dropped() {
    let (app, mut told, _) = tattling(Options::default());
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let client = runtime.block_on(async {
        let address = serve(&app).await;
        let mut client = Tcp::websocket(address, "/ws").await;
        client.text(&call(1, "wait", "[]")).await;
        told.expect(&["connect", "wait"]).await;
        client
    });
    drop(runtime);
    drop(client);
    assert_eq!(app.session_count(), 0);
    assert_eq!(app.hub().namespace("/").local_members(&"lobby".into()).len(), 0);
}

#[tokio::test]
async fn a_shutdown_tells_all_and_waits_for_them() {
    let (app, mut told, door) = tattling(brief());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let (stop, stopped) = oneshot::channel::<()>();
    let served = tokio::spawn({
        let app = app.clone();
        let stopped = async move { stopped.await.unwrap_or_default() };
        async move { app.serve_with_shutdown(listener, stopped, Duration::from_secs(10)).await }
    });
    let mut first = Tcp::websocket(address, "/ws").await;
    first.text(&call(1, "wait", "[]")).await;
    told.expect(&["connect", "wait"]).await;
    let mut second = http2::websocket(address, "/raw").await;
    told.expect(&["connect"]).await;
    let mut events = Tcp::connect(address).await;
    events.send(get("/sse?room=lobby")).await;
    assert_eq!(events.head().await.status, 200);
    told.expect(&["connect"]).await;
    let mut late = Tcp::connect(address).await;
    assert_eq!(late.request(&get("/nowhere")).await.status, 404, "the connection is served");

    stop.send(()).unwrap();
    assert_eq!(first.close_code().await, Some(1012));
    assert_eq!(second.close_code().await, Some(1012));
    while events.chunk().await.is_some() {}
    let refused = late.request(&upgrade_head("/ws", "")).await;
    assert_eq!((refused.status, refused.header("retry-after")), (503, Some("1")));
    second.close(1012).await;
    first.close(1012).await;
    first.end().await;
    assert!(!served.is_finished(), "a handler is still at work");
    door.notify_one();
    within("the shutdown", served).await.unwrap().unwrap();
    let mut ends = Vec::new();
    while let Ok(end) = told.0.try_recv() {
        ends.push(end);
    }
    assert_eq!(ends.iter().filter(|end| *end == "disconnect: shutting down").count(), 3, "{ends:?}");
    nobody_is_left(&app).await;
}

#[tokio::test]
async fn a_shutdown_waits_no_longer_than_the_grace() {
    let (app, mut told, _) = tattling(Options { close_timeout: Duration::from_secs(3600), ..brief() });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    told.expect(&["connect"]).await;
    assert!(!within("the shutdown", app.shut_down(Duration::from_millis(50))).await, "it never answers");
    assert_eq!(client.close_code().await, Some(1012));
}

#[tokio::test]
async fn what_was_published_before_a_shutdown_is_heard() {
    let (app, mut told, _) = tattling(Options::default());
    let address = serve(&app).await;
    let mut clients = Vec::new();
    for _ in 0..3 {
        clients.push(Tcp::websocket(address, "/raw").await);
        told.expect(&["connect"]).await;
    }
    for n in 0..10 {
        app.to("lobby").emit("message", n.to_string()).unwrap();
    }
    // No flusher has had its turn yet.
    assert!(within("the shutdown", async { tokio::join!(app.shut_down(GRACE), heard(clients)).0 }).await);
}

/// Each hears ten numbers, and why the connection ends.
async fn heard(clients: Vec<Tcp>) {
    for mut client in clients {
        for n in 0..10 {
            assert_eq!(client.next_text().await, n.to_string());
        }
        assert_eq!(client.frame().await, Frame::Close(Some(1012)));
        client.close(1012).await;
    }
}

/// Far more than a socket's buffers take, in bytes.
const LONG: usize = 24 << 20;

#[tokio::test]
async fn the_last_words_of_a_response_are_waited_for() {
    // Its runtime ends with it, as a program does: what has not left by then never will.
    let (stop, stopped) = oneshot::channel::<()>();
    let (tell, address) = oneshot::channel();
    let server = std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let app = App::builder()
                .namespace("/", |ns| {
                    ns.on_connect(async |conn: Connection| {
                        conn.join("lobby").await?;
                        Ok(())
                    });
                })
                .mount(
                    "/sockjs",
                    sockjs_raw()
                        .sockjs(SockJsOptions { response_limit: 2 * LONG, ..SockJsOptions::default() }),
                )
                .options(Options {
                    mailbox: MailboxOptions { bytes: 2 * LONG as u32, ..MailboxOptions::default() },
                    ..Options::default()
                })
                .build()
                .unwrap();
            let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
            tell.send(listener.local_addr().unwrap()).unwrap();
            let stop = async {
                stopped.await.unwrap();
                app.to("lobby").emit("message", "x".repeat(LONG)).unwrap();
            };
            app.serve_with_shutdown(listener, stop, GRACE).await.unwrap();
        });
    });
    let address = within("the address", address).await.unwrap();
    let post = |path| format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n");
    let mut stream = Tcp::connect(address).await;
    stream.send(post("/sockjs/000/a/xhr_streaming")).await;
    assert_eq!(stream.head().await.status, 200);
    for expected in ["h", "o"] {
        assert!(stream.chunk().await.unwrap().starts_with(expected));
    }
    stop.send(()).unwrap();
    let message = stream.chunk().await.expect("the message");
    assert_eq!(message.len(), LONG + r#"a[""]"#.len() + 1);
    assert_eq!(stream.chunk().await.as_deref(), Some("c[1012,\"shutting down\"]\n"));
    assert_eq!(stream.chunk().await, None);
    server.join().unwrap();
}

#[tokio::test]
async fn whoever_comes_in_during_a_shutdown_goes_too() {
    let entered = Arc::new(Notify::new());
    let door = Arc::new(Notify::new());
    let (knock, open) = (entered.clone(), door.clone());
    let app = App::builder()
        .mount("/ws", jsonrpc())
        .authenticate(move |_| {
            let (knock, open) = (knock.clone(), open.clone());
            async move {
                knock.notify_one();
                open.notified().await;
                Ok(everywire::Identity::default())
            }
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut client = Tcp::connect(address).await;
    client.send(upgrade_head("/ws", "")).await;
    within("the request", entered.notified()).await;
    assert!(app.shut_down(Duration::ZERO).await, "nobody is in yet");
    door.notify_one();
    match client.head().await.status {
        101 => assert_eq!(client.close_code().await, Some(1012)),
        status => assert_eq!(status, 503),
    }
}

#[tokio::test]
async fn under_a_prefix_of_axum() {
    let (app, mut told, _) = tattling(Options::default());
    let router = axum::Router::new()
        .route("/", axum::routing::get(async || "a page"))
        .nest_service("/rt", app.service());
    let address = serve_by_axum(router).await;
    assert_eq!(Tcp::ask(address, &get("/")).await.body, "a page");
    assert_eq!(Tcp::ask(address, &get("/rt/nowhere")).await.status, 404);
    let mut client = Tcp::websocket(address, "/rt/ws").await;
    client.text(&call(1, "message", r#"["hello"]"#)).await;
    assert!(client.next_text().await.contains("result"));
    app.to("lobby").emit("news", "for all").unwrap();
    assert!(client.next_text().await.contains("for all"));
    client.close(1000).await;
    assert_eq!(client.close_code().await, Some(1000));
    told.expect(&["connect", "message", "disconnect: client closed"]).await;
    nobody_is_left(&app).await;
    let mut client = Tcp::websocket(address, "/rt/raw").await;
    app.shut_down(Duration::ZERO).await;
    assert_eq!(client.close_code().await, Some(1012));
}
