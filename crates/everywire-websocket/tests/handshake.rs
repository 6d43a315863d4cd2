//! Opening a connection: RFC 6455, section 4, and RFC 8441, both sides.

use everywire_websocket::{
    Agreed, DeflateOptions,
    handshake::{
        accept_key,
        client::{self, ClientOptions, InvalidRequest, InvalidResponse},
        server::{self, Refusal, ServerOptions},
    },
};
use http::{HeaderMap, HeaderValue, Request, StatusCode, Version};

fn good() -> Request<()> {
    Request::get("/chat")
        .header("Host", "server.example.com")
        .header("Upgrade", "websocket")
        .header("Connection", "Upgrade")
        .header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==")
        .header("Sec-WebSocket-Version", "13")
        .body(())
        .unwrap()
}

fn refused(change: impl FnOnce(&mut Request<()>)) -> Refusal {
    let mut request = good();
    change(&mut request);
    server::accept(&request, &ServerOptions::default()).map(|accepted| accepted.response).unwrap_err()
}

fn set(request: &mut Request<()>, name: &'static str, value: &'static str) {
    request.headers_mut().insert(name, HeaderValue::from_static(value));
}

#[test]
fn the_key_of_the_rfc() {
    assert_eq!(accept_key(b"dGhlIHNhbXBsZSBub25jZQ=="), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[test]
fn a_good_request_is_accepted() {
    let accepted = server::accept(&good(), &ServerOptions::default()).unwrap();
    assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
    let headers = accepted.response.headers();
    assert_eq!(headers["Upgrade"], "websocket");
    assert_eq!(headers["Connection"], "Upgrade");
    assert_eq!(headers["Sec-WebSocket-Accept"], "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    assert_eq!(headers.len(), 3);
    assert_eq!(accepted.agreed, Agreed::default());

    // Firefox sends "keep-alive, Upgrade"; tokens are compared without case, over several lines too.
    let mut request = good();
    set(&mut request, "Connection", "keep-alive");
    request.headers_mut().append("Connection", HeaderValue::from_static("x, UPGRADE ,"));
    set(&mut request, "Upgrade", "h2c, WebSocket");
    assert!(server::accept(&request, &ServerOptions::default()).is_ok());
}

#[test]
fn a_bad_request_is_refused_with_what_would_be_right() {
    let repeat = |request: &mut Request<()>, name: &'static str| {
        let value = request.headers()[name].clone();
        request.headers_mut().append(name, value);
    };
    let table: Vec<(Refusal, u16, Refusal)> = vec![
        (refused(|r| *r.method_mut() = http::Method::POST), 405, Refusal::Method),
        (refused(|r| *r.version_mut() = Version::HTTP_10), 505, Refusal::HttpVersion),
        (refused(|r| *r.version_mut() = Version::HTTP_2), 505, Refusal::HttpVersion),
        (refused(|r| drop(r.headers_mut().remove("Upgrade"))), 426, Refusal::NoUpgrade),
        (refused(|r| set(r, "Upgrade", "websockets")), 426, Refusal::NoUpgrade),
        (refused(|r| set(r, "Connection", "keep-alive")), 400, Refusal::NoConnectionUpgrade),
        (refused(|r| drop(r.headers_mut().remove("Host"))), 400, Refusal::Host),
        (refused(|r| repeat(r, "Host")), 400, Refusal::Host),
        (refused(|r| set(r, "Sec-WebSocket-Version", "8")), 426, Refusal::Version),
        (refused(|r| set(r, "Sec-WebSocket-Version", "13, 8")), 426, Refusal::Version),
        (refused(|r| drop(r.headers_mut().remove("Sec-WebSocket-Version"))), 426, Refusal::Version),
        (refused(|r| drop(r.headers_mut().remove("Sec-WebSocket-Key"))), 400, Refusal::KeyMissing),
        (refused(|r| repeat(r, "Sec-WebSocket-Key")), 400, Refusal::KeyRepeated),
        (refused(|r| set(r, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ")), 400, Refusal::KeyInvalid),
        (refused(|r| set(r, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ!!")), 400, Refusal::KeyInvalid),
        (refused(|r| set(r, "Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZWVl")), 400, Refusal::KeyInvalid),
        (refused(|r| set(r, "Sec-WebSocket-Protocol", "a b")), 400, Refusal::Subprotocol),
        (refused(|r| set(r, "Sec-WebSocket-Extensions", "a; =1")), 400, Refusal::Extensions),
    ];
    for (refusal, status, expected) in table {
        assert_eq!(refusal, expected);
        assert_eq!(refusal.status(), status);
        let response = refusal.response();
        assert_eq!(response.status(), status);
        assert_eq!(*response.body(), refusal.reason());
        if status == 426 {
            assert_eq!(response.headers()["Sec-WebSocket-Version"], "13");
            assert_eq!(response.headers()["Upgrade"], "websocket");
        }
    }
    assert_eq!(Refusal::Method.response().headers()["Allow"], "GET, CONNECT");
}

#[test]
fn subprotocols() {
    let options =
        ServerOptions { subprotocols: vec!["v1.stomp".into(), "v2".into()], ..ServerOptions::default() };
    let chosen = |lines: &[&str]| {
        let mut request = good();
        for line in lines {
            request.headers_mut().append("Sec-WebSocket-Protocol", HeaderValue::from_str(line).unwrap());
        }
        let accepted = server::accept(&request, &options).unwrap();
        let header = accepted.response.headers().get("Sec-WebSocket-Protocol");
        assert_eq!(header.map(|value| value.to_str().unwrap()), accepted.agreed.subprotocol.as_deref());
        accepted.agreed.subprotocol
    };
    assert_eq!(chosen(&[]), None);
    assert_eq!(chosen(&["v2, v1.stomp"]).as_deref(), Some("v2"), "the client's order counts");
    assert_eq!(
        chosen(&["other", " , V2,v1.stomp"]).as_deref(),
        Some("v1.stomp"),
        "with case, over all lines"
    );
    assert_eq!(chosen(&["other"]), None);
}

#[test]
fn hostile_lists_take_one_pass() {
    // A header of the largest size that `http` takes; anything that is not linear would not come back.
    let options = ServerOptions { subprotocols: vec!["v1".into()], deflate: Some(DeflateOptions::default()) };
    for (name, pattern, good) in [
        ("Sec-WebSocket-Protocol", ", ", true),
        ("Sec-WebSocket-Protocol", "a,", true),
        ("Sec-WebSocket-Protocol", " \t", true),
        ("Sec-WebSocket-Protocol", "a b", false),
        ("Sec-WebSocket-Extensions", ", ", true),
        ("Sec-WebSocket-Extensions", "permessage-deflate; server_max_window_bits=7,", true),
        ("Sec-WebSocket-Extensions", "a;b;", false),
        ("Sec-WebSocket-Extensions", "\"", false),
        ("Sec-WebSocket-Extensions", "a;b=\"", false),
        ("Connection", "upgrad, ", false),
    ] {
        let mut request = good_with(name, &pattern.repeat(2_000_000 / pattern.len()));
        if name == "Sec-WebSocket-Extensions" && good {
            request.headers_mut().append(name, HeaderValue::from_static("permessage-deflate"));
        }
        let accepted = server::accept(&request, &options);
        assert_eq!(accepted.is_ok(), good, "{name}: {pattern}…");
        if let (Ok(accepted), "Sec-WebSocket-Extensions") = (accepted, name) {
            assert!(accepted.agreed.deflate.is_some(), "the good offer at the end is found");
        }
    }
}

fn good_with(name: &'static str, value: &str) -> Request<()> {
    let mut request = good();
    request.headers_mut().insert(name, HeaderValue::from_str(value).unwrap());
    request
}

#[test]
fn extended_connect() {
    let connect = |version: &'static str| {
        Request::connect("https://server.example.com/chat")
            .version(Version::HTTP_2)
            .header("Sec-WebSocket-Version", version)
            .header("Sec-WebSocket-Protocol", "v2")
            .header("Sec-WebSocket-Extensions", "permessage-deflate")
            .body(())
            .unwrap()
    };
    let options = ServerOptions { subprotocols: vec!["v2".into()], deflate: Some(DeflateOptions::default()) };
    let accepted = server::accept_connect(&connect("13"), Some("websocket"), &options).unwrap();
    assert_eq!(accepted.response.status(), 200);
    let headers = accepted.response.headers();
    assert_eq!(headers["Sec-WebSocket-Protocol"], "v2");
    assert!(headers.contains_key("Sec-WebSocket-Extensions"));
    assert_eq!(headers.len(), 2, "neither Upgrade, Connection nor Sec-WebSocket-Accept");

    let refused = |request: &Request<()>, protocol| {
        server::accept_connect(request, protocol, &options).map(|accepted| accepted.agreed).unwrap_err()
    };
    let refusal = refused(&connect("8"), Some("websocket"));
    assert_eq!((refusal, refusal.status().as_u16()), (Refusal::VersionOverHttp2, 400));
    assert_eq!(refusal.response().headers()["Sec-WebSocket-Version"], "13");
    assert!(!refusal.response().headers().contains_key("Upgrade"), "forbidden in HTTP/2");
    assert_eq!(refused(&connect("13"), Some("connect-udp")), Refusal::ConnectProtocol);
    assert_eq!(refused(&connect("13"), None), Refusal::ConnectProtocol);
    assert_eq!(refused(&good(), Some("websocket")), Refusal::Method);
}

#[test]
fn our_client_opens_our_server() {
    let mut headers = HeaderMap::new();
    headers.insert("Origin", HeaderValue::from_static("https://example.com"));
    let wanted = ClientOptions {
        subprotocols: vec!["v3".into(), "v2".into()],
        deflate: Some(DeflateOptions::default()),
        headers,
    };
    let known = ServerOptions { subprotocols: vec!["v2".into()], deflate: Some(DeflateOptions::default()) };
    let uri = "wss://user:secret@example.com:8443/chat?room=lobby".parse().unwrap();

    let request = client::request(&uri, [7; 16], &wanted).unwrap();
    assert_eq!(request.uri(), "/chat?room=lobby");
    assert_eq!(request.headers()["Host"], "example.com:8443");
    assert_eq!(request.headers()["Origin"], "https://example.com");
    let accepted = server::accept(&request, &known).unwrap();
    let confirmed = client::confirm(&accepted.response, [7; 16], &wanted).unwrap();
    assert_eq!(confirmed, accepted.agreed);
    assert_eq!(confirmed.subprotocol.as_deref(), Some("v2"));
    assert!(confirmed.deflate.is_some());

    let request = client::connect_request(&uri, &wanted).unwrap();
    assert!(!request.headers().contains_key("Sec-WebSocket-Key"));
    let accepted = server::accept_connect(&request, Some("websocket"), &known).unwrap();
    assert_eq!(client::confirm_connect(&accepted.response, &wanted), Ok(confirmed));

    let bare = client::request(&"ws://example.com".parse().unwrap(), [7; 16], &wanted).unwrap();
    assert_eq!(bare.uri(), "/");
    let nowhere = client::request(&"/path".parse().unwrap(), [7; 16], &wanted);
    assert_eq!(nowhere.unwrap_err(), InvalidRequest::NoHost);
    let bad = ClientOptions { subprotocols: vec!["a b".into()], ..wanted };
    assert_eq!(client::request(&uri, [7; 16], &bad).unwrap_err(), InvalidRequest::Subprotocol);
}

#[test]
fn a_client_checks_the_answer() {
    let options = ClientOptions { subprotocols: vec!["v2".into()], ..ClientOptions::default() };
    let nonce = *b"the sample nonce";
    let good = || {
        http::Response::builder()
            .status(101)
            .header("Upgrade", "WebSocket")
            .header("Connection", "upgrade")
            .header("Sec-WebSocket-Accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
            .body(())
            .unwrap()
    };
    assert_eq!(client::confirm(&good(), nonce, &options), Ok(Agreed::default()));
    assert_eq!(client::confirm(&good(), [0; 16], &options), Err(InvalidResponse::Accept));
    let table: [(&'static str, Option<&'static str>, InvalidResponse); 7] = [
        ("Upgrade", None, InvalidResponse::Upgrade),
        ("Upgrade", Some("h2c"), InvalidResponse::Upgrade),
        ("Connection", Some("close"), InvalidResponse::Connection),
        ("Sec-WebSocket-Accept", None, InvalidResponse::Accept),
        ("Sec-WebSocket-Protocol", Some("v3"), InvalidResponse::Subprotocol),
        ("Sec-WebSocket-Protocol", Some("v2, v2"), InvalidResponse::Subprotocol),
        ("Sec-WebSocket-Extensions", Some("permessage-deflate"), InvalidResponse::Extensions),
    ];
    for (name, value, expected) in table {
        let mut response = good();
        match value {
            Some(value) => drop(response.headers_mut().insert(name, HeaderValue::from_static(value))),
            None => drop(response.headers_mut().remove(name)),
        }
        assert_eq!(client::confirm(&response, nonce, &options), Err(expected), "{name}: {value:?}");
    }
    let mut response = good();
    *response.status_mut() = StatusCode::FORBIDDEN;
    let refused = client::confirm(&response, nonce, &options);
    assert_eq!(refused, Err(InvalidResponse::Status(StatusCode::FORBIDDEN)));
    assert_eq!(refused.unwrap_err().to_string(), "403 Forbidden from the server instead of a WebSocket");
}
