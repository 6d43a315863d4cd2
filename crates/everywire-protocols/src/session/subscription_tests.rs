use super::*;

fn read(query: &str, last_event_id: Option<&str>) -> Result<Subscription, String> {
    let mut head = Request::get(format!("/{query}"));
    if let Some(id) = last_event_id {
        head = head.header("Last-Event-ID", id);
    }
    let head = head.body(()).expect("the test's own request");
    Subscription::read(&head, 3).map_err(|refusal| {
        assert_eq!(refusal.status, http::StatusCode::BAD_REQUEST);
        refusal.message.into_owned()
    })
}

fn rooms(query: &str) -> Vec<String> {
    let asked = read(query, None).expect("rooms");
    assert_eq!((asked.since, asked.wait), (None, None));
    asked.rooms.iter().map(ToString::to_string).collect()
}

#[test]
fn rooms_in_the_order_named_each_once() {
    assert_eq!(rooms("?room=lobby"), ["lobby"]);
    assert_eq!(rooms("?room=a&room=b&room=a&token=x&room=c"), ["a", "b", "c"]);
    assert_eq!(rooms("?&room=a%26b%3D%25+c&&flag"), ["a&b=% c"]);
    assert_eq!(rooms("?%72oom=%C3%A9&room=x%2By"), ["é", "x+y"]);
    assert_eq!(rooms("?room=a=b"), ["a=b"]);
}

#[test]
fn the_newest_offset_wins() {
    let since = |query, header| read(query, header).map(|asked| asked.since.map(|offset| offset.to_string()));
    let some = |offset: &str| Ok(Some(offset.to_owned()));
    assert_eq!(since("?room=a&since=1f-2", None), some("1f-2"));
    assert_eq!(since("?room=a&lastEventId=1f-3", None), some("1f-3"));
    assert_eq!(since("?room=a", Some("1f-4")), some("1f-4"));
    assert_eq!(since("?room=a&since=1f-2", Some("1f-4")), some("1f-4"));
    assert_eq!(since("?room=a&since=1f-2", Some("")), some("1f-2"));
    assert_eq!(since("?room=a&since=", None), Ok(None));
}

#[test]
fn a_wait_is_a_number_of_seconds() {
    let wait = |query: &str| read(query, None).map(|asked| asked.wait);
    assert_eq!(wait("?room=a&wait=0"), Ok(Some(0)));
    assert_eq!(wait("?room=a&wait=20"), Ok(Some(20)));
    for value in ["", "-1", "%2B1", "1.5", "ten", "99999999999999999999"] {
        let query = format!("?room=a&wait={value}");
        assert_eq!(wait(&query), Err("wait= must be a whole number of seconds".to_owned()), "{value}");
    }
}

#[test]
fn what_is_refused_says_what_is_right() {
    let no_room = "no room is named, expected ?room=name, and &room= for each more";
    let offset = "where to resume from is not an offset: send back, unchanged, one that the server sent (<epoch>-<seq>)";
    let long = format!("?room={}", "n".repeat(201));
    let rows = [
        ("", None, no_room),
        ("?rooms=a", None, no_room),
        ("?room", None, no_room),
        ("?room=", None, "the room name is empty, expected 1 to 200 bytes"),
        (&long, None, "the room name has 201 bytes, at most 200 are allowed"),
        ("?room=a%0Ab", None, "the room name has the control character U+000A at byte 1"),
        ("?room=$x", None, "room names that begin with `$` are Everywire's own"),
        ("?room=%FF", None, "the value of room= is not UTF-8"),
        ("?room=+%FF", None, "the value of room= is not UTF-8"),
        ("?room=a&room=b&room=c&room=d", None, "too many rooms, at most 3 are allowed"),
        ("?room=a&since=42", None, offset),
        ("?room=a", Some("42"), offset),
        ("?room=a", Some("é"), offset),
    ];
    for (query, header, expected) in rows {
        assert_eq!(read(query, header), Err(expected.to_owned()), "{query} {header:?}");
    }
}
