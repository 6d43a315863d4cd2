//! STOMP's clients on an application: who they are, what they may, and what they hear beside others.

mod support;

use std::collections::HashMap;
use std::sync::Arc;

use everywire::{
    App, AppBuilder, Args, Connection, EventError, Identity, RawArgs, Reason, Refusal, RoomKey, StompOptions,
    Verb, jsonrpc, raw_room, sockjs_stomp, stomp,
};
use everywire_websocket::Opcode;
use support::stomp::{Client, Stomp};
use support::{Frame, Tcp, frame, serve, within};
use tokio::sync::Notify;

fn builder() -> AppBuilder {
    App::builder().mount("/stomp", stomp()).mount("/sockjs", sockjs_stomp()).mount("/raw/{room}", raw_room())
}

#[tokio::test]
async fn who_a_client_is_it_says_when_it_connects() {
    let app = builder()
        .mount("/ws", jsonrpc().stomp(StompOptions::default()))
        .namespace("/", |ns| {
            ns.on("who", async |conn: Connection, _: RawArgs| {
                let shown: HashMap<String, String> = conn.auth().unwrap_or_default();
                Ok((conn.user().map(str::to_owned), shown.get("host").cloned()))
            });
        })
        .authenticate(|credentials| {
            #[derive(serde::Deserialize, Default)]
            struct Login {
                login: Option<String>,
                passcode: Option<String>,
            }
            let shown: Option<(Login,)> = credentials.auth.read(everywire::Extras::Ignore).ok();
            let login = shown.unwrap_or_default().0;
            let token = credentials.token.map(str::to_owned);
            async move {
                match (login.login, login.passcode.as_deref(), token) {
                    (Some(user), Some("secret"), _) => Ok(Identity::user(user)),
                    (_, _, Some(token)) => Ok(Identity::user(token)),
                    _ => Err(Refusal::unauthenticated("log in, please")),
                }
            }
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    for path in ["/stomp", "/sockjs/websocket"] {
        let mut client = Client::open(address, path).await;
        client.send("CONNECT\naccept-version:1.2\nlogin:ann\npasscode:secret\nhost:here\n\n").await;
        let connected = client.next().await;
        assert_eq!((&*connected.command, connected.header("user-name")), ("CONNECTED", "ann"));
        client.send("SEND\ndestination:/app/who\nreply-to:/temp-queue/a\n\n").await;
        assert_eq!(client.next().await.body, r#"["ann","here"]"#);

        let mut client = Client::open(address, path).await;
        client.send("CONNECT\naccept-version:1.2\nAuthorization:Bearer bob\n\n").await;
        assert_eq!(client.next().await.header("user-name"), "bob");

        let mut client = Client::open(address, path).await;
        // What comes behind a CONNECT that is refused is not done.
        client
            .send(
                "CONNECT\naccept-version:1.2\nlogin:ann\npasscode:wrong\n\n\0SEND\ndestination:/topic/a\n\nx",
            )
            .await;
        let (error, code) = client.end().await;
        assert_eq!(
            (error.header("message"), &*error.body, code),
            ("Connection refused", "log in, please", Some(1008))
        );
    }
    // By subprotocol, beside JSON-RPC, which shows who it is in its request.
    let mut client = Tcp::connect(address).await;
    let more = "Sec-WebSocket-Protocol: v10.stomp, v12.stomp, other\r\n";
    let response = client.request(&support::upgrade_head("/ws", more)).await;
    assert_eq!((response.status, response.header("sec-websocket-protocol")), (101, Some("v12.stomp")));
    let mut client = Client(client);
    client.send("STOMP\naccept-version:1.0,1.1\nlogin:eve\npasscode:secret\n\n").await;
    let connected = client.next().await;
    assert_eq!((connected.header("version"), connected.header("user-name")), ("1.1", "eve"));
    assert_eq!(Tcp::ask(address, &support::upgrade_head("/ws", "")).await.status, 401);
}

#[tokio::test]
async fn what_a_client_may_not_ends_it() {
    let app = builder()
        .rights(|_, name, verb| match verb {
            Verb::Subscribe => name == "open",
            Verb::Publish => name == "open" || name == "box",
            _ => false,
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let refused = [
        (
            "SUBSCRIBE\nid:1\ndestination:/topic/box\nreceipt:7\n\n",
            "you may not subscribe to the room \"box\"",
        ),
        ("SEND\ndestination:/topic/shut\nreceipt:7\n\nx", "you may not publish to the room \"shut\""),
        ("SEND\ndestination:/queue/open\nreceipt:7\n\nx", "you may not send to the queue \"open\""),
        (
            "SUBSCRIBE\nid:1\ndestination:/queue/open\nreceipt:7\n\n",
            "you may not consume from the queue \"open\"",
        ),
        ("SEND\ndestination:/user/ann/queue/x\nreceipt:7\n\nx", "clients may not send to other users here"),
    ];
    for (frame, why) in refused {
        let mut client = Client::connected(address, "/stomp").await;
        client.subscribe("0", "/room/open").await;
        client.send(frame).await;
        // Nothing behind it is done.
        client.send("SEND\ndestination:/room/open\n\nx").await;
        let (error, code) = client.end().await;
        assert_eq!((&*error.body, error.header("receipt-id"), code), (why, "7", Some(1008)));
    }
    let faults = [
        ("SUBSCRIBE\nid:1\ndestination:/topic/open\nsince:never\n\n", "since: "),
        ("SEND\ndestination:/topic/$open\n\nx", "you may not"),
        (
            "SEND\ndestination:/topic/open\nevent:connect\n\nx",
            "the event name \"connect\" is reserved by Socket.IO",
        ),
    ];
    for (frame, why) in faults {
        let mut client = Client::connected(address, "/stomp").await;
        client.send(frame).await;
        let (error, code) = client.end().await;
        assert!(error.body.starts_with(why), "{error:?}");
        assert!(matches!(code, Some(1002 | 1008)), "{code:?}");
    }
}

#[tokio::test]
async fn each_subscription_hears_once() {
    let app = builder().build().unwrap();
    let address = serve(&app).await;
    let mut plain = Client::connected(address, "/stomp").await;
    let mut sockjs = Tcp::websocket(address, "/sockjs/000/abc/websocket").await;
    let mut none = Client::connected(address, "/stomp").await;
    let mut raw = Tcp::websocket(address, "/raw/lobby").await;
    plain.subscribe("a:1", "/topic/lobby").await;
    plain.subscribe("b", "/room/lobby").await;
    assert_eq!(sockjs.next_text().await, "o");
    for frame in [
        "CONNECT\\naccept-version:1.1\\n\\n\\u0000",
        "SUBSCRIBE\\nid:s\\ndestination:/topic/lobby\\nreceipt:r\\n\\n\\u0000",
    ] {
        sockjs.text(&format!("[\"{frame}\"]")).await;
        sockjs.next_text().await;
    }
    none.subscribe("u", "/user/queue/errors").await;
    for i in 0..50 {
        raw.text(&format!("m\"{i}")).await;
        assert_eq!(raw.next_text().await, format!("m\"{i}"));
    }
    for i in 0..50 {
        for (id, destination) in [("a\\c1", "/topic/lobby"), ("b", "/room/lobby")] {
            let message = plain.next().await;
            assert_eq!((&*message.command, &*message.body), ("MESSAGE", &*format!("m\"{i}")));
            assert_eq!((message.header("subscription"), message.header("destination")), (id, destination));
            assert_eq!(message.header("event"), "message");
        }
        let frame = sockjs.next_text().await;
        let [text]: [String; 1] = serde_json::from_str(frame.strip_prefix('a').unwrap()).unwrap();
        let message = Stomp::parse(&text);
        assert_eq!((&*message.body, message.header("subscription")), (&*format!("m\"{i}"), "s"));
    }
    // Bytes stay bytes on a plain WebSocket, and are spelled where there is only text.
    raw.send(frame(Opcode::Binary, &[0, 255])).await;
    for _ in 0..2 {
        let Frame::Binary(bytes) = plain.0.frame().await else { panic!("bytes") };
        assert!(bytes.ends_with(b"content-length:2\n\n\0\xff\0"), "{}", bytes.escape_ascii());
    }
    let frame = sockjs.next_text().await;
    assert!(
        frame.contains("content-transfer-encoding:base64\\n") && frame.ends_with("\\n\\nAP8=\\u0000\"]"),
        "{frame}"
    );
    // Who has left hears nothing, and who never came has heard nothing.
    plain.send("UNSUBSCRIBE\nid:a\\c1\nreceipt:x\n\n").await;
    assert_eq!(plain.next().await.header("receipt-id"), "x");
    raw.text("last").await;
    assert_eq!(plain.next().await.header("subscription"), "b");
    none.send("DISCONNECT\nreceipt:bye\n\n").await;
    assert_eq!(none.next().await.header("receipt-id"), "bye");
}

/// An application with a handler `slow`, that it has begun, and what lets it end.
fn with_a_slow_handler() -> (App, Arc<Notify>, Arc<Notify>) {
    let (begun, go) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (tell, wait) = (begun.clone(), go.clone());
    let app = builder()
        .namespace("/", move |ns| {
            let (tell, wait) = (tell.clone(), wait.clone());
            ns.on("slow", move |_: Connection, _: RawArgs| {
                let (tell, wait) = (tell.clone(), wait.clone());
                async move {
                    tell.notify_one();
                    wait.notified().await;
                    Ok(())
                }
            });
        })
        .build()
        .unwrap();
    (app, begun, go)
}

#[tokio::test]
async fn a_transaction_may_be_longer_than_what_may_wait() {
    let (app, begun, go) = with_a_slow_handler();
    let mut client = Client::connected(serve(&app).await, "/stomp").await;
    client.send("BEGIN\ntransaction:t\n\n").await;
    client.send("SEND\ndestination:/app/slow\ntransaction:t\n\n").await;
    // Three of 600 KB, where 1 MiB may wait.
    let body = "x".repeat(600_000);
    for _ in 0..3 {
        client.send(&format!("SEND\ndestination:/topic/a\ntransaction:t\n\n{body}")).await;
    }
    client.send("COMMIT\ntransaction:t\nreceipt:done\n\n").await;
    within("the handler", begun.notified()).await;
    go.notify_one();
    let receipt = client.next().await;
    assert_eq!((&*receipt.command, receipt.header("receipt-id")), ("RECEIPT", "done"));
}

#[tokio::test]
async fn receipts_come_in_the_order_of_their_frames() {
    let (app, begun, go) = with_a_slow_handler();
    let address = serve(&app).await;
    let mut client = Client::connected(address, "/stomp").await;
    for frame in [
        "SEND\ndestination:/app/slow\nreceipt:1\n\n",
        "SUBSCRIBE\nid:a\ndestination:/topic/x\nreceipt:2\n\n",
        "BEGIN\ntransaction:t\nreceipt:3\n\n",
        "SEND\ndestination:/topic/x\ntransaction:t\nreceipt:5\n\nin",
        "SEND\ndestination:/topic/x\nreceipt:4\n\nout",
        "COMMIT\ntransaction:t\nreceipt:6\n\n",
        "UNSUBSCRIBE\nid:a\nreceipt:7\n\n",
        "DISCONNECT\nreceipt:8\n\n",
    ] {
        client.send(frame).await;
    }
    within("the handler", begun.notified()).await;
    go.notify_one();
    let mut heard = Vec::new();
    while heard.last().is_none_or(|last| last != "8") {
        let frame = client.next().await;
        heard.push(match &*frame.command {
            "RECEIPT" => {
                // A publication's says where it stands.
                let tells = !frame.header("offset").is_empty();
                assert_eq!(tells, matches!(frame.header("receipt-id"), "2" | "4" | "5"), "{frame:?}");
                frame.header("receipt-id").to_owned()
            }
            _ => frame.body,
        });
    }
    assert_eq!(heard, ["1", "2", "3", "out", "4", "in", "5", "6", "7", "8"]);
    client.0.close(1000).await;
    assert_eq!(client.0.close_code().await, Some(1000));
}

#[tokio::test]
async fn what_is_sent_to_a_client_alone_has_a_place() {
    let app = builder()
        .mount("/spring", stomp().stomp(StompOptions { spring: true, ..StompOptions::default() }))
        .namespace("/", |ns| {
            ns.on("hello", async |conn: Connection, Args((name,)): Args<(String,)>| {
                conn.emit("greeting", &name)?;
                conn.join("hall").await?;
                Ok(format!("hello {name}"))
            });
            ns.on("fail", async |_: Connection, _: RawArgs| {
                Err::<(), _>(EventError::new(7, "no").with_data([1, 2]))
            });
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut client = Client::connected(address, "/stomp").await;
    client.subscribe("g", "/user/queue/greeting").await;
    client.subscribe("n", "/user/topic/news").await;
    client.subscribe("e", "/user/queue/errors").await;
    client.subscribe("t", "/topic/answers").await;
    client.send("SEND\ndestination:/app/hello\ncontent-type:text/plain\nreply-to:/topic/answers\nreceipt:1\n\nann").await;
    let greeting = client.next().await;
    assert_eq!((greeting.header("subscription"), &*greeting.body), ("g", "ann"));
    let answer = client.next().await;
    assert_eq!(
        (answer.header("subscription"), answer.header("event"), &*answer.body),
        ("t", "hello", "hello ann")
    );
    assert_eq!(client.next().await.header("receipt-id"), "1");
    // A room that the application has let it into, which it has not subscribed to.
    app.to("hall").emit("news", ("x", 1)).unwrap();
    let news = client.next().await;
    assert_eq!((news.header("subscription"), &*news.body), ("n", r#"["x",1]"#));
    client.send("SEND\ndestination:/app/fail\nreceipt:2\n\n").await;
    let report = client.next().await;
    assert_eq!((report.header("destination"), report.header("receipt-id")), ("/user/queue/errors", "2"));
    assert_eq!(report.body, r#"{"code":7,"message":"no","event":"fail","data":[1,2]}"#);
    // One answer, for one subscription.
    client.send("SUBSCRIBE\nid:once\ndestination:/app/fail\n\n").await;
    assert_eq!(client.next().await.header("subscription"), "e");
    let id = everywire::ConnectionId::from_random([0; 15]);
    assert!(app.to(RoomKey::Connection(id)).emit("news", ()).is_ok(), "nobody hears it");

    let mut spring = Client::connected(address, "/spring").await;
    spring.subscribe("h", "/topic/hello").await;
    spring.send("SEND\ndestination:/app/hello\n\n\"bob\"").await;
    let answer = spring.next().await;
    assert_eq!((answer.header("destination"), &*answer.body), ("/topic/hello", "hello bob"));
}

#[tokio::test]
async fn what_a_websocket_does_not_take_is_told() {
    let app = builder().build().unwrap();
    let address = serve(&app).await;
    let long = format!("SEND\ndestination:/topic/a\n\n{}", "x".repeat(2 << 20));
    for (opcode, payload, message, code) in [
        (Opcode::Text, long.as_bytes(), "too large", 1009),
        (Opcode::Text, b"SEND\n\xff", "invalid text", 1007),
        (Opcode::Continuation, b"", "protocol error", 1002),
    ] {
        let mut client = Client::connected(address, "/stomp").await;
        // It may be that the server has heard enough before all of it has come.
        client.0.send_anyway(frame(opcode, payload)).await;
        let (error, closed) = client.end().await;
        assert_eq!((error.header("message"), closed), (message, Some(code)));
    }
}

#[tokio::test]
async fn whoever_said_goodbye_is_not_lost() {
    let (ended, mut ends) = tokio::sync::mpsc::unbounded_channel();
    let app = builder()
        .namespace("/", move |ns| {
            ns.on_disconnect(move |_: Connection, reason| {
                // The test may be over by then.
                let _ = ended.send(reason);
                async {}
            });
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    for (last, expected) in [
        ("DISCONNECT\nreceipt:bye\n\n", Reason::ClientClosed),
        ("SEND\ndestination:/topic/a\nreceipt:bye\n\n", Reason::Lost),
    ] {
        let mut client = Client::connected(address, "/stomp").await;
        client.send(last).await;
        assert_eq!(client.next().await.header("receipt-id"), "bye");
        // Without a close frame.
        client.0.reset();
        assert_eq!(within("its end", ends.recv()).await, Some(expected));
    }
}
