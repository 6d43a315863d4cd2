//! What a hub's clients get from the server beside messages: where to connect, and the end of who they are.

mod support;

use std::time::Duration;

use everywire::{
    App, Connection, Identity, Negotiation, Options, RawArgs, SignalRConnectionOptions, jsonrpc, signalr,
    signalr_raw, socketio,
};
use support::log::Log;
use support::{Frame, Tcp, get, serve, within};
use tokio::sync::mpsc::unbounded_channel;

fn post(path: &str) -> String {
    format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: 0\r\n\r\n")
}

#[tokio::test]
async fn a_client_may_be_sent_elsewhere() {
    let app = App::builder()
        .mount(
            "/hubs/{namespace}",
            signalr().negotiate(|request, _| {
                let here = request.uri().query().unwrap_or_default().contains("here");
                let no = request.uri().query().unwrap_or_default().contains("no");
                async move {
                    match (here, no) {
                        (true, _) => Negotiation::Here,
                        (_, true) => Negotiation::Refused("not today".into()),
                        _ => Negotiation::Elsewhere {
                            url: "https://other.example/hub?x=1".into(),
                            access_token: Some("a token".into()),
                        },
                    }
                }
            }),
        )
        .build()
        .unwrap();
    let address = serve(&app).await;
    let elsewhere = Tcp::ask(address, &post("/hubs/default/negotiate?negotiateVersion=1")).await;
    assert_eq!((elsewhere.status, elsewhere.header("content-type")), (200, Some("application/json")));
    assert_eq!(elsewhere.body, r#"{"url":"https://other.example/hub?x=1","accessToken":"a token"}"#);
    let refused = Tcp::ask(address, &post("/hubs/default/negotiate?no")).await;
    assert_eq!((refused.status, &*refused.body), (200, r#"{"error":"not today"}"#));
    let here = Tcp::ask(address, &post("/hubs/default/negotiate?here")).await;
    assert!(here.body.starts_with(r#"{"negotiateVersion":0,"connectionId":""#), "{}", here.body);
    let nowhere = Tcp::ask(address, &post("/hubs/other/negotiate")).await;
    assert_eq!((nowhere.status, &*nowhere.body), (404, "there is no hub \"other\"\n"));
}

#[tokio::test]
async fn a_connection_ends_with_its_identity() {
    let (tell, mut ended) = unbounded_channel();
    let app = App::builder()
        .namespace("/", move |ns| {
            let tell = tell.clone();
            ns.on_disconnect(move |_: Connection, reason| {
                tell.send(reason).unwrap();
                async {}
            });
        })
        .mount("/hubs/{namespace}", signalr())
        .mount("/ws", jsonrpc())
        .mount("/socket.io/", socketio())
        .authenticate(|_| {
            let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
            let expires = Some((now + Duration::from_millis(300)).as_millis() as u64);
            async move { Ok(Identity { expires, ..Identity::default() }) }
        })
        // The clients here do not answer a close frame.
        .options(Options { close_timeout: Duration::from_millis(300), ..Options::default() })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut hub = Tcp::websocket(address, "/hubs/default").await;
    hub.text("{\"protocol\":\"json\",\"version\":1}\u{1e}").await;
    assert_eq!(hub.next_text().await, "{}\u{1e}");
    assert_eq!(hub.next_text().await, "{\"type\":7,\"allowReconnect\":true}\u{1e}");
    assert_eq!(hub.frame().await, Frame::Close(Some(1000)));

    let mut plain = Tcp::websocket(address, "/ws").await;
    assert_eq!(plain.close_code().await, Some(1008));

    let mut io = Tcp::websocket(address, "/socket.io/?EIO=4&transport=websocket").await;
    io.next_text().await;
    io.text("40").await;
    assert!(io.next_text().await.starts_with("40{"));
    assert_eq!(io.next_text().await, "41", "its session goes on");
    for _ in 0..3 {
        within("the end", ended.recv()).await.unwrap();
    }
}

#[tokio::test]
async fn plain_messages_go_by_a_hub_s_transports() {
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on("message", async |conn: Connection, RawArgs(args)| Ok(conn.emit_payload("message", args)?));
        })
        .mount("/plain", signalr_raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let token = async || {
        let answer = Tcp::ask(address, &post("/plain/negotiate?negotiateVersion=1")).await;
        let offer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let text = |name: &str| offer[name].as_str().unwrap().to_owned();
        (text("connectionId"), text("connectionToken"))
    };
    let (id, first) = token().await;
    let mut socket = Tcp::websocket(address, &format!("/plain?id={first}")).await;
    socket.text("hi").await;
    assert_eq!(socket.next_text().await, "hi", "as it is");
    let everyone = app.namespace("/").unwrap().everyone().fetch_connections().await;
    assert_eq!(everyone[0].id().to_string(), id, "the id that the client was told");
    socket.close(1000).await;
    assert_eq!(socket.close_code().await, Some(1000));

    let (_, second) = token().await;
    let path = format!("/plain?id={second}");
    let first = Tcp::ask(address, &get(&path)).await;
    assert_eq!((first.status, &*first.body), (200, ""));
    let body = "by polls";
    let length = body.len();
    let request =
        format!("POST {path} HTTP/1.1\r\nHost: localhost\r\nContent-Length: {length}\r\n\r\n{body}");
    assert_eq!(Tcp::ask(address, &request).await.status, 200);
    assert_eq!(Tcp::ask(address, &get(&path)).await.body, body);
}

#[tokio::test]
async fn a_hub_s_path_may_be_written_in_any_case() {
    let app = App::builder()
        .namespace("/Chat", |_| {})
        .mount("/hubs/{namespace}", signalr())
        .mount("/plain", signalr_raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    for path in ["/hubs/chat", "/Hubs/CHAT", "/hubs/Chat/", "/hubs/Default", "/PLAIN", "/plain/"] {
        let negotiate = format!("{}/Negotiate?NegotiateVersion=1", path.trim_end_matches('/'));
        assert_eq!(Tcp::ask(address, &post(&negotiate)).await.status, 200, "{path}");
        assert_eq!(Tcp::ask(address, &get(path)).await.body, "Connection ID required", "{path}");
    }
    for path in ["/hubs/chat//", "/hubs/other", "/hub/chat"] {
        assert_eq!(Tcp::ask(address, &get(path)).await.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_token_is_a_way_into_its_own_hub_alone() {
    let connections = || SignalRConnectionOptions { stateful_reconnect: true, ..Default::default() };
    let app = App::builder()
        .namespace("/a", |_| {})
        .mount("/hubs/{namespace}", signalr().connections(connections()))
        .mount("/plain", signalr_raw().connections(connections()))
        .mount("/socket.io/", socketio())
        .authenticate(|credentials| {
            let known = credentials.namespace == "/a";
            async move { if known { Ok(Identity::user("ann")) } else { Ok(Identity::default()) } }
        })
        .build()
        .unwrap();
    let address = serve(&app).await;
    let token = async |path: &str| {
        let query = "?negotiateVersion=1&useStatefulReconnect=true";
        let answer = Tcp::ask(address, &post(&format!("{path}/negotiate{query}"))).await;
        let offer: serde_json::Value = serde_json::from_str(&answer.body).unwrap();
        let resumes = offer["useStatefulReconnect"].as_bool().unwrap_or(false);
        (offer["connectionToken"].as_str().unwrap().to_owned(), resumes)
    };
    let (token_a, resumes) = token("/hubs/a").await;
    assert!(resumes);
    // Nobody counts plain messages, so nobody can go on with them.
    let (plain, resumes) = token("/plain").await;
    assert!(!resumes);
    let unknown = "No Connection with that ID";
    for opened in [false, true] {
        if opened {
            assert_eq!(Tcp::ask(address, &get(&format!("/hubs/a?id={token_a}"))).await.status, 200);
            assert_eq!(Tcp::ask(address, &get(&format!("/plain?id={plain}"))).await.status, 200);
        }
        for (path, token) in [("/hubs/default", &token_a), ("/plain", &token_a), ("/hubs/a", &plain)] {
            let path = format!("{path}?id={token}");
            for request in [get(&path), post(&path)] {
                assert_eq!(Tcp::ask(address, &request).await.body, unknown, "{path}");
            }
        }
        let path = format!("/socket.io/?EIO=4&transport=polling&sid={token_a}");
        for request in [get(&path), post(&path)] {
            let answer = Tcp::ask(address, &request).await;
            assert_eq!((answer.status, &*answer.body), (400, r#"{"code":1,"message":"Session ID unknown"}"#));
        }
    }
}

#[tokio::test]
async fn a_mount_agrees_on_a_subprotocol_that_it_knows() {
    let app = App::builder()
        .mount("/hub", signalr().subprotocols(["superchat", "v2.chat"]))
        .mount("/none", signalr())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let agreed = async |path: &str, offered: &str| {
        let request = format!(
            "GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\
             Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\
             Sec-WebSocket-Protocol: {offered}\r\n\r\n"
        );
        let answer = Tcp::ask(address, &request).await;
        (answer.status, answer.header("sec-websocket-protocol").map(str::to_owned))
    };
    assert_eq!(agreed("/hub", "chat, v2.chat, superchat").await, (101, Some("v2.chat".to_owned())));
    assert_eq!(agreed("/hub", "chat").await, (101, None));
    assert_eq!(agreed("/none", "superchat").await, (101, None));
}

#[tokio::test]
async fn what_a_handler_logs_is_told_to_be_of_its_event() {
    let (log, _guard) = Log::listen_from(tracing::Level::DEBUG);
    let app = App::builder()
        .namespace("/chat", |ns| {
            ns.on("say", async |_: Connection, RawArgs(args)| {
                tracing::info!("at once");
                tokio::task::yield_now().await;
                tracing::info!("later");
                Ok(everywire::RawReply(args))
            });
        })
        .mount("/hubs/{namespace}", signalr())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut hub = Tcp::websocket(address, "/hubs/chat").await;
    hub.text("{\"protocol\":\"json\",\"version\":1}\u{1e}").await;
    hub.next_text().await;
    hub.text("{\"type\":1,\"invocationId\":\"1\",\"target\":\"say\",\"arguments\":[]}\u{1e}").await;
    assert!(hub.next_text().await.starts_with("{\"type\":3"));
    for said in ["at once", "later"] {
        log.line(&["event{namespace=\"/chat\" event=\"say\" connection=", said]).await;
    }
}
