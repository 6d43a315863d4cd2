use http::header::ALLOW;

use super::super::{Facts, LaneEnd};
use super::*;
use crate::seam::Message;

const LANE: Lane = Lane(0);
const AT: Offset = Offset { epoch: 0x1f, seq: 42 };

fn request(method: Method, query: &str) -> Verdict {
    let head = Request::builder().method(method).uri(format!("/{query}")).body(()).expect("a request");
    SseEndpoint::default().request(&head, &|_| false, [0; 16])
}

fn refused(verdict: Verdict) -> (u16, String) {
    let Verdict::Respond(response) = verdict else { panic!("expected a response: {verdict:?}") };
    assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
    assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
    (response.status().as_u16(), String::from_utf8(response.body().to_vec()).expect("a text"))
}

fn step<'a>(session: &mut dyn Session, at: u64, input: Input<'a>) -> Vec<Output<'a>> {
    let mut out = Outputs::new();
    session.input(Time(at), input, &mut out);
    out.into_vec()
}

/// A session whose lane is open.
fn opened(query: &str) -> Box<dyn Session> {
    let verdict = request(Method::GET, query);
    let Verdict::Open { id: None, mut session, lane: kind @ LaneKind::Stream } = verdict else {
        panic!("expected a session: {verdict:?}")
    };
    let head = Request::new(());
    let out = step(&mut *session, 0, Input::LaneOpened { lane: LANE, kind, head: &head });
    let [Output::Opened(facts)] = &out[..] else { panic!("{out:?}") };
    assert!(facts.text_only && !facts.resumable);
    assert_eq!(session.deadline(), None);
    session
}

/// What is written when the client is in: everything before [`Output::Direct`].
fn joined(session: &mut dyn Session, at: u64, recovered: bool) -> String {
    let out = step(session, at, Input::Joined { offset: AT, recovered });
    let [
        Output::Respond { lane: LANE, status: StatusCode::OK, headers, body: None, .. },
        Output::Write { lane: LANE, bytes, text: true },
        Output::Direct { lane: LANE, wrapping: Wrapping::None },
    ] = &out[..]
    else {
        panic!("{out:?}")
    };
    assert_eq!(headers[CONTENT_TYPE], "text/event-stream");
    assert_eq!(headers[CACHE_CONTROL], "no-store, no-transform");
    assert_eq!(headers["x-accel-buffering"], "no");
    String::from_utf8(bytes.to_vec()).expect("a text")
}

fn comment<'a>() -> Output<'a> {
    Output::Write { lane: LANE, bytes: Cow::Borrowed(b":\n\n"), text: true }
}

#[test]
fn requests() {
    assert_eq!(
        refused(request(Method::GET, "")),
        (400, "no room is named, expected ?room=name, and &room= for each more\n".to_owned())
    );
    for method in [Method::POST, Method::PUT, Method::DELETE, Method::OPTIONS] {
        let verdict = request(method.clone(), "?room=a");
        let Verdict::Respond(response) = &verdict else { panic!("{verdict:?}") };
        assert_eq!(response.headers()[ALLOW], "GET, HEAD");
        let text = format!("{method} is not possible here, only GET and HEAD are\n");
        assert_eq!(refused(verdict), (405, text));
    }
    let verdict = request(Method::HEAD, "?room=a");
    let Verdict::Respond(response) = &verdict else { panic!("{verdict:?}") };
    assert_eq!((response.status(), response.body().len()), (StatusCode::OK, 0));
    assert_eq!(response.headers()[CONTENT_TYPE], "text/event-stream");
    assert_eq!(refused(request(Method::HEAD, "?room=")).0, 400);
}

#[test]
fn says_who_wants_to_hear_what() {
    let verdict = request(Method::GET, "?room=a&room=b&since=1f-7");
    let Verdict::Open { mut session, lane: kind, .. } = verdict else { panic!("{verdict:?}") };
    let head = Request::new(());
    let facts = Facts {
        text_only: true,
        rooms: ["a".into(), "b".into()].into_iter().collect(),
        since: Some(Offset { epoch: 0x1f, seq: 7 }),
        ..Facts::default()
    };
    assert_eq!(
        step(&mut *session, 0, Input::LaneOpened { lane: LANE, kind, head: &head }),
        [Output::Opened(facts)]
    );
}

