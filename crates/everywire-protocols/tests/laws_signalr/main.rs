//! A sketch of SignalR's stateful reconnect: what is sent is kept until it is acknowledged, and sent again on a new lane.
//!
//! The session counts and keeps, and never looks into a message; what is counted, the acknowledgements and the
//! message that opens a replay are the protocol's. Beyond a bound the session holds back, and what is sent then
//! waits in the mailbox.
//!
//! On the wire: `1:text` is counted, `8:n` acknowledges up to n, `9:n` says that the next counted one is number n.

mod client;
mod protocol;
mod session;

use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::seam::Time;
use everywire_protocols::session::{Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, ProtocolCase, SessionCase};
use everywire_testkit::rig::{Rig, Said};

use self::client::Client;
use self::protocol::{Counter, Counting};
use self::session::Stateful;

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

#[test]
fn nothing_is_lost_or_doubled_however_often_the_lane_is_cut() {
    let mut reconnects = 0;
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let mut rig = Rig::new(Client::new(), Box::new(Stateful::new()), Box::new(Counting(Counter::new())));
        for i in 0..30 {
            rig.emit(&format!("server {i}"));
            rig.say(&format!("client {i}"));
            for _ in 0..random.below(8) {
                rig.step(&mut random);
            }
            if random.chance(15) {
                let lanes = rig.lanes();
                if !lanes.is_empty() {
                    rig.cut(random.pick(&lanes));
                }
            }
        }
        // Six messages fill the session, and a second passes before they are acknowledged.
        rig.settle(&mut random, Duration::from_secs(10));
        assert_eq!(rig.delivered, numbered("server", 30), "seed {seed}");
        assert_eq!(rig.server.heard, numbered("client", 30), "seed {seed}");
        assert_eq!(rig.server.mailbox.len(), 0, "seed {seed}");
        reconnects += rig.client.reconnects;
    }
    assert!(reconnects > 2000, "{reconnects} reconnects");
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_waits_in_the_mailbox() {
    let mut random = Random::new(1);
    let mut rig = Rig::new(Client::new(), Box::new(Stateful::new()), Box::new(Counting(Counter::new())));
    rig.settle(&mut random, Duration::ZERO);
    let lane = rig.lanes()[0];
    for i in 0..30 {
        rig.emit(&format!("server {i}"));
    }
    // Nothing is acknowledged before a second has passed: the session takes what makes it full, and no more.
    rig.settle(&mut random, Duration::from_millis(500));
    let taken = rig.delivered.len();
    assert_eq!(taken + rig.server.mailbox.len(), 30);
    // Each is `1:server n`, ten or eleven bytes, and up to three are in the driver's hands at once.
    assert!((6..=9).contains(&taken), "{taken} were sent");
    // Without a lane it takes nothing, although it is told what the client holds.
    rig.cut(lane);
    rig.settle(&mut random, Duration::from_secs(30));
    assert_eq!(rig.delivered, numbered("server", 30));
    assert_eq!(rig.server.session.closed(), None);
}

#[test]
fn a_client_that_stays_away_is_given_up() {
    let mut session = Stateful::new();
    let head = http::Request::new(());
    let lane = Lane(0);
    let mut step = |at, input| {
        let mut out = Outputs::new();
        session.input(Time(at), input, &mut out);
        let closed = out.iter().find_map(|output| match output {
            Output::Closed(reason) => Some(*reason),
            _ => None,
        });
        (closed, session.deadline())
    };
    assert_eq!(step(0, Input::LaneOpened { lane, kind: LaneKind::WebSocket, head: &head }), (None, None));
    let deadline = Some(Time(16_000));
    assert_eq!(step(1000, Input::LaneClosed { lane, how: LaneEnd::Aborted }), (None, deadline));
    assert_eq!(step(15_999, Input::Tick), (None, deadline));
    assert_eq!(step(16_000, Input::Tick), (Some(Reason::Lost), None));
}

#[test]
fn keeps_the_laws_of_session_and_protocol() {
    let head = || http::Request::new(());
    let messages =
        || ["1:hello", "8:1", "8:99", "9:1", "9:7", "nonsense"].map(|text| Said::Text(text.into())).into();
    laws::session(&SessionCase {
        make: Box::new(|| Box::new(Stateful::new())),
        first: (LaneKind::WebSocket, head()),
        more: vec![(LaneKind::WebSocket, head())],
        messages: messages(),
    });
    laws::protocol(&ProtocolCase {
        make: Box::new(|| Box::new(Counting(Counter::new()))),
        messages: messages(),
    });
}
