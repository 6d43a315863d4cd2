use super::*;

#[test]
fn it_asks_and_takes_the_first_of_its_own_that_opens() {
    let mut user = User::new(SockJsClientOptions::new("http://h/s/?token=x"));
    assert_eq!(user.client.deadline(), None);
    assert_eq!(user.tell(Told::Start), ["0: Info http://h/s/info?token=x"]);
    assert_eq!(user.tell(Told::Start), NOTHING);
    user.now += 20;
    // The number that was drawn first names the server, the next the session of the first transport.
    let asked = ["1: WebSocket http://h/s/001/caaaaaaa/websocket?token=x"];
    assert_eq!(user.answer(0, 200, INFO), asked);
    user.now += 600;
    assert_eq!(user.hear(1, Transport::WebSocket, "o"), ["opened: websocket"]);
    assert_eq!(user.wait(3_600_000), []);
    // A second answer is none.
    assert_eq!(user.answer(0, 200, INFO), NOTHING);
}

#[test]
fn the_next_is_tried_under_another_name() {
    for (name, mut break_off) in failures() {
        let mut user = User::new(SockJsClientOptions::new("/s"));
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        let mut log = Vec::new();
        for lane in 1..=4 {
            log.extend(break_off(&mut user, lane));
        }
        let opened: Vec<_> = log.iter().filter(|line| line.contains("/s/001/")).cloned().collect();
        assert_eq!(
            opened,
            [
                "2: Streaming /s/001/daaaaaaa/xhr_streaming",
                "3: Events /s/001/eaaaaaaa/eventsource",
                "4: Poll /s/001/faaaaaaa/xhr"
            ],
            "{name}"
        );
        let end = log.last().expect("an end");
        assert!(
            end.starts_with("closed: connection lost, 2000 All transports failed (websocket: "),
            "{name}: {end}"
        );
        assert_eq!(end.matches(';').count(), 3, "{name}: {end}");
        user.assert_over();
    }
}

type BreakOff = Box<dyn FnMut(&mut User, u32) -> Vec<String>>;

/// How each of four transports may fail to open.
fn failures() -> Vec<(&'static str, BreakOff)> {
    let is_websocket = |lane| lane == 1;
    vec![
        ("refused", Box::new(|user, lane| user.answer(lane, 404, b"404 Error: Page not found\n"))),
        ("a refusal that looks like a frame", Box::new(|user, lane| user.answer(lane, 503, b"o\n"))),
        ("unreachable", Box::new(|user, lane| user.lose(lane, LaneEnd::Aborted))),
        ("against the rules", Box::new(|user, lane| user.lose(lane, LaneEnd::Fault(Reason::TooLarge)))),
        (
            "an end before the beginning",
            Box::new(move |user, lane| {
                let code = is_websocket(lane).then_some(1001);
                user.lose(lane, LaneEnd::Finished(code))
            }),
        ),
        (
            "an empty answer",
            Box::new(move |user, lane| {
                // A WebSocket is never answered with 200.
                user.answer(lane, 200, if is_websocket(lane) { b"o\n" } else { b"" })
            }),
        ),
        (
            "too late",
            Box::new(|user, lane| {
                let out = user.wait(600);
                assert_eq!(out[0].0, 600, "300 ms, twice");
                assert_eq!(out[0].1[0], format!("{lane} ends"));
                // What comes now comes to nobody.
                assert_eq!(user.bytes(lane, b"o\n"), NOTHING);
                assert_eq!(user.lose(lane, LaneEnd::Aborted), NOTHING);
                out.into_iter().flat_map(|(_, lines)| lines).collect()
            }),
        ),
    ]
}

#[test]
fn how_long_it_waits_depends_on_how_long_info_took() {
    for (took, timeout, given) in [(0, 0, 600), (50, 0, 700), (101, 0, 808), (50, 5000, 5000)] {
        let timeout = Duration::from_millis(timeout);
        let mut user = User::new(SockJsClientOptions { timeout, ..SockJsClientOptions::new("/s") });
        user.tell(Told::Start);
        user.now += took;
        user.answer(0, 200, INFO);
        assert_eq!(user.client.deadline(), Some(Time(user.now + given)), "{took}");
        // Another transport is given the same.
        user.now += 10;
        user.lose(1, LaneEnd::Aborted);
        assert_eq!(user.client.deadline(), Some(Time(user.now + given)), "{took}");
    }
}

