//! A sketch of Engine.IO's upgrade: one session that polls, and moves to a WebSocket while messages are on their way.
//!
//! Until the client says `5` the polls are what counts: what the server sends waits for the next poll, in the mailbox
//! as long as there is none. Nothing may be lost or doubled, however the two carriers interleave.

mod client;
mod server;

use std::time::Duration;

use everywire_protocols::protocol::Raw;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Input, Lane, LaneKind, Output, Outputs, Session};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, SessionCase};
use everywire_testkit::rig::{Rig, Said};
use http::StatusCode;

use self::client::Client;
use self::server::{EngineIo, respond};

/// Between packets of one body.
const SEPARATOR: char = '\u{1e}';

fn rig() -> Rig<Client> {
    Rig::new(Client::default(), Box::new(EngineIo::default()), Box::new(Raw))
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

#[test]
fn nothing_is_lost_or_doubled_by_an_upgrade() {
    // How often the move had not come yet when the n-th message was sent.
    let mut before_move = [0; 40];
    let mut moved = 0;
    for seed in 0..2000 {
        let mut random = Random::new(seed);
        let mut rig = rig();
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
            continue;
        }
        assert_eq!(rig.delivered, numbered("server", 40), "seed {seed}");
        assert_eq!(rig.server.heard, numbered("client", 40), "seed {seed}");
        assert_eq!(rig.server.session.direct().is_some(), rig.client.upgraded, "seed {seed}");
        moved += usize::from(rig.client.upgraded);
    }
    // Time passes by chance, so an upgrade may take too long; most do not, and they come between the messages.
    assert!(moved > 1500, "{moved} upgrades");
    assert!(before_move[0] > 1000 && before_move[39] < 300, "{before_move:?}");
}

#[test]
fn an_upgrade_that_fails_changes_nothing() {
    let mut failed = 0;
    for seed in 0..500 {
        let mut random = Random::new(seed);
        let mut rig = rig();
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
        assert!(all || rig.client.gone, "seed {seed}: {delivered:?} {heard:?}");
        failed += usize::from(all && !rig.client.upgraded);
    }
    assert!(failed > 250, "{failed} upgrades failed");
}

#[test]
fn without_a_poll_messages_wait_in_the_mailbox() {
    let head = http::Request::new(());
    let mut session = EngineIo::default();
    let mut out = Outputs::new();
    session.input(Time(0), Input::LaneOpened { lane: Lane(0), kind: LaneKind::Poll, head: &head }, &mut out);
    assert!(matches!(out[..], [Output::Opened(_), Output::Indirect, Output::Hold, Output::Respond { .. }]));
    out.clear();
    session.input(Time(0), Input::LaneOpened { lane: Lane(1), kind: LaneKind::Poll, head: &head }, &mut out);
    assert_eq!(out[..], [Output::Release]);
    out.clear();
    session.input(Time(0), Input::Send { message: Message::Text("a"), offset: None, retain: true }, &mut out);
    session.input(Time(0), Input::Send { message: Message::Text("b"), offset: None, retain: true }, &mut out);
    session.input(Time(0), Input::Drained, &mut out);
    assert_eq!(out[..], [respond(Lane(1), StatusCode::OK, "4a\u{1e}4b"), Output::Hold]);
}

#[test]
fn keeps_the_laws_of_a_session() {
    let head = || http::Request::new(());
    laws::session(&SessionCase {
        make: Box::new(|| Box::new(EngineIo::default())),
        first: (LaneKind::Poll, head()),
        more: vec![(LaneKind::Poll, head()), (LaneKind::Post, head()), (LaneKind::WebSocket, head())],
        messages: ["2probe", "5", "4hello", "4a\u{1e}4b", "1", "nonsense"]
            .map(|text| Said::Text(text.into()))
            .into(),
    });
}
