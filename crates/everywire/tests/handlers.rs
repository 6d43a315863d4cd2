//! What handlers may rely on: the order of events, back-pressure, answers both ways.

mod support;

use std::sync::Arc;
use std::time::Duration;

use everywire::{
    AckError, App, Args, AskError, Connection, EventError, NamespaceBuilder, Options, RawArgs, Values,
    jsonrpc, poll, raw, sse,
};
use everywire_websocket::Opcode;
use support::{Frame, Tcp, call, frame, get, serve, until, within};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};
use tokio::sync::{Notify, Semaphore};

fn application(options: Options, define: impl FnOnce(&mut NamespaceBuilder)) -> App {
    App::builder()
        .namespace("/", define)
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .mount("/sse", sse())
        .mount("/poll", poll())
        .options(options)
        .build()
        .unwrap()
}

fn json(text: &str) -> serde_json::Value {
    serde_json::from_str(text).unwrap()
}

/// The one connection that there is.
async fn only(app: &App) -> Connection {
    until("a client to be in", || !app.hub().namespace("/").local_members(&"lobby".into()).is_empty()).await;
    app.to("lobby").fetch_connections().await.remove(0)
}

async fn enter(conn: Connection) -> everywire::Result<()> {
    conn.join("lobby").await?;
    Ok(())
}

