//! STOMP's client: whatever a server sends, in whatever pieces, it makes the same of it; and what it says can be read as it was
//! meant, or is not said.

use std::time::Duration;

use everywire_protocols::protocol::stomp::{
    Ack, Command, Event, Heard, Limits, Outgoing, Parser, Settling, StompClient, StompClientOptions, Unsaid,
    Version,
};
use everywire_protocols::seam::{Kind, Message, Time};

/// Small, so that a fuzzer reaches them.
const TIGHT: Limits =
    Limits { headers: 6, line_bytes: 60, head_bytes: 150, body_bytes: 100, first_bytes: 120 };

/// The first byte chooses the CONNECTED that comes first, or none, and the limits; the second the size of the pieces; the
/// rest is what comes then, and what is said.
pub fn stomp_client(data: &[u8]) {
    let [settings, size, stream @ ..] = data else { return };
    let (mut client, whole) = heard(*settings, [stream]);
    let torn = heard(*settings, stream.chunks(usize::from(*size).max(1))).1;
    assert_eq!(torn, whole, "in pieces of {size} bytes");
    let mut now = Time(0);
    for _ in 0..5 {
        let Some(deadline) = client.deadline() else { break };
        now = now.max(deadline);
        let mut heard = Vec::new();
        client.tick(now, &mut |_: Kind, bytes: &[u8]| assert_eq!(bytes, b"\n"), &mut heard);
        assert_eq!(client.is_open(), heard.is_empty());
        assert!(client.deadline().is_none_or(|next| next > now), "it is due for ever");
    }
    say(*settings, &String::from_utf8_lossy(stream));
}

/// One that has said CONNECT, and heard the CONNECTED of its settings.
fn open(settings: u8) -> StompClient {
    let limits = if settings & 4 == 0 { Limits::default() } else { TIGHT };
    let options =
        StompClientOptions { limits, server_heartbeat: Duration::from_secs(2), ..Default::default() };
    let mut client = StompClient::new(options);
    client.connect(&mut |_: Kind, _: &[u8]| {}).expect("it can be said");
    let connected = match settings & 3 {
        0 => "",
        1 => "CONNECTED\nsession: s\n\n\0",
        2 => "CONNECTED\nversion:1.1\nheart-beat:1000,1000\n\n\0\n",
        _ => "CONNECTED\nversion:1.2\nheart-beat:10000,0\n\n\0",
    };
    let mut heard = Vec::new();
    client.message(Time(0), Message::Text(connected), &mut heard).expect("no fault");
    assert_eq!(client.is_open(), settings & 3 != 0);
    client
}

/// What a client makes of it, in words.
fn heard<'a>(settings: u8, pieces: impl IntoIterator<Item = &'a [u8]>) -> (StompClient, Vec<String>) {
    let mut client = open(settings);
    let mut words = Vec::new();
    for piece in pieces {
        let (mut heard, kept) = (Vec::new(), client.kept_bytes());
        let fault = client.message(Time(0), Message::Binary(piece), &mut heard);
        assert!(client.kept_bytes() <= kept + piece.len(), "it keeps no more than came");
        for heard in &heard {
            if let Heard::Message(message) = heard
                && let Some(settling) = message.settling()
            {
                words.push(format!("{settling:?}"));
            }
            words.push(format!("{heard:?}"));
        }
        if let Err(fault) = fault {
            assert!(!fault.to_string().is_empty() && client.deadline().is_none());
            words.push(fault.to_string());
            break;
        }
    }
    (client, words)
}

/// Says each thing there is, of these words.
fn say(settings: u8, text: &str) {
    let words: Vec<&str> = text.split('|').chain(["a"; 4]).collect();
    let [a, b, c, d, ..] = words[..] else { return };
    let message = Settling { id: a, subscription: Some(b) };
    for outgoing in [
        Outgoing::Send { destination: a, transaction: Some(b), body: c.as_bytes() },
        Outgoing::Subscribe { id: a, destination: b, ack: Ack::Individual },
        Outgoing::Unsubscribe { id: a },
        Outgoing::Ack { message, transaction: None },
        Outgoing::Nack { message, transaction: Some(d) },
        Outgoing::Begin { transaction: a },
        Outgoing::Commit { transaction: a },
        Outgoing::Abort { transaction: a },
        Outgoing::Disconnect,
    ] {
        let mut client = open(settings);
        let version = client.version();
        let mut said = Vec::new();
        let mut outbox = |_: Kind, bytes: &[u8]| said.push(bytes.to_vec());
        let result = client.say(&outgoing, Some(d), &[(c, d)], &mut outbox);
        match result {
            Ok(()) => {}
            Err(Unsaid::NotConnected) => assert_eq!(settings & 3, 0),
            Err(Unsaid::NoNack) => assert_eq!(version, Version::V1_0),
            Err(Unsaid::Unspelled { .. }) => {
                assert!(
                    [a, b, c, d].iter().any(|word| word.is_empty() || word.contains(['\0', '\r', '\n', ':']))
                );
            }
        }
        assert_eq!(said.len(), usize::from(result.is_ok()));
        for bytes in said {
            check(version, &bytes, d);
        }
    }
}

/// One whole frame that a server can read, and its receipt.
fn check(version: Version, bytes: &[u8], receipt: &str) {
    let mut parser = Parser::new(Limits {
        headers: usize::MAX,
        line_bytes: usize::MAX,
        head_bytes: usize::MAX,
        body_bytes: usize::MAX,
        first_bytes: usize::MAX,
    });
    parser.switch(version);
    let mut input = bytes;
    let event = parser.next(&mut input).expect("no fault").expect("a whole frame");
    assert_eq!(input, [0; 0], "and one alone");
    let Event::Frame(frame) = event else { panic!("a pulse in place of a frame") };
    assert!(!matches!(frame.command, Command::Unknown(_)));
    // Blanks before a value are no part of it in 1.0.
    let blanks = [' ', '\t'];
    let receipt = if version == Version::V1_0 { receipt.trim_start_matches(blanks) } else { receipt };
    assert_eq!(frame.header("receipt"), Some(receipt));
}
