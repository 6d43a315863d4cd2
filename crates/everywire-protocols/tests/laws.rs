//! The laws of sessions and protocols, on every one there is.

use bytes::Bytes;
use everywire_core::Payload;
use everywire_protocols::protocol::signalr::{Encoding, Ended, HandshakeRequest, Outgoing};
use everywire_protocols::protocol::socketio::{Parser, Revision};
use everywire_protocols::protocol::{
    Feed, JsonRpc, JsonRpcOptions, Protocol, Raw, SignalR, SignalROptions, SocketIo, SocketIoClient,
    SocketIoOptions, Stomp, StompOptions,
};
use everywire_protocols::seam::{Kind, Outbox};
use everywire_protocols::session::{
    Endpoint, LaneKind, Negotiated, PollEndpoint, PollOptions, Session, SignalRConnectionOptions,
    SignalREndpoint, SseEndpoint, SseOptions, Verdict, WebSocket, WebSocketOptions,
};
use everywire_testkit::laws::{self, ProtocolCase, SessionCase};
use everywire_testkit::rig::Said;

fn texts(texts: &[&str]) -> Vec<Said> {
    texts.iter().map(|&text| Said::Text(text.to_owned())).collect()
}

fn get(uri: &str) -> http::Request<()> {
    http::Request::builder().uri(uri).body(()).expect("a path is a URI")
}

#[test]
fn of_the_plain_websocket() {
    laws::session(&SessionCase {
        make: Box::new(|| Box::new(WebSocket::new(WebSocketOptions::default()))),
        first: (LaneKind::WebSocket, get("/ws")),
        more: Vec::new(),
        messages: texts(&["hello", ""]),
    });
}

/// What an endpoint makes of a request for this.
fn opened(endpoint: &dyn Endpoint, uri: &str) -> (Box<dyn Session>, LaneKind) {
    match endpoint.request(&get(uri), &|_| false, [7; 16]) {
        Verdict::Open { session, lane, .. } => (session, lane),
        other => panic!("{uri}: {other:?}"),
    }
}

fn of_endpoint(make: impl Fn() -> Box<dyn Endpoint> + 'static, uri: &'static str) {
    let lane = opened(&*make(), uri).1;
    laws::session(&SessionCase {
        make: Box::new(move || opened(&*make(), uri).0),
        first: (lane, get(uri)),
        more: Vec::new(),
        messages: Vec::new(),
    });
}

#[test]
fn of_server_sent_events() {
    for uri in ["/?room=lobby", "/?room=a&room=b&since=7-3"] {
        of_endpoint(|| Box::new(SseEndpoint::new(SseOptions::default())), uri);
    }
}

#[test]
fn of_poll() {
    for uri in ["/?room=lobby", "/?room=a&room=b&since=7-3", "/?room=a&since=7-3&wait=5"] {
        of_endpoint(|| Box::new(PollEndpoint::new(PollOptions::default())), uri);
    }
}

fn of_protocol(make: impl Fn() -> Box<dyn Protocol> + 'static, messages: Vec<Said>) {
    laws::protocol(&ProtocolCase { make: Box::new(make), first: Vec::new(), messages });
}

#[test]
fn of_raw() {
    let mut messages = texts(&["hello", ""]);
    messages.push(Said::Binary(vec![0, 255]));
    of_protocol(|| Box::new(Raw), messages);
}

#[test]
fn of_feeds() {
    of_protocol(|| Box::new(Feed::event_source()), texts(&["nobody sends this"]));
    of_protocol(|| Box::new(Feed::poll()), texts(&["nobody sends this"]));
}

#[test]
fn of_json_rpc() {
    let mut messages = texts(&[
        r#"{"jsonrpc":"2.0","method":"chat","params":["hi"],"id":1}"#,
        r#"{"jsonrpc":"2.0","method":"chat","params":{"text":"hi"},"id":"one"}"#,
        r#"{"jsonrpc":"2.0","method":"chat","params":["hi"]}"#,
        r#"{"jsonrpc":"2.0","result":[1],"id":0}"#,
        r#"{"jsonrpc":"2.0","error":{"code":1,"message":"no"},"id":0}"#,
        r#"[{"jsonrpc":"2.0","method":"a","id":1},{"jsonrpc":"2.0","method":"b","id":2},{"jsonrpc":"2.0","method":"c"}]"#,
        r#"[{"jsonrpc":"2.0","method":"a"},1,{"foo":"bar"}]"#,
        "[]",
        "{}",
        "",
    ]);
    messages.push(Said::Binary(vec![0, 255]));
    of_protocol(|| Box::new(JsonRpc::new(JsonRpcOptions::default())), messages);
}