#[tokio::test]
async fn events_are_handled_in_order() {
    let app = application(Options::default(), |ns| {
        ns.on("slow", async |_: Connection, Args((n,)): Args<(u32,)>| {
            // Later ones have less to do.
            for _ in 0..40u32.saturating_sub(n) {
                tokio::task::yield_now().await;
            }
            Ok(n)
        });
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let burst: Vec<u8> =
        (0..40).flat_map(|i| frame(Opcode::Text, call(i, "slow", &format!("[{i}]")).as_bytes())).collect();
    client.send(burst).await;
    for i in 0..40 {
        assert_eq!(json(&client.next_text().await)["result"], i);
    }
}

#[tokio::test]
async fn as_many_at_a_time_as_the_namespace_says() {
    let (begun, mut all_begun) = unbounded_channel();
    let door = Arc::new(Semaphore::new(0));
    let open = door.clone();
    let app = application(Options::default(), |ns| {
        ns.parallel(2);
        ns.on("wait", move |_: Connection, Args((n,)): Args<(u32,)>| {
            begun.send(n).unwrap();
            let door = door.clone();
            async move {
                door.acquire().await.unwrap().forget();
                Ok(n)
            }
        });
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let burst: Vec<u8> =
        (1..=3).flat_map(|i| frame(Opcode::Text, call(i, "wait", &format!("[{i}]")).as_bytes())).collect();
    client.send(burst).await;
    client.send(frame(Opcode::Ping, b"all read")).await;
    assert_eq!(client.frame().await, Frame::Pong(b"all read".to_vec()));
    assert_eq!((all_begun.recv().await, all_begun.recv().await), (Some(1), Some(2)));
    assert!(all_begun.try_recv().is_err(), "the third waits");
    open.add_permits(1);
    client.next_text().await;
    assert_eq!(within("the third", all_begun.recv()).await, Some(3));
    open.add_permits(2);
    client.next_text().await;
    client.next_text().await;
}

/// A client of a server where few bytes may wait, the door that its handler waits at for some texts, and what the handler
/// got.
async fn held_up(waits: fn(&str) -> bool) -> (Tcp, Arc<Notify>, UnboundedReceiver<String>) {
    let door = Arc::new(Notify::new());
    let open = door.clone();
    let (tell, told) = unbounded_channel();
    let options = Options { inbound_queue: 500, inbound_bytes: 1000, ..Options::default() };
    let app = application(options, |ns| {
        ns.on("message", move |_: Connection, Args((text,)): Args<(String,)>| {
            let (door, tell) = (door.clone(), tell.clone());
            async move {
                let is_to_wait = waits(&text);
                tell.send(text).unwrap();
                if is_to_wait {
                    door.notified().await;
                }
                Ok(())
            }
        });
    });
    let client = Tcp::websocket(serve(&app).await, "/raw").await;
    (client, open, told)
}

#[tokio::test]
async fn a_burst_waits_for_its_handler_and_nothing_is_lost() {
    const EVENTS: u32 = 5_000;
    // One read brings many times what may wait.
    let (mut client, open, mut told) = held_up(|text| text == "0").await;
    let burst: Vec<u8> = (0..EVENTS).flat_map(|i| frame(Opcode::Text, i.to_string().as_bytes())).collect();
    let sent = tokio::spawn(async move {
        client.send(burst).await;
        client
    });
    // The server reads until it holds enough, then lets the client wait.
    for _ in 0..1000 {
        tokio::task::yield_now().await;
    }
    open.notify_one();
    for i in 0..EVENTS {
        assert_eq!(within("the events", told.recv()).await, Some(i.to_string()));
    }
    let mut client = sent.await.unwrap();
    client.close(1000).await;
    assert_eq!(client.close_code().await, Some(1000));
}

#[tokio::test]
async fn a_long_event_may_wait_for_its_handler() {
    let (mut client, open, mut told) = held_up(|_| true).await;
    let next =
        async |told: &mut UnboundedReceiver<String>| within("an event", told.recv()).await.unwrap().len();
    client.text("").await;
    assert_eq!(next(&mut told).await, 0);
    // Longer than all that may wait, and it waits.
    client.text(&"x".repeat(5000)).await;
    client.text(&"y".repeat(600)).await;
    open.notify_one();
    assert_eq!(next(&mut told).await, 5000);
    open.notify_one();
    assert_eq!(next(&mut told).await, 600);
    open.notify_one();
    client.close(1000).await;
    assert_eq!(client.close_code().await, Some(1000));
}

#[tokio::test]
async fn answers_get_through_while_a_handler_waits_for_them() {
    let app = application(Options { inbound_queue: 1000, ..Options::default() }, |ns| {
        ns.on("ask", async |conn: Connection, _: Args<()>| {
            let answer: String = conn.emit_with_ack("question", ("why?",), Duration::from_secs(10)).await?;
            Ok(answer)
        });
        ns.on("message", async |_: Connection, _: Args<(String,)>| Ok(()));
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    client.text(&call(1, "ask", "[]")).await;
    let question = json(&client.next_text().await);
    assert_eq!((&question["method"], &question["params"][0]), (&"question".into(), &"why?".into()));
    // More than the queue holds stands before the answer.
    for i in 0..50 {
        client.text(&call(100 + i, "message", r#"["in between"]"#)).await;
    }
    let id = &question["id"];
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"because"}}"#)).await;
    assert_eq!(json(&client.next_text().await)["result"], "because");
    for i in 0..50 {
        assert_eq!(json(&client.next_text().await)["id"], 100 + i);
    }
}

#[tokio::test]
async fn who_sends_without_end_while_something_waits_for_it_is_closed() {
    let app =
        application(Options { inbound_queue: 1000, inbound_bytes: 10_000, ..Options::default() }, |ns| {
            ns.on("ask", async |conn: Connection, _: Args<()>| {
                let answer: String =
                    conn.emit_with_ack("question", ("why?",), Duration::from_secs(60)).await?;
                Ok(answer)
            });
        });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    client.text(&call(1, "ask", "[]")).await;
    client.next_text().await;
    for i in 0..200 {
        client.send_anyway(frame(Opcode::Text, call(i, "ask", "[]").as_bytes())).await;
    }
    assert_eq!(client.close_code().await, Some(1008));
}

#[tokio::test]
async fn a_connect_handler_sends_clients_away() {
    for (internal, close, status) in [(false, 1008, 403), (true, 1011, 500)] {
        let app = application(Options::default(), |ns| {
            ns.on_connect(move |conn: Connection| async move {
                // It was inside already, and has to come out again.
                conn.join("lobby").await?;
                tokio::task::yield_now().await;
                match internal {
                    true => Err(std::io::Error::other("the database is gone").into()),
                    false => Err(EventError::refuse("members only")),
                }
            });
            ns.on("message", async |_: Connection, _: Args<(String,)>| -> everywire::Result<()> {
                unreachable!("nobody is let in")
            });
        });
        let address = serve(&app).await;
        for path in ["/ws", "/raw"] {
            let mut client = Tcp::websocket(address, path).await;
            client.text(r#"{"jsonrpc":"2.0","method":"message","params":["hello"]}"#).await;
            assert_eq!(client.frame().await, Frame::Close(Some(close)), "{path}");
        }
        for path in ["/sse?room=lobby", "/poll?room=lobby"] {
            assert_eq!(Tcp::ask(address, &get(path)).await.status, status, "{path}");
        }
        until("all to be gone", || app.hub().namespace("/").local_members(&"lobby".into()).is_empty()).await;
    }
}

#[tokio::test]
async fn a_client_is_asked() {
    let app = application(Options::default(), |ns| {
        ns.on_connect(enter);
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let conn = only(&app).await;
    let ask = |timeout| {
        let conn = conn.clone();
        tokio::spawn(async move { conn.emit_with_ack::<u32>("add", (1, 2), timeout).await })
    };
    let long = Duration::from_secs(60);
    let id = async |client: &mut Tcp| json(&client.next_text().await)["id"].clone();

    let asked = ask(long);
    let n = id(&mut client).await;
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{n},"result":3}}"#)).await;
    assert_eq!(asked.await.unwrap().unwrap(), 3);

    let asked = ask(long);
    let n = id(&mut client).await;
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{n},"error":{{"code":7,"message":"no"}}}}"#)).await;
    let error = asked.await.unwrap().unwrap_err();
    assert!(
        matches!(&error, AskError::Ack(AckError::Failed { code: 7, message }) if message == "no"),
        "{error}"
    );

    let asked = ask(long);
    let n = id(&mut client).await;
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{n},"result":"three"}}"#)).await;
    assert!(matches!(asked.await.unwrap(), Err(AskError::Type(_))));

    let asked = ask(Duration::from_millis(50));
    let late = id(&mut client).await;
    assert!(matches!(asked.await.unwrap(), Err(AskError::Ack(AckError::Timeout))));
    // Too late, and twice: both are nobody's.
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{late},"result":3}}"#)).await;
    client.text(&format!(r#"{{"jsonrpc":"2.0","id":{n},"result":3}}"#)).await;

    let asked = ask(long);
    id(&mut client).await;
    client.close(1000).await;
    assert!(matches!(asked.await.unwrap(), Err(AskError::Ack(AckError::Gone))));
    assert!(matches!(ask(long).await.unwrap(), Err(AskError::Ack(AckError::Gone))));
}

#[tokio::test]
async fn who_cannot_answer_is_not_asked() {
    let app = application(Options::default(), |ns| {
        ns.on_connect(enter);
    });
    let address = serve(&app).await;
    let _client = Tcp::websocket(address, "/raw").await;
    let asked = only(&app).await.emit_with_ack::<()>("question", (), Duration::from_secs(60)).await;
    assert!(matches!(asked, Err(AskError::Ack(AckError::CannotAnswer))));
}

#[tokio::test]
async fn a_publisher_hears_itself_before_the_reply() {
    let app = application(Options::default(), |ns| {
        ns.on_connect(enter);
        ns.on("say", async |conn: Connection, RawArgs(args): RawArgs| {
            conn.within().to("lobby").emit_payload("said", args)?;
            conn.emit("then", "directly")?;
            Ok("done")
        });
        ns.actions();
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let mut other = Tcp::websocket(address, "/ws").await;
    until("both to be in", || app.hub().namespace("/").local_members(&"lobby".into()).len() == 2).await;
    for _ in 0..100 {
        client.text(&call(1, "say", r#"["hello"]"#)).await;
        assert_eq!(json(&client.next_text().await)["method"], "said");
        assert_eq!(json(&client.next_text().await)["method"], "then");
        assert_eq!(json(&client.next_text().await)["result"], "done");
        assert_eq!(json(&other.next_text().await)["params"][0], "hello");
        client.text(&call(2, "publish", r#"["lobby","news","x"]"#)).await;
        assert_eq!(json(&client.next_text().await)["method"], "news");
        assert!(json(&client.next_text().await)["result"]["offset"].is_string());
        other.next_text().await;
    }
}

#[tokio::test]
async fn what_goes_wrong_is_told_in_numbers() {
    let app = application(Options::default(), |ns| {
        ns.on("two", async |_: Connection, Args((a, b)): Args<(u32, Option<u32>)>| Ok(Values((a, b))));
        ns.on("refuse", async |_: Connection, _: Args<()>| -> everywire::Result<()> {
            Err(EventError::new(42, "not today").with_data("tomorrow"))
        });
        ns.on("break", async |_: Connection, _: Args<()>| -> everywire::Result<()> {
            Err(std::io::Error::other("a secret"))?
        });
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/ws").await;
    let mut error = async |method: &str, params: &str| {
        client.text(&call(1, method, params)).await;
        json(&client.next_text().await)["error"].clone()
    };
    assert_eq!(error("nobody", "[]").await["code"], -32601);
    assert_eq!(error("two", r#"["one"]"#).await["code"], -32602);
    assert_eq!(error("two", "[]").await["code"], -32602);
    let refused = error("refuse", "[]").await;
    assert_eq!(
        (&refused["code"], &refused["message"], &refused["data"]),
        (&42.into(), &"not today".into(), &"tomorrow".into())
    );
    let broken = error("break", "[]").await;
    assert_eq!(broken["code"], -32603);
    assert!(!broken.to_string().contains("secret"), "{broken}");
    assert!(error("two", "[1]").await.is_null());
}

#[test]
fn what_is_defined_twice_cannot_be_built() {
    let error = App::builder()
        .namespace("/", |ns| {
            ns.on("chat", async |_: Connection, _: Args<()>| Ok(()));
            ns.on("Chat", async |_: Connection, _: Args<()>| Ok(()));
            ns.on("connect", async |_: Connection, _: Args<()>| Ok(()));
        })
        .mount("ws", jsonrpc())
        .build()
        .unwrap_err()
        .to_string();
    for part in
        ["\"Chat\" has two handlers", "\"connect\" is reserved by Socket.IO", "does not begin with a slash"]
    {
        assert!(error.contains(part), "{error}");
    }
}
