//! SockJS's client: whatever a server answers, sends and breaks off, in whatever pieces, it makes the same of it, keeps no more
//! than it may, does nothing after its end, and touches no lane that has ended.

use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{
    Lane, LaneEnd, SockJsClient, SockJsClientInput as Input, SockJsClientOptions,
    SockJsClientOutput as Output, SockJsClientTransport as Transport, SockJsRequest as Request, SockJsUnsent,
};

/// Small, so that a fuzzer reaches it.
const LIMIT: usize = 300;

/// `[setting, size, lines…]`: the first byte chooses the transports and what `info` answers, the second the size of pieces;
/// then what happens, each thing on a line that begins with a letter.
///
/// | letter | what happens |
/// |---|---|
/// | `b…`, `f…` | bytes come in the response that it listens to; a frame comes, framed as its transport does |
/// | `r…`, `p…` | what it listens by is answered with the status that the next byte says; what it posts is |
/// | `x…`, `y…` | what it listens by ends, in a way that the next byte says; what it posts does |
/// | `i…` | `info` is answered with this |
/// | `s…`, `c`, `d`, `g` | it says a text; it is to end; its deadline comes; a ping comes |
pub fn sockjs_client(data: &[u8]) {
    let [setting, size, lines @ ..] = data else { return };
    let whole = played(*setting, usize::MAX, lines);
    let torn = played(*setting, usize::from(*size).max(1), lines);
    assert_eq!(torn, whole, "in pieces of {size} bytes");
}

/// What comes of it, in words.
fn played(setting: u8, size: usize, lines: &[u8]) -> Vec<String> {
    let mut play = Play::new(setting, size);
    for line in lines.split(|byte| *byte == b'\n') {
        if let [letter, rest @ ..] = line {
            play.step(*letter, rest);
        }
    }
    play.finish();
    play.words
}

struct Play {
    client: SockJsClient,
    now: Time,
    size: usize,
    /// What is open.
    open: Vec<(Lane, Request)>,
    /// What it was told that leaves, and what has left, a byte each.
    said: usize,
    left: usize,
    closed: bool,
    words: Vec<String>,
}

