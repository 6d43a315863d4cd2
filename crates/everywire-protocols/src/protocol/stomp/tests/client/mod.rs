//! The client's side.

mod hearing;
mod saying;

use std::time::Duration;

use super::*;
use crate::seam::{Kind, Message, Time};

const NOTHING: [&str; 0] = [];

/// A client, and what it said and heard, in a form that tests can spell. `␀` stands for the byte `00`.
struct Peer {
    machine: StompClient,
    now: u64,
}

impl Peer {
    fn new(options: StompClientOptions) -> Self {
        Self { machine: StompClient::new(options), now: 1_000 }
    }

    /// One that has been let in.
    fn open(version: Version) -> Self {
        let mut peer = Self::new(StompClientOptions::default());
        assert_eq!(peer.connect().len(), 1);
        let heard = peer.hear(&format!("CONNECTED\nversion:{version}\n\n␀"));
        assert_eq!(heard, [format!("connected {version} None None None")]);
        peer
    }

    fn said(&mut self, act: impl FnOnce(&mut StompClient, &mut dyn FnMut(Kind, &[u8]))) -> Vec<String> {
        let mut said = Vec::new();
        act(&mut self.machine, &mut |kind, bytes: &[u8]| {
            said.push(match kind {
                Kind::Text => String::from_utf8(bytes.to_vec()).expect("text").replace('\0', "␀"),
                Kind::Binary => format!("bytes {}", bytes.escape_ascii()),
            });
        });
        said
    }

    fn connect(&mut self) -> Vec<String> {
        self.said(|machine, mut outbox| machine.connect(&mut outbox).expect("it can be said"))
    }

    fn say(&mut self, outgoing: Outgoing<'_>) -> Vec<String> {
        self.say_with(outgoing, None, &[])
    }

    fn say_with(
        &mut self,
        outgoing: Outgoing<'_>,
        receipt: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Vec<String> {
        self.said(|machine, mut outbox| {
            machine.say(&outgoing, receipt, headers, &mut outbox).expect("it can be said");
        })
    }

    fn unsaid(&mut self, outgoing: Outgoing<'_>, headers: &[(&str, &str)]) -> String {
        let said =
            self.machine.say(&outgoing, None, headers, &mut |_: Kind, _: &[u8]| panic!("nothing is said"));
        said.expect_err("it cannot be said").to_string()
    }

    /// What it heard, and what went wrong last.
    fn hear(&mut self, text: &str) -> Vec<String> {
        let text = text.replace('␀', "\0");
        let mut heard = Vec::new();
        let fault = self.machine.message(Time(self.now), Message::Text(&text), &mut heard);
        let heard = heard.iter().map(show);
        heard.chain(fault.err().map(|fault| format!("fault: {fault}"))).collect()
    }

    /// Lets so many milliseconds pass; says what was said and heard, and when.
    fn wait(&mut self, milliseconds: u64) -> Vec<(u64, String)> {
        let (start, until) = (self.now, self.now + milliseconds);
        let mut all = Vec::new();
        while let Some(deadline) = self.machine.deadline().filter(|deadline| deadline.0 <= until) {
            assert!(deadline.0 >= self.now, "a deadline in the past");
            self.now = deadline.0;
            let mut heard = Vec::new();
            let said = self.said(|machine, mut outbox| machine.tick(deadline, &mut outbox, &mut heard));
            let heard = heard.iter().map(show);
            all.extend(said.into_iter().chain(heard).map(|what| (self.now - start, what)));
            assert!(self.machine.deadline().is_none_or(|next| next > deadline), "it is due for ever");
        }
        self.now = until;
        all
    }
}

fn show(heard: &Heard<'_>) -> String {
    let more = |headers: &Headers<'_>| -> String {
        headers.iter().map(|(name, value)| format!(" {name}={value}")).collect()
    };
    match heard {
        Heard::Connected { version, session, server, user, headers } => {
            format!("connected {version} {session:?} {server:?} {user:?}{}", more(headers))
        }
        Heard::Message(message) => {
            let settling = message.settling().map_or("-".to_owned(), |settling| {
                format!("{}/{}", settling.id, settling.subscription.unwrap_or("-"))
            });
            format!(
                "message {} {} {} by {settling}:{} \"{}\"",
                message.subscription.as_deref().unwrap_or("-"),
                message.destination,
                message.id,
                more(&message.headers),
                message.body.escape_ascii()
            )
        }
        Heard::Receipt { id, headers } => format!("receipt {id}{}", more(headers)),
        Heard::Error { message, receipt, headers, body } => {
            format!("error {message:?} {receipt:?}{} \"{}\"", more(headers), body.escape_ascii())
        }
        Heard::Silent => "silent".to_owned(),
    }
}

