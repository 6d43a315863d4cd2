use super::*;

#[test]
fn a_stream_hears_frames_until_it_is_long_enough() {
    let mut peer = Peer::new(SockJsOptions { response_limit: 24, ..Default::default() });
    assert_eq!(
        peer.ask(0, "xhr_streaming"),
        ["0: 200 …", "0> [2049 bytes]", "0> o\\n", "opened", "indirect", "hold"]
    );
    assert_eq!(peer.left(0), ["share 0 SockJsLines 22"]);
    assert_eq!(peer.send(&["a"]), ["0> a[\"a\"]\\n", "hold"]);
    // Only what was written counts, and only once.
    assert_eq!(peer.left(1), NOTHING);
    assert_eq!(peer.left(0), ["share 0 SockJsLines 15"]);
    assert_eq!(peer.left(0), NOTHING);
    // 2 + 7 + 15 bytes: the limit, and never within a frame.
    assert_eq!(peer.send(&["b", "12345"]), ["0> a[\"b\",\"12345\"]\\n", "0 ends: server closed", "hold"]);
    assert_eq!(peer.send(&["c"]), NOTHING);
    assert_eq!(peer.lose(0, LaneEnd::Finished(None)), NOTHING);
    assert_eq!(peer.ask(1, "xhr_streaming"), ["1: 200 …", "1> [2049 bytes]", "1> a[\"c\"]\\n", "hold"]);
}

#[test]
fn what_others_write_counts() {
    let mut peer = Peer::new(SockJsOptions { response_limit: 24, ..Default::default() });
    peer.ask(0, "eventsource");
    // Other lanes' news, and too early, is no news.
    assert_eq!(peer.shared(1, 100), NOTHING);
    assert_eq!(peer.left(0), ["share 0 SockJsEvents 13"]);
    assert_eq!(peer.shared(0, 12), ["share 0 SockJsEvents 1"]);
    assert_eq!(peer.shared(0, 40), ["0 ends: server closed", "hold"]);
    // Pages of old browsers are nobody else's to write to.
    let mut peer = Peer::opened("htmlfile");
    assert_eq!(peer.left(0), ["release"]);
}

#[test]
fn events_and_pages() {
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(
        peer.ask(0, "eventsource"),
        ["0: 200 …", "0> \\r\\n", "0> data: o\\r\\n\\r\\n", "opened", "indirect", "hold"]
    );
    assert_eq!(peer.send(&["5 %"]), ["0> data: a[\"5 %25\"]\\r\\n\\r\\n", "hold"]);
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(
        peer.ask(0, "htmlfile"),
        [
            "0: 200 …",
            "0> [1029 bytes]",
            "0> <script>\\np(\"o\");\\n</script>\\r\\n",
            "opened",
            "indirect",
            "hold"
        ]
    );
}

#[test]
fn it_beats_while_somebody_listens() {
    let mut peer = Peer::opened("xhr_streaming");
    peer.left(0);
    let beat = || vec!["0> h\\n".to_owned(), "hold".to_owned()];
    assert_eq!(peer.wait(60_000), [(25_000, beat()), (50_000, beat())]);
    peer.left(0);
    // Who goes takes the session along.
    assert_eq!(peer.lose(0, LaneEnd::Aborted), ["closed: client closed"]);
    peer.assert_over();
}

#[test]
fn a_second_stream_is_told_of_the_first() {
    let mut peer = Peer::opened("xhr_streaming");
    let other = "1> c[2010,\"Another connection still open\"]\\n";
    assert_eq!(
        peer.ask(1, "xhr_streaming"),
        ["1: 200 …", &format!("1> {PRELUDE}"), other, "1 ends: refused"]
    );
    assert_eq!(peer.ask(2, "xhr"), ["2: 200 c[2010,\"Another connection still open\"]\\n"]);
    assert_eq!(peer.send(&["a"]), ["0> a[\"a\"]\\n", "hold"]);
}

#[test]
fn a_stream_hears_what_waits_and_the_end_at_once() {
    let mut peer = Peer::opened("xhr_streaming");
    peer.left(0);
    let end = "c[1012,\"shutting down\"]\\n";
    assert_eq!(
        peer.close(Reason::Shutdown),
        [format!("0> {end}"), "0 ends: shutting down".to_owned(), "hold".to_owned()]
    );
    assert_eq!(peer.lose(0, LaneEnd::Finished(None)), NOTHING);
    assert_eq!(
        peer.ask(1, "xhr_streaming"),
        [
            "1: 200 …".to_owned(),
            format!("1> {PRELUDE}"),
            format!("1> {end}"),
            "1 ends: shutting down".to_owned(),
            "hold".to_owned()
        ]
    );
    assert_eq!(peer.wait(9000), [(5000, vec!["closed: shutting down".to_owned()])]);

    let mut peer = Peer::new(SockJsOptions { response_limit: 1, ..Default::default() });
    assert_eq!(peer.ask(0, "xhr_streaming").last().map(String::as_str), Some("hold"));
    peer.send(&["a", "b"]);
    peer.close(Reason::ServerClosed);
    let out = peer.ask(1, "xhr_streaming");
    assert_eq!(out[2..4], ["1> a[\"a\",\"b\"]\\n", "1> c[1000,\"Normal closure\"]\\n"], "in one response");
}
