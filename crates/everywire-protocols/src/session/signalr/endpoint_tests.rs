use super::super::options::SignalRConnectionOptions;
use super::super::{SignalRTransports, TransportKind};
use super::*;

const KNOWN: &str = "AAAAAAAAAAAAAAAAAAAAAA";
const NO_ID: &str = "400 text/plain Connection ID required";
const UNKNOWN: &str = "404 text/plain No Connection with that ID";
const METHOD: &str = "405 text/plain ";

fn head(method: &Method, query: &str, headers: &[(&str, &str)]) -> Request<()> {
    let mut head = Request::builder().method(method).uri(format!("/h{query}"));
    for (name, value) in headers {
        head = head.header(*name, *value);
    }
    head.body(()).expect("a request")
}

fn spell(response: &Response<Bytes>) -> String {
    let kind = response.headers()["content-type"].to_str().expect("text");
    let body = std::str::from_utf8(response.body()).expect("text");
    format!("{} {kind} {body}", response.status().as_u16())
}

/// The verdict as a line.
fn say(options: SignalRConnectionOptions, head: &Request<()>) -> String {
    match SignalREndpoint::new(options).request(head, &|token| token == KNOWN, [0; 16]) {
        Verdict::Open { id: None, lane, .. } => format!("open {lane:?}"),
        Verdict::Open { id, .. } => panic!("who has not negotiated has no id: {id:?}"),
        Verdict::Attach { id, lane } => format!("attach {id} {lane:?}"),
        Verdict::Respond(response) => spell(&response),
    }
}

const WEBSOCKET: &[(&str, &str)] = &[("Connection", "Upgrade"), ("Upgrade", "websocket")];
const EVENTS: &[(&str, &str)] = &[("Accept", "text/event-stream")];

#[test]
fn requests_of_sessions() {
    let query = format!("?id={KNOWN}");
    let attached = |lane: &str| format!("attach {KNOWN} {lane}");
    for (method, headers, lane) in [
        (Method::GET, &[][..], "Poll"),
        (Method::GET, EVENTS, "Stream"),
        (Method::GET, &[("Accept", "text/html, TEXT/event-stream;q=0.9")], "Stream"),
        (Method::GET, &[("Accept", "*/*")], "Poll"),
        (Method::GET, WEBSOCKET, "WebSocket"),
        // As ASP.NET Core: what a client accepts is looked at first.
        (Method::GET, &[("Upgrade", "websocket"), ("Accept", "text/event-stream")], "Stream"),
        (Method::CONNECT, &[], "WebSocket"),
        (Method::POST, &[], "Post"),
        (Method::POST, EVENTS, "Post"),
        (Method::DELETE, &[], "Post"),
    ] {
        let options = SignalRConnectionOptions::default;
        assert_eq!(say(options(), &head(&method, &query, headers)), attached(lane), "{method} {headers:?}");
        let other = head(&method, "?id=other", headers);
        assert_eq!(say(options(), &other), UNKNOWN, "{method} {headers:?}");
        for query in ["", "?", "?id", "?id=", "?_=123&x=id"] {
            let expected = if lane == "WebSocket" { "open WebSocket" } else { NO_ID };
            assert_eq!(say(options(), &head(&method, query, headers)), expected, "{method} {query}");
        }
    }
    for query in [format!("?ID={KNOWN}"), format!("?_=1700000000000&id={KNOWN}"), format!("?Id={KNOWN}&id=x")]
    {
        let head = head(&Method::GET, &query, &[]);
        assert_eq!(say(SignalRConnectionOptions::default(), &head), attached("Poll"), "{query}");
    }
    let escaped = KNOWN.replace('A', "%41");
    let head = head(&Method::GET, &format!("?id={escaped}"), &[]);
    assert_eq!(say(SignalRConnectionOptions::default(), &head), attached("Poll"));
}

#[test]
fn methods_that_mean_nothing_here() {
    for method in [Method::PUT, Method::HEAD, Method::PATCH, Method::OPTIONS, Method::TRACE] {
        for query in ["", "?id=other", "?id=AAAAAAAAAAAAAAAAAAAAAA"] {
            assert_eq!(say(SignalRConnectionOptions::default(), &head(&method, query, &[])), METHOD);
        }
    }
}

