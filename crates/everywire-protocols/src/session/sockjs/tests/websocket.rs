use super::*;

#[test]
fn a_websocket_carries_frames_both_ways() {
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(peer.ask(0, "websocket"), ["0> o", "opened", "direct 0 SockJs"]);
    assert_eq!(peer.hear(0, "[\"a\",\"b\"]"), ["message a", "message b"]);
    assert_eq!(peer.hear(0, " \"c\""), ["message c"]);
    assert_eq!(peer.hear(0, ""), NOTHING);
    assert_eq!(peer.hear(0, "[]"), NOTHING);
    let bytes = peer.tell(Input::Message { lane: Lane(0), message: Message::Binary(b"[\"\xc3\xa9\"]") });
    assert_eq!(bytes, ["message é"]);
    assert_eq!(peer.hear(0, "[\"a\""), ["0 ends: protocol error", "closed: protocol error"]);
    peer.assert_over();
    let mut peer = Peer::opened("websocket");
    let many = format!("[{}]", ["\"\""; 65_537].join(","));
    assert_eq!(peer.hear(0, &many), ["0 ends: too large", "closed: too large"]);
}

#[test]
fn the_server_says_first_why_it_ends() {
    let mut peer = Peer::opened("websocket");
    assert_eq!(
        peer.close(Reason::ServerClosed),
        ["0> c[1000,\"Normal closure\"]", "0 ends: server closed", "closed: server closed"]
    );
    // The codes of its own are for what no frame has said.
    let mut peer = Peer::opened("websocket");
    assert_eq!(
        peer.close(Reason::ProtocolError),
        ["0> c[1002,\"protocol error\"]", "0 ends: server closed", "closed: protocol error"]
    );
    let mut peer = Peer::opened("websocket");
    assert_eq!(peer.lose(0, LaneEnd::Finished(Some(1000))), ["closed: client closed"]);
    peer.assert_over();
}

#[test]
fn pings_want_pongs() {
    let mut peer = Peer::opened("websocket");
    assert_eq!(peer.wait(30_000), [(25_000, vec!["0 ping".to_owned()])]);
    assert_eq!(peer.tell(Input::Pong { lane: Lane(0) }), NOTHING);
    // From the answer on, which came 5 s later.
    assert_eq!(peer.wait(25_000), [(25_000, vec!["0 ping".to_owned()])]);
    let gone = vec!["0 ends: idle timeout".to_owned(), "closed: idle timeout".to_owned()];
    assert_eq!(peer.wait(60_000), [(10_000, gone)]);
    peer.assert_over();
}

#[test]
fn who_is_not_read_is_pinged_anew() {
    let mut peer = Peer::opened("websocket");
    assert_eq!(peer.wait(25_000), [(25_000, vec!["0 ping".to_owned()])]);
    for _ in 0..3 {
        peer.now += 10_000;
        assert_eq!(peer.tell(Input::Unheard), NOTHING);
        assert_eq!(peer.tell(Input::Tick), ["0 ping"]);
    }
}

#[test]
fn beats_want_nothing() {
    let options = SockJsOptions {
        websocket_heartbeat: SockJsHeartbeat::Frame,
        heartbeat: Duration::from_secs(1),
        ..Default::default()
    };
    let mut peer = Peer::new(options);
    peer.ask(0, "websocket");
    let beat = || vec!["0> h".to_owned()];
    assert_eq!(peer.wait(3500), [(1000, beat()), (2000, beat()), (3000, beat())]);
}

#[test]
fn its_beats_rest_for_those_that_come_as_often() {
    for (name, beat) in [("websocket", "0 ping"), ("xhr_streaming", "0> h\\n")] {
        for (seconds, rests) in [(10, true), (25, true), (26, false), (60, false)] {
            let mut peer = Peer::opened(name);
            let ours = Some(Duration::from_secs(seconds));
            peer.tell(Input::Beats { ours, theirs: true });
            let beats: Vec<String> = peer.wait(30_000).into_iter().flat_map(|(_, out)| out).collect();
            assert_eq!(!beats.iter().any(|out| out == beat), rests, "{name} {seconds}: {beats:?}");
        }
    }
}

#[test]
fn is_small() {
    assert_eq!(size_of::<SockJs>(), 24);
}
