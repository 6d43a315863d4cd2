//! The binary serves: rooms, the playground, and what is not there.

use crate::support::{Client, Server, soon};
use serde_json::json;

#[tokio::test]
async fn a_room_is_one_for_all_wires() {
    let server = Server::start(&[]).await;
    let mut ann = server.websocket("/ws").await;
    let mut bob = server.websocket("/raw/lobby").await;
    // The handshake is answered before the room is joined: whoever hears himself is in.
    bob.0.send("\"I am in\"").await.unwrap();
    assert_eq!(bob.next().await, "I am in");

    let subscribed = ann.call("subscribe", json!(["lobby"])).await;
    assert_eq!(subscribed["result"]["room"], "lobby", "{subscribed}");

    let (status, _, body) = server.http("POST /pub/lobby?event=chat", r#"{"text":"from curl"}"#).await;
    assert_eq!(status, 200, "{body}");
    let heard = ann.next().await;
    assert_eq!(heard["method"], "chat");
    assert_eq!(heard["params"][0], json!({"text": "from curl"}));
    assert_eq!(heard["params"][1]["room"], "lobby");
    assert_eq!(bob.next().await, json!({"event": "chat", "data": {"text": "from curl"}}));

    let mut page = server.listen("GET /sse?room=lobby").await;
    assert!(page.head.starts_with("HTTP/1.1 200"), "{}", page.head);

    let published = ann.call("publish", json!(["lobby", "chat", {"text": "from ann"}])).await;
    assert!(published["result"]["offset"].is_string(), "{published}");
    assert_eq!(bob.next().await["data"], json!({"text": "from ann"}));

    let heard: serde_json::Value = serde_json::from_str(&page.line("data: ").await).unwrap();
    assert_eq!(heard["data"], json!({"text": "from ann"}));
    assert_eq!(heard["room"], "lobby");

    // What was said is kept for those who come back: the default retention.
    let missed = ann.call("history", json!(["lobby"])).await;
    assert_eq!(missed["result"]["messages"].as_array().unwrap().len(), 3, "{missed}");

    let unknown = ann.call("frobnicate", json!([])).await;
    assert_eq!(unknown["error"]["code"], -32601, "{unknown}");
}

#[tokio::test]
async fn the_playground_and_nothing_else_is_there() {
    let mut server = Server::start(&[]).await;
    let (status, head, body) = server.http("GET /", "").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/html"), "{head}");
    assert!(head.contains("content-security-policy: default-src 'none'; script-src 'self'"), "{head}");
    assert!(body.contains("playground/app.js"), "{body}");
    let (status, head, _) = server.http("GET /playground/app.js", "").await;
    assert_eq!(status, 200);
    assert!(head.contains("content-type: text/javascript"), "{head}");
    let (status, head, body) = server.http("HEAD /", "").await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains("content-length: "), "{head}");

    let (status, head, body) = server.http("GET /nothing", "").await;
    assert_eq!((status, body.as_str()), (404, "nothing is mounted at \"/nothing\"\n"));
    assert!(head.contains("content-type: text/plain"), "{head}");
    server.logs("nothing is mounted at").await;
    let (status, ..) = server.http("GET /playground/nothing.js", "").await;
    assert_eq!(status, 404);

    // A name that another site could have made lead here.
    for path in ["/", "/nothing", "/pub/lobby"] {
        let (status, _, body) = server.http(&format!("GET {path}\r\nHost: evil.example"), "").await;
        assert_eq!(status, 421, "{path}: {body}");
    }
}

#[tokio::test]
async fn the_playground_offers_and_allows_what_the_server_has() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("everywire.toml");
    std::fs::write(&file, "legacy_browser_transports = true\n").unwrap();
    for (args, is_there) in [(&[][..], false), (&["--config", file.to_str().unwrap()][..], true)] {
        let server = Server::start(args).await;
        let (_, head, body) = server.http("GET /", "").await;
        assert_eq!(head.contains("; form-action 'self'; frame-src 'self'\r\n"), is_there, "{head}");
        assert_eq!(
            head.contains("; form-action 'none'; require-trusted-types-for 'script'"),
            !is_there,
            "{head}"
        );
        assert_eq!(body.contains("<optgroup label=\"with legacy_browser_transports\">"), is_there, "{body}");
        let (status, ..) = server.http("GET /stomp/iframe.html", "").await;
        assert_eq!(status, if is_there { 200 } else { 404 });
    }
}

