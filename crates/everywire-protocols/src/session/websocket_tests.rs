use super::super::LaneEnd;
use super::*;
use crate::seam::Message;

const LANE: Lane = Lane(0);

fn step<'a>(session: &mut WebSocket, at: u64, input: Input<'a>) -> Vec<Output<'a>> {
    let mut out = Outputs::new();
    session.input(Time(at), input, &mut out);
    out.into_vec()
}

fn opened() -> WebSocket {
    let mut session = WebSocket::new(WebSocketOptions::default());
    let head = http::Request::new(());
    let out = step(
        &mut session,
        0,
        Input::LaneOpened { lane: LANE, kind: super::super::LaneKind::WebSocket, head: &head },
    );
    assert_eq!(
        out,
        [Output::Opened(Facts::default()), Output::Direct { lane: LANE, wrapping: Wrapping::None }]
    );
    session
}

#[test]
fn pings_after_silence_and_ends_after_more() {
    let mut session = opened();
    assert_eq!(session.deadline(), Some(Time(25_000)));
    assert_eq!(step(&mut session, 24_999, Input::Tick), []);
    assert_eq!(step(&mut session, 25_000, Input::Tick), [Output::Ping { lane: LANE }]);
    assert_eq!(session.deadline(), Some(Time(45_000)));
    assert_eq!(
        step(&mut session, 45_000, Input::Tick),
        [Output::End { lane: LANE, reason: Reason::IdleTimeout }, Output::Closed(Reason::IdleTimeout)]
    );
    assert_eq!(session.deadline(), None);
}

#[test]
fn anything_heard_puts_the_ping_off() {
    let mut session = opened();
    let hello = Message::Text("hello");
    assert_eq!(
        step(&mut session, 20_000, Input::Message { lane: LANE, message: hello }),
        [Output::Message(hello)]
    );
    assert_eq!(session.deadline(), Some(Time(45_000)));
    assert_eq!(step(&mut session, 45_000, Input::Tick), [Output::Ping { lane: LANE }]);
    assert_eq!(step(&mut session, 45_100, Input::Pong { lane: LANE }), []);
    assert_eq!(session.deadline(), Some(Time(70_100)));
}

#[test]
fn says_how_it_ended_and_then_nothing() {
    for (how, reason) in [
        (LaneEnd::Finished(Some(1000)), Reason::ClientClosed),
        (LaneEnd::Aborted, Reason::Lost),
        (LaneEnd::Fault(Reason::TooLarge), Reason::TooLarge),
    ] {
        let mut session = opened();
        assert_eq!(step(&mut session, 1, Input::LaneClosed { lane: LANE, how }), [Output::Closed(reason)]);
        assert_eq!(step(&mut session, 2, Input::Close(Reason::Shutdown)), []);
    }
}
