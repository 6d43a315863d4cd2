//! SockJS sessions in bad times: requests that meet the end of their session.

mod support;

use std::net::SocketAddr;
use std::sync::Arc;

use std::time::{Duration, Instant};

use everywire::{App, Args, Connection, Mount, Options, Reason, SockJsOptions, sockjs_raw};
use support::{Tcp, get, serve, small_sockets, until, within};
use tokio::sync::{Semaphore, mpsc};

fn post(path: &str, body: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {}\r\n\r\n{body}", body.len())
}

/// A mount whose sessions last, however slow the machine is.
fn patient() -> Mount {
    let disconnect_delay = Duration::from_secs(60);
    sockjs_raw().sockjs(SockJsOptions { disconnect_delay, ..SockJsOptions::default() })
}

/// A session that is open, by the request that listens.
async fn listen(address: SocketAddr, id: &str) -> Tcp {
    let mut wire = Tcp::connect(address).await;
    wire.send(post(&format!("/echo/000/{id}/xhr_streaming"), "")).await;
    assert_eq!(wire.head().await.status, 200);
    for expected in [&format!("{}\n", "h".repeat(2048)), "o\n"] {
        assert_eq!(wire.chunk().await.as_deref(), Some(expected));
    }
    wire
}

/// One that comes when what came before is with its session.
async fn come_later(address: SocketAddr) -> Tcp {
    let mut wire = Tcp::connect(address).await;
    for _ in 0..3 {
        assert_eq!(wire.request(&get("/echo/info")).await.status, 200);
    }
    wire
}

#[tokio::test]
async fn who_comes_in_the_moment_that_a_session_ends_opens_another() {
    let app = App::builder().mount("/echo", sockjs_raw()).build().unwrap();
    let address = serve(&app).await;
    for n in 0..20 {
        let listening = listen(address, &n.to_string()).await;
        let mut next = Tcp::connect(address).await;
        assert_eq!(next.request(&get("/echo/info")).await.status, 200);
        // The server runs when we wait: it sees both at once, in the order that it likes.
        listening.reset();
        next.send(post(&format!("/echo/000/{n}/xhr"), "")).await;
        let answer = next.answer().await;
        assert_eq!(answer.status, 200, "{answer:?}");
        let is_there = "c[2010,\"Another connection still open\"]\n";
        assert!(["o\n", is_there].contains(&&*answer.body), "{answer:?}");
    }
}

