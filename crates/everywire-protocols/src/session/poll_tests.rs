use http::header::{CACHE_CONTROL, CONTENT_TYPE};

use super::super::{Facts, LaneEnd};
use super::*;
use crate::seam::Message;

const LANE: Lane = Lane(0);
const OPTIONS: PollOptions = PollOptions { wait: Duration::from_secs(25), rooms: 3, response_bytes: 30 };

fn at(seq: u64) -> Offset {
    Offset { epoch: 0x1f, seq }
}

fn step<'a>(session: &mut dyn Session, at: u64, input: Input<'a>) -> Vec<Output<'a>> {
    let mut out = Outputs::new();
    session.input(Time(at), input, &mut out);
    out.into_vec()
}

/// A session whose lane opened at second 1.
fn opened(query: &str) -> Box<dyn Session> {
    let head = Request::get(format!("/{query}")).body(()).expect("a request");
    let verdict = PollEndpoint::new(OPTIONS).request(&head, &|_| false, [0; 16]);
    let Verdict::Open { id: None, mut session, lane: kind @ LaneKind::Poll } = verdict else {
        panic!("expected a session: {verdict:?}")
    };
    let out = step(&mut *session, 1_000, Input::LaneOpened { lane: LANE, kind, head: &head });
    let [Output::Opened(Facts { text_only: true, resumable: false, .. })] = &out[..] else {
        panic!("{out:?}")
    };
    assert_eq!(session.deadline(), None);
    session
}

fn joined<'a>(seq: u64, recovered: bool) -> Input<'a> {
    Input::Joined { offset: at(seq), recovered }
}

fn message(text: &str, seq: Option<u64>) -> Input<'_> {
    Input::Send { message: Message::Text(text), offset: seq.map(at), retain: true, compress: true }
}