fn socket_io(parser: Parser) -> impl Fn() -> Box<dyn Protocol> {
    // Few namespaces and little held back, so that chance comes to the bounds.
    let options = SocketIoOptions {
        parser,
        namespaces: 2,
        held_bytes: 1000,
        attachment_bytes: 4,
        ..Default::default()
    };
    move || Box::new(SocketIo::new(options.clone()))
}

#[test]
fn of_socket_io() {
    let mut messages = texts(&[
        "0",
        "0/chat,{\"token\":\"x\"}",
        "0/third,{\"pid\":\"a\",\"offset\":\"b\"}",
        "2[\"chat\",{\"text\":\"hi\"}]",
        "21[\"chat\"]",
        "2/chat,2[\"chat\",1]",
        "2/chat,3[\"chat\",1]",
        "30[1]",
        "51-4[\"up\",{\"_placeholder\":true,\"num\":0}]",
        "1/chat,",
        "2",
    ]);
    messages.push(Said::Binary(vec![0, 255]));
    of_protocol(socket_io(Parser::Json), messages);
}

#[test]
fn of_socket_io_in_msgpack() {
    let client = SocketIoClient::new(Parser::MsgPack, Revision::Five);
    let mut messages = texts(&["2[\"chat\"]"]);
    let mut outbox = |kind: Kind, bytes: &[u8]| {
        assert_eq!(kind, Kind::Binary);
        messages.push(Said::Binary(bytes.to_vec()));
    };
    let outbox: &mut dyn Outbox = &mut outbox;
    let args = Payload::from_args(&("text", Bytes::from_static(b"\x01"))).expect("it serialises");
    for namespace in ["/", "/chat"] {
        client.connect(namespace, None, outbox);
        client.event(namespace, "chat", &args, None, outbox);
        client.event(namespace, "chat", &args, Some(7), outbox);
        client.event(namespace, "chat", &args, Some(8), outbox);
        client.answer(namespace, 0, &args, outbox);
    }
    client.disconnect("/chat", outbox);
    of_protocol(socket_io(Parser::MsgPack), messages);
}

/// The machine of a client that has negotiated, in full.
fn negotiated(stateful: bool) -> Box<dyn Session> {
    // Little is kept, so that chance comes to the bound.
    let options = SignalRConnectionOptions {
        stateful_reconnect: stateful,
        buffer_bytes: 30,
        ..SignalRConnectionOptions::default()
    };
    let query = "negotiateVersion=1&useStatefulReconnect=true";
    let head = http::Request::post(format!("/h/negotiate?{query}")).body(()).expect("a path is a URI");
    match SignalREndpoint::new(options).negotiate(&head, ([7; 15], [7; 16])) {
        Negotiated::Reserve { session, resumes, .. } if resumes == stateful => session,
        other => panic!("{other:?}"),
    }
}

#[test]
fn of_signalr_s_sessions() {
    let delete = || http::Request::delete("/h?id=token").body(()).expect("a path is a URI");
    for stateful in [false, true] {
        for first in [LaneKind::WebSocket, LaneKind::Stream, LaneKind::Poll] {
            // Mostly of its own kind, and of each other once.
            let mut more = vec![(first, get("/h?id=token")); 3];
            more.extend([LaneKind::Post; 2].map(|kind| (kind, get("/h?id=token"))));
            more.extend(
                [LaneKind::WebSocket, LaneKind::Stream, LaneKind::Poll]
                    .map(|kind| (kind, get("/h?id=token"))),
            );
            more.push((LaneKind::Post, delete()));
            laws::session(&SessionCase {
                make: Box::new(move || negotiated(stateful)),
                first: (first, get("/h?id=token")),
                more,
                messages: texts(&["{\"type\":6}\u{1e}", "{\"type\":", "6}\u{1e}", ""]),
            });
        }
    }
}