#[tokio::test]
async fn what_was_posted_is_handled_when_its_client_has_hung_up() {
    let gate = Arc::new(Semaphore::new(0));
    let (tell, mut told) = mpsc::unbounded_channel();
    let app = App::builder()
        .namespace("/", |ns| {
            let (gate, of_message) = (gate.clone(), tell.clone());
            ns.on("message", move |_: Connection, Args((text,)): Args<(String,)>| {
                let (gate, tell) = (gate.clone(), of_message.clone());
                async move {
                    gate.acquire().await.unwrap().forget();
                    tell.send(text).unwrap();
                    Ok(())
                }
            });
            ns.on_disconnect(move |_, reason: Reason| {
                tell.send(reason.to_string()).unwrap();
                async {}
            });
        })
        .mount("/echo", sockjs_raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let listening = listen(address, "abc").await;
    let send = post("/echo/000/abc/xhr_send", r#"["one","two","three"]"#);
    assert_eq!(Tcp::ask(address, &send).await.status, 204);
    // As clients close.
    listening.reset();
    while Tcp::ask(address, &post("/echo/000/abc/xhr_send", "[]")).await.status != 404 {}
    gate.add_permits(3);
    for expected in ["one", "two", "three", "client closed"] {
        assert_eq!(within("what is handled", told.recv()).await.as_deref(), Some(expected));
    }
}

#[tokio::test]
async fn a_session_that_has_ended_has_its_place_until_nobody_can_ask_about_it() {
    let app = App::builder()
        .options(Options { connections: 1, ..Options::default() })
        .namespace("/", |ns| {
            ns.on("message", |connection: Connection, Args((_,)): Args<(String,)>| async move {
                connection.disconnect();
                Ok(())
            });
        })
        .mount("/echo", patient())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let xhr = |id: &str| post(&format!("/echo/000/{id}/xhr"), "");
    assert_eq!(Tcp::ask(address, &xhr("one")).await.body, "o\n");
    assert_eq!(Tcp::ask(address, &xhr("two")).await.status, 503);
    assert_eq!(Tcp::ask(address, &post("/echo/000/one/xhr_send", r#"["over"]"#)).await.status, 204);
    until("its connection has ended", || app.session_count() == 0).await;
    assert_eq!(Tcp::ask(address, &xhr("two")).await.status, 503, "the first still has memory");
    assert_eq!(Tcp::ask(address, &xhr("one")).await.body, "c[1000,\"Normal closure\"]\n");
    // No shutdown waits for who may never ask.
    assert!(within("shutdown", app.shut_down(Duration::from_secs(60))).await);
}

#[tokio::test]
async fn nobody_is_gone_before_its_time() {
    let (tell, mut told) = mpsc::unbounded_channel();
    // With ticks of 30 ms, each session's end is due in the midst of one.
    let delay = Duration::from_millis(485);
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on_disconnect(move |_, reason: Reason| {
                tell.send((Instant::now(), reason)).unwrap();
                async {}
            });
        })
        .mount("/echo", sockjs_raw().sockjs(SockJsOptions { disconnect_delay: delay, ..Default::default() }))
        .build()
        .unwrap();
    let address = serve(&app).await;
    for id in 0..5 {
        let asked = Instant::now();
        let answer = Tcp::ask(address, &post(&format!("/echo/000/{id}/xhr"), "")).await;
        assert_eq!(answer.body, "o\n");
        let (ended, reason) = within("the end", told.recv()).await.unwrap();
        assert_eq!(reason, Reason::Lost);
        let waited = ended - asked;
        // To the millisecond that the server counts in.
        assert!(waited + Duration::from_millis(1) >= delay, "{waited:?}");
    }
}

#[tokio::test]
async fn who_hangs_up_is_noticed_whatever_body_its_request_has() {
    let (tell, mut told) = mpsc::unbounded_channel();
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on_disconnect(move |_, reason: Reason| {
                tell.send(reason).unwrap();
                async {}
            });
        })
        .mount("/echo", patient())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let bodies = [
        "Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n".to_owned(),
        format!("Content-Length: 100000\r\n\r\n{}", "x".repeat(100_000)),
        "Content-Length: 100\r\n\r\nonly a part".to_owned(),
        "Expect: 100-continue\r\nContent-Length: 100\r\n\r\n".to_owned(),
    ];
    for (n, body) in bodies.iter().enumerate() {
        for transport in ["xhr", "xhr_streaming"] {
            let session = format!("/echo/000/{transport}{n}");
            let poll = post(&format!("{session}/xhr"), "");
            assert_eq!(Tcp::ask(address, &poll).await.body, "o\n");
            let mut listening = Tcp::connect(address).await;
            listening.send(format!("POST {session}/{transport} HTTP/1.1\r\nHost: localhost\r\n{body}")).await;
            let mut other = come_later(address).await;
            assert_eq!(other.request(&poll).await.body, "c[2010,\"Another connection still open\"]\n");
            listening.reset();
            assert_eq!(within("the end", told.recv()).await, Some(Reason::ClientClosed), "{transport} {n}");
        }
    }
}

#[tokio::test]
async fn a_long_body_for_nobody_is_not_looked_at() {
    let app = App::builder().mount("/echo", patient()).build().unwrap();
    let address = serve(&app).await;
    let send = |len| post("/echo/000/nobody/xhr_send", &"x".repeat(len));
    let short = Tcp::ask(address, &send(100)).await;
    assert_eq!((short.status, &*short.body), (500, "Broken JSON encoding."));
    let long = Tcp::ask(address, &send(10_000)).await;
    assert_eq!((long.status, &*long.body), (404, "404 Error: Page not found\n"));
    let too_long = Tcp::ask(address, &send(2_000_000)).await;
    assert_eq!(too_long.status, 413);
    for (name, value) in
        [("x-content-type-options", "nosniff"), ("content-type", "text/plain; charset=UTF-8")]
    {
        assert_eq!(too_long.header(name), Some(value));
    }
    assert!(too_long.header("cache-control").is_some_and(|value| value.contains("no-store")));
}

#[tokio::test]
async fn over_http_1_0_a_stream_says_that_it_ends_with_its_connection() {
    let app = App::builder().mount("/echo", patient()).build().unwrap();
    let address = serve(&app).await;
    let mut wire = Tcp::connect(address).await;
    let head = "HTTP/1.0\r\nHost: localhost\r\nConnection: keep-alive\r\nContent-Length: 0\r\n\r\n";
    wire.send(format!("POST /echo/000/old/xhr_streaming {head}")).await;
    let response = wire.head().await;
    assert_eq!((response.status, response.header("connection")), (200, Some("close")));
}

#[tokio::test]
async fn what_is_posted_at_once_has_a_bound() {
    let app = App::builder().mount("/echo", patient()).build().unwrap();
    let address = serve(&app).await;
    assert_eq!(Tcp::ask(address, &post("/echo/000/a/xhr", "")).await.body, "o\n");
    // One body of a mebibyte, and 4 MiB beside it: not six of them that lack a byte each.
    let request = post("/echo/000/a/xhr_send", &format!("[\"{}\"]", "x".repeat(1_000_000)));
    let (go, gone) = tokio::sync::watch::channel(());
    let mut posts = tokio::task::JoinSet::new();
    for _ in 0..6 {
        let (mut go, request) = (gone.clone(), request.clone());
        posts.spawn(async move {
            let mut wire = Tcp::connect(address).await;
            let (most, last) = request.split_at(request.len() - 1);
            wire.send_anyway(most).await;
            tokio::select! {
                answer = wire.answer() => return answer.status,
                changed = go.changed() => changed.unwrap(),
            }
            wire.send(last).await;
            wire.answer().await.status
        });
    }
    assert_eq!(within("a refusal", posts.join_next()).await.unwrap().unwrap(), 429);
    go.send_replace(());
    assert_eq!(within("the others", posts.join_all()).await, [204; 5]);
}

#[tokio::test]
async fn who_does_not_take_its_answers_gets_no_more() {
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on("message", |connection: Connection, Args((_,)): Args<(String,)>| async move {
                connection.emit("message", ("\u{203a}".repeat(300_000),))?;
                Ok(())
            });
        })
        .mount("/echo", patient())
        .build()
        .unwrap();
    let address = small_sockets::serve(&app);
    assert_eq!(Tcp::ask(address, &post("/echo/000/a/xhr", "")).await.body, "o\n");
    let mut polls = Vec::new();
    let ask = post("/echo/000/a/xhr_send", r#"["more"]"#);
    // Each answer has 900 kB: the first two pass the bound of a mebibyte, and the third is not given.
    for n in 0..3 {
        assert_eq!(Tcp::ask(address, &ask).await.status, 204);
        let mut poll = small_sockets::connect(address).await;
        poll.send(post("/echo/000/a/xhr", "")).await;
        if n < 2 {
            assert_eq!(poll.head().await.status, 200);
        }
        polls.push(poll);
    }
    let mut third = polls.pop().unwrap();
    let mut other = come_later(address).await;
    assert_eq!(
        other.request(&post("/echo/000/a/xhr", "")).await.body,
        "c[2010,\"Another connection still open\"]\n"
    );
    // It is when the others are taken.
    for mut poll in polls {
        poll.read_to("\"]\n").await;
    }
    assert_eq!(third.head().await.status, 200);
    third.read_to("\"]\n").await;
}
