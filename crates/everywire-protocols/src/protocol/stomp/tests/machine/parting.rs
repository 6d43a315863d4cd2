//! How it ends: by a DISCONNECT, or in the server's words.

use super::*;

const CLOSE: &str = "close (client closed) the client has said goodbye";

#[test]
fn a_goodbye_is_answered_and_waited_for() {
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        assert_eq!(peer.hear("DISCONNECT\nreceipt:77\n\n␀"), ["task nothing goodbye #77"]);
        assert_eq!(peer.wait(1_000), []);
        assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:77\n\n␀"]);
        // The client closes its socket; if not, we do.
        assert_eq!(peer.wait(5_000), [(2_000, vec![CLOSE.to_owned()])]);
        assert_eq!((peer.machine.deadline(), peer.goodbye(Reason::ClientClosed)), (None, vec![]));
    }
    let mut peer = Peer::open(Version::V1_2);
    assert_eq!(peer.hear("DISCONNECT\n\n␀"), ["task nothing goodbye"]);
    assert_eq!(peer.done(), NOTHING);
    // Who wants no answer is not waited for.
    assert_eq!(peer.wait(5_000), [(0, vec![CLOSE.to_owned()])]);
    // Nor when that was long in coming.
    let mut peer = Peer::open(Version::V1_2);
    peer.hear("DISCONNECT\n\n␀");
    assert_eq!((peer.wait(60_000), peer.done()), (vec![], vec![]));
    assert_eq!(peer.wait(5_000), [(0, vec![CLOSE.to_owned()])]);
}

#[test]
fn what_came_before_it_is_done_first() {
    let mut peer = Peer::silent();
    peer.hear("CONNECT\naccept-version:1.2\nheart-beat:0,3000\n\n␀");
    peer.enter(None);
    peer.hear("SEND\ndestination:/app/slow\nreceipt:1\n\n␀DISCONNECT\nreceipt:2\n\n␀");
    // A handler takes its time: nothing is over, and the client hears that we live.
    let waited = peer.wait(60_500);
    assert!(waited.iter().all(|(_, said)| said == &["pulse"]), "{waited:?}");
    assert_eq!(waited.len(), 7, "each 8 s");
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:2\n\n␀"]);
    assert_eq!(peer.wait(5_000), [(2_000, vec![CLOSE.to_owned()])]);
}

#[test]
fn what_comes_behind_it_does_not_count() {
    let mut peer = Peer::open(Version::V1_2);
    peer.subscribe("a", "/topic/a");
    let goodbye = "DISCONNECT\n\n␀SEND\ndestination:/topic/a\n\n␀CONNECT\n\n␀what\never\n";
    assert_eq!(peer.hear(goodbye), ["task nothing goodbye"]);
    assert_eq!(peer.hear("\n␀SEND\n\n␀"), NOTHING);
    // What is on its way to the client comes.
    let said = |peer: &mut Peer, seq| {
        let broadcast = broadcast(seq, &["a"], "1");
        peer.say(Item::Broadcast { broadcast, meta: true }).len()
    };
    assert_eq!(said(&mut peer, 1), 1);
    // But not behind its answer.
    assert_eq!(peer.done(), NOTHING);
    assert_eq!(said(&mut peer, 2), 0);
    assert_eq!(peer.goodbye(Reason::ClientClosed), NOTHING);
    // A goodbye may come before the application has let the client in.
    let mut peer = Peer::silent();
    peer.hear("CONNECT\n\n␀");
    assert_eq!(peer.hear("DISCONNECT\nreceipt:1\n\n␀"), ["task nothing goodbye #1"]);
    assert_eq!(peer.enter(None).len(), 1);
    assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\n␀"), NOTHING);
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
}

#[test]
fn nobody_is_told_off_on_the_way_out() {
    for version in Version::ALL {
        let mut peer = Peer::open(version);
        assert_eq!(peer.hear("DISCONNECT\nreceipt:1\ntransaction:none\n\nbye␀"), ["task nothing goodbye #1"]);
    }
}