/// The body of the response that this is.
fn answer(out: &[Output<'_>]) -> String {
    let [
        Output::Respond { lane: LANE, status: StatusCode::OK, headers, body: Some(body), .. },
        Output::Closed(Reason::ClientClosed),
    ] = out
    else {
        panic!("expected an answer: {out:?}")
    };
    assert_eq!(headers[CONTENT_TYPE], "application/json");
    assert_eq!(headers[CACHE_CONTROL], "no-store");
    String::from_utf8(body.to_vec()).expect("a text")
}

#[test]
fn requests() {
    let request = |method: Method, query: &str| {
        let head = Request::builder().method(method).uri(format!("/{query}")).body(()).expect("a request");
        let verdict = PollEndpoint::default().request(&head, &|_| false, [0; 16]);
        let Verdict::Respond(response) = verdict else { panic!("expected a response: {verdict:?}") };
        (response.status().as_u16(), String::from_utf8(response.body().to_vec()).expect("a text"))
    };
    assert_eq!(
        request(Method::GET, "?room=a&wait=x"),
        (400, "wait= must be a whole number of seconds\n".to_owned())
    );
    assert_eq!(
        request(Method::POST, "?room=a"),
        (405, "POST is not possible here, only GET and HEAD are\n".to_owned())
    );
    assert_eq!(request(Method::HEAD, "?room=a"), (200, String::new()));
}

#[test]
fn without_since_says_at_once_where_to_begin() {
    let mut session = opened("?room=a");
    let out = step(&mut *session, 1_001, joined(42, false));
    assert_eq!(answer(&out), r#"{"messages":[],"offset":"1f-42","recovered":false}"#);
    assert_eq!(session.deadline(), None);
    assert_eq!(step(&mut *session, 1_002, message("1", Some(43))), []);
}

#[test]
fn answers_with_all_that_is_at_hand() {
    let mut session = opened("?room=a&since=1f-40");
    assert_eq!(step(&mut *session, 1_001, joined(42, true)), []);
    assert_eq!(step(&mut *session, 1_001, message(r#"{"n":1}"#, Some(41))), []);
    assert_eq!(step(&mut *session, 1_001, message(r#"{"n":2}"#, Some(42))), []);
    // One for this client alone has no place in the log.
    assert_eq!(step(&mut *session, 1_001, message(r#"{"n":3}"#, None)), []);
    let out = step(&mut *session, 1_001, Input::Drained);
    assert_eq!(answer(&out), r#"{"messages":[{"n":1},{"n":2},{"n":3}],"offset":"1f-42","recovered":true}"#);
}

#[test]
fn waits_for_the_first_message() {
    let mut session = opened("?room=a&since=1f-42");
    assert_eq!(step(&mut *session, 1_001, joined(42, true)), []);
    assert_eq!(step(&mut *session, 1_001, Input::Drained), []);
    assert_eq!(session.deadline(), Some(Time(26_000)));
    assert_eq!(step(&mut *session, 9_000, message("1", Some(43))), []);
    // Nobody need say that the mailbox is drained: the next tick does as well.
    assert_eq!(session.deadline(), Some(Time(9_000)));
    let out = step(&mut *session, 9_000, Input::Tick);
    assert_eq!(answer(&out), r#"{"messages":[1],"offset":"1f-43","recovered":true}"#);
}

#[test]
fn waits_no_longer_than_asked_nor_than_allowed() {
    for (wait, ends) in
        [("", 26_000), ("&wait=7", 8_000), ("&wait=25", 26_000), ("&wait=99999999999", 26_000)]
    {
        let mut session = opened(&format!("?room=a&since=1f-42{wait}"));
        assert_eq!(step(&mut *session, 2_000, joined(42, true)), []);
        assert_eq!(step(&mut *session, 2_000, Input::Drained), []);
        assert_eq!(session.deadline(), Some(Time(ends)), "{wait}");
        assert_eq!(step(&mut *session, ends - 1, Input::Tick), []);
        let out = step(&mut *session, ends, Input::Tick);
        assert_eq!(answer(&out), r#"{"messages":[],"offset":"1f-42","recovered":true}"#);
    }
    // No wait at all, or one that is over before the client was in: what is there, and no more.
    for (wait, joins) in [("&wait=0", 1_000), ("&wait=1", 5_000)] {
        let mut session = opened(&format!("?room=a&since=1f-42{wait}"));
        assert_eq!(step(&mut *session, joins, joined(42, true)), []);
        let out = step(&mut *session, joins, Input::Drained);
        assert_eq!(answer(&out), r#"{"messages":[],"offset":"1f-42","recovered":true}"#);
    }
}

#[test]
fn a_loss_is_told_at_once_with_what_is_left() {
    let mut session = opened("?room=a&since=1f-7");
    assert_eq!(step(&mut *session, 1_001, joined(42, false)), []);
    assert_eq!(step(&mut *session, 1_001, message("1", Some(40))), []);
    let out = step(&mut *session, 1_001, Input::Drained);
    assert_eq!(answer(&out), r#"{"messages":[1],"offset":"1f-40","recovered":false}"#);

    let mut session = opened("?room=a&since=1f-7");
    assert_eq!(step(&mut *session, 1_001, joined(42, false)), []);
    let out = step(&mut *session, 1_001, Input::Drained);
    assert_eq!(answer(&out), r#"{"messages":[],"offset":"1f-42","recovered":false}"#);
}

/// The driver looks at the deadlines between letting a client in and its first pass over the mailbox.
#[test]
fn a_tick_before_what_was_missed_has_come_does_not_answer() {
    for (query, recovered) in [("?room=a&since=1f-7&wait=0", true), ("?room=a&since=1f-7", false)] {
        let mut session = opened(query);
        assert_eq!(step(&mut *session, 1_001, joined(42, recovered)), []);
        assert_eq!(session.deadline(), None);
        assert_eq!(step(&mut *session, 1_001, Input::Tick), []);
        assert_eq!(step(&mut *session, 1_001, message("1", Some(40))), []);
        assert_eq!(session.deadline(), None);
        assert_eq!(step(&mut *session, 1_001, Input::Tick), []);
        let out = step(&mut *session, 1_001, Input::Drained);
        let expected = format!(r#"{{"messages":[1],"offset":"1f-40","recovered":{recovered}}}"#);
        assert_eq!(answer(&out), expected);
    }
}

#[test]
fn what_came_before_the_client_was_in_is_kept() {
    let mut session = opened("?room=a&since=1f-40");
    assert_eq!(step(&mut *session, 1_001, message("1", Some(41))), []);
    assert_eq!(step(&mut *session, 1_001, Input::Drained), []);
    assert_eq!(step(&mut *session, 1_001, Input::Tick), []);
    assert_eq!(step(&mut *session, 1_002, joined(42, true)), []);
    let out = step(&mut *session, 1_002, Input::Drained);
    assert_eq!(answer(&out), r#"{"messages":[1],"offset":"1f-41","recovered":true}"#);
}

#[test]
fn a_long_response_leaves_the_rest_to_the_next() {
    let mut session = opened("?room=a&since=1f-40");
    assert_eq!(step(&mut *session, 1_001, joined(42, true)), []);
    assert_eq!(step(&mut *session, 1_001, message(r#""aaaaaaaaaaaaaaa""#, Some(41))), []);
    let out = step(&mut *session, 1_001, message(r#""bbbbbbbbbbbbbbb""#, Some(42)));
    assert_eq!(
        answer(&out),
        r#"{"messages":["aaaaaaaaaaaaaaa","bbbbbbbbbbbbbbb"],"offset":"1f-42","recovered":true}"#
    );
    assert_eq!(step(&mut *session, 1_001, message("1", Some(43))), []);
    assert_eq!(step(&mut *session, 1_001, Input::Drained), []);
}

#[test]
fn ends_with_a_status_if_it_must() {
    for (reason, expected) in [(Reason::Refused, 403), (Reason::Shutdown, 503), (Reason::TooLarge, 400)] {
        let mut session = opened("?room=a&since=1f-40");
        step(&mut *session, 1_001, joined(42, true));
        let out = step(&mut *session, 2_000, Input::Close(reason));
        let [Output::Respond { lane: LANE, status, body: Some(_), .. }, Output::Closed(why)] = &out[..]
        else {
            panic!("{out:?}")
        };
        assert_eq!((status.as_u16(), *why), (expected, reason));
        assert_eq!(session.deadline(), None);
    }
    let mut session = opened("?room=a");
    let gone = Input::LaneClosed { lane: LANE, how: LaneEnd::Aborted };
    assert_eq!(step(&mut *session, 1_001, gone), [Output::Closed(Reason::Lost)]);
    assert_eq!(step(&mut *session, 1_002, joined(42, false)), []);
}
