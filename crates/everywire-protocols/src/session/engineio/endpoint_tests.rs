use super::*;

const KNOWN: &str = "AAAAAAAAAAAAAAAAAAAA";

fn all() -> EngineIoOptions {
    EngineIoOptions { allow_eio3: true, jsonp: true, ..EngineIoOptions::default() }
}

fn request(options: EngineIoOptions, method: Method, query: &str, upgrade: &str) -> Verdict {
    let mut head = Request::builder().method(method).uri(format!("/?{query}"));
    if !upgrade.is_empty() {
        head = head.header("Upgrade", upgrade).header("Connection", "Upgrade");
    }
    let head = head.body(()).expect("a request");
    EngineIoEndpoint::new(options).request(&head, &|sid| sid == KNOWN, [0xfb; 16])
}

/// The verdict as a line.
fn say(options: EngineIoOptions, method: Method, query: &str, upgrade: &str) -> String {
    match request(options, method, query, upgrade) {
        Verdict::Open { id, lane, .. } => {
            assert_eq!(id.as_deref(), Some("-_v7-_v7-_v7-_v7-_v7"));
            format!("open {lane:?}")
        }
        Verdict::Attach { id, lane } => {
            assert_eq!(&*id, KNOWN);
            format!("attach {lane:?}")
        }
        Verdict::Respond(response) => {
            let header = |name| {
                response
                    .headers()
                    .get(name)
                    .map_or("", |value: &http::HeaderValue| value.to_str().expect("text"))
            };
            let (kind, connection) = (header("content-type"), header("connection"));
            let body = std::str::from_utf8(response.body()).expect("text");
            format!("{} {kind} {connection} {body}", response.status().as_u16())
        }
    }
}