/// What a client of SignalR's says: its handshake, and each kind of message.
fn signalr_messages(encoding: Encoding) -> [Vec<Said>; 2] {
    let said = |write: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = Vec::new();
        write(&mut bytes);
        match encoding {
            Encoding::Json => Said::Text(String::from_utf8(bytes).expect("JSON is text")),
            Encoding::MsgPack => Said::Binary(bytes),
        }
    };
    let handshake = |version| {
        let request = HandshakeRequest { protocol: encoding.name().into(), version };
        said(&|out| request.append(out))
    };
    let args = Payload::from_args(&("text", 1)).expect("it serialises");
    let call = |stream, id, streams| Outgoing::Invocation {
        stream,
        id,
        target: "chat",
        args: &args,
        extra: None,
        streams,
    };
    let messages = [
        call(false, Some("1"), &[]),
        call(false, None, &[]),
        call(false, Some("01"), &["a"]),
        call(true, Some("2"), &[]),
        call(true, Some("3"), &["s7"]),
        Outgoing::StreamItem { id: "a", item: &args },
        Outgoing::Completion { id: "s0", ended: Ended::Result(&args) },
        Outgoing::Completion { id: "a", ended: Ended::Error("why") },
        Outgoing::CancelInvocation { id: "2" },
        Outgoing::Ping,
        Outgoing::Ack { sequence: 1 },
        Outgoing::Sequence { sequence: 1 },
        Outgoing::Close { error: None, allow_reconnect: false },
    ];
    let messages = messages.map(|message| said(&|out| message.append(encoding, out)));
    [[1, 2].map(handshake).into(), messages.into()]
}

#[test]
fn of_signalr() {
    for encoding in Encoding::ALL {
        for detailed_errors in [false, true] {
            let options =
                SignalROptions { detailed_errors, message_bytes: 1000, ..SignalROptions::default() };
            let [first, messages] = signalr_messages(encoding);
            laws::protocol(&ProtocolCase {
                make: Box::new(move || Box::new(SignalR::new(options.clone().into(), "/h".into(), None))),
                first,
                messages,
            });
        }
    }
}

#[test]
fn of_stomp() {
    let first = [
        "CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n\0",
        "STOMP\naccept-version:1.1\nhost:localhost\nlogin:ann\npasscode:p\n\n\0",
        "CONNECT\n\n\0",
        "CONNECT\naccept-version:2.0\n\n\0",
    ];
    let mut messages = texts(&[
        "\n",
        "SUBSCRIBE\nid:0\ndestination:/topic/a room with \"quotes\"\nreceipt:1\n\n\0",
        "SUBSCRIBE\nid:1\ndestination:/user/queue/message\nack:client\n\n\0",
        "SUBSCRIBE\nid:2\ndestination:/queue/jobs\nack:client-individual\nreceipt:2\n\n\0",
        "SUBSCRIBE\nid:3\ndestination:/user/queue/errors\n\n\0",
        "SUBSCRIBE\nid:4\ndestination:/app/hello\n\n\0",
        "UNSUBSCRIBE\nid:0\nreceipt:3\n\n\0",
        "SEND\ndestination:/topic/a\nreceipt:4\nx:y\n\nhello\0\n",
        "SEND\ndestination:/app/chat\nreply-to:/temp-queue/a\ncorrelation-id:7\ncontent-type:application/json\n\n[1]\0",
        "SEND\ndestination:/app/chat\ncontent-type:application/json\n\n{\0",
        "SEND\ndestination:/queue/jobs\ntransaction:t\nreceipt:5\n\njob\0",
        "BEGIN\ntransaction:t\n\n\0",
        "COMMIT\ntransaction:t\nreceipt:6\n\n\0",
        "ABORT\ntransaction:t\n\n\0",
        "ACK\nid:q2.1\nmessage-id:q2.1\nreceipt:7\n\n\0",
        "NACK\nid:c1.1\nmessage-id:c1.1\n\n\0",
        "DISCONNECT\nreceipt:8\n\n\0",
        "1,2,3",
    ]);
    messages.push(Said::Binary(b"SEND\ndestination:/topic/a\ncontent-length:2\n\n\0\xff\0".to_vec()));
    let options = StompOptions { subscriptions: 4, lenient_unsubscribe: true, ..StompOptions::default() };
    laws::protocol(&ProtocolCase {
        make: Box::new(move || Box::new(Stomp::new(options.clone().into(), "/".into()))),
        first: texts(&first),
        messages,
    });
}