impl Play {
    fn new(setting: u8, size: usize) -> Self {
        let is = |bit: u8| setting & 1 << bit != 0;
        let transports = Transport::ALL.into_iter().enumerate();
        let transports = transports.filter(|(i, _)| setting >> 4 == 0 || setting & 0x10 << i != 0);
        let options = SockJsClientOptions {
            transports: transports.map(|(_, transport)| transport).collect(),
            silence: is(0).then(|| Duration::from_secs(60)),
            pause: if is(1) { Duration::from_millis(25) } else { Duration::ZERO },
            frame_bytes: LIMIT,
            frame_messages: 5,
            post_bytes: 30,
            outbox_bytes: LIMIT,
            outbox_messages: 4,
            ..SockJsClientOptions::new("/s")
        };
        let client = SockJsClient::new(options, &mut || 7);
        let mut play = Self {
            client,
            now: Time(0),
            size,
            open: Vec::new(),
            said: 0,
            left: 0,
            closed: false,
            words: Vec::new(),
        };
        play.tell(Input::Start);
        // Otherwise the lines say what it answers.
        if is(2) {
            play.answer(Request::Info, 200, br#"{"websocket":true}"#);
        }
        // One that is open.
        if is(3) {
            play.frame(b"o");
        }
        play
    }

    fn tell(&mut self, input: Input<'_>) {
        let mut out = Vec::new();
        self.client.input(self.now, input, &mut out);
        self.take(out);
    }

    fn take(&mut self, out: Vec<Output<'_>>) {
        for wants in out {
            assert!(!self.closed, "{wants:?} after the end");
            match &wants {
                Output::Open { lane, request, url, body } => {
                    assert!(url.bytes().all(|byte| byte.is_ascii_graphic()), "{url}");
                    assert!(self.open.iter().all(|(open, _)| open < lane), "numbers rise");
                    let alike = |one: Request| (one == Request::Send) == (*request == Request::Send);
                    assert!(!self.open.iter().any(|(_, open)| alike(*open)), "one at a time");
                    self.open.push((*lane, *request));
                    self.left(body);
                }
                Output::End(lane) => self.ended(*lane),
                Output::Write(lane, frame) => {
                    assert!(self.open.contains(&(*lane, Request::WebSocket)));
                    self.left(frame.as_message().as_bytes());
                }
                Output::Message(message) => assert!(message.as_bytes().len() <= LIMIT),
                Output::Decoded(message) => assert!(message.as_message().as_bytes().len() <= LIMIT),
                Output::Closed { reason, .. } => {
                    self.closed = true;
                    assert!(self.open.is_empty(), "{:?} is open still", self.open);
                    let goodbye = *reason == Reason::ClientClosed;
                    assert!(!goodbye || self.left == self.said, "what was said has left before");
                }
                Output::Opened { .. } | Output::Heartbeat | Output::Room => {}
            }
            let words = match &wants {
                // Whether it had to be decoded depends on how it came.
                Output::Message(message) => format!("{:?}", message.as_bytes()),
                Output::Decoded(message) => format!("{:?}", message.as_message().as_bytes()),
                other => format!("{other:?}"),
            };
            self.words.push(words);
        }
        assert_eq!(self.client.is_closed(), self.closed);
        assert!(!self.closed || self.client.deadline().is_none());
    }

    /// An array of as many texts as anybody can read.
    fn left(&mut self, body: &[u8]) {
        if !body.is_empty() {
            let texts: Vec<String> = serde_json::from_slice(body).expect("an array of texts");
            self.left += texts.len();
            assert!(self.left <= self.said, "it says what it was not told");
        }
    }

    fn ended(&mut self, lane: Lane) {
        let i = self.open.iter().position(|(open, _)| *open == lane).expect("a lane that is open");
        self.open.remove(i);
    }

    /// What it posts by, or what else it has opened.
    fn lane(&self, posts: bool) -> Option<(Lane, Request)> {
        self.open.iter().copied().find(|(_, request)| (*request == Request::Send) == posts)
    }

    fn answer(&mut self, request: Request, status: u16, body: &[u8]) {
        if let Some((lane, _)) = self.open.iter().copied().find(|(_, open)| *open == request) {
            self.ended(lane);
            self.tell(Input::Response(lane, status, body));
        }
    }

    fn frame(&mut self, frame: &[u8]) {
        let Some((lane, request)) = self.lane(false) else { return };
        match request {
            Request::WebSocket => {
                let text = String::from_utf8_lossy(frame);
                self.tell(Input::Message(lane, Message::Text(&text)));
            }
            Request::Events => self.bytes(&[b"data: ", frame, b"\r\n\r\n"].concat()),
            Request::Poll => self.answer(Request::Poll, 200, &[frame, b"\n"].concat()),
            _ => self.bytes(&[frame, b"\n"].concat()),
        }
    }

    fn bytes(&mut self, bytes: &[u8]) {
        let Some((lane, _)) = self.lane(false) else { return };
        for piece in bytes.chunks(self.size) {
            self.tell(Input::Bytes(lane, piece));
        }
    }

    fn step(&mut self, letter: u8, rest: &[u8]) {
        let first = rest.first().copied().unwrap_or_default();
        match (letter, self.lane(false), self.lane(true)) {
            (b'b', ..) => {
                // A line feed ends what happens, so another stands for it.
                let bytes: Vec<_> =
                    rest.iter().map(|byte| if *byte == b'|' { b'\n' } else { *byte }).collect();
                self.bytes(&bytes);
            }
            (b'f', ..) => self.frame(rest),
            (b'r', Some((_, request)), _) => {
                self.answer(request, status(first), rest.get(1..).unwrap_or_default());
            }
            (b'p', _, Some((_, request))) => self.answer(request, status(first), b""),
            (b'x', Some((lane, _)), _) | (b'y', _, Some((lane, _))) => {
                self.ended(lane);
                let how = match first {
                    b'a' => LaneEnd::Aborted,
                    b'f' => LaneEnd::Fault(Reason::TooLarge),
                    b'0' => LaneEnd::Finished(None),
                    code => LaneEnd::Finished(Some(990 + u16::from(code) * 16)),
                };
                self.tell(Input::LaneClosed(lane, how));
            }
            (b'i', ..) => self.answer(Request::Info, 200, rest),
            (b's', ..) => self.say(&String::from_utf8_lossy(rest)),
            (b'c', ..) => self.tell(Input::Close),
            (b'd', ..) => self.due(),
            (b'g', Some((lane, _)), _) => self.tell(Input::Ping(lane)),
            _ => {}
        }
    }

    fn say(&mut self, text: &str) {
        let mut out = Vec::new();
        let taken = self.client.send(self.now, text, &mut out);
        match taken {
            Ok(()) => self.said += 1,
            Err(SockJsUnsent::TooLong) => assert!(text.len() > LIMIT / 6 - 2),
            Err(SockJsUnsent::Full) => assert!(self.said > self.left),
            Err(SockJsUnsent::Closed) => {}
        }
        assert!(taken.is_ok() || out.is_empty());
        self.take(out);
    }

    fn due(&mut self) {
        if let Some(deadline) = self.client.deadline() {
            self.now = self.now.max(deadline);
            self.tell(Input::Tick);
            assert!(self.client.deadline().is_none_or(|next| next > self.now), "it is due for ever");
        }
    }

    /// However a client is left, it ends: it has to be told only that time passes.
    fn finish(&mut self) {
        self.tell(Input::Close);
        for _ in 0..20 {
            self.due();
        }
        assert!(self.closed, "it does not end");
    }
}

fn status(byte: u8) -> u16 {
    match byte {
        b'0' => 204,
        b'1' => 404,
        b'2' => 200,
        byte => 100 + u16::from(byte),
    }
}
