//! Numbers of a stateful reconnect, at the receiver's end: the sheet's section 7.

use super::*;

const CALL: &str = r#"{"type":1,"target":"M","arguments":[]}␞"#;

fn may_come_back() -> Peer {
    may_come_back_with(SignalROptions::default())
}

fn may_come_back_with(options: SignalROptions) -> Peer {
    let mut peer = Peer::silent_with(options, &Facts { resumable: true, ..Facts::default() });
    let said = peer.hear(r#"{"protocol":"json","version":2}␞"#);
    assert_eq!(said, ["pass {}␞", "resumable true", &connect()]);
    peer
}

fn ack(at: u64, upto: u64) -> Vec<(u64, Vec<String>)> {
    vec![(at, vec![format!(r#"pass {{"type":8,"sequenceId":{upto}}}␞"#)])]
}

#[test]
fn below_version_2_it_is_off() {
    for version in [0, 1] {
        for protocol in ["json", "messagepack"] {
            let mut peer =
                Peer::silent_with(SignalROptions::default(), &Facts { resumable: true, ..Facts::default() });
            let said = peer.hear(&format!(r#"{{"protocol":"{protocol}","version":{version}}}␞"#));
            assert_eq!(said[1..], ["resumable false", &connect()]);
        }
    }
    // Nobody asks where it was not negotiated.
    let said = Peer::silent().hear(r#"{"protocol":"json","version":2}␞"#);
    assert_eq!(said, ["pass {}␞", &connect()]);
}

#[test]
fn what_came_is_acknowledged_once_a_second() {
    let mut peer = may_come_back();
    assert_eq!(peer.hear(r#"{"type":6}␞"#), NOTHING);
    assert_eq!(peer.wait(10_000), [], "a ping has no number");
    assert_eq!(peer.hear(CALL), ["event M()"]);
    assert_eq!(peer.wait(400), []);
    assert_eq!(peer.hear(&CALL.repeat(2)), ["event M()", "event M()"]);
    assert_eq!(peer.wait(2_000), ack(600, 3));
    for text in [
        r#"{"type":2,"invocationId":"1","item":1}␞"#,
        r#"{"type":3,"invocationId":"1"}␞"#,
        r#"{"type":4,"invocationId":"1","target":"S","arguments":[]}␞"#,
        r#"{"type":5,"invocationId":"1"}␞"#,
        r#"{"type":8,"sequenceId":0}␞"#,
        r#"{"type":20}␞"#,
    ] {
        peer.hear(text);
    }
    assert_eq!(peer.wait(1_500), ack(1_000, 7));
}

#[test]
fn what_the_client_holds_is_told_to_the_session() {
    let mut peer = may_come_back();
    assert_eq!(peer.hear(r#"{"type":8,"sequenceId":4}␞"#), ["acknowledged 4"]);
    assert_eq!(
        peer.hear(r#"{"type":8,"sequenceId":18446744073709551615}␞"#),
        ["acknowledged 18446744073709551615"]
    );
}

#[test]
fn what_comes_again_is_dropped() {
    let mut peer = may_come_back();
    peer.hear(&CALL.repeat(3));
    peer.wait(1_000);
    assert_eq!(peer.resumed(5), [r#"{"type":9,"sequenceId":5}␞"#]);
    // Before it says where it begins, nothing counts.
    assert_eq!(peer.hear(CALL), NOTHING);
    assert_eq!(peer.hear(r#"{"type":8,"sequenceId":1}␞{"type":6}␞"#), NOTHING);
    assert_eq!(peer.hear(r#"{"type":9,"sequenceId":2}␞"#), NOTHING);
    assert_eq!(peer.hear(&CALL.repeat(2)), NOTHING, "2 and 3, again");
    assert_eq!(peer.hear(CALL), ["event M()"]);
    // Its word of 3 may have been lost: it is told again.
    assert_eq!(peer.wait(1_000), ack(1_000, 4));
}

#[test]
fn an_acknowledgement_that_was_lost_is_given_again() {
    let mut peer = may_come_back();
    peer.hear(&CALL.repeat(2));
    peer.wait(1_000);
    peer.resumed(1);
    assert_eq!(peer.hear(&format!("{}{}", r#"{"type":9,"sequenceId":1}␞"#, CALL.repeat(2))), NOTHING);
    assert_eq!(peer.wait(1_000), ack(1_000, 2));
}

#[test]
fn a_gap_ends_it() {
    for from in [0, 4, u64::MAX] {
        let mut peer = may_come_back_with(detailed());
        peer.hear(&CALL.repeat(2));
        peer.resumed(1);
        let error = "Sequence ID greater than amount of messages we've received.";
        assert_eq!(
            peer.hear(&format!(r#"{{"type":9,"sequenceId":{from}}}␞{CALL}"#)),
            [format!("close (protocol error) {error}")]
        );
        assert_eq!(
            peer.goodbye(Reason::ProtocolError),
            [format!(
                r#"{{"type":7,"error":"Connection closed with an error. InvalidDataException: {error}","allowReconnect":true}}␞"#
            )]
        );
    }
    let mut peer = may_come_back();
    peer.hear(&CALL.repeat(2));
    peer.resumed(1);
    assert_eq!(peer.hear(&format!(r#"{{"type":9,"sequenceId":3}}␞{CALL}"#)), ["event M()"], "it held all");
}

#[test]
fn half_a_message_does_not_go_on_elsewhere() {
    let mut peer = may_come_back();
    let (half, rest) = CALL.split_at(12);
    assert_eq!(peer.hear(half), NOTHING);
    peer.resumed(1);
    assert_eq!(peer.hear(&format!(r#"{{"type":9,"sequenceId":1}}␞{half}"#)), NOTHING);
    assert_eq!(peer.hear(rest), ["event M()"]);
}

#[test]
fn a_goodbye_counts_even_before_it_says_where_it_begins() {
    let mut peer = may_come_back();
    peer.resumed(1);
    assert_eq!(peer.hear(r#"{"type":7}␞"#), ["close (client closed) the client closed"]);
}

#[test]
fn who_is_back_lives() {
    let mut peer = may_come_back();
    peer.hear(r#"{"type":6}␞"#);
    assert!(peer.wait(29_000).iter().all(|(_, said)| said[0].starts_with("pass ")));
    peer.resumed(1);
    let said = peer.wait(30_000);
    let closed = said.iter().find(|(_, said)| said[0].starts_with("close")).expect("it is silent again");
    assert_eq!(closed.0, 30_000, "counted from the time that it was back");
}

#[test]
fn what_is_said_by_the_way_has_no_number() {
    /// Of each message, whether it is retained.
    #[derive(Default)]
    struct Retained(Vec<bool>);
    impl crate::seam::Outbox for Retained {
        fn message(&mut self, _kind: Kind, _hint: usize, _write: &mut dyn FnMut(&mut Vec<u8>)) {
            self.0.push(true);
        }
        fn passing(&mut self, _kind: Kind, _hint: usize, _write: &mut dyn FnMut(&mut Vec<u8>)) {
            self.0.push(false);
        }
    }
    let mut peer = may_come_back();
    let mut retained = Retained::default();
    for item in [
        emit("M", Payload::empty(), None),
        reply(1, Outcome::Ended),
        Item::StreamItem { token: Token::Number(1), payload: args("1") },
        Item::Wire { bytes: Bytes::from_static(b"{\"type\":3,\"invocationId\":\"1\"}\x1e"), text: true },
    ] {
        peer.machine.encode(&Entry { slot: 0, item }, &mut retained);
    }
    peer.machine.resumed(Time(peer.now), 1, &mut retained);
    peer.machine.goodbye(Reason::Shutdown, &mut retained);
    assert_eq!(retained.0, [true, true, true, true, false, false]);
}
