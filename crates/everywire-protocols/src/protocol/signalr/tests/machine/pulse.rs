//! Pings, and who is taken for gone.

use super::*;

const PING: &str = r#"pass {"type":6}␞"#;
const SILENT: &str = "close (idle timeout) the client has pinged, and is silent";

fn pings(at: &[u64]) -> Vec<(u64, Vec<String>)> {
    at.iter().map(|at| (*at, vec![PING.to_owned()])).collect()
}

#[test]
fn a_ping_each_15_seconds() {
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.wait(50_000), pings(&[15_000, 30_000, 45_000]));
    // What else is said puts none off.
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.wait(14_000), []);
    peer.say(emit("M", Payload::empty(), None));
    assert_eq!(peer.wait(1_000), pings(&[1_000]));
    let mut peer = Peer::open(Encoding::MsgPack);
    assert_eq!(peer.wait(15_000), [(15_000, vec!["pass 029106".to_owned()])]);
}

#[test]
fn how_often_is_an_option() {
    let options = |keep_alive| SignalROptions {
        keep_alive: std::time::Duration::from_millis(keep_alive),
        ..SignalROptions::default()
    };
    let mut peer = Peer::open_with(options(400), &Facts::default(), Encoding::Json);
    assert_eq!(peer.wait(1_000), pings(&[400, 800]));
    // Nothing is due for ever.
    let mut peer = Peer::open_with(options(0), &Facts::default(), Encoding::Json);
    let said = peer.tick();
    assert_eq!(said, [PING]);
    assert!(peer.machine.deadline().is_some_and(|deadline| deadline.0 > peer.now));
}

#[test]
fn a_client_that_has_pinged_has_to_be_heard() {
    let mut peer = Peer::open(Encoding::Json);
    assert_eq!(peer.hear(r#"{"type":6}␞"#), NOTHING);
    let said = peer.wait(60_000);
    assert_eq!(said[..1], pings(&[15_000]));
    assert_eq!(said[1..], [(30_000, vec![SILENT.to_owned()])], "and no ping in the same moment");
    assert_eq!(peer.machine.deadline(), None);
    assert_eq!(
        peer.goodbye(Reason::IdleTimeout),
        [r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}␞"#]
    );
}

#[test]
fn whatever_it_says_counts() {
    let mut peer = Peer::open(Encoding::Json);
    peer.hear(r#"{"type":6}␞"#);
    for said in
        [r#"{"type":6}␞"#, r#"{"type":1,"target":"M","arguments":[]}␞"#, r#"{"type":12}␞"#, r#"{"type":1,"#]
    {
        assert_eq!(peer.wait(29_999).iter().filter(|(_, said)| said[0] != PING).count(), 0, "{said}");
        peer.hear(said);
    }
    let said = peer.wait(30_000);
    assert_eq!(said.last(), Some(&(30_000, vec![SILENT.to_owned()])));
}

#[test]
fn with_detailed_errors_it_says_why() {
    let options = SignalROptions { client_timeout: std::time::Duration::from_millis(700), ..detailed() };
    let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
    peer.hear(r#"{"type":6}␞"#);
    assert_eq!(peer.wait(2_000), [(700, vec![SILENT.to_owned()])]);
    assert_eq!(
        peer.goodbye(Reason::IdleTimeout),
        [concat!(
            r#"{"type":7,"error":"Connection closed with an error. OperationCanceledException: Client hasn't sent "#,
            r#"a message/ping within the configured ClientTimeoutInterval.","allowReconnect":true}␞"#
        )]
    );
}

#[test]
fn a_client_that_never_pings_is_never_given_up() {
    let mut peer = Peer::open(Encoding::Json);
    peer.hear(r#"{"type":1,"target":"M","arguments":[]}␞"#);
    let said = peer.wait(3_600_000);
    assert_eq!(said.len(), 240);
    assert!(said.iter().all(|(_, said)| *said == [PING]));
}

#[test]
fn a_client_that_polls_is_neither_pinged_nor_given_up() {
    let polls = Facts { polls: true, ..Facts::default() };
    let mut peer = Peer::open_with(SignalROptions::default(), &polls, Encoding::Json);
    assert_eq!(peer.machine.deadline(), None);
    assert_eq!(peer.hear(r#"{"type":6}␞"#), NOTHING);
    assert_eq!(peer.machine.deadline(), None);
    assert_eq!(peer.wait(3_600_000), []);
    // Whoever ticks it all the same does no harm.
    assert_eq!(peer.tick(), NOTHING);
}