#[tokio::test]
async fn socketio_is_in_the_same_room() {
    let server = Server::start(&[]).await;
    let line = format!("  http://{}/socket.io/", server.address);
    let line = server.banner.iter().find(|shown| shown.starts_with(&line)).unwrap();
    assert!(
        line.ends_with("  Socket.IO, by polls and WebSockets  namespaces as clients name them"),
        "{line}"
    );

    let poll = "/socket.io/?EIO=4&transport=polling";
    let (status, _, opened) = server.http(&format!("GET {poll}"), "").await;
    assert_eq!(status, 200, "{opened}");
    let opened: serde_json::Value = serde_json::from_str(opened.strip_prefix('0').unwrap()).unwrap();
    assert_eq!(opened["pingInterval"], 25_000);
    let session = format!("{poll}&sid={}", opened["sid"].as_str().unwrap());
    let send = async |body: &str| server.http(&format!("POST {session}"), body).await;
    let hear = async || server.http(&format!("GET {session}"), "").await.2;

    assert_eq!(send("40").await.2, "ok");
    assert!(hear().await.starts_with("40{\"sid\":"));
    send("420[\"subscribe\",\"lobby\"]").await;
    let subscribed = hear().await;
    assert!(subscribed.starts_with("430[{\"room\":\"lobby\","), "{subscribed}");
    server.http("POST /pub/lobby?event=chat", r#"{"text":"from curl"}"#).await;
    let heard = hear().await;
    assert!(heard.starts_with("42[\"chat\",{\"text\":\"from curl\"},{\"room\":\"lobby\","), "{heard}");
}

#[tokio::test]
async fn the_client_for_browsers_is_there_if_it_is_given() {
    let without = Server::start(&[]).await;
    let (status, head, hint) = without.http("GET /socket.io/socket.io.js", "").await;
    assert_eq!(status, 404);
    assert!(head.contains("content-type: text/plain"), "{head}");
    for word in ["npm pack socket.io-client", "dist", "--client-assets"] {
        assert!(hint.contains(word), "{hint}");
    }

    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("socket.io.esm.min.js"), "export {}").unwrap();
    std::fs::write(folder.path().join("socket.io.esm.min.js.map"), "{}").unwrap();
    std::fs::write(folder.path().join("secret.js"), "secret").unwrap();
    let server = Server::start(&["--client-assets", folder.path().to_str().unwrap()]).await;
    let path = "/socket.io/socket.io.esm.min.js";
    let (status, head, body) = server.http(&format!("GET {path}"), "").await;
    assert_eq!((status, body.as_str()), (200, "export {}"));
    assert!(head.contains("content-type: text/javascript; charset=utf-8\r\n"), "{head}");
    assert!(head.contains("cache-control: public, max-age=0\r\n"), "{head}");
    let tag = head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap();
    let (status, _, body) = server.http(&format!("GET {path}\r\nIf-None-Match: {tag}"), "").await;
    assert_eq!((status, body.as_str()), (304, ""));
    let (status, head, body) = server.http(&format!("HEAD {path}"), "").await;
    assert_eq!((status, body.as_str()), (200, ""));
    assert!(head.contains("content-length: 9"), "{head}");
    assert_eq!(server.http(&format!("POST {path}"), "").await.0, 405);
    let (_, head, _) = server.http(&format!("GET {path}.map"), "").await;
    assert!(head.contains("content-type: application/json\r\n"), "{head}");

    let (status, _, hint) = server.http("GET /socket.io/socket.io.js", "").await;
    assert_eq!(status, 404);
    assert!(hint.starts_with("socket.io.js is not here"), "{hint}");
    for path in
        ["secret.js", "../secret.js", "..%2Fsecret.js", "%2e%2e/secret.js", "x/../socket.io.esm.min.js"]
    {
        let (status, _, body) = server.http(&format!("GET /socket.io/{path}"), "").await;
        assert_eq!(status, 404, "{path}");
        assert!(body.starts_with("nothing is mounted at"), "{path}: {body}");
    }
    let (status, ..) = server.http(&format!("GET {path}\r\nHost: evil.example"), "").await;
    assert_eq!(status, 421);
}

