//! Versions, and what they are agreed on by.

use super::*;

#[test]
fn the_highest_that_both_have() {
    for (accept_version, expected) in [
        (None, Some(Version::V1_0)),
        (Some("1.2,1.1,1.0"), Some(Version::V1_2)),
        (Some("1.0,1.1,1.2"), Some(Version::V1_2)),
        (Some("1.1, 1.2"), Some(Version::V1_2)),
        (Some(" 1.1 ,1.0,\t"), Some(Version::V1_1)),
        (Some("1.1,2.0"), Some(Version::V1_1)),
        (Some("1.0"), Some(Version::V1_0)),
        (Some("2.0,1.3"), None),
        (Some("1.20"), None),
        (Some("1"), None),
        (Some(""), None),
        (Some(","), None),
    ] {
        assert_eq!(Version::agree(accept_version), expected, "{accept_version:?}");
    }
}

#[test]
fn the_highest_subprotocol() {
    for (offered, expected) in [
        (&["v12.stomp", "v11.stomp", "v10.stomp"][..], Some(Version::V1_2)),
        (&["v10.stomp", "v11.stomp"], Some(Version::V1_1)),
        (&["mqtt", "v10.stomp"], Some(Version::V1_0)),
        (&["V12.STOMP", "v13.stomp", "stomp"], None),
        (&[], None),
    ] {
        assert_eq!(Version::offered(offered.iter().copied()), expected, "{offered:?}");
    }
}

#[test]
fn names_and_order() {
    assert!(Version::ALL.is_sorted());
    for version in Version::ALL {
        assert_eq!(Version::named(version.as_str()), Some(version));
        assert_eq!(Version::offered([version.subprotocol()]), Some(version));
        assert_eq!(version.to_string(), version.as_str());
    }
    assert_eq!(Version::V1_1.subprotocol(), "v11.stomp");
}

#[test]
fn a_version_counts_from_the_next_frame_on() {
    let mut parser = Parser::new(Limits::default());
    assert_eq!(parser.version(), Version::V1_0);
    // Before one is agreed on, a backslash is a backslash.
    let mut input = &b"SEND\na:\\c\n\n\0SEND\na:\\c\n"[..];
    let event = parser.next(&mut input).expect("no fault").expect("a frame");
    assert_eq!(show(&event), "SEND|a=\\c|\"\"");
    assert_eq!(parser.next(&mut input), Ok(None));
    parser.switch(Version::V1_2);
    let mut input = &b"b:\\c\n\n\0SEND\na:\\c\n\n\0"[..];
    for expected in ["SEND|a=\\c|b=\\c|\"\"", "SEND|a=:|\"\""] {
        let event = parser.next(&mut input).expect("no fault").expect("a frame");
        assert_eq!(show(&event), expected);
    }
    assert_eq!(parser.version(), Version::V1_2);
}