#[test]
fn the_first_block_says_where_to_come_back_to() {
    let rows = [
        ("?room=a", false, ": everywire\nretry: 3000\nid: 1f-42\n\n"),
        ("?room=a&since=1f-7", true, ": everywire\nretry: 3000\n\n"),
        (
            "?room=a&since=1f-7",
            false,
            concat!(
                ": everywire\nretry: 3000\nid: 1f-42\n\n",
                "event: $reset\ndata: {\"recovered\":false,\"offset\":\"1f-42\"}\n\n"
            ),
        ),
    ];
    for (query, recovered, expected) in rows {
        assert_eq!(joined(&mut *opened(query), 10, recovered), expected, "{query} {recovered}");
    }
}

#[test]
fn what_came_before_the_client_was_in_comes_behind_the_first_block() {
    let mut session = opened("?room=a&since=1f-7");
    for text in ["data: 1\n\n", "data: 2\n\n"] {
        let input = Input::Send { message: Message::Text(text), offset: None, retain: true, compress: true };
        assert_eq!(step(&mut *session, 1, input), []);
    }
    assert_eq!(step(&mut *session, 1, Input::Drained), []);
    assert_eq!(joined(&mut *session, 2, true), ": everywire\nretry: 3000\n\ndata: 1\n\ndata: 2\n\n");
    let input =
        Input::Send { message: Message::Text("data: 3\n\n"), offset: None, retain: true, compress: true };
    assert_eq!(
        step(&mut *session, 3, input),
        [Output::Write { lane: LANE, bytes: Cow::Borrowed(b"data: 3\n\n"), text: true }]
    );
    assert_eq!(step(&mut *session, 4, Input::Joined { offset: AT, recovered: true }), []);
}

#[test]
fn comments_keep_the_stream_alive() {
    let mut session = opened("?room=a");
    joined(&mut *session, 1_000, false);
    let mut comments = Vec::new();
    for _ in 0..3 {
        let at = session.deadline().expect("a deadline").0;
        assert_eq!(step(&mut *session, at - 1, Input::Tick), []);
        assert_eq!(step(&mut *session, at, Input::Tick), [comment()]);
        comments.push(at);
    }
    assert_eq!(comments, [26_000, 51_000, 76_000]);
}

#[test]
fn ends_with_a_status_before_the_response_and_with_the_lane_after() {
    let rows = [
        (Reason::Refused, 403, "not let in: refused\n"),
        (Reason::Unauthenticated, 401, "not let in: unauthenticated\n"),
        (Reason::Internal, 500, "not let in: internal error\n"),
        (Reason::Shutdown, 503, "not let in: shutting down\n"),
    ];
    for (reason, expected, text) in rows {
        let mut session = opened("?room=a");
        let out = step(&mut *session, 1, Input::Close(reason));
        let [Output::Respond { lane: LANE, status, headers, body: Some(body), .. }, Output::Closed(why)] =
            &out[..]
        else {
            panic!("{out:?}")
        };
        assert_eq!((status.as_u16(), &**body, *why), (expected, text.as_bytes(), reason));
        assert_eq!(headers[CONTENT_TYPE], "text/plain; charset=utf-8");

        let mut session = opened("?room=a");
        joined(&mut *session, 1, false);
        assert_eq!(
            step(&mut *session, 2, Input::Close(reason)),
            [Output::End { lane: LANE, reason }, Output::Closed(reason)]
        );
        assert_eq!(session.deadline(), None);
        assert_eq!(step(&mut *session, 90_000, Input::Tick), []);
    }
}

#[test]
fn says_how_the_client_left_and_then_nothing() {
    for (how, reason) in [
        (LaneEnd::Finished(None), Reason::ClientClosed),
        (LaneEnd::Aborted, Reason::Lost),
        (LaneEnd::Fault(Reason::WriteTimeout), Reason::WriteTimeout),
    ] {
        let mut session = opened("?room=a");
        assert_eq!(step(&mut *session, 1, Input::LaneClosed { lane: LANE, how }), [Output::Closed(reason)]);
        assert_eq!(step(&mut *session, 2, Input::Joined { offset: AT, recovered: false }), []);
        assert_eq!(step(&mut *session, 3, Input::Close(Reason::Shutdown)), []);
    }
}
