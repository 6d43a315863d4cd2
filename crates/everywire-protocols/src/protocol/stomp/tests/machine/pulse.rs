//! Heart-beats: what is agreed on, when ours are due, and when a client's silence ends it. Hours of them take no time.

use std::time::Duration;

use super::*;

const HOUR: u64 = 3_600_000;

/// One that is in, behind a CONNECT with this `heart-beat`, and what was said about them.
fn agreed(version: Version, options: StompOptions, heartbeat: &str) -> (Peer, Vec<String>) {
    let mut peer = Peer::silent_with(options, &Facts::default());
    let heard = peer.hear(&format!("CONNECT\naccept-version:{version}\nheart-beat:{heartbeat}\n\n␀"));
    peer.enter(None);
    (peer, heard[1..].to_vec())
}

fn options(ours: u64, theirs: u64) -> StompOptions {
    StompOptions {
        heartbeat: Duration::from_millis(ours),
        client_heartbeat: Duration::from_millis(theirs),
        ..StompOptions::default()
    }
}

fn gone() -> Vec<String> {
    let detail = "nothing came for longer than the heart-beats that were agreed on allow";
    wrong(Reason::IdleTimeout, "Heart-beat timeout", detail, None).into()
}

#[test]
fn what_is_agreed_on() {
    // What the server can and wants; what the client can and wants; from beat to beat, and how long it may be silent.
    for (can, wants, header, ours, theirs) in [
        (10_000, 10_000, "10000,10000", Some(10_000), Some(10_000)),
        (10_000, 10_000, "0,0", None, None),
        (10_000, 10_000, "0,10000", Some(10_000), None),
        (10_000, 10_000, "10000,0", None, Some(10_000)),
        // The slower of both counts, for each direction by itself.
        (10_000, 10_000, "4000,30000", Some(30_000), Some(10_000)),
        (10_000, 10_000, "40000,3000", Some(10_000), Some(40_000)),
        (5_000, 20_000, "15000,15000", Some(15_000), Some(20_000)),
        (10_000, 10_000, " 10000 , 10000 ", Some(10_000), Some(10_000)),
        // Nobody promises or counts on less than a second.
        (1_000, 1_000, "1,1", Some(1_000), Some(1_000)),
        (10, 10, "1,1", Some(1_000), Some(1_000)),
        (0, 10_000, "10000,10000", None, Some(10_000)),
        (10_000, 0, "10000,10000", Some(10_000), None),
        (0, 0, "10000,10000", None, None),
        // A month, and what no machine counts.
        (10_000, 10_000, "99999999999,0", None, Some(u64::from(u32::MAX))),
    ] {
        for version in [Version::V1_1, Version::V1_2] {
            let (mut peer, said) = agreed(version, options(can, wants), header);
            let told = match (ours, theirs) {
                (None, None) => vec![],
                _ => vec![format!("beats {} {}", ours.map_or(0, |ours| ours * 4 / 5), theirs.is_some())],
            };
            assert_eq!(said, told, "{header}");
            let first_of_ours = ours.map(|ours| (ours * 4 / 5, vec!["pulse".to_owned()]));
            let end = theirs.map(|theirs| (theirs * 3, gone()));
            let expected = first_of_ours.into_iter().chain(end).min_by_key(|(at, _)| *at);
            let first = peer.machine.deadline().map(|deadline| deadline.0 - peer.now);
            assert_eq!(first, expected.as_ref().map(|(at, _)| *at), "{header}");
            assert_eq!(peer.wait(first.unwrap_or(HOUR)), Vec::from_iter(expected), "{header}");
        }
        let (mut peer, said) = agreed(Version::V1_0, options(can, wants), header.trim());
        assert_eq!((said, peer.machine.deadline()), (vec![], None), "there are none in 1.0");
        assert_eq!(peer.wait(HOUR), []);
    }
    assert_eq!(Peer::open(Version::V1_2).machine.deadline(), None, "who says nothing about them has none");
}

#[test]
fn ours_go_on_for_as_long_as_the_client_does() {
    let (mut peer, _) = agreed(Version::V1_2, StompOptions::default(), "10000,10000");
    let mut pulses = 0;
    for _ in 0..360 {
        let ticked = peer.wait(10_000);
        assert!(ticked.iter().all(|(_, said)| said == &["pulse"]), "{ticked:?}");
        pulses += ticked.len();
        assert_eq!(peer.hear("\n"), NOTHING, "nobody answers them");
    }
    assert_eq!(pulses, 450, "each 8 s, in an hour");
    // Ours is due whatever else is said: nobody looks at what others write to the socket.
    assert_eq!(peer.wait(29_999).len(), 3);
    assert_eq!(peer.wait(1), [(1, gone())]);
    assert_eq!(peer.hear("\n"), NOTHING);
    assert_eq!(peer.goodbye(Reason::IdleTimeout), NOTHING, "it has been told");
    assert_eq!(peer.machine.deadline(), None);
}

#[test]
fn whatever_comes_shows_that_it_lives() {
    let (mut peer, _) = agreed(Version::V1_1, options(0, 10_000), "10000,0");
    for piece in ["\n", "\r\n", "␀", "S", "END\n", "", "destination:/topic/a\n", "\n", "x"] {
        assert_eq!(peer.wait(29_999), []);
        assert_eq!(peer.hear(piece), NOTHING, "{piece:?}");
    }
    assert_eq!(peer.wait(29_999), []);
    assert_eq!(peer.hear("␀"), ["task publish a message(\"x\")"]);
    assert_eq!(peer.wait(30_000), [(30_000, gone())]);
}

#[test]
fn how_long_a_client_may_be_silent() {
    for (tolerance, until) in [(0, 10_000), (1, 10_000), (2, 20_000), (60, 600_000)] {
        let options = StompOptions { tolerance, ..options(0, 10_000) };
        let (mut peer, _) = agreed(Version::V1_2, options, "5000,0");
        assert_eq!(peer.wait(HOUR), [(until, gone())], "{tolerance}");
    }
}

#[test]
fn who_is_not_listened_to_is_not_silent() {
    let (mut peer, _) = agreed(Version::V1_2, StompOptions::default(), "10000,10000");
    for _ in 0..100 {
        peer.wait(25_000);
        peer.machine.unheard(Time(peer.now));
    }
    // Ours went on all the time.
    assert_eq!(peer.wait(29_999).len(), 4);
    assert_eq!(peer.wait(1), [(1, gone())]);
}

#[test]
fn before_it_is_in_a_client_does_not_beat() {
    let mut peer = Peer::silent();
    let heard = peer.hear("CONNECT\naccept-version:1.2\nheart-beat:1000,1000\n\n␀");
    assert_eq!(heard.len(), 2);
    // The application takes its time to find out who it is.
    assert_eq!(peer.wait(65_250), []);
    peer.enter(None);
    let first = peer.wait(28_000).into_iter().next();
    assert!(
        first.as_ref().is_some_and(|(at, said)| (7_500..=8_000).contains(at) && said == &["pulse"]),
        "{first:?}"
    );
    assert!(peer.machine.deadline().is_some());
    let last = peer.wait(2_000);
    assert!(matches!(&last[..], [(1_500..=2_000, said)] if *said == gone()), "{last:?}");
}
