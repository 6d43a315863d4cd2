//! Client and server in one room, with bytes among the messages: every way to spell them, over every transport.

use super::*;
use crate::session::{
    EngineIoClient, EngineIoClientInput as Told, EngineIoClientOptions, EngineIoClientOutput as Wants,
};

/// What travels, in order.
#[derive(Debug)]
enum Travels {
    Opens(Lane, LaneKind, String, Option<Decoded>),
    ToServer(Lane, Decoded),
    ToClient(Lane, Decoded),
    Answer(Lane, u16, Decoded),
    Closes(Lane),
}

struct Pair {
    client: EngineIoClient,
    server: EngineIo,
    now: Time,
    travels: std::collections::VecDeque<Travels>,
    /// What each side heard.
    client_heard: Vec<Decoded>,
    server_heard: Vec<Decoded>,
    /// What the server's side has not been asked for yet.
    mailbox: Vec<Decoded>,
    held: bool,
    direct: Option<Lane>,
    bodies_of_bytes: usize,
    /// How long the bodies were that the client posted.
    posts: Vec<usize>,
    closed: Vec<(&'static str, Reason)>,
}

impl Pair {
    fn new(options: EngineIoClientOptions) -> Self {
        Self::with(options, all())
    }

    fn with(options: EngineIoClientOptions, server: EngineIoOptions) -> Self {
        let server = EngineIo::new(Arc::new(server), SID.into());
        let mut pair = Self {
            client: EngineIoClient::new(options),
            server,
            now: Time(0),
            travels: std::collections::VecDeque::new(),
            client_heard: Vec::new(),
            server_heard: Vec::new(),
            mailbox: Vec::new(),
            held: false,
            direct: None,
            bodies_of_bytes: 0,
            posts: Vec::new(),
            closed: Vec::new(),
        };
        pair.tell_client(Told::Start);
        pair.run();
        pair
    }

    fn tell_client(&mut self, told: Told<'_>) {
        let mut out = Vec::new();
        self.client.input(self.now, told, &mut out);
        for wants in out {
            match wants {
                Wants::Open { lane, kind, query, body } => {
                    self.travels.push_back(Travels::Opens(lane, kind, query, body));
                }
                Wants::Write(lane, message) => self.travels.push_back(Travels::ToServer(lane, message)),
                Wants::Message(message) => self.client_heard.push(message.into()),
                Wants::Decoded(decoded) => self.client_heard.push(decoded),
                Wants::End(lane) => self.travels.push_back(Travels::Closes(lane)),
                Wants::Closed(reason) => self.closed.push(("client", reason)),
                Wants::Opened | Wants::Upgraded => {}
            }
        }
    }

    fn tell_server(&mut self, input: Input<'_>) {
        let mut out = Outputs::new();
        self.server.input(self.now, input, &mut out);
        for output in out {
            match output {
                Output::Message(message) => self.server_heard.push(message.into()),
                Output::Decoded(decoded) => self.server_heard.push(decoded),
                Output::Write { lane, bytes, text } => {
                    let kind = if text { Kind::Text } else { Kind::Binary };
                    self.travels.push_back(Travels::ToClient(lane, Decoded::new(kind, bytes.into_owned())));
                }
                Output::Respond { lane, status, headers, body, .. } => {
                    let bytes =
                        headers.get("content-type").is_some_and(|kind| kind == "application/octet-stream");
                    self.bodies_of_bytes += usize::from(bytes);
                    let kind = if bytes { Kind::Binary } else { Kind::Text };
                    let body = Decoded::new(kind, body.unwrap_or_default().into_owned());
                    self.travels.push_back(Travels::Answer(lane, status.as_u16(), body));
                }
                Output::Hold => self.held = true,
                Output::Release => self.held = false,
                Output::Direct { lane, .. } => self.direct = Some(lane),
                Output::Closed(reason) => self.closed.push(("server", reason)),
                _ => {}
            }
        }
    }

    /// Lets everything arrive.
    fn run(&mut self) {
        loop {
            if self.direct.is_some() || !self.held {
                for message in std::mem::take(&mut self.mailbox) {
                    let message = message.as_message();
                    self.tell_server(Input::Send { message, offset: None, retain: true, compress: true });
                }
                self.tell_server(Input::Drained);
            }
            let Some(travels) = self.travels.pop_front() else { return };
            match travels {
                Travels::Opens(lane, kind, query, body) => {
                    self.tell_server(Input::LaneOpened { lane, kind, head: &head(&query) });
                    if let Some(body) = body {
                        self.bodies_of_bytes += usize::from(matches!(body, Decoded::Binary(_)));
                        self.posts.push(body.as_message().as_bytes().len());
                        self.tell_server(Input::Message { lane, message: body.as_message() });
                    }
                    if kind == LaneKind::WebSocket {
                        self.tell_client(Told::Connected(lane));
                    }
                }
                Travels::ToServer(lane, message) => {
                    self.tell_server(Input::Message { lane, message: message.as_message() });
                }
                Travels::ToClient(lane, message) => {
                    self.tell_client(Told::Message(lane, message.as_message()));
                }
                Travels::Answer(lane, status, body) => {
                    self.tell_client(Told::Response(lane, status, body.as_message()));
                }
                Travels::Closes(lane) => {
                    self.tell_server(Input::LaneClosed { lane, how: LaneEnd::Finished(Some(1000)) });
                }
            }
        }
    }