#[test]
fn what_it_says_first() {
    let text = |text: &str| Some(Box::from(text));
    let secret = StompClientOptions {
        versions: vec![Version::V1_1],
        host: text("/"),
        login: text("ann:1"),
        passcode: text("p\\"),
        headers: vec![("X-Token".into(), "t".into())],
        heartbeat: Duration::ZERO,
        server_heartbeat: Duration::from_millis(20),
        ..StompClientOptions::default()
    };
    let none = StompClientOptions {
        versions: vec![],
        heartbeat: Duration::ZERO,
        server_heartbeat: Duration::ZERO,
        ..StompClientOptions::default()
    };
    assert!(!format!("{secret:?}").contains("p\\"), "{secret:?}");
    for (options, frame) in [
        (StompClientOptions::default(), "CONNECT\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n␀"),
        (
            secret,
            "CONNECT\naccept-version:1.1\nhost:/\nheart-beat:0,1000\nlogin:ann:1\npasscode:p\\\nX-Token:t\n\n␀",
        ),
        (none, "CONNECT\n\n␀"),
    ] {
        let mut peer = Peer::new(options);
        assert_eq!(peer.unsaid(Outgoing::Disconnect, &[]), NOT_CONNECTED);
        assert_eq!(peer.hear("CONNECTED\n\n␀"), NOTHING, "it has asked for nothing");
        assert_eq!(peer.connect(), [frame]);
        assert_eq!(peer.connect(), NOTHING, "once");
        assert_eq!(peer.unsaid(Outgoing::Disconnect, &[]), NOT_CONNECTED);
        assert_eq!((peer.machine.is_open(), peer.machine.deadline()), (false, None));
    }
    let options = StompClientOptions { login: text("a\nb"), ..StompClientOptions::default() };
    let mut client = StompClient::new(options);
    let said = client.connect(&mut |_: Kind, _: &[u8]| panic!("nothing is said"));
    assert_eq!(said, Err(Unsaid::Unspelled { header: "login".to_owned(), version: Version::V1_0 }));
}

const NOT_CONNECTED: &str =
    "the client is not connected; wait for CONNECTED, and say nothing behind DISCONNECT";

#[test]
fn it_is_let_in() {
    for (offered, frame, expected) in [
        (&Version::ALL[..], "CONNECTED\nversion:1.2\n\n␀", "connected 1.2 None None None"),
        (
            &Version::ALL,
            "\n\nCONNECTED\nversion:1.1\nsession:s:1\nserver:everywire/1\nuser-name:ann\nheart-beat:0,0\nx:y\n\n␀\n",
            "connected 1.1 Some(\"s:1\") Some(\"everywire/1\") Some(\"ann\") x=y",
        ),
        (&Version::ALL, "CONNECTED\nsession:s\n\n␀", "connected 1.0 Some(\"s\") None None"),
        (&[], "CONNECTED\n\n␀", "connected 1.0 None None None"),
        (
            &[Version::V1_1],
            "CONNECTED\nversion:1.2\n\n␀",
            "fault: CONNECTED with the version \"1.2\", which was not offered",
        ),
        (
            &[Version::V1_1],
            "CONNECTED\n\n␀",
            "fault: CONNECTED with the version \"1.0\", which was not offered",
        ),
        (
            &[],
            "CONNECTED\nversion:1.2\n\n␀",
            "fault: CONNECTED with the version \"1.2\", which was not offered",
        ),
        (
            &Version::ALL,
            "CONNECTED\nversion:3\n\n␀",
            "fault: CONNECTED with the version \"3\", which was not offered",
        ),
        (
            &Version::ALL,
            "CONNECTED\nversion:1.2\nheart-beat:x\n\n␀",
            "fault: CONNECTED with the heart-beat \"x\"; it has to be two numbers of milliseconds",
        ),
        (
            &Version::ALL,
            "MESSAGE\ndestination:/a\nmessage-id:1\n\n␀",
            "fault: \"MESSAGE\" from a server that has not sent CONNECTED",
        ),
        (
            &Version::ALL,
            "RECEIPT\nreceipt-id:1\n\n␀",
            "fault: \"RECEIPT\" from a server that has not sent CONNECTED",
        ),
        (
            &Version::ALL,
            "ERROR\nmessage:Bad CONNECT\ncontent-type:text/plain\ncontent-length:2\n\nno␀",
            "error Some(\"Bad CONNECT\") None content-type=text/plain \"no\"",
        ),
        (
            &Version::ALL,
            "HTTP/1.1 200 OK\r\n\r\n␀",
            "fault: \"HTTP/1.1 200 OK\" from a server that has not sent CONNECTED",
        ),
    ] {
        let mut peer =
            Peer::new(StompClientOptions { versions: offered.to_vec(), ..StompClientOptions::default() });
        peer.connect();
        assert_eq!(peer.hear(frame), [expected]);
        let is_in = expected.starts_with("connected ");
        assert_eq!(peer.machine.is_open(), is_in);
        if !is_in {
            assert_eq!((peer.hear("CONNECTED\nversion:1.2\n\n␀"), peer.machine.deadline()), (vec![], None));
        }
    }
}
