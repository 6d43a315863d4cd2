//! Engine.IO's client and server, over a network that a test owns: polls, WebSockets, and above all the upgrade, while
//! messages are on their way.
//!
//! Until the client says `5` the polls are what counts: what the server sends waits for the next poll, in the mailbox
//! as long as there is none. Nothing may be lost or doubled, however the two carriers interleave.

mod client;
mod socketio;

use std::sync::Arc;
use std::time::Duration;

use everywire_protocols::protocol::Raw;
use everywire_protocols::session::{EngineIo, EngineIoClientOptions, EngineIoOptions, LaneKind};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, SessionCase};
use everywire_testkit::rig::{Rig, Said};

use self::client::Client;

const REVISION_4: EngineIoClientOptions =
    EngineIoClientOptions { eio3: false, websocket: false, upgrade: true, base64: false };
const REVISION_3: EngineIoClientOptions = EngineIoClientOptions { eio3: true, ..REVISION_4 };

fn session() -> EngineIo {
    let options = EngineIoOptions { allow_eio3: true, jsonp: true, ..EngineIoOptions::default() };
    EngineIo::new(Arc::new(options), "lv_VI97HAXpY6yYWAAAC".into())
}

fn rig(options: EngineIoClientOptions) -> Rig<Client> {
    Rig::new(Client::new(options), Box::new(session()), Box::new(Raw))
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

/// Plays one story for each seed, in which each side sends 40 messages. Gives back how many clients moved, and how often
/// the move had not come yet when the n-th message was sent.
fn converse(options: EngineIoClientOptions, seeds: u64) -> (usize, [usize; 40]) {
    let mut before_move = [0; 40];
    let mut moved = 0;
    for seed in 0..seeds {
        let mut random = Random::new(seed);
        let mut rig = rig(options);
        let (mut emitted, mut said) = (0, 0);
        while emitted < 40 || said < 40 {
            if emitted < 40 && random.chance(30) {
                rig.emit(&format!("server {emitted}"));
                emitted += 1;
                before_move[emitted - 1] += usize::from(!rig.client.upgraded);
            }
            if said < 40 && random.chance(30) {
                rig.say(&format!("client {said}"));
                said += 1;
            }
            for _ in 0..random.below(6) {
                rig.step(&mut random);
            }
        }
        rig.settle(&mut random, Duration::from_secs(1));
        if rig.client.gone {
            // The server gave the WebSocket up before it heard `5`: to the client the connection is lost.
            assert!(rig.client.upgraded, "seed {seed}");
            continue;
        }
        assert_eq!(rig.delivered, numbered("server", 40), "seed {seed}");
        assert_eq!(rig.server.heard, numbered("client", 40), "seed {seed}");
        let websocket = rig.client.upgraded || options.websocket;
        assert_eq!(rig.server.session.direct().is_some(), websocket, "seed {seed}");
        moved += usize::from(rig.client.upgraded);
    }
    (moved, before_move)
}

#[test]
fn nothing_is_lost_or_doubled_by_an_upgrade() {
    for options in [REVISION_4, REVISION_3] {
        let (moved, before_move) = converse(options, 2000);
        // Time passes by chance, so an upgrade may take too long; most do not, and they come between the messages.
        assert!(moved > 1500, "{moved} upgrades");
        assert!(before_move[0] > 1000 && before_move[39] < 300, "{before_move:?}");
    }
}

#[test]
fn nothing_is_lost_or_doubled_by_polls_or_a_websocket() {
    for options in [REVISION_4, REVISION_3] {
        let polling = EngineIoClientOptions { upgrade: false, ..options };
        let websocket = EngineIoClientOptions { websocket: true, ..options };
        for options in [polling, websocket] {
            assert_eq!(converse(options, 300).0, 0, "{options:?}");
        }
    }
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    for options in [REVISION_4, REVISION_3] {
        let mut failed = 0;
        for seed in 0..500 {
            let mut random = Random::new(seed);
            let mut rig = rig(options);
            for i in 0..20 {
                rig.emit(&format!("server {i}"));
                rig.say(&format!("client {i}"));
                for _ in 0..random.below(8) {
                    rig.step(&mut random);
                }
                let probing =
                    rig.client.websocket.filter(|lane| !rig.client.upgraded && rig.lanes().contains(lane));
                if let Some(lane) = probing {
                    rig.cut(lane);
                }
            }
            rig.settle(&mut random, Duration::from_secs(1));
            let (delivered, heard) = (&rig.delivered, &rig.server.heard);
            assert!(numbered("server", 20).starts_with(delivered), "seed {seed}: {delivered:?}");
            assert!(numbered("client", 20).starts_with(heard), "seed {seed}: {heard:?}");
            let all = delivered.len() == 20 && heard.len() == 20;
            assert!(all || rig.client.gone && rig.client.upgraded, "seed {seed}: {delivered:?} {heard:?}");
            failed += usize::from(all && !rig.client.upgraded);
        }
        assert!(failed > 250, "{failed} upgrades failed");
    }
}

#[test]
fn an_hour_of_silence() {
    for options in [REVISION_4, REVISION_3] {
        let polling = EngineIoClientOptions { upgrade: false, ..options };
        let websocket = EngineIoClientOptions { websocket: true, ..options };
        for options in [options, polling, websocket] {
            for seed in 0..20 {
                let mut random = Random::new(seed);
                let mut rig = rig(options);
                rig.settle(&mut random, Duration::from_secs(3600));
                rig.emit("server 0");
                rig.say("client 0");
                rig.settle(&mut random, Duration::from_secs(1));
                assert!(!rig.client.gone, "{options:?}, seed {seed}");
                assert_eq!(rig.delivered, ["server 0"], "{options:?}, seed {seed}");
                assert_eq!(rig.server.heard, ["client 0"], "{options:?}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_lane_that_is_cut_ends_both() {
    for options in [REVISION_4, REVISION_3] {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut rig = rig(options);
            rig.settle(&mut random, Duration::from_secs(60));
            for i in 0..10 {
                rig.emit(&format!("server {i}"));
                rig.say(&format!("client {i}"));
                for _ in 0..random.below(4) {
                    rig.step(&mut random);
                }
            }
            rig.lanes().into_iter().for_each(|lane| rig.cut(lane));
            rig.settle(&mut random, Duration::from_secs(60));
            assert!(rig.client.gone && rig.server.session.closed().is_some(), "seed {seed}");
            assert!(numbered("server", 10).starts_with(&rig.delivered), "seed {seed}: {:?}", rig.delivered);
            assert!(numbered("client", 10).starts_with(&rig.server.heard), "seed {seed}");
        }
    }
}

#[test]
fn keeps_the_laws_of_a_session() {
    let head = |query: &str| {
        http::Request::builder().uri(format!("/?{query}")).body(()).expect("a query of plain characters")
    };
    let messages = [
        "2probe",
        "5",
        "4hello",
        "4a\u{1e}4b",
        "3",
        "2",
        "1",
        "1:2",
        "1:3",
        "1:1",
        "6:4hello2:4a",
        "6:b4AQID",
        "bAQID",
        "d=4a%1E4b",
        "nonsense",
        "",
    ];
    for query in ["EIO=4", "EIO=3", "EIO=4&j=0", "EIO=3&b64=1"] {
        for first in [LaneKind::Poll, LaneKind::WebSocket] {
            let good = [LaneKind::Poll, LaneKind::Poll, LaneKind::Post, LaneKind::Post, LaneKind::WebSocket];
            let mut more: Vec<_> = good.map(|kind| (kind, head(query))).into();
            more.push((LaneKind::Poll, head("EIO=5")));
            more.push((LaneKind::WebSocket, head("EIO=5")));
            laws::session(&SessionCase {
                make: Box::new(|| Box::new(session())),
                first: (first, head(query)),
                more,
                messages: messages.map(|text| Said::Text(text.into())).into(),
            });
        }
    }
}