#[test]
fn what_info_says_counts() {
    let asked = |info: &[u8], transports: &[Transport]| {
        let transports = transports.to_vec();
        let mut user = User::new(SockJsClientOptions { transports, ..SockJsClientOptions::new("/s?x=y") });
        user.tell(Told::Start);
        user.answer(0, 200, info).pop().expect("an output")
    };
    let all = &Transport::ALL;
    let websocket = "1: WebSocket /s/001/caaaaaaa/websocket?x=y";
    assert_eq!(asked(b"{}", all), websocket);
    assert_eq!(asked(br#"{"websocket":true,"transports":["x"]}"#, all), websocket);
    let none = br#"{"websocket":false}"#;
    assert_eq!(asked(none, all), "1: Streaming /s/001/daaaaaaa/xhr_streaming?x=y");
    // The client's order counts, not the server's.
    let turned = [Transport::Polling, Transport::WebSocket];
    assert_eq!(asked(b"{}", &turned), "1: Poll /s/001/caaaaaaa/xhr?x=y");
    let elsewhere = br#"{"websocket":true,"base_url":"https://b/t?z=1"}"#;
    assert_eq!(asked(elsewhere, all), "1: WebSocket https://b/t/001/caaaaaaa/websocket?z=1");
    let nothing =
        "closed: unsupported data, 2000 All transports failed (the server has none of the client's)";
    assert_eq!(asked(none, &[Transport::WebSocket]), nothing);
    assert_eq!(asked(b"{}", &[]), nothing);
}

#[test]
fn without_info_there_is_no_session() {
    let cannot = "1002 Cannot connect to server";
    for (status, body, expected) in [
        (404, "404 Error: Page not found\n", format!("refused, {cannot}: info was answered with 404")),
        (204, "", format!("refused, {cannot}: info was answered with 204")),
        (500, "{}", format!("refused, {cannot}: info was answered with 500")),
        (401, "{}", format!("unauthenticated, {cannot}: info was answered with 401")),
        (
            200,
            "[]",
            format!("protocol error, {cannot}: info is no JSON object as it should be: expected an object"),
        ),
        (
            200,
            "{\"base_url\":\"javascript:alert(1)\"}",
            format!("protocol error, {cannot}: info has a base_url that is no address"),
        ),
    ] {
        let mut user = User::new(SockJsClientOptions::new("/s"));
        user.tell(Told::Start);
        assert_eq!(user.answer(0, status, body.as_bytes()), [format!("closed: {expected}")]);
        user.assert_over();
    }
    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.tell(Told::Start);
    let failed = format!("closed: connection lost, {cannot}: the request has failed, and nobody answered");
    assert_eq!(user.lose(0, LaneEnd::Aborted), [failed]);
    user.assert_over();

    let mut user = User::new(SockJsClientOptions::new("/s"));
    user.tell(Told::Start);
    let late = format!("closed: handshake timeout, {cannot}: info has timed out");
    assert_eq!(user.wait(60_000), [(8000, vec!["0 ends".to_owned(), late])]);
    user.assert_over();
}

#[test]
fn a_server_may_end_it_before_it_is_open() {
    for transport in Transport::ALL {
        let mut user = User::new(SockJsClientOptions {
            transports: vec![transport, Transport::Polling],
            ..SockJsClientOptions::new("/s")
        });
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        let out = user.hear(1, transport, r#"c[3000,"Go away!"]"#);
        assert_eq!(out.last().expect("an end"), "closed: server closed, 3000 Go away!");
        user.assert_over();
    }
    // A WebSocket's own end counts if somebody chose its code.
    for (code, expected) in [
        (Some(1000), "closed: server closed, 1000 the WebSocket was closed with 1000"),
        (Some(3000), "closed: server closed, 3000 the WebSocket was closed with 3000"),
        (Some(4999), "closed: server closed, 4999 the WebSocket was closed with 4999"),
        (Some(1012), "2: Streaming /s/001/daaaaaaa/xhr_streaming"),
        (Some(5000), "2: Streaming /s/001/daaaaaaa/xhr_streaming"),
        (None, "2: Streaming /s/001/daaaaaaa/xhr_streaming"),
    ] {
        let mut user = User::new(SockJsClientOptions::new("/s"));
        user.tell(Told::Start);
        user.answer(0, 200, INFO);
        assert_eq!(user.lose(1, LaneEnd::Finished(code)), [expected]);
    }
}

#[test]
fn names_and_numbers() {
    let options = SockJsClientOptions {
        server: Some("node-7".to_owned()),
        cache_buster: true,
        transports: vec![Transport::Polling, Transport::Polling],
        ..SockJsClientOptions::new("/s?a=b")
    };
    let mut numbers = [5, 7 << 16].into_iter();
    let mut client = SockJsClient::new(options, &mut || numbers.next().expect("no more than needed"));
    assert_eq!(numbers.next(), None);
    let mut tell = |told| {
        let mut out = Vec::new();
        client.input(Time(0), told, &mut out);
        out.iter().map(show).collect::<Vec<_>>()
    };
    assert_eq!(tell(Told::Start), ["0: Info /s/info?a=b&t=7"]);
    assert_eq!(tell(Told::Response(Lane(0), 200, b"{}")), ["1: Poll /s/node-7/faaaaaaa/xhr?a=b&t=8"]);
    assert_eq!(
        tell(Told::Response(Lane(1), 200, b"o\n")),
        ["opened: xhr-polling", "2: Poll /s/node-7/faaaaaaa/xhr?a=b&t=9"]
    );
}
