//! SignalR, both sides: calls go both ways and are answered on each transport, and where a client may come back, nothing is
//! lost, doubled or out of order however often its WebSocket breaks.

mod client;

use std::time::Duration;

use everywire_protocols::protocol::signalr::Encoding;
use everywire_protocols::protocol::{SignalR, SignalROptions};
use everywire_protocols::session::{
    LaneKind, Negotiated, Session, SignalRConnectionOptions, SignalREndpoint,
};
use everywire_testkit::Random;
use everywire_testkit::rig::Rig;

use self::client::{Client, length_of_a_call};

/// How much is kept for a client: less than it is sent.
const BOUND: usize = 300;

fn session(stateful: bool) -> Box<dyn Session> {
    let options = SignalRConnectionOptions {
        stateful_reconnect: true,
        buffer_bytes: BOUND,
        ..SignalRConnectionOptions::default()
    };
    let query =
        if stateful { "?negotiateVersion=1&useStatefulReconnect=true" } else { "?negotiateVersion=1" };
    let head = http::Request::post(format!("/h/negotiate{query}")).body(()).expect("a path is a URI");
    match SignalREndpoint::new(options).negotiate(&head, ([7; 15], [7; 16])) {
        Negotiated::Reserve { session, resumes, .. } if resumes == stateful => session,
        other => panic!("{other:?}"),
    }
}

/// How a client is carried, and what it speaks. (What is posted to the rig, and polled, is text.)
const WAYS: [(LaneKind, Encoding); 4] = [
    (LaneKind::WebSocket, Encoding::Json),
    (LaneKind::WebSocket, Encoding::MsgPack),
    (LaneKind::Stream, Encoding::Json),
    (LaneKind::Poll, Encoding::Json),
];

fn rig((transport, encoding): (LaneKind, Encoding), stateful: bool) -> Rig<Client> {
    let protocol = SignalR::new(SignalROptions::default().into(), "/h".into(), None);
    Rig::new(Client::new(transport, encoding, stateful), session(stateful), Box::new(protocol))
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

/// Each second call of the client's is answered by what it said.
fn answers(count: usize) -> Vec<(String, String)> {
    (0..count).step_by(2).map(|i| (i.to_string(), format!("client {i}"))).collect()
}

/// Nobody is gone, and both have heard all.
fn assert_whole(rig: &Rig<Client>, count: usize, seed: u64) {
    assert_eq!((&rig.client.gone, rig.server.session.closed()), (&None, None), "seed {seed}");
    assert_eq!(rig.delivered, numbered("server", count), "seed {seed}");
    assert_eq!(rig.server.heard, numbered("client", count), "seed {seed}");
    assert_eq!(rig.client.answers, answers(count), "seed {seed}");
    assert_eq!(rig.server.mailbox.len(), 0, "seed {seed}");
}

#[test]
fn calls_go_both_ways_on_each_transport() {
    for way in WAYS {
        for stateful in [false, true] {
            for seed in 0..300 {
                let mut random = Random::new(seed);
                // What the other transports make of it: nothing.
                let mut rig = rig(way, stateful);
                let (mut emitted, mut said) = (0, 0);
                while emitted < 30 || said < 30 {
                    // The application has nobody to emit to before the client is in.
                    if emitted < 30 && rig.client.open && random.chance(30) {
                        rig.emit(&format!("server {emitted}"));
                        emitted += 1;
                    }
                    if said < 30 && random.chance(30) {
                        rig.say(&format!("client {said}"));
                        said += 1;
                    }
                    for _ in 0..random.below(6) {
                        rig.step(&mut random);
                    }
                }
                rig.settle(&mut random, Duration::from_secs(600));
                assert_whole(&rig, 30, seed);
            }
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_however_often_the_websocket_is_cut() {
    let mut reconnects = 0;
    for seed in 0..1000 {
        let mut random = Random::new(seed);
        let mut rig = rig((LaneKind::WebSocket, Encoding::ALL[seed as usize % 2]), true);
        while !rig.client.open {
            rig.step(&mut random);
        }
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
        // A few calls fill the session, and a second passes before they are acknowledged; and here a server may take its
        // time before it looks into the mailbox.
        rig.settle(&mut random, Duration::from_secs(600));
        assert_whole(&rig, 30, seed);
        assert_eq!(rig.client.kept_bytes(), 0, "seed {seed}: all is acknowledged");
        reconnects += rig.client.reconnects;
    }
    assert!(reconnects > 2000, "{reconnects} reconnects");
}

#[test]
fn what_is_kept_is_bounded_and_the_rest_waits_in_the_mailbox() {
    for encoding in Encoding::ALL {
        let mut random = Random::new(1);
        let mut rig = rig((LaneKind::WebSocket, encoding), true);
        while !rig.client.open {
            rig.step(&mut random);
        }
        rig.settle(&mut random, Duration::ZERO);
        let lane = rig.lanes()[0];
        for i in 0..30 {
            rig.emit(&format!("server {i}"));
        }
        // Nothing is acknowledged: the session takes what makes it full, and no more. Up to three are in the driver's hands at
        // once.
        rig.client.silent = true;
        rig.settle(&mut random, Duration::from_secs(5));
        let taken = rig.delivered.len();
        assert_eq!(taken + rig.server.mailbox.len(), 30);
        let full = BOUND / length_of_a_call(encoding) + 1;
        assert!((full..=full + 3).contains(&taken), "{taken} were sent, {full} make it full");
        rig.client.silent = false;
        // Without a lane it takes nothing, although it is told what the client holds.
        rig.cut(lane);
        rig.settle(&mut random, Duration::from_secs(600));
        assert_eq!(rig.delivered, numbered("server", 30));
        assert_eq!(rig.server.session.closed(), None);
    }
}

#[test]
fn an_hour_of_silence() {
    for way in WAYS {
        for stateful in [false, true] {
            for seed in 0..20 {
                let mut random = Random::new(seed);
                let mut rig = rig(way, stateful);
                rig.settle(&mut random, Duration::from_secs(3600));
                rig.emit("server 0");
                rig.say("client 0");
                rig.settle(&mut random, Duration::from_secs(5));
                assert_whole(&rig, 1, seed);
            }
        }
    }
}

#[test]
fn without_a_way_back_a_cut_ends_both() {
    for way in WAYS {
        for seed in 0..200 {
            let mut random = Random::new(seed);
            let mut rig = rig(way, false);
            while !rig.client.open {
                rig.step(&mut random);
            }
            for i in 0..10 {
                rig.emit(&format!("server {i}"));
                rig.say(&format!("client {i}"));
                for _ in 0..random.below(4) {
                    rig.step(&mut random);
                }
            }
            rig.lanes().into_iter().for_each(|lane| rig.cut(lane));
            rig.settle(&mut random, Duration::from_secs(120));
            assert!(rig.client.gone.is_some() && rig.server.session.closed().is_some(), "seed {seed}");
            assert!(numbered("server", 10).starts_with(&rig.delivered), "seed {seed}: {:?}", rig.delivered);
            assert!(numbered("client", 10).starts_with(&rig.server.heard), "seed {seed}");
        }
    }
}
