//! Who is let in, by which version, and what is said to who is not.

use super::*;

const SHOWN: &str = r#"connect /world ({"accept-version":"1.2"})"#;

/// What a CONNECT with these headers comes to.
fn connect(headers: &str) -> Vec<String> {
    Peer::silent().hear(&format!("CONNECT\n{headers}\n␀"))
}

/// The version that CONNECTED tells of behind a CONNECT with these headers.
fn version(headers: &str) -> String {
    let mut peer = Peer::silent();
    peer.hear(&format!("CONNECT\n{headers}\n␀"));
    let said = peer.enter(None).concat();
    let line = said.lines().find_map(|line| line.strip_prefix("version:"));
    line.unwrap_or_else(|| panic!("a version in {said}")).to_owned()
}

#[test]
fn the_highest_version_that_both_have() {
    for (headers, expected) in [
        ("", "1.0"),
        ("login:a\npasscode:b\n", "1.0"),
        ("accept-version:1.0\n", "1.0"),
        ("accept-version:1.1\n", "1.1"),
        ("accept-version:1.2\n", "1.2"),
        // As stompjs, in any order, with blanks, with others among them.
        ("accept-version:1.2,1.1,1.0\n", "1.2"),
        ("accept-version:1.0,1.1,1.2\n", "1.2"),
        ("accept-version:1.1, 1.2\n", "1.2"),
        ("accept-version: 1.1 ,1.0\n", "1.1"),
        ("accept-version:1.1,2.0\n", "1.1"),
        ("accept-version:1.1\naccept-version:1.2\n", "1.1"),
    ] {
        assert_eq!(version(headers), expected, "{headers}");
    }
}

#[test]
fn none_in_common() {
    for (offered, shown) in [("2.0", "\"2.0\""), ("1.3,0.9", "\"1.3,0.9\""), ("", "\"\""), ("12", "\"12\"")] {
        let mut peer = Peer::silent();
        let detail = format!("accept-version {shown} has none of 1.0, 1.1 and 1.2");
        let heard = peer.hear(&format!("CONNECT\naccept-version:{offered}\n\n␀SEND\n\n␀"));
        let length = detail.len();
        let error = format!(
            "send ERROR\nmessage:Version mismatch\nversion:1.0,1.1,1.2\ncontent-type:text/plain;charset=utf-8\ncontent-length:{length}\n\n{detail}␀"
        );
        assert_eq!(heard, [error, format!("close (protocol error) {detail}")]);
        assert_eq!(peer.hear("CONNECT\naccept-version:1.2\n\n␀"), NOTHING);
        assert_eq!(peer.machine.deadline(), None);
    }
}