#[test]
fn the_server_s_own() {
    for reason in Reason::ALL {
        let text = match reason {
            // None of the client's doing.
            Reason::Shutdown
            | Reason::ServerClosed
            | Reason::ClientClosed
            | Reason::ClientLeft
            | Reason::Lost => None,
            Reason::SlowConsumer => {
                Some("more waited for the client than may: it reads too slowly, or unsubscribes too little")
            }
            Reason::Overloaded => {
                Some("frames came faster than they are handled: send fewer, or wait for receipts")
            }
            Reason::Unauthenticated => {
                Some("who the client is holds no longer: connect again with new credentials")
            }
            Reason::IdleTimeout => Some("nothing was heard of the client for too long"),
            Reason::TooLarge => Some("a message is longer than may be"),
            Reason::InvalidText => Some("a text message is not UTF-8"),
            Reason::Internal => Some("something broke in the server"),
            _ => Some("the connection ends"),
        };
        let expected: Vec<String> = text
            .iter()
            .map(|text| {
                let length = text.len();
                format!(
                    "ERROR\nmessage:{reason}\ncontent-type:text/plain;charset=utf-8\ncontent-length:{length}\n\n{text}␀"
                )
            })
            .collect();
        for version in Version::ALL {
            let mut peer = Peer::open(version);
            assert_eq!(peer.goodbye(reason), expected);
            assert_eq!(peer.goodbye(reason), NOTHING, "once");
            assert_eq!((peer.hear("SEND\n\n␀"), peer.machine.deadline()), (vec![], None));
        }
        // Before CONNECT, too; not when there is nobody yet.
        assert_eq!(Peer::silent().goodbye(reason), expected);
        let mut machine = Stomp::new(Arc::default(), NAMESPACE.into());
        machine.goodbye(reason, &mut |_: Kind, _: &[u8]| panic!("nobody hears it"));
    }
}

#[test]
fn nothing_is_said_behind_an_error() {
    let all = |peer: &mut Peer| {
        let payload = || Payload::text("hi");
        let job = everywire_core::hub::QueueMessage {
            event: "job".into(),
            payload: payload(),
            from: None,
            user: None,
            time: 1,
            original: None,
        };
        let receipt = Awaited { what: What::Task, receipt: Some("late") }.token();
        let mut said = Vec::new();
        for item in [
            Item::Broadcast { broadcast: broadcast(9, &["a"], "late"), meta: true },
            Item::Emit {
                event: "errors".into(),
                payload: payload(),
                ack: None,
                class: Class::Event,
                compress: true,
            },
            Item::Reply { token: receipt, outcome: Outcome::Done(Payload::empty()) },
            Item::Delivery { consumer: 2, delivery: 1, redelivered: false, message: job.into() },
            Item::Left,
        ] {
            said.extend(peer.say(item));
        }
        peer.machine.heads().expect("heads").heads(&broadcast(10, &["a"], "late"), &mut |head| {
            said.push(spell_message(Kind::Text, head));
        });
        said
    };
    let open = || {
        let mut peer = Peer::open(Version::V1_2);
        peer.subscribe("a", "/topic/a");
        peer.subscribe("q", "/queue/q");
        peer.subscribe("e", "/user/queue/errors");
        peer
    };
    assert_eq!(all(&mut open()).len(), 5, "otherwise each is");
    // In the server's last words.
    let mut peer = open();
    assert_eq!(peer.goodbye(Reason::Internal).len(), 1);
    assert_eq!(all(&mut peer), NOTHING);
    // For a task that ends it.
    let mut peer = open();
    peer.hear("SEND\ndestination:/topic/b\nreceipt:1\n\n␀");
    assert_eq!(peer.answer(Failure { ends: true, ..Failure::new(1, "no") }).len(), 1);
    assert_eq!(all(&mut peer), NOTHING);
    // For a fault in a frame: what waited before it comes, and it comes in its place.
    let mut peer = open();
    peer.hear("SEND\ndestination:/topic/b\nreceipt:1\n\n␀");
    let heard = peer.hear("HELLO\n\n␀");
    let error = heard[0].strip_prefix("send ").expect("an ERROR").replace('␀', "\0");
    let early = peer.say(Item::Broadcast { broadcast: broadcast(8, &["a"], "early"), meta: true });
    assert_eq!((early.len(), peer.done()), (1, vec!["RECEIPT\nreceipt-id:1\n\n␀".to_owned()]));
    assert_eq!(peer.say(Item::Wire { bytes: error.into_bytes().into(), text: true }).len(), 1);
    assert_eq!(all(&mut peer), NOTHING);
    assert_eq!(peer.goodbye(Reason::ProtocolError), NOTHING);
}
