use http::Request;

use super::negotiate::*;

fn asked(query: &str, minimum: u8) -> Result<NegotiateRequest, String> {
    let head = Request::post(format!("/h/negotiate{query}")).body(()).expect("a path is a URI");
    NegotiateRequest::read(&head, minimum)
}

fn request(version: u8, stateful_reconnect: bool) -> NegotiateRequest {
    NegotiateRequest { version, stateful_reconnect }
}

#[test]
fn what_clients_ask_for() {
    for (query, expected) in [
        ("", request(0, false)),
        ("?negotiateVersion=0", request(0, false)),
        ("?negotiateVersion=1", request(1, false)),
        ("?NEGOTIATEVERSION=1&usestatefulreconnect=True", request(1, true)),
        ("?negotiateVersion=7&hub=chat&useStatefulReconnect=true", request(1, true)),
        ("?negotiateVersion=1&useStatefulReconnect=yes", request(1, false)),
        ("?negotiate%56ersion=%31", request(1, false)),
        ("?useStatefulReconnect", request(0, false)),
    ] {
        assert_eq!(asked(query, 0), Ok(expected), "{query}");
    }
    for (query, minimum, expected) in [
        ("?negotiateVersion=", 0, "The client requested an invalid protocol version ''"),
        ("?negotiateVersion=one", 0, "The client requested an invalid protocol version 'one'"),
        (
            "?negotiateVersion=99999999999999999999",
            0,
            "The client requested an invalid protocol version '99999999999999999999'",
        ),
        (
            "?negotiateVersion=-1",
            0,
            "The client requested version '-1', but the server does not support this version.",
        ),
        (
            "?negotiateVersion=0",
            1,
            "The client requested version '0', but the server does not support this version.",
        ),
        ("", 1, "The client requested version '0', but the server does not support this version."),
    ] {
        assert_eq!(asked(query, minimum), Err(expected.to_owned()), "{query}");
    }
    for request in [request(0, false), request(0, true), request(1, false), request(1, true)] {
        assert_eq!(asked(&format!("?{}", request.query()), 0), Ok(request));
    }
}

#[test]
fn what_a_server_offers() {
    let all = SignalRTransports::default();
    let polling = SignalRTransports { websockets: false, server_sent_events: false, ..all };
    for (asked, stateful, offered, expected) in [
        (
            request(1, true),
            true,
            all,
            concat!(
                r#"{"useStatefulReconnect":true,"negotiateVersion":1,"connectionId":"PUB","connectionToken":"SECRET","#,
                r#""availableTransports":[{"transport":"WebSockets","transferFormats":["Text","Binary"]},"#,
                r#"{"transport":"ServerSentEvents","transferFormats":["Text"]},"#,
                r#"{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}"#
            ),
        ),
        (
            request(1, false),
            true,
            polling,
            concat!(
                r#"{"negotiateVersion":1,"connectionId":"PUB","connectionToken":"SECRET","#,
                r#""availableTransports":[{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}"#
            ),
        ),
        (
            request(0, true),
            false,
            polling,
            concat!(
                r#"{"negotiateVersion":0,"connectionId":"SECRET","#,
                r#""availableTransports":[{"transport":"LongPolling","transferFormats":["Text","Binary"]}]}"#
            ),
        ),
    ] {
        let reply = NegotiateReply::offer(asked, stateful, offered, "PUB", "SECRET");
        assert_eq!(reply.to_json(), expected);
        assert_eq!(NegotiateReply::read(expected), Ok(reply));
    }
    for (reply, expected) in [
        (
            NegotiateReply::Redirect {
                url: "https://a.example/client/?hub=h".into(),
                access_token: Some("JWT".into()),
            },
            r#"{"url":"https://a.example/client/?hub=h","accessToken":"JWT"}"#,
        ),
        (NegotiateReply::Redirect { url: "/x".into(), access_token: None }, r#"{"url":"/x"}"#),
        (NegotiateReply::Refused("no \"way\"".into()), r#"{"error":"no \"way\""}"#),
    ] {
        assert_eq!(reply.to_json(), expected);
        assert_eq!(NegotiateReply::read(expected), Ok(reply));
    }
}

#[test]
fn what_a_client_makes_of_other_servers() {
    let azure = r#"{"accessToken":"JWT","url":"https://a.example","availableTransports":[],"more":1}"#;
    let redirect =
        NegotiateReply::Redirect { url: "https://a.example".into(), access_token: Some("JWT".into()) };
    assert_eq!(NegotiateReply::read(azure), Ok(redirect));
    // A transport and a format of the future, and a version 0 with a token that means nothing there.
    let future = r#"{"connectionId":"A","connectionToken":"T","availableTransports":[
        {"transport":"WebTransport","transferFormats":["Binary"]},
        {"transport":"WebSockets","transferFormats":["Text","Quantum"]}]}"#;
    let offer = NegotiateReply::Offer {
        stateful_reconnect: false,
        connection_id: "A".into(),
        connection_token: None,
        transports: vec![(TransportKind::WebSockets, vec![TransferFormat::Text])],
    };
    assert_eq!(NegotiateReply::read(future), Ok(offer));
    for body in
        ["", "{}", "[]", "null", r#"{"connectionId":1}"#, r#"{"negotiateVersion":-1,"connectionId":"A"}"#]
    {
        let fault = NegotiateReply::read(body).expect_err(body);
        assert!(fault.to_string().starts_with("not an answer to a negotiation: "), "{fault}");
    }
}