#[test]
fn stomp_is_another_name_for_connect() {
    // As stomp-py says it.
    let mut peer = Peer::silent();
    assert_eq!(
        peer.hear("STOMP\naccept-version:1.2\nhost:localhost\n\n␀"),
        [r#"connect /world ({"accept-version":"1.2","host":"localhost"})"#]
    );
    assert_eq!(version("host:a\n"), "1.0");
    assert_eq!(connect("accept-version:1.2\n"), [SHOWN], "stompjs names no host");
}

#[test]
fn the_application_is_shown_every_header() {
    assert_eq!(
        connect("accept-version:1.2\nlogin:ann\npasscode:a:b\\c\nX-Token: \"t\"\nlogin:bob\nempty:\n"),
        [
            r#"connect /world ({"X-Token":" \"t\"","accept-version":"1.2","empty":"","login":"ann","passcode":"a:b\\c"})"#
        ],
        "the first of repeated ones; no escapes; blanks count"
    );
    assert_eq!(connect("login: ann\n"), [r#"connect /world ({"login":"ann"})"#], "but not in 1.0");
    assert_eq!(connect(""), ["connect /world ({})"]);
    // In 1.0 a body is left alone.
    assert_eq!(Peer::silent().hear("CONNECT\n\nbody␀"), ["connect /world ({})"]);
}

#[test]
fn connected() {
    let id = public_id();
    let server = concat!("everywire/", env!("CARGO_PKG_VERSION"));
    for (version, user, expected) in [
        (
            "1.2",
            None,
            format!("CONNECTED\nversion:1.2\nheart-beat:10000,10000\nsession:{id}\nserver:{server}\n\n␀"),
        ),
        (
            "1.1",
            Some("ann:1"),
            format!(
                "CONNECTED\nversion:1.1\nheart-beat:10000,10000\nsession:{id}\nserver:{server}\nuser-name:ann:1\n\n␀"
            ),
        ),
        // There are no heart-beats in 1.0. No name ends its line.
        (
            "1.0",
            Some("a\nb\0\r\\"),
            format!("CONNECTED\nversion:1.0\nsession:{id}\nserver:{server}\nuser-name:ab\\\n\n␀"),
        ),
    ] {
        let mut peer = Peer::silent();
        peer.hear(&format!("CONNECT\naccept-version:{version}\n\n␀"));
        assert_eq!(peer.enter(user), [expected]);
    }
    let options = StompOptions {
        heartbeat: std::time::Duration::ZERO,
        client_heartbeat: std::time::Duration::from_secs(3),
        ..StompOptions::default()
    };
    let mut peer = Peer::silent_with(options, &Facts::default());
    peer.hear("CONNECT\naccept-version:1.2\nheart-beat:10,10\n\n␀");
    assert!(peer.enter(None)[0].contains("\nheart-beat:0,3000\n"));
}

#[test]
fn who_is_refused() {
    let mut peer = Peer::silent();
    peer.hear("CONNECT\naccept-version:1.2\nlogin:ann\n\n␀SEND\ndestination:/topic/a\nreceipt:1\n\n␀");
    let item = Item::Refused { message: "log in, please".into(), data: None };
    assert_eq!(
        peer.say(item),
        [
            "ERROR\nmessage:Connection refused\ncontent-type:text/plain;charset=utf-8\ncontent-length:14\n\nlog in, please␀"
        ]
    );
    assert_eq!(peer.done(), NOTHING);
    assert_eq!(peer.hear("SEND\ndestination:/topic/a\n\n␀"), NOTHING);
    assert_eq!(peer.goodbye(Reason::Refused), NOTHING, "it has heard why");
    assert_eq!(peer.machine.deadline(), None);
}

#[test]
fn a_second_connect() {
    for version in Version::ALL {
        for command in ["CONNECT", "STOMP"] {
            let expected = wrong(
                Reason::ProtocolError,
                "Already connected",
                "CONNECT came a second time; open another connection instead",
                None,
            );
            let again = format!("{command}\naccept-version:{version}\n\n␀");
            assert_eq!(Peer::open(version).hear(&again), expected, "{version}");
            // Or before the first was answered.
            let mut peer = Peer::silent();
            let first = peer.hear(&again).len();
            assert_eq!((first, peer.hear(&again)), (1, expected.to_vec()), "{version}");
        }
    }
}

#[test]
fn nothing_comes_before_connect() {
    for command in Command::KNOWN {
        if matches!(command, Command::Connect | Command::Stomp) {
            continue;
        }
        let name = command.as_str();
        let mut peer = Peer::silent();
        let heard = peer.hear(&format!("\n␀\n{name}\nreceipt:7\n\n␀"));
        let detail = format!("{name} before CONNECT; a client has to CONNECT first");
        assert_eq!(heard, wrong(Reason::ProtocolError, "Not connected", &detail, Some("7")));
        assert_eq!(peer.hear("CONNECT\n\n␀"), NOTHING);
        assert_eq!(peer.goodbye(Reason::ProtocolError), NOTHING);
    }
    let detail = "HELLO before CONNECT; a client has to CONNECT first";
    let expected = wrong(Reason::ProtocolError, "Not connected", detail, None);
    assert_eq!(Peer::silent().hear("HELLO\n\n␀"), expected);
}

#[test]
fn what_a_connect_may_not_be() {
    for (headers, shown) in [
        ("heart-beat:", "\"\""),
        ("heart-beat:1", "\"1\""),
        ("heart-beat:1,", "\"1,\""),
        ("heart-beat:,1", "\",1\""),
        ("heart-beat:-1,0", "\"-1,0\""),
        ("heart-beat:1,2,3", "\"1,2,3\""),
        ("heart-beat:1.5,0", "\"1.5,0\""),
        ("heart-beat:+1,0", "\"+1,0\""),
        ("heart-beat:a,b", "\"a,b\""),
        ("heart-beat:\u{661},0", "\"\u{661},0\""),
    ] {
        let detail =
            format!("heart-beat {shown}; it has to be two numbers of milliseconds, such as 10000,10000");
        let expected = wrong(Reason::ProtocolError, "Malformed heart-beat", &detail, None);
        assert_eq!(connect(&format!("accept-version:1.2\n{headers}\n")), expected);
    }
    for version in [Version::V1_1, Version::V1_2] {
        let heard = Peer::silent().hear(&format!("CONNECT\naccept-version:{version}\n\nbody␀"));
        let detail = "CONNECT has a body, and may have none";
        assert_eq!(heard, wrong(Reason::ProtocolError, "Body not allowed", detail, None));
    }
    let huge = Peer::silent().hear(&format!("CONNECT\naccept-version:1.2\n\n{}␀", "x".repeat(66_000)));
    assert_eq!(huge.len(), 2);
    assert!(huge[0].starts_with("send ERROR\nmessage:Frame too long before login\n"), "{huge:?}");
    assert!(huge[1].starts_with("close (too large) "), "{huge:?}");
}

#[test]
fn the_limit_before_login_ends_with_it() {
    let send = format!("SEND\ndestination:/topic/a\n\n{}␀", "x".repeat(70_000));
    assert!(Peer::open(Version::V1_2).hear(&send)[0].starts_with("task publish a message(\"xxx"));
    let mut peer = Peer::silent();
    peer.hear("CONNECT\naccept-version:1.2\n\n␀");
    assert!(peer.hear(&send)[0].starts_with("send ERROR\nmessage:Frame too long before login\n"));
}

#[test]
fn who_does_not_connect_in_time_is_sent_away() {
    let error = wrong(Reason::HandshakeTimeout, "Login timeout", "no CONNECT came within 10 s", None);
    let mut peer = Peer::silent();
    assert_eq!(peer.wait(9_999), []);
    // Half a CONNECT is none.
    peer.hear("\nCONNECT\n");
    assert_eq!(peer.wait(5_000), [(1, error.to_vec())]);
    assert_eq!(peer.hear("\n␀"), NOTHING);
    assert_eq!(peer.goodbye(Reason::HandshakeTimeout), NOTHING);

    let options =
        StompOptions { login_timeout: std::time::Duration::from_millis(1_500), ..StompOptions::default() };
    let mut peer = Peer::silent_with(options, &Facts::default());
    let error = wrong(Reason::HandshakeTimeout, "Login timeout", "no CONNECT came within 1.5 s", None);
    assert_eq!(peer.wait(10_000), [(1_500, error.to_vec())]);

    // Who waits for the application to let it in has done its part.
    let mut peer = Peer::silent();
    peer.hear("CONNECT\n\n␀");
    assert_eq!(peer.wait(3_600_000), []);
}

#[test]
fn what_it_is() {
    use crate::protocol::{Entrance, ProtocolForm};
    let peer = Peer::silent();
    assert_eq!(peer.machine.entrance(), Entrance::OnRequest);
    assert!(peer.machine.shows_credentials() && !peer.machine.answers() && !peer.machine.folds_case());
    assert_eq!(peer.machine.extras(), everywire_core::payload::Extras::Refuse);
    let text_only = Facts { text_only: true, ..Facts::default() };
    for (version, form, of_text) in [
        (Version::V1_0, ProtocolForm::Stomp10, ProtocolForm::Stomp10Text),
        (Version::V1_1, ProtocolForm::Stomp11, ProtocolForm::Stomp11Text),
        (Version::V1_2, ProtocolForm::Stomp12, ProtocolForm::Stomp12Text),
    ] {
        assert_eq!(Peer::open(version).machine.form(), form);
        let peer = Peer::open_with(version, StompOptions::default(), &text_only);
        assert_eq!(peer.machine.form(), of_text);
        assert!(form.is_headed() && of_text.is_headed());
    }
    let headed = ProtocolForm::ALL.into_iter().filter(|form| form.is_headed());
    assert_eq!(headed.count(), 6);
}

#[test]
fn nothing_is_said_before_connected() {
    let mut peer = Peer::silent();
    let bad = "SEND\ndestination:/topic/a\ncontent-type:application/json\n\n{␀";
    let heard = peer.hear(&format!("CONNECT\naccept-version:1.2\n\n␀SUBSCRIBE\nid:u\ndestination:/user/queue/hi\nreceipt:1\n\n␀SUBSCRIBE\nid:e\ndestination:/user/queue/errors\n\n␀{bad}"));
    let tasks: Vec<_> = heard.iter().filter(|heard| heard.starts_with("task ")).collect();
    assert_eq!(tasks[..3], ["task nothing mark 1", "task nothing #1", "task nothing mark 2"], "{heard:?}");
    assert!(tasks[3].starts_with("task nothing spoiled /topic/a: "), "{tasks:?}");
    // What a connect handler sends is for nobody yet.
    let hi = |peer: &mut Peer| {
        let (event, payload) = (Name::from("hi"), Payload::text("hi"));
        peer.say(Item::Emit { event, payload, ack: None, class: Class::Event, compress: true })
    };
    assert_eq!(hi(&mut peer), NOTHING);
    assert!(peer.enter(None)[0].starts_with("CONNECTED\n"));
    assert_eq!(peer.done(), NOTHING);
    assert_eq!(peer.done(), ["RECEIPT\nreceipt-id:1\n\n␀"]);
    assert_eq!(hi(&mut peer).len(), 1);
    assert_eq!(peer.done(), NOTHING);
    assert!(peer.done()[0].starts_with("MESSAGE\nsubscription:e\n"), "the error comes in its turn");
}