#[tokio::test]
async fn start_up_says_what_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("everywire.toml");
    std::fs::write(
        &file,
        "playground = false\nactions = [\"subscribe\"]\nlimits.batch = 7\n\
         [[mount]]\npath = \"/rpc\"\nsession = \"websocket\"\nprotocol = \"jsonrpc\"\nnamespace = \"/admin\"\n\
         [[rule]]\nrooms = \"news\"\nallow = [\"subscribe\"]\n",
    )
    .unwrap();
    let file = file.to_str().unwrap();
    let server = Server::start(&["--config", file]).await;
    let address = server.address;
    assert_eq!(
        server.banner[2..],
        [
            format!("  ws://{address}/rpc  JSON-RPC 2.0 on WebSocket, or STOMP by subprotocol  namespace /admin"),
            String::new(),
            "  actions     subscribe".to_owned(),
            "  rights      1 rule(s); rooms that none fits are closed".to_owned(),
            "  broker      memory: rooms live in this process, and end with it".to_owned(),
            format!("  workers     {}", std::thread::available_parallelism().unwrap()),
            format!("  file        {file}"),
            "  set         listen = \"127.0.0.1:0\"  (default \"127.0.0.1:8000\")".to_owned(),
            "  set         actions = [\"subscribe\"]  (default [\"subscribe\", \"unsubscribe\", \"publish\", \
             \"presence\", \"history\"])"
                .to_owned(),
            "  set         playground = false  (default on while the listen address is one of loopback's)"
                .to_owned(),
            "  set         limits.batch = 7  (default 100)".to_owned(),
            String::new(),
        ]
    );
    assert_eq!(server.http("GET /", "").await.0, 404);

    let mut client = server.websocket("/rpc").await;
    let allowed = client.call("subscribe", json!(["news"])).await;
    assert_eq!(allowed["result"]["room"], "news", "{allowed}");
    let forbidden = client.call("subscribe", json!(["lobby"])).await;
    assert_eq!(forbidden["error"]["message"], "you may not subscribe to the room \"lobby\"");
    let off = client.call("publish", json!(["news", "chat", 1])).await;
    assert_eq!(off["error"]["code"], -32601, "{off}");
}

#[tokio::test]
async fn tls_is_served() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    std::fs::write(path("cert.pem"), made.cert.pem()).unwrap();
    std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
    let config = format!("tls = {{ cert = {:?}, key = {:?} }}\n", path("cert.pem"), path("key.pem"));
    std::fs::write(path("everywire.toml"), config).unwrap();
    let server = Server::start(&["--config", &path("everywire.toml")]).await;
    assert!(server.banner.iter().any(|line| line.contains(&format!("wss://{}/ws", server.address))));

    let mut roots = rustls::RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let open = async |protocols: &[&[u8]]| {
        let provider = std::sync::Arc::new(rustls::crypto::ring::default_provider());
        let mut client = rustls::ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots.clone())
            .with_no_client_auth();
        client.alpn_protocols = protocols.iter().map(|protocol| protocol.to_vec()).collect();
        let tcp = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let connector = tokio_rustls::TlsConnector::from(std::sync::Arc::new(client));
        soon("TLS", connector.connect("localhost".try_into().unwrap(), tcp)).await.unwrap()
    };
    let both = open(&[b"h2", b"http/1.1"]).await;
    assert_eq!(both.get_ref().1.alpn_protocol(), Some(&b"h2"[..]));

    let mut client = Client::open(open(&[b"http/1.1"]).await, "wss://localhost/ws").await;
    let subscribed = client.call("subscribe", json!(["lobby"])).await;
    assert_eq!(subscribed["result"]["room"], "lobby", "{subscribed}");
}
