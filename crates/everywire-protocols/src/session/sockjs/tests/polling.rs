use super::*;

#[test]
fn each_poll_hears_one_frame() {
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(peer.ask(0, "xhr"), ["0: 200 o\\n", "opened", "indirect", "hold"]);
    // What is in the driver's hands by then waits here.
    assert_eq!(peer.send(&["a", "b"]), NOTHING);
    assert_eq!(peer.ask(1, "xhr"), ["1: 200 a[\"a\",\"b\"]\\n", "hold"]);
    assert_eq!(peer.ask(2, "xhr"), ["release"]);
    assert_eq!(peer.tell(Input::Drained), NOTHING);
    assert_eq!(peer.send(&["c"]), ["2: 200 a[\"c\"]\\n", "hold"]);
    // Another way that goes with it.
    assert_eq!(peer.ask(3, "xhr_streaming")[..2], ["3: 200 …".to_owned(), format!("3> {PRELUDE}")]);
    // And those that do not.
    for name in ["eventsource", "htmlfile", "jsonp", "jsonp_send"] {
        assert_eq!(peer.ask(4, name), [format!("4: {NOT_FOUND}")]);
    }
}

#[test]
fn bodies_and_their_answers() {
    let mut peer = Peer::opened("xhr");
    assert_eq!(peer.post(1, "xhr_send", "[\"a\",\"😀\"]"), ["message a", "message 😀", "1: 204 "]);
    assert_eq!(peer.post(2, "xhr_send", "[]"), ["2: 204 "]);
    assert_eq!(peer.post(3, "xhr_send", "[\"a\""), ["3: 500 Broken JSON encoding."]);
    assert_eq!(peer.post(4, "xhr_send", ""), ["4: 500 Payload expected."]);
    let many = format!("[{}]", ["\"\""; 65_537].join(","));
    assert_eq!(peer.post(5, "xhr_send", &many), ["5: 413 Too many messages: one body may have 65536."]);
    // One that never comes whole.
    assert_eq!(peer.ask(6, "xhr_send"), NOTHING);
    assert_eq!(peer.lose(6, LaneEnd::Aborted), NOTHING);
    assert_eq!(peer.hear(6, "[\"late\"]"), NOTHING);
    let mut peer = Peer::opened("jsonp");
    assert_eq!(peer.post(1, "jsonp_send", "[\"b\"]"), ["message b", "1: 200 ok"]);
}

#[test]
fn one_listens_at_a_time() {
    let mut peer = Peer::opened("xhr");
    assert_eq!(peer.ask(1, "xhr"), ["release"]);
    assert_eq!(peer.ask(2, "xhr"), ["2: 200 c[2010,\"Another connection still open\"]\\n"]);
    assert_eq!(peer.send(&["a"]), ["1: 200 a[\"a\"]\\n", "hold"]);
    // The one that was told so does not matter when it goes.
    assert_eq!(peer.lose(2, LaneEnd::Finished(None)), NOTHING);
    assert_eq!(peer.ask(3, "xhr"), ["release"]);
    // The one that listens does.
    assert_eq!(peer.lose(3, LaneEnd::Aborted), ["closed: client closed"]);
    peer.assert_over();
}

#[test]
fn an_answer_that_nobody_took_ends_it() {
    let mut peer = Peer::opened("xhr");
    peer.ask(1, "xhr");
    assert_eq!(peer.send(&["a"]), ["1: 200 a[\"a\"]\\n", "hold"]);
    assert_eq!(
        peer.lose(0, LaneEnd::Aborted),
        NOTHING,
        "that one was taken, or this one would not have come"
    );
    assert_eq!(peer.lose(1, LaneEnd::Aborted), ["closed: client closed"]);
    peer.assert_over();
    // Unless its client listens again.
    let mut peer = Peer::opened("xhr");
    peer.ask(1, "xhr");
    assert_eq!(peer.lose(0, LaneEnd::Aborted), NOTHING);
}

#[test]
fn who_does_not_come_back_is_gone() {
    let mut peer = Peer::opened("xhr");
    assert_eq!(peer.wait(60_000), [(5000, vec!["closed: connection lost".to_owned()])]);
    peer.assert_over();
    // A heart-beat is an answer too.
    let mut peer = Peer::opened("xhr");
    peer.ask(1, "xhr");
    let beat = vec!["1: 200 h\\n".to_owned(), "hold".to_owned()];
    assert_eq!(peer.wait(30_000), [(25_000, beat), (30_000, vec!["closed: connection lost".to_owned()])]);
}

#[test]
fn the_end_is_told_to_whoever_listens_then() {
    // To one that waits.
    let mut peer = Peer::opened("xhr");
    peer.ask(1, "xhr");
    assert_eq!(peer.close(Reason::ServerClosed), ["1: 200 c[1000,\"Normal closure\"]\\n", "hold"]);
    peer.now += 4999;
    assert_eq!(peer.ask(2, "xhr"), ["2: 200 c[1000,\"Normal closure\"]\\n", "hold"]);
    assert_eq!(peer.post(3, "xhr_send", "[\"swallowed\"]"), ["3: 204 "]);
    // However often it is asked about, it is over then.
    assert_eq!(peer.wait(10_000), [(1, vec!["closed: server closed".to_owned()])]);
    peer.assert_over();

    // To one that comes later, behind what waited.
    let mut peer = Peer::opened("xhr");
    peer.send(&["a"]);
    assert_eq!(peer.close(Reason::Refused), ["hold"]);
    peer.now += 4000;
    assert_eq!(peer.ask(1, "xhr"), ["1: 200 a[\"a\"]\\n", "hold"]);
    // Of the end it is told when it has come back from that.
    peer.now += 4000;
    assert_eq!(peer.ask(2, "xhr"), ["2: 200 c[1008,\"refused\"]\\n", "hold"]);
    assert_eq!(peer.close(Reason::Shutdown), NOTHING);
    // A body on its way when it is over has no session any more.
    peer.ask(3, "xhr_send");
    let over = vec![format!("3: {NOT_FOUND}"), "closed: refused".to_owned()];
    assert_eq!(peer.wait(5000), [(1000, over)]);
}

#[test]
fn jsonp_calls_the_page() {
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(peer.ask(0, "jsonp"), ["0: 200 /**/cb(\"o\");\\r\\n", "opened", "indirect", "hold"]);
    peer.ask(1, "jsonp");
    assert_eq!(
        peer.send(&["</script>"]),
        ["1: 200 /**/cb(\"a[\\\"\\u003c/script\\u003e\\\"]\");\\r\\n", "hold"]
    );
    for name in ["xhr", "xhr_send"] {
        assert_eq!(peer.ask(2, name), [format!("2: {NOT_FOUND}")]);
    }
}

#[test]
fn a_session_that_nobody_opened_ends_at_once() {
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(peer.close(Reason::Shutdown), ["closed: shutting down"]);
    peer.assert_over();
    let mut peer = Peer::new(SockJsOptions::default());
    assert_eq!(peer.ask(0, "xhr_send"), [format!("0: {NOT_FOUND}")]);
}
