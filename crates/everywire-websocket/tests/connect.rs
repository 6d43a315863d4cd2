//! Opening a connection as a client, against servers that answer well, badly, slowly, or for ever.

mod common;

use std::io::ErrorKind;

use everywire_websocket::{
    Agreed, DeflateOptions, Role,
    handshake::{
        client::{ClientOptions, InvalidRequest, InvalidResponse},
        server::{ServerOptions, accept},
    },
    stream::{ConnectError, Message, StreamOptions, WebSocket, connect},
};
use http::{HeaderMap, HeaderValue, Request};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

const URI: &str = "ws://example.com/chat?room=lobby";

/// Reads the request and gives it back as `http` has it.
async fn request(raw: &mut DuplexStream) -> Request<()> {
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        head.push(raw.read_u8().await.unwrap());
    }
    let mut headers = [httparse::EMPTY_HEADER; 20];
    let mut parsed = httparse::Request::new(&mut headers);
    assert!(parsed.parse(&head).unwrap().is_complete());
    assert_eq!((parsed.method, parsed.version), (Some("GET"), Some(1)));
    let mut request = Request::get(parsed.path.unwrap());
    for header in parsed.headers.iter() {
        request = request.header(header.name, header.value);
    }
    request.body(()).unwrap()
}

fn head(response: &http::Response<()>) -> Vec<u8> {
    let mut head = format!("HTTP/1.1 {}\r\n", response.status()).into_bytes();
    for (name, value) in response.headers() {
        head.extend([name.as_str().as_bytes(), b": ", value.as_bytes(), b"\r\n"].concat());
    }
    head.extend(b"\r\n");
    head
}

/// How `connect` ends when the server answers with these bytes.
async fn answered(bytes: &[u8]) -> Result<Agreed, ConnectError> {
    let (ours, mut raw) = duplex(1 << 20);
    raw.write_all(bytes).await.unwrap();
    raw.shutdown().await.unwrap();
    let opened =
        connect(ours, &URI.parse().unwrap(), &ClientOptions::default(), StreamOptions::default()).await;
    opened.map(|(_, agreed)| agreed)
}

#[tokio::test(start_paused = true)]
async fn our_client_meets_our_server() {
    let mut headers = HeaderMap::new();
    headers.insert("Origin", HeaderValue::from_static("https://example.com"));
    let options =
        ClientOptions { subprotocols: vec!["v2".into()], deflate: Some(DeflateOptions::default()), headers };
    // The answer comes byte by byte, the first frames right behind it.
    for capacity in [1, 1 << 16] {
        let (ours, mut raw) = duplex(capacity);
        let serve = async {
            let request = request(&mut raw).await;
            assert_eq!(request.uri(), "/chat?room=lobby");
            assert_eq!(request.headers()["Origin"], "https://example.com");
            let known =
                ServerOptions { subprotocols: vec!["v2".into()], deflate: Some(DeflateOptions::default()) };
            let accepted = accept(&request, &known).unwrap();
            raw.write_all(&[&head(&accepted.response)[..], b"\x81\x05early"].concat()).await.unwrap();
            let mut server =
                WebSocket::new(raw, Role::Server, &accepted.agreed, b"", StreamOptions::default());
            while let Some(message) = server.recv().await.unwrap() {
                server.send(message).await.unwrap();
            }
        };
        let ask = async {
            let uri = URI.parse().unwrap();
            let (mut socket, agreed) = connect(ours, &uri, &options, StreamOptions::default()).await.unwrap();
            assert_eq!(agreed.subprotocol.as_deref(), Some("v2"));
            assert!(agreed.deflate.is_some());
            assert_eq!(socket.recv().await.unwrap(), Some("early".into()));
            let long = Message::Text("compress me ".repeat(1000));
            socket.send(long.clone()).await.unwrap();
            assert_eq!(socket.recv().await.unwrap(), Some(long));
            socket.close(None).await.unwrap();
        };
        tokio::join!(serve, ask);
    }
}

#[tokio::test(start_paused = true)]
async fn bad_answers() {
    let refused = answered(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n").await.unwrap_err();
    assert_eq!(refused.to_string(), "403 Forbidden from the server instead of a WebSocket");
    let wrong =
        b"HTTP/1.1 101 X\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: no\r\n\r\n";
    assert!(matches!(answered(wrong).await, Err(ConnectError::Response(InvalidResponse::Accept))));
    for malformed in
        ["SSH-2.0-OpenSSH\r\n\r\n", "HTTP/1.0 101 X\r\n\r\n", "HTTP/1.1 101 X\r\nbad header\r\n\r\n"]
    {
        assert!(
            matches!(answered(malformed.as_bytes()).await, Err(ConnectError::HeadMalformed)),
            "{malformed}"
        );
    }
    let many = format!("HTTP/1.1 101 X\r\n{}\r\n", "a: b\r\n".repeat(101));
    assert!(matches!(answered(many.as_bytes()).await, Err(ConnectError::HeadMalformed)));
    let cut = answered(b"HTTP/1.1 101 Switching").await;
    assert!(matches!(cut, Err(ConnectError::Io(error)) if error.kind() == ErrorKind::UnexpectedEof));
}

#[tokio::test(start_paused = true)]
async fn a_head_is_bounded() {
    let limit = StreamOptions::default().response_head;
    let endless = answered(&vec![b'a'; 1 << 20]).await;
    assert!(matches!(endless, Err(ConnectError::HeadTooLarge { limit: told }) if told == limit));
    let start = "HTTP/1.1 403 Forbidden\r\nX: ";
    for (len, fits) in [(limit, true), (limit + 1, false)] {
        let head = format!("{start}{}\r\n\r\n", "x".repeat(len - start.len() - 4));
        let refused = answered(head.as_bytes()).await.unwrap_err();
        assert_eq!(matches!(refused, ConnectError::Response(InvalidResponse::Status(_))), fits, "{refused}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_uri_needs_a_host() {
    let (ours, _raw) = duplex(100);
    let uri = "/chat".parse().unwrap();
    let refused = connect(ours, &uri, &ClientOptions::default(), StreamOptions::default()).await.unwrap_err();
    assert!(matches!(refused, ConnectError::Request(InvalidRequest::NoHost)));
}
