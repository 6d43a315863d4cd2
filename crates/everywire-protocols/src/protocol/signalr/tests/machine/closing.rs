//! The last message: the sheet's section 6.4.

use super::*;

const PLAIN: &str = r#"{"type":7}␞"#;
const COME_BACK: &str = r#"{"type":7,"allowReconnect":true}␞"#;
const ERROR: &str = r#"{"type":7,"error":"Connection closed with an error."}␞"#;
const ERROR_COME_BACK: &str =
    r#"{"type":7,"error":"Connection closed with an error.","allowReconnect":true}␞"#;

fn expected(reason: Reason) -> &'static str {
    match reason {
        Reason::ClientClosed | Reason::ClientLeft | Reason::ServerClosed => PLAIN,
        Reason::Shutdown | Reason::Unauthenticated => COME_BACK,
        Reason::Refused => ERROR,
        Reason::Lost
        | Reason::ProtocolError
        | Reason::InvalidText
        | Reason::Unsupported
        | Reason::TooLarge
        | Reason::SlowConsumer
        | Reason::Overloaded
        | Reason::IdleTimeout
        | Reason::HandshakeTimeout
        | Reason::WriteTimeout
        | Reason::Internal => ERROR_COME_BACK,
        other => panic!("a reason that the sheet does not have yet: {other:?}"),
    }
}

#[test]
fn each_reason_has_its_goodbye() {
    for reason in Reason::ALL {
        // There is no detail to show.
        for options in [SignalROptions::default(), detailed()] {
            let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
            assert_eq!(peer.goodbye(reason), [expected(reason)], "{reason}");
            assert_eq!(peer.goodbye(reason), NOTHING, "{reason}: it is said once");
            assert_eq!(peer.hear(r#"{"type":1,"target":"M","arguments":[]}␞"#), NOTHING);
            assert_eq!(peer.say(emit("late", Payload::empty(), None)), NOTHING);
            assert_eq!(peer.machine.deadline(), None);
        }
    }
}

#[test]
fn in_msgpack_too() {
    for (reason, bytes) in [
        (Reason::ServerClosed, "049307c0c2".to_owned()),
        (Reason::Shutdown, "049307c0c3".to_owned()),
        (Reason::Internal, {
            let text = b"Connection closed with an error.";
            format!("259307d920{}c3", spell_message(Kind::Binary, text))
        }),
    ] {
        assert_eq!(Peer::open(Encoding::MsgPack).goodbye(reason), [bytes], "{reason}");
    }
}

#[test]
fn a_goodbye_of_the_client_s_is_answered() {
    for text in [r#"{"type":7}␞"#, r#"{"type":7,"error":"bad day"}␞"#] {
        let mut peer = Peer::open(Encoding::Json);
        assert_eq!(peer.hear(text).len(), 1);
        assert_eq!(peer.hear(text), NOTHING);
        // What it asked before it went, it hears no more.
        assert_eq!(peer.say(reply(1, Outcome::Ended)), NOTHING);
        assert_eq!(peer.goodbye(Reason::ClientClosed), [PLAIN]);
    }
}

#[test]
fn who_is_refused_hears_the_handler_s_words() {
    let refused = || Item::Refused { message: "members only".into(), data: None };
    for options in [SignalROptions::default(), detailed()] {
        let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
        assert_eq!(peer.say(refused()), NOTHING, "it is said with the goodbye");
        assert_eq!(
            peer.goodbye(Reason::Refused),
            [r#"{"type":7,"error":"Connection closed with an error. HubException: members only"}␞"#]
        );
    }
    let options = SignalROptions { exception: "Denied".into(), ..SignalROptions::default() };
    let mut peer = Peer::open_with(options, &Facts::default(), Encoding::Json);
    peer.say(refused());
    assert_eq!(
        peer.goodbye(Reason::Refused),
        [r#"{"type":7,"error":"Connection closed with an error. Denied: members only"}␞"#]
    );
}
