//! The stories.

use super::super::super::negotiate::{NegotiateReply, SignalRTransports, TransferFormat, TransportKind};
use super::*;

fn only(transport: TransportKind) -> SignalRTransports {
    SignalRTransports {
        websockets: transport == TransportKind::WebSockets,
        server_sent_events: transport == TransportKind::ServerSentEvents,
        long_polling: transport == TransportKind::LongPolling,
    }
}

fn client() -> SignalRSessionClientOptions {
    SignalRSessionClientOptions::new("/h")
}

/// A pair for each way to be carried, and each format that it can carry.
fn pairs() -> impl Iterator<Item = (TransportKind, TransferFormat, Pair)> {
    TransportKind::ALL.into_iter().flat_map(|transport| {
        transport.formats().iter().map(move |format| {
            let options =
                SignalRSessionClientOptions { transports: only(transport), format: *format, ..client() };
            (transport, *format, Pair::new(options, SignalRConnectionOptions::default()).started())
        })
    })
}

fn bytes_of(messages: &[Message<'_>]) -> Vec<u8> {
    messages.iter().flat_map(|message| message.as_bytes()).copied().collect()
}

#[test]
fn every_transport_carries_both_ways() {
    for (transport, format, mut pair) in pairs() {
        let messages = match format {
            TransferFormat::Text => [A, Message::Text("\"€ 😀\"\u{1e}"), B],
            TransferFormat::Binary => [BYTES, Message::Binary(&[1, 0xff]), BYTES],
        };
        pair.piece = 3;
        pair.exchange(&messages);
        pair.exchange(&messages);
        let all = bytes_of(&[messages, messages].concat());
        assert_eq!(pair.client_heard, all, "{transport:?} {format:?}");
        assert_eq!(pair.server_heard, all, "{transport:?} {format:?}");
        let log = pair.log();
        assert_eq!(log[0], "Negotiate /h/negotiate?negotiateVersion=1");
        assert!(log.contains(&format!("opened: {transport:?}")), "{log:?}");
        assert!(!log.iter().any(|line| line.contains("closed")), "{log:?}");
    }
}

#[test]
fn what_waits_for_a_post_is_posted_together_as_far_as_it_may() {
    let options = SignalRSessionClientOptions {
        transports: only(TransportKind::LongPolling),
        post_bytes: 2 * A.as_bytes().len(),
        ..client()
    };
    let mut pair = Pair::new(options, SignalRConnectionOptions::default()).started();
    pair.log();
    let long = Message::Text("\"longer than two of the others\"\u{1e}");
    pair.exchange(&[A, B, A, long, B]);
    assert_eq!(pair.server_heard, bytes_of(&[A, B, A, long, B]));
    let posts = pair.log().iter().filter(|line| line.starts_with("Post")).count();
    // The first leaves alone, at once; then two, then the long one, then the last.
    assert_eq!(posts, 4);
}

#[test]
fn either_side_ends_it() {
    for (transport, _, mut pair) in pairs() {
        pair.log();
        pair.tell_client(Told::Send(A));
        pair.tell_client(Told::Close);
        pair.tell_client(Told::Send(B));
        pair.run();
        assert_eq!(pair.server_heard, A.as_bytes(), "what was sent before the end, {transport:?}");
        let mut ends: Vec<_> = pair.log().into_iter().filter(|line| line.contains("closed")).collect();
        ends.sort_unstable();
        assert_eq!(ends, ["client closed: client closed", "server closed: client closed"]);
        assert!(pair.client.is_closed());
    }
    for (transport, _, mut pair) in pairs() {
        pair.log();
        pair.mailbox.push_back(Decoded::from(A));
        pair.run();
        pair.tell_server(Input::Close(Reason::ServerClosed));
        pair.run();
        assert_eq!(pair.client_heard, A.as_bytes());
        let ends: Vec<_> = pair.log().into_iter().filter(|line| line.contains("closed")).collect();
        let both = ["server closed: server closed", "client closed: server closed"];
        assert_eq!(ends, both, "{transport:?}");
    }
}

#[test]
fn a_client_without_negotiation_has_no_id() {
    let options = SignalRSessionClientOptions { negotiate: false, url: "/h?a=b".to_owned(), ..client() };
    let mut pair = Pair::new(options, SignalRConnectionOptions::default()).started();
    assert_eq!(pair.log(), ["WebSocket /h?a=b", "opened: WebSockets, without id"]);
    pair.exchange(&[A]);
    assert_eq!((&*pair.client_heard, &*pair.server_heard), (A.as_bytes(), A.as_bytes()));
}

#[test]
fn what_is_blocked_is_passed_by() {
    let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
    pair.blocked = vec![Wanted::WebSocket, Wanted::Events];
    let mut pair = pair.started();
    let id = "id=-_v7-_v7-_v7-_v7-_v7-w";
    assert_eq!(
        pair.log(),
        [
            "Negotiate /h/negotiate?negotiateVersion=1",
            &format!("WebSocket /h?{id}"),
            "Negotiate /h/negotiate?negotiateVersion=1",
            &format!("Events /h?{id}"),
            "Negotiate /h/negotiate?negotiateVersion=1",
            &format!("Poll /h?{id}"),
            "opened: LongPolling",
            &format!("Poll /h?{id}"),
        ]
    );
    pair.exchange(&[A]);
    assert_eq!((&*pair.client_heard, &*pair.server_heard), (A.as_bytes(), A.as_bytes()));

    let mut pair = Pair::new(
        SignalRSessionClientOptions { transports: only(TransportKind::WebSockets), ..client() },
        SignalRConnectionOptions::default(),
    );
    pair.blocked = vec![Wanted::WebSocket];
    let log = pair.started().log();
    assert_eq!(log[2], "client closed: refused");
    assert_eq!(
        log[3],
        "Unable to connect to the server with any of the available transports. ServerSentEvents failed: Error: \
         'ServerSentEvents' is disabled by the client. LongPolling failed: Error: 'LongPolling' is disabled by the client. \
         WebSockets failed: Error: not here: Status code '403'"
    );
}

#[test]
fn a_format_takes_a_transport_that_can_carry_it() {
    let options = SignalRSessionClientOptions { format: TransferFormat::Binary, ..client() };
    let transports = only(TransportKind::ServerSentEvents);
    let server = SignalRConnectionOptions { transports, ..SignalRConnectionOptions::default() };
    let log = Pair::new(options.clone(), server).started().log();
    assert_eq!(
        log[1..],
        [
            "client closed: refused",
            "Unable to connect to the server with any of the available transports. ServerSentEvents failed: Error: \
             'ServerSentEvents' does not support Binary."
        ]
    );
    let transports = SignalRTransports { websockets: false, ..SignalRTransports::default() };
    let server = SignalRConnectionOptions { transports, ..SignalRConnectionOptions::default() };
    assert!(Pair::new(options, server).started().log().contains(&"opened: LongPolling".to_owned()));

    let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
    pair.elsewhere
        .push_back(r#"{"connectionId":"a","availableTransports":[{"transport":"Pigeons"}]}"#.to_owned());
    assert_eq!(
        pair.started().log()[1..],
        [
            "client closed: refused",
            "None of the transports supported by the client are supported by the server."
        ]
    );
}

#[test]
fn a_client_is_sent_elsewhere_but_not_for_ever() {
    let redirect = |url: &str, token: Option<&str>| {
        NegotiateReply::Redirect { url: url.into(), access_token: token.map(Into::into) }.to_json()
    };
    let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
    pair.elsewhere.extend([redirect("/there/?hub=h", Some("secret")), redirect("/other?x=1", None)]);
    assert_eq!(
        pair.started().log(),
        [
            "Negotiate /h/negotiate?negotiateVersion=1",
            "Negotiate /there/negotiate?hub=h&negotiateVersion=1 as secret",
            "Negotiate /other/negotiate?x=1&negotiateVersion=1 as secret",
            "WebSocket /other?x=1&id=-_v7-_v7-_v7-_v7-_v7-w as secret",
            "opened: WebSockets",
        ]
    );

    let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
    pair.elsewhere.extend((0..200).map(|_| redirect("/h", None)));
    let log = pair.started().log();
    assert_eq!(log.len(), 102);
    assert_eq!(log[100..], ["client closed: refused", "Negotiate redirection limit exceeded."]);
}

#[test]
fn what_makes_no_sense_is_said_in_words_that_users_know() {
    for (status, body, error) in [
        (200, r#"{"error":"no"}"#, "no"),
        (200, "{}", "not an answer to a negotiation: no connectionId, url or error"),
        (
            200,
            r#"{"ProtocolVersion":"1.5","connectionId":"a"}"#,
            "not an answer to a negotiation: Detected a connection attempt to an ASP.NET SignalR Server. This client only \
             supports connecting to an ASP.NET Core SignalR Server.",
        ),
        (
            200,
            r#"{"useStatefulReconnect":true,"connectionId":"a","availableTransports":[]}"#,
            "Client didn't negotiate Stateful Reconnect but the server did.",
        ),
        (404, "nobody", "Failed to complete negotiation with the server: Error: nobody: Status code '404'"),
        (401, "", "Failed to complete negotiation with the server: Error: : Status code '401'"),
    ] {
        let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
        pair.tell_client(Told::Start);
        pair.travels.clear();
        pair.tell_client(Told::Response(Lane(0), status, body.as_bytes()));
        assert_eq!(pair.log.last().map(String::as_str), Some(error));
        assert!(pair.client.is_closed());
    }
    // A body that is no text is no answer either.
    let mut pair = Pair::new(client(), SignalRConnectionOptions::default());
    pair.tell_client(Told::Start);
    pair.tell_client(Told::Response(Lane(0), 200, b"\xff{"));
    assert!(pair.log[1].starts_with("client closed: protocol error"), "{:?}", pair.log);

    let options = SignalRSessionClientOptions {
        transports: only(TransportKind::ServerSentEvents),
        event_bytes: 20,
        ..client()
    };
    let mut pair = Pair::new(options, SignalRConnectionOptions::default()).started();
    pair.log();
    pair.exchange(&[Message::Text("\"more than twenty bytes\"\u{1e}")]);
    let log = pair.log();
    let at = log.iter().position(|line| line == "client closed: too large").expect("an end");
    assert_eq!(log[at + 1], "an event has more than the 20 bytes that one may have");
}

#[test]
fn a_lost_websocket_is_replaced_where_both_want_that() {
    let server = SignalRConnectionOptions { stateful_reconnect: true, ..Default::default() };
    let options = SignalRSessionClientOptions { stateful_reconnect: true, ..client() };
    let mut pair = Pair::new(options, server.clone()).started();
    let id = "id=-_v7-_v7-_v7-_v7-_v7-w";
    assert_eq!(
        pair.log(),
        [
            "Negotiate /h/negotiate?negotiateVersion=1&useStatefulReconnect=true",
            &format!("WebSocket /h?{id}"),
            "opened: WebSockets, stateful"
        ]
    );
    pair.tell_server(Input::Resumable(true));
    pair.exchange(&[A]);
    assert_eq!((&*pair.client_heard, &*pair.server_heard), (A.as_bytes(), A.as_bytes()));

    let lose = |pair: &mut Pair, lane: Lane| {
        pair.websockets.clear();
        pair.tell_client(Told::LaneClosed(lane, LaneEnd::Aborted));
        pair.tell_server(Input::LaneClosed { lane, how: LaneEnd::Aborted });
    };
    let lane = pair.websockets[0];
    pair.mailbox.push_back(Decoded::from(B));
    lose(&mut pair, lane);
    // What is said meanwhile is the hub protocol's to keep.
    pair.tell_client(Told::Send(B));
    pair.run();
    assert_eq!(pair.log(), ["lost", &format!("WebSocket /h?{id}"), "back"]);
    assert_eq!(pair.server_heard, A.as_bytes());
    // Everything that was not acknowledged, again.
    pair.tell_server(Input::Drained);
    pair.run();
    assert_eq!(pair.client_heard, bytes_of(&[A, A, B]));

    // One that cannot come back is lost, in the end.
    let lane = pair.websockets[0];
    pair.blocked = vec![Wanted::WebSocket];
    lose(&mut pair, lane);
    pair.run();
    assert_eq!(pair.log()[2..], ["client closed: connection lost", "not here: Status code '403'"]);

    // A server that does not want it.
    let options = SignalRSessionClientOptions { stateful_reconnect: true, ..client() };
    let mut pair = Pair::new(options, SignalRConnectionOptions::default()).started();
    pair.log();
    let lane = pair.websockets[0];
    lose(&mut pair, lane);
    let ends = [
        "client closed: connection lost",
        "WebSocket closed with status code: 1006 ().",
        "server closed: connection lost",
    ];
    assert_eq!(pair.log(), ends);
}

#[test]
fn what_fails_under_way_is_the_end() {
    for transport in [TransportKind::ServerSentEvents, TransportKind::LongPolling] {
        for failing in [Wanted::Post, Wanted::Poll] {
            let options = SignalRSessionClientOptions { transports: only(transport), ..client() };
            let mut pair = Pair::new(options, SignalRConnectionOptions::default()).started();
            pair.blocked = vec![failing];
            pair.log();
            pair.exchange(&[A]);
            let lost = pair.log().contains(&"client closed: connection lost".to_owned());
            assert_eq!(lost, failing == Wanted::Post || transport == TransportKind::LongPolling);
        }
    }
}
