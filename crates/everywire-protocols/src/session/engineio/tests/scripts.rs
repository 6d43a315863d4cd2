//! JSONP: answers are scripts, bodies are forms.

use super::*;

#[test]
fn of_both_revisions() {
    let rows = [
        ("EIO=4&j=0", r#"1: 200 ___eio[0]("4a␞bAQID");"#),
        ("EIO=3&j=12", r#"1: 200 ___eio[12]("2:4a6:b4AQID");"#),
    ];
    for (query, answer) in rows {
        let mut peer = Peer::polling_with(all(), query);
        peer.poll(1);
        let out: Vec<_> = peer.send(&[A, BYTES]).iter().map(|line| line.replace("\\u001e", "␞")).collect();
        assert_eq!(out, [answer, "hold"]);
    }
}

#[test]
fn the_first_answer_is_a_script_too() {
    let mut peer = Peer::new(all(), "EIO=4&j=7");
    let out = peer.poll(0);
    assert!(out[3].starts_with(r#"0: 200 ___eio[7]("0{\"sid\":\"lv_"#), "{out:?}");
    assert!(out[3].ends_with(r#"\"maxPayload\":1000000}");"#), "{out:?}");
}

#[test]
fn bodies_are_forms() {
    let mut peer = Peer::polling_with(all(), "EIO=4&j=0");
    assert_eq!(peer.post(1, "d=42%5B%22a+b%22%5D%1E4%E2%82%AC"), [r#"text 2["a b"]"#, "text €", "1: 200 ok"]);
    assert_eq!(
        peer.post(2, r"x=1&d=4a\nb%5C%5Cnc%1EbAQID"),
        ["text a\nb\\nc", "bytes [1, 2, 3]", "2: 200 ok"]
    );
    for (lane, body) in (3..).zip(["4a", "", "e=4a", "d=%FF", "d="]) {
        let mut peer = Peer::polling_with(all(), "EIO=4&j=0");
        let out = peer.post(lane, body);
        assert_eq!(out, [&format!("{lane}: 200 ok"), "closed: protocol error"], "{body}");
    }
}

#[test]
fn other_lanes_of_the_same_session_may_have_none() {
    let mut peer = Peer::polling_with(all(), "EIO=4&j=0");
    assert_eq!(peer.open(1, LaneKind::Poll, "EIO=4"), ["release"]);
    assert_eq!(peer.send(&[A]), ["1: 200 4a", "hold"]);
}
