//! What responses may hold, however they are cut.

use super::*;

const HEAD: &str = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";

fn chunk(body: &str) -> String {
    format!("{:x}\r\n{body}\r\n", body.len())
}

fn prelude() -> String {
    chunk(&format!("{}\n", "h".repeat(2048)))
}

fn listener(wire: Wire) -> Listener {
    Listener::new(wire, 80, 0).unwrap()
}

/// What is heard when it comes in pieces of so many bytes, and how often it is asked again.
fn hear(wire: Wire, bytes: &str, piece: usize) -> Result<(Vec<String>, usize)> {
    let mut listener = listener(wire);
    let (mut heard, mut again) = (Vec::new(), 0);
    let mut kept = Vec::new();
    for some in bytes.as_bytes().chunks(piece) {
        kept.extend_from_slice(some);
        let mut on_message = |frame: &Frame<'_>| {
            heard.push(String::from_utf8(frame.payload.to_vec()).unwrap());
            Ok(())
        };
        let (rest, ended) = listener.advance(&kept, &mut on_message)?;
        again += usize::from(ended);
        kept = rest.to_vec();
    }
    assert_eq!(kept, b"", "everything was read");
    Ok((heard, again))
}

#[test]
fn messages_are_heard_through_several_responses() {
    let first = [HEAD, &prelude(), &chunk("o\n"), &chunk("a[\"one\",\"two\"]\n"), &chunk("h\n"), "0\r\n\r\n"];
    let second = [HEAD, &prelude(), &chunk("a[\"three\"]\n")];
    let all = [first.concat(), second.concat()].concat();
    for piece in [1, 2, 3, 7, 100, 4096] {
        let (heard, again) = hear(Wire::SockJsStream, &all, piece).unwrap();
        assert_eq!(heard, ["\"one\"", "\"two\"", "\"three\""], "in pieces of {piece}");
        assert_eq!(again, 1);
    }
}

#[test]
fn events_are_heard_and_comments_are_not() {
    let event = |text: &str| {
        format!("id: 1-2\nevent: message\ndata: {{\"data\":\"{text}\",\"room\":\"bench\",\"time\":1}}\n\n")
    };
    let both = event("two") + &event("three");
    let (early, late) = both.split_at(50);
    let all = [
        HEAD,
        &chunk(": hello\nretry: 3000\n\n"),
        &chunk(&event("one")),
        &chunk(early),
        &chunk(late),
        &chunk(":\n\n"),
    ];
    for piece in [1, 3, 100, 4096] {
        let (heard, _) = hear(Wire::EventSource, &all.concat(), piece).unwrap();
        assert_eq!(heard, ["\"one\"", "\"two\"", "\"three\""]);
    }
}

#[test]
fn what_no_peer_should_say_is_a_fault() {
    let open = [HEAD, &prelude(), &chunk("o\n")].concat();
    for wrong in [
        "HTTP/1.1 404 Not Found\r\nTransfer-Encoding: chunked\r\n\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\no\n".to_owned(),
        format!("{HEAD}x\r\n"),
        format!("{HEAD}1\r\nooo"),
        HEAD.to_owned() + &chunk("a[\"before\"]\n"),
        open.clone() + &chunk("o\n"),
        open.clone() + &chunk("c[3000,\"Go away!\"]\n"),
        open.clone() + &chunk("a[1]\n"),
        open.clone() + &chunk("a[\"one\"\"two\"]\n"),
        open.clone() + &chunk("a[\"half") + "0\r\n\r\n",
    ] {
        assert!(hear(Wire::SockJsStream, &wrong, 4096).is_err(), "{wrong}");
    }
    for wrong in [chunk("event: $reset\ndata: {}\n\n"), "0\r\n\r\n".to_owned()] {
        assert!(hear(Wire::EventSource, &format!("{HEAD}{wrong}"), 4096).is_err(), "{wrong}");
    }
}

#[test]
fn only_streams_are_listened_to() {
    assert!(Listener::new(Wire::SockJs, 80, 0).is_none());
    let request = String::from_utf8(listener(Wire::EventSource).request().to_vec()).unwrap();
    assert!(request.starts_with("GET /events?room=bench HTTP/1.1\r\n"), "{request}");
}