    /// Sends these both ways.
    fn exchange(&mut self, messages: &[Decoded]) {
        for message in messages {
            self.mailbox.push(message.clone());
            self.tell_client(Told::Send(message.as_message()));
        }
        self.run();
    }
}

/// Every kind of client.
fn kinds() -> impl Iterator<Item = EngineIoClientOptions> {
    (0..16).map(|bits| EngineIoClientOptions {
        eio3: bits & 1 != 0,
        base64: bits & 2 != 0,
        websocket: bits & 4 != 0,
        upgrade: bits & 8 != 0,
    })
}

#[test]
fn texts_and_bytes_both_ways() {
    let messages = [
        Decoded::Text("€ 😀".to_owned()),
        Decoded::Binary(vec![0, 1, 254, 255]),
        Decoded::Text(String::new()),
        Decoded::Binary(Vec::new()),
        Decoded::Binary(vec![4; 100]),
        Decoded::Text("\n\"\\".to_owned()),
    ];
    for options in kinds() {
        let mut pair = Pair::new(options);
        assert_eq!(pair.client.is_on_websocket(), options.websocket || options.upgrade, "{options:?}");
        assert_eq!(pair.direct.is_some(), pair.client.is_on_websocket());
        pair.exchange(&messages);
        pair.exchange(&messages);
        assert_eq!(pair.client_heard, [&messages[..], &messages].concat(), "{options:?}");
        assert_eq!(pair.server_heard, [&messages[..], &messages].concat(), "{options:?}");
        let expected = options.eio3 && !options.base64 && !pair.client.is_on_websocket();
        assert_eq!(pair.bodies_of_bytes > 0, expected, "{options:?}");
        assert_eq!(pair.closed, []);
    }
}

#[test]
fn a_client_posts_no_more_at_once_than_the_server_takes() {
    const MOST: usize = 64;
    let mut messages: Vec<Decoded> = (0..30)
        .map(|i| match i % 3 {
            0 => Decoded::Binary(vec![i; 20]),
            _ => Decoded::Text("€".repeat(usize::from(i))),
        })
        .collect();
    for base64 in [false, true] {
        let options = EngineIoClientOptions { base64, eio3: false, websocket: false, upgrade: false };
        let mut pair = Pair::with(options, EngineIoOptions { max_payload: MOST, ..all() });
        messages.retain(|message| message.as_message().as_bytes().len() < MOST);
        pair.exchange(&messages);
        assert_eq!(pair.server_heard, messages);
        assert_eq!(pair.client_heard, messages);
        assert!(pair.posts.iter().all(|length| *length <= MOST), "{:?}", pair.posts);
        assert!(pair.posts.len() < messages.len(), "several leave together: {:?}", pair.posts);
        // One that is too long leaves alone, and it is the server that says so.
        let long = Decoded::Text("x".repeat(MOST));
        let before = pair.posts.len();
        pair.exchange(&[Decoded::Text("a".into()), long, Decoded::Text("b".into())]);
        assert_eq!(pair.posts[before..], [2, MOST + 1, 2]);
    }
}

#[test]
fn the_client_ends_it() {
    for options in kinds() {
        let mut pair = Pair::new(options);
        pair.tell_client(Told::Send(BYTES));
        pair.tell_client(Told::Close);
        pair.run();
        assert_eq!(pair.server_heard, [Decoded::from(BYTES)], "{options:?}");
        pair.closed.sort_by_key(|(who, _)| *who);
        let both = [("client", Reason::ClientClosed), ("server", Reason::ClientClosed)];
        assert_eq!(pair.closed, both, "{options:?}");
        assert_eq!(pair.client.deadline(), None);
    }
}

#[test]
fn the_server_ends_it() {
    for options in kinds().filter(|options| !options.upgrade && !options.websocket) {
        let mut pair = Pair::new(options);
        pair.tell_server(Input::Close(Reason::ServerClosed));
        pair.run();
        assert_eq!(pair.closed, [("server", Reason::ServerClosed), ("client", Reason::ServerClosed)]);
    }
}

#[test]
fn a_server_that_is_silent_is_gone() {
    for options in kinds() {
        let mut pair = Pair::new(options);
        // The server's own beats are not let happen.
        while let Some(deadline) = pair.client.deadline() {
            pair.now = deadline;
            pair.tell_client(Told::Tick);
            pair.travels.clear();
        }
        assert_eq!(pair.closed, [("client", Reason::IdleTimeout)], "{options:?}");
        assert_eq!(pair.now, Time(45_000));
    }
}

#[test]
fn a_server_that_makes_no_sense_is_left() {
    let rows = ["", "7", "0", "0{}", "4early", "5"];
    for text in rows {
        let mut client = EngineIoClient::new(EngineIoClientOptions { websocket: true, ..Default::default() });
        let mut out = Vec::new();
        client.input(Time(0), Told::Start, &mut out);
        out.clear();
        client.input(Time(0), Told::Message(Lane(0), Message::Text(text)), &mut out);
        assert_eq!(
            out[out.len() - 2..],
            [Wants::End(Lane(0)), Wants::Closed(Reason::ProtocolError)],
            "{text}"
        );
    }
    let mut client = EngineIoClient::new(EngineIoClientOptions::default());
    let mut out = Vec::new();
    client.input(Time(0), Told::Start, &mut out);
    client.input(Time(0), Told::Response(Lane(0), 400, Message::Text("{}")), &mut out);
    assert_eq!(out[1..], [Wants::Closed(Reason::Lost)]);
}
