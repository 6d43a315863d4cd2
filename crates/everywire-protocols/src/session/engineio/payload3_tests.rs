use super::*;

fn packets<'a>(body: Message<'a>) -> Vec<Result<Packet<'a>, Malformed>> {
    Packets::read(body).take(10).collect()
}

fn message(text: &str) -> Result<Packet<'_>, Malformed> {
    Ok(Packet::Message(Message::Text(text)))
}

#[test]
fn lengths_are_in_utf16() {
    assert_eq!(packets(Message::Text("2:4€3:4😀")), [message("€"), message("😀")]);
    // Half a character.
    assert_eq!(packets(Message::Text("2:4😀1:4"))[0], Err(Malformed));
    assert_eq!(packets(Message::Text("000003:4ab")), [message("ab")]);
    assert_eq!(packets(Message::Text("0:0:")), []);
    assert_eq!(packets(Message::Text("0:1:40:")), [message("")]);
}

#[test]
fn lengths_that_peers_make_up_cost_nothing() {
    for length in ["3", "99999999999999999999999999999999999999", "18446744073709551616"] {
        assert_eq!(packets(Message::Text(&format!("{length}:4a")))[0], Err(Malformed), "{length}");
    }
    let nines = [&[0][..], &[9; 400], &[255, b'4']].concat();
    assert_eq!(packets(Message::Binary(&nines))[0], Err(Malformed));
    let zeros = [&[0][..], &[0; 400], &[1, 255, b'4']].concat();
    assert_eq!(packets(Message::Binary(&zeros)), [message("")]);
}

#[test]
fn a_long_body_takes_time_in_proportion() {
    // Were it squared, this would take minutes.
    let body = "2:4a".repeat(250_000);
    assert_eq!(Packets::read(Message::Text(&body)).filter(Result::is_ok).count(), 250_000);
    let body = [0, 2, 255, b'4', b'a'].repeat(200_000);
    assert_eq!(Packets::read(Message::Binary(&body)).filter(Result::is_ok).count(), 200_000);
}