fn json(code: u8, message: &str) -> String {
    format!(r#"400 application/json  {{"code":{code},"message":"{message}"}}"#)
}

fn text(message: &str) -> String {
    format!("400 text/html close {message}")
}

#[test]
fn handshakes() {
    let get = |query: &str| say(all(), Method::GET, query, "");
    assert_eq!(get("EIO=4&transport=polling&t=abc"), "open Poll");
    assert_eq!(get("EIO=3&transport=polling"), "open Poll");
    assert_eq!(get("EIO=4&transport=polling&sid="), "open Poll");
    assert_eq!(get("EIO=4&transport=polling&j=17"), "open Poll");
    assert_eq!(get("E%49O=%34&transport=x&transport=polling"), "open Poll");
    assert_eq!(get(""), json(0, "Transport unknown"));
    assert_eq!(get("EIO=4&transport=webtransport"), json(0, "Transport unknown"));
    assert_eq!(get("EIO=4&transport=Polling"), json(0, "Transport unknown"));
    assert_eq!(get("EIO=4&transport=websocket"), json(3, "Bad request"));
    assert_eq!(get("EIO=5&transport=websocket"), json(3, "Bad request"));
    for version in ["EIO=5", "EIO=", "EIO=44", "EIO=03", "EIO=abc", "x=4"] {
        assert_eq!(get(&format!("{version}&transport=polling")), json(5, "Unsupported protocol version"));
    }
    for index in ["j=", "j=a", "j=1a", "j=-1", "j=%2B1", "j=99999999999"] {
        assert_eq!(get(&format!("EIO=4&transport=polling&{index}")), json(3, "Bad request"), "{index}");
    }
    for method in [Method::POST, Method::PUT, Method::HEAD, Method::OPTIONS, Method::DELETE] {
        assert_eq!(say(all(), method, "EIO=5&transport=polling", ""), json(2, "Bad handshake method"));
    }
}

#[test]
fn handshakes_of_websockets() {
    let get = |query: &str| say(all(), Method::GET, query, "websocket");
    assert_eq!(get("EIO=4&transport=websocket"), "open WebSocket");
    assert_eq!(get("EIO=3&transport=websocket&j=x"), "open WebSocket");
    assert_eq!(say(all(), Method::GET, "EIO=4&transport=websocket", "h2c, WebSocket"), "open WebSocket");
    assert_eq!(get("EIO=4&transport=tcp"), text("Transport unknown"));
    assert_eq!(get("EIO=4&transport=polling"), text("Bad request"));
    assert_eq!(get("EIO=5&transport=websocket"), text("Unsupported protocol version"));
    assert_eq!(
        say(all(), Method::POST, "EIO=4&transport=websocket", "websocket"),
        text("Bad handshake method")
    );
    assert_eq!(say(all(), Method::CONNECT, "EIO=4&transport=websocket", ""), "open WebSocket");
}

#[test]
fn requests_of_sessions() {
    let polling = |method: Method| say(all(), method, &format!("EIO=4&transport=polling&sid={KNOWN}"), "");
    assert_eq!(polling(Method::GET), "attach Poll");
    assert_eq!(polling(Method::POST), "attach Post");
    for method in [Method::PUT, Method::DELETE, Method::HEAD] {
        assert_eq!(polling(method), "500   ");
    }
    let websocket = format!("EIO=4&transport=websocket&sid={KNOWN}");
    assert_eq!(say(all(), Method::GET, &websocket, "websocket"), "attach WebSocket");
    assert_eq!(say(all(), Method::GET, &websocket, ""), json(3, "Bad request"));
    // Which revision its client speaks the session knows.
    assert_eq!(say(all(), Method::GET, &format!("transport=polling&sid={KNOWN}"), ""), "attach Poll");

    let other = "EIO=4&transport=polling&sid=other";
    assert_eq!(say(all(), Method::GET, other, ""), json(1, "Session ID unknown"));
    assert_eq!(say(all(), Method::PUT, other, ""), json(1, "Session ID unknown"));
    let other = "EIO=4&transport=websocket&sid=other";
    assert_eq!(say(all(), Method::GET, other, "websocket"), text("Session ID unknown"));
    let other = "EIO=4&transport=tcp&sid=other";
    assert_eq!(say(all(), Method::GET, other, ""), json(0, "Transport unknown"));
}

#[test]
fn what_is_not_enabled() {
    let get = |options: &EngineIoOptions, query: &str, upgrade: &str| {
        say(options.clone(), Method::GET, query, upgrade)
    };
    let defaults = EngineIoOptions::default();
    assert_eq!(get(&defaults, "EIO=4&transport=polling", ""), "open Poll");
    assert_eq!(get(&defaults, "EIO=3&transport=polling", ""), json(5, "Unsupported protocol version"));
    assert_eq!(
        get(&defaults, "EIO=3&transport=websocket", "websocket"),
        text("Unsupported protocol version")
    );
    assert_eq!(get(&defaults, "EIO=4&transport=polling&j=0", ""), json(0, "Transport unknown"));
    let polling = EngineIoOptions { websocket: false, ..all() };
    assert_eq!(get(&polling, "EIO=4&transport=websocket", "websocket"), text("Transport unknown"));
    let websocket = EngineIoOptions { polling: false, ..all() };
    assert_eq!(get(&websocket, "EIO=4&transport=polling", ""), json(0, "Transport unknown"));
    assert_eq!(get(&websocket, "EIO=4&transport=websocket", "websocket"), "open WebSocket");
}

#[test]
fn refusals_from_above() {
    let plain = Request::get("/").body(()).expect("a request");
    let upgrade = Request::get("/").header("upgrade", "websocket").body(()).expect("a request");
    let forbidden = EngineIoRefusal::Forbidden("no \"entry\"".into());
    let response = forbidden.response(&plain);
    assert_eq!(response.status(), StatusCode::FORBIDDEN);
    assert_eq!(response.body(), r#"{"code":4,"message":"no \"entry\""}"#);
    let response = forbidden.response(&upgrade);
    assert_eq!((response.status(), &response.body()[..]), (StatusCode::BAD_REQUEST, &b"no \"entry\""[..]));
    let mut http2 = Request::new(());
    *http2.method_mut() = Method::CONNECT;
    *http2.version_mut() = http::Version::HTTP_2;
    assert_eq!(EngineIoRefusal::BadRequest.response(&http2).headers().get("connection"), None);
}
