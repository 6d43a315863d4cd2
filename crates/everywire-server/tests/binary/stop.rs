//! How the binary ends, and with which exit code.

use crate::support::{Server, everywire, run, soon};
use everywire_websocket::CloseCode;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn sigterm_tells_clients_to_come_back() {
    for signal in ["TERM", "INT"] {
        let mut server = Server::start(&[]).await;
        let mut client = server.websocket("/ws").await;
        client.call("subscribe", json!(["lobby"])).await;
        server.signal(signal).await;
        assert_eq!(soon("a close frame", client.0.recv()).await.unwrap(), None);
        let (code, reason) = client.0.peer_close().unwrap().unwrap();
        assert_eq!(code, CloseCode::new(1012).unwrap(), "{reason}");
        assert_eq!(server.ended().await.code(), Some(0));
        server.logs("stopped all=true").await;
        assert!(tokio::net::TcpStream::connect(server.address).await.is_err());
    }
}

#[tokio::test]
async fn a_second_signal_ends_at_once() {
    for (signal, code) in [("INT", 130), ("TERM", 143)] {
        let mut server = Server::start(&[]).await;
        // A client that says nothing more: the close handshake would wait for it.
        let mut deaf = tokio::net::TcpStream::connect(server.address).await.unwrap();
        let request = format!(
            "GET /ws HTTP/1.1\r\nHost: {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
             Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
            server.address
        );
        deaf.write_all(request.as_bytes()).await.unwrap();
        let mut status = [0; 12];
        soon("the handshake", deaf.read_exact(&mut status)).await.unwrap();
        assert_eq!(&status, b"HTTP/1.1 101");
        server.signal(signal).await;
        server.logs("stopping").await;
        server.signal(signal).await;
        server.logs("stopped at once").await;
        assert_eq!(server.ended().await.code(), Some(code));
    }
}

#[tokio::test]
async fn an_open_server_is_refused() {
    let (out, err, code) = run(&["--listen", "0.0.0.0:0"]).await;
    assert_eq!((out.as_str(), code), ("", Some(2)));
    assert!(err.starts_with("everywire: refusing to listen on 0.0.0.0:0: "), "{err}");
    assert!(err.contains("--insecure-open"), "{err}");
}

#[tokio::test]
async fn an_address_that_is_taken_is_a_failure() {
    let taken = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let (out, err, code) = run(&["serve", "--listen", &address]).await;
    assert_eq!((out.as_str(), code), ("", Some(1)));
    assert!(err.starts_with(&format!("everywire: cannot listen on {address}: ")), "{err}");
}

#[tokio::test]
async fn a_wrong_command_line_is_refused() {
    for args in [&["frobnicate"][..], &["serve", "--listen", "here"], &["--log", "inof"], &["config"]] {
        let (out, _, code) = run(args).await;
        assert_eq!((out.as_str(), code), ("", Some(2)), "{args:?}");
    }
}

#[tokio::test]
async fn a_wrong_filter_in_the_environment_is_refused() {
    let output = everywire(&["--listen", "127.0.0.1:0"]).env("RUST_LOG", "inof").output();
    let output = soon("the end of the process", output).await.unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(
        String::from_utf8(output.stderr).unwrap(),
        "everywire: RUST_LOG: \"inof\" is not a level or filter, such as \"info\" or \"warn,everywire=debug\"\n"
    );
}

#[tokio::test]
async fn a_file_is_checked() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (good, bad, absent) = (path("good.toml"), path("bad.toml"), path("absent.toml"));
    let (example, _, code) = run(&["config", "example"]).await;
    assert_eq!(code, Some(0));
    std::fs::write(&good, example).unwrap();
    std::fs::write(&bad, "lissten = 1\n[limits]\nbatch = \"many\"\n").unwrap();

    let (out, err, code) = run(&["config", "check", &good]).await;
    assert_eq!((out, err.as_str(), code), (format!("{good} is good\n"), "", Some(0)));
    let faults = format!(
        "everywire: {bad} cannot be used:\n\
         {bad}:1:1: unknown key \"lissten\"; did you mean \"listen\"?\n\
         {bad}:3:9: limits.batch: \"many\" is not a whole number from 1 to 1000000000\n"
    );
    for args in [&["config", "check", &bad][..], &["serve", "--config", &bad]] {
        let (out, err, code) = run(args).await;
        assert_eq!((out.as_str(), err, code), ("", faults.clone(), Some(2)));
    }
    let (_, err, code) = run(&["--config", &absent]).await;
    assert_eq!(code, Some(2));
    assert!(err.starts_with(&format!("everywire: {absent}: No such file")), "{err}");

    std::fs::write(&bad, "actions_prefix = \"rpc.\"\n").unwrap();
    let (_, err, code) = run(&["config", "check", &bad]).await;
    assert_eq!(code, Some(2), "a name that the library does not take");
    assert!(err.contains("reserved by JSON-RPC"), "{err}");

    let none = path("none.pem");
    std::fs::write(&bad, format!("tls = {{ cert = {none:?}, key = {none:?} }}")).unwrap();
    let (_, err, code) = run(&["config", "check", &bad]).await;
    assert_eq!(code, Some(2));
    assert!(err.starts_with(&format!("everywire: tls.cert: {none} cannot be read as PEM: ")), "{err}");
}
