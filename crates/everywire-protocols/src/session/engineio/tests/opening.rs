//! The first lane, and the first packet.

use super::*;

fn opening(upgrades: &str) -> String {
    format!(
        r#"0{{"sid":"{SID}","upgrades":[{upgrades}],"pingInterval":25000,"pingTimeout":20000,"maxPayload":1000000}}"#
    )
}

#[test]
fn by_a_poll() {
    let mut peer = Peer::new(all(), "EIO=4");
    let answer = format!("0: 200 {}", opening(r#""websocket""#));
    assert_eq!(peer.poll(0), ["opened 4", "indirect", "hold", &answer]);
}

#[test]
fn by_a_websocket() {
    let mut peer = Peer::new(all(), "EIO=4");
    let first = format!("0> {}", opening(""));
    assert_eq!(peer.knock(0), [&first, "opened 4", "direct 0 EngineIo"]);
}

#[test]
fn the_revision_and_whether_bytes_can_be_received_are_the_clients() {
    let rows = [
        ("EIO=4&b64=1", "opened 4", "direct 0 EngineIoBase64"),
        ("EIO=3", "opened 3", "direct 0 EngineIo3"),
        ("EIO=3&b64=1", "opened 3", "direct 0 EngineIo3Base64"),
    ];
    for (query, opened, direct) in rows {
        let mut peer = Peer::new(all(), query);
        let first = format!("0> {}", opening(""));
        assert_eq!(peer.knock(0), [&first, opened, direct], "{query}");
    }
}

#[test]
fn upgrades_are_offered_if_there_are_any() {
    let no_upgrades = EngineIoOptions { allow_upgrades: false, ..all() };
    let no_websocket = EngineIoOptions { websocket: false, ..all() };
    for options in [no_upgrades, no_websocket] {
        let mut peer = Peer::new(options, "EIO=4");
        assert_eq!(peer.poll(0)[3], format!("0: 200 {}", opening("")));
    }
}

#[test]
fn clients_are_told_the_options() {
    let options = EngineIoOptions {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        max_payload: 77,
        ..all()
    };
    let mut peer = Peer::new(options, "EIO=4");
    let expected = format!(
        r#"0> 0{{"sid":"{SID}","upgrades":[],"pingInterval":300,"pingTimeout":200,"maxPayload":77}}"#
    );
    assert_eq!(peer.knock(0)[0], expected);
}

/// The headers of the answer to a lane.
fn headers(peer: &mut Peer, lane: u32, kind: LaneKind) -> Vec<(String, String)> {
    let (head, mut out) = (head(&peer.query), Outputs::new());
    peer.session.input(Time(0), Input::LaneOpened { lane: Lane(lane), kind, head: &head }, &mut out);
    if kind == LaneKind::Post {
        peer.session.input(
            Time(0),
            Input::Message { lane: Lane(lane), message: Message::Text("4a") },
            &mut out,
        );
    }
    let headers = out.into_iter().find_map(|output| match output {
        Output::Respond { headers, .. } => Some(headers),
        _ => None,
    });
    let headers = headers.expect("an answer");
    let mut headers: Vec<_> = headers
        .iter()
        .map(|(name, value)| (name.to_string(), value.to_str().expect("text").to_owned()))
        .collect();
    headers.sort();
    headers
}

fn owned(headers: &[(&str, &str)]) -> Vec<(String, String)> {
    headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

#[test]
fn headers_of_answers() {
    let poll = owned(&[("cache-control", "no-store"), ("content-type", "text/plain; charset=UTF-8")]);
    let post = owned(&[("cache-control", "no-store"), ("content-type", "text/html")]);
    let refused = owned(&[("content-type", "application/json")]);
    let mut peer = Peer::new(all(), "EIO=4");
    assert_eq!(headers(&mut peer, 0, LaneKind::Poll), poll);
    assert_eq!(headers(&mut peer, 1, LaneKind::Post), post);
    peer.query = "EIO=3".to_owned();
    assert_eq!(headers(&mut peer, 2, LaneKind::Poll), refused);
    let knocked = owned(&[("connection", "close"), ("content-type", "text/html")]);
    assert_eq!(headers(&mut peer, 3, LaneKind::WebSocket), knocked);
}

#[test]
fn only_the_first_answer_to_a_poll_sets_the_cookie() {
    let options = EngineIoOptions { cookie: Some(EngineIoCookie::default()), ..all() };
    let mut peer = Peer::new(options.clone(), "EIO=4");
    let cookie = format!("io={SID}; Path=/; HttpOnly; SameSite=Lax");
    let first = headers(&mut peer, 0, LaneKind::Poll);
    assert_eq!(first[2], ("set-cookie".to_owned(), cookie));
    assert_eq!(headers(&mut peer, 1, LaneKind::Post).len(), 2);
    peer.tell(Input::Send { message: A, offset: None, retain: true, compress: true });
    assert_eq!(headers(&mut peer, 2, LaneKind::Poll).len(), 2);

    let bare = EngineIoOptions { cookie: Some(EngineIoCookie::new("id", "").expect("a cookie")), ..options };
    let mut peer = Peer::new(bare, "EIO=4");
    assert_eq!(headers(&mut peer, 0, LaneKind::Poll)[2].1, format!("id={SID}"));
}

#[test]
fn cookies_that_are_none() {
    for (name, attributes) in [("", ""), ("a b", ""), ("a=b", ""), ("a", "Path=/\r\nX: y"), ("a", "é")] {
        assert!(EngineIoCookie::new(name, attributes).is_err(), "{name:?} {attributes:?}");
    }
}

#[test]
fn closed_before_its_first_lane() {
    let mut peer = Peer::new(all(), "EIO=4");
    assert_eq!(peer.session.deadline(), None);
    assert_eq!(peer.close(Reason::Shutdown), ["closed: shutting down"]);
    assert_eq!(peer.poll(0), NOTHING);
}