#[test]
fn transports_that_are_not_offered() {
    let none = SignalRTransports { websockets: false, server_sent_events: false, long_polling: false };
    for (transport, headers, name) in [
        (TransportKind::WebSockets, WEBSOCKET, "WebSockets"),
        (TransportKind::ServerSentEvents, EVENTS, "ServerSentEvents"),
        (TransportKind::LongPolling, &[], "LongPolling"),
    ] {
        let options = || SignalRConnectionOptions { transports: none, ..SignalRConnectionOptions::default() };
        let refused = format!("404 text/plain {name} transport not supported by this end point type");
        let known = format!("?id={KNOWN}");
        assert_eq!(say(options(), &head(&Method::GET, &known, headers)), refused);
        // Who it is about is looked for first.
        assert_eq!(say(options(), &head(&Method::GET, "?id=other", headers)), UNKNOWN);
        let nobody = if transport == TransportKind::WebSockets { &refused } else { NO_ID };
        assert_eq!(say(options(), &head(&Method::GET, "", headers)), nobody);
        let mut only = none;
        match transport {
            TransportKind::WebSockets => only.websockets = true,
            TransportKind::ServerSentEvents => only.server_sent_events = true,
            TransportKind::LongPolling => only.long_polling = true,
        }
        let only = SignalRConnectionOptions { transports: only, ..SignalRConnectionOptions::default() };
        assert!(say(only, &head(&Method::GET, &known, headers)).starts_with("attach "));
    }
}

fn negotiated(options: SignalRConnectionOptions, method: &Method, query: &str) -> Negotiated {
    let head = head(method, &format!("/negotiate{query}"), &[]);
    SignalREndpoint::new(options).negotiate(&head, ([7; 15], [0xfb; 16]))
}

const TRANSPORTS: &str = concat!(
    r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},"#,
    r#"{"transport":"ServerSentEvents","transferFormats":["Text"]},"#,
    r#"{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}"#
);

#[test]
fn negotiations() {
    let public = ConnectionId::from_random([7; 15]).to_string();
    let secret = "-_v7-_v7-_v7-_v7-_v7-w";
    let stateful = || SignalRConnectionOptions { stateful_reconnect: true, ..Default::default() };
    let one = format!(r#""negotiateVersion":1,"connectionId":"{public}","connectionToken":"{secret}","#);
    // In version 0 there is one id, and it is the secret.
    let zero =
        format!(r#"{{"negotiateVersion":0,"connectionId":"{secret}","{TRANSPORTS}"#).replace("\"\"", "\"");
    for (options, query, body, may_come_back) in [
        (SignalRConnectionOptions::default(), "?negotiateVersion=1", format!("{{{one}{TRANSPORTS}"), false),
        (SignalRConnectionOptions::default(), "?negotiateVersion=2", format!("{{{one}{TRANSPORTS}"), false),
        (SignalRConnectionOptions::default(), "", zero, false),
        (
            stateful(),
            "?negotiateVersion=1&useStatefulReconnect=true",
            format!(r#"{{"useStatefulReconnect":true,{one}{TRANSPORTS}"#),
            true,
        ),
        // Both have to want it.
        (stateful(), "?negotiateVersion=1", format!("{{{one}{TRANSPORTS}"), false),
        (
            SignalRConnectionOptions::default(),
            "?negotiateVersion=1&useStatefulReconnect=true",
            format!("{{{one}{TRANSPORTS}"),
            false,
        ),
    ] {
        let Negotiated::Reserve { token, id, resumes, response, session } =
            negotiated(options, &Method::POST, query)
        else {
            panic!("{query}")
        };
        assert_eq!((&*token, id.to_string(), resumes), (secret, public.clone(), may_come_back));
        assert_eq!(spell(&response), format!("200 application/json {body}"), "{query}");
        assert_eq!(session.deadline(), None, "how long it may wait is the driver's");
    }
}

#[test]
fn negotiations_that_come_to_nothing() {
    let minimum = SignalRConnectionOptions { minimum_version: 1, ..Default::default() };
    for (options, query, error) in [
        (
            SignalRConnectionOptions::default(),
            "?negotiateVersion=x",
            "The client requested an invalid protocol version 'x'",
        ),
        (minimum, "", "The client requested version '0', but the server does not support this version."),
    ] {
        let Negotiated::Respond(response) = negotiated(options, &Method::POST, query) else {
            panic!("{query}")
        };
        assert_eq!(spell(&response), format!(r#"200 application/json {{"error":"{error}"}}"#));
    }
    for method in [Method::GET, Method::PUT, Method::DELETE, Method::HEAD] {
        let negotiated = negotiated(SignalRConnectionOptions::default(), &method, "?negotiateVersion=1");
        let Negotiated::Respond(response) = negotiated else { panic!("{method}") };
        assert_eq!(spell(&response), METHOD);
    }
}
