//! A sketch of SockJS over HTTP: one receiver at a time, which ends after so many bytes, and senders beside it.
//!
//! A second receiver gets a whole response that says so, and the first stays. What a response has no room for waits for
//! the next: nothing is lost at a limit, nor while there is no receiver. SSE with POST beside it, as one session, is the
//! same without a limit.

use std::borrow::Cow;
use std::collections::VecDeque;
use std::time::Duration;

use everywire_core::Reason;
use everywire_protocols::protocol::Raw;
use everywire_protocols::seam::{Message, Time};
use everywire_protocols::session::{Facts, Input, Lane, LaneEnd, LaneKind, Output, Outputs, Session};
use everywire_testkit::Random;
use everywire_testkit::laws::{self, SessionCase};
use everywire_testkit::rig::{Dialer, Does, Heard, Rig, Said, Wanted, Watched};
use http::StatusCode;

/// How long a session waits for the next receiver. (SockJS: `disconnect_delay`.)
const DISCONNECT_DELAY: Duration = Duration::from_secs(5);

struct SockJs {
    /// A receiver ends when it was sent so many bytes; none for SSE.
    limit: Option<usize>,
    opened: bool,
    closed: bool,
    /// Posts whose bodies are still to come.
    posts: Vec<Lane>,
    receiver: Option<Receiver>,
    /// Since when there is none.
    alone_since: Option<Time>,
    /// What the driver had in its hands when a receiver ended.
    queue: VecDeque<String>,
}

struct Receiver {
    lane: Lane,
    sent: usize,
}

impl SockJs {
    fn new(limit: Option<usize>) -> Self {
        Self {
            limit,
            opened: false,
            closed: false,
            receiver: None,
            posts: Vec::new(),
            alone_since: None,
            queue: VecDeque::new(),
        }
    }

    fn receiver_came(&mut self, lane: Lane, out: &mut Outputs<'_>) {
        let ok = |lane, body| Output::Respond {
            lane,
            status: StatusCode::OK,
            headers: Box::default(),
            body,
            compress: true,
        };
        if self.receiver.is_some() {
            return out.push(ok(lane, Some(Cow::Borrowed(b"c[2010,\"Another connection still open\"]\n"))));
        }
        self.receiver = Some(Receiver { lane, sent: 0 });
        self.alone_since = None;
        if !self.opened {
            self.opened = true;
            out.push(Output::Opened(Facts { text_only: true, ..Facts::default() }));
            out.push(Output::Indirect);
            out.push(ok(lane, None));
            out.push(write(lane, "o\n".to_owned()));
            return;
        }
        out.push(ok(lane, None));
        out.push(Output::Release);
    }

    /// Writes what waits, as far as the receiver goes.
    fn write_queue(&mut self, now: Time, out: &mut Outputs<'_>) {
        while let Some(receiver) = &mut self.receiver {
            if self.limit.is_some_and(|limit| receiver.sent >= limit) {
                out.push(Output::End { lane: receiver.lane, reason: Reason::ServerClosed });
                out.push(Output::Hold);
                self.receiver = None;
                self.alone_since = Some(now);
                return;
            }
            let Some(text) = self.queue.pop_front() else { return };
            let frame = format!("a[{text}]\n");
            receiver.sent += frame.len();
            out.push(write(receiver.lane, frame));
        }
    }

    fn close(&mut self, reason: Reason, out: &mut Outputs<'_>) {
        self.closed = true;
        if let Some(Receiver { lane, .. }) = self.receiver.take() {
            out.push(write(lane, "c[3000,\"Go away!\"]\n".to_owned()));
            out.push(Output::End { lane, reason });
        }
        out.extend(self.posts.drain(..).map(|post| nothing(post, StatusCode::NOT_FOUND)));
        out.push(Output::Closed(reason));
    }
}

fn nothing<'a>(lane: Lane, status: StatusCode) -> Output<'a> {
    let body = Some(Cow::Borrowed(&b""[..]));
    Output::Respond { lane, status, headers: Box::default(), body, compress: true }
}

fn write<'a>(lane: Lane, frame: String) -> Output<'a> {
    Output::Write { lane, bytes: Cow::Owned(frame.into_bytes()), text: true }
}

impl Session for SockJs {
    fn input<'a>(&mut self, now: Time, input: Input<'a>, out: &mut Outputs<'a>) {
        if self.closed {
            return;
        }
        match input {
            Input::LaneOpened { lane, kind: LaneKind::Post, .. } => self.posts.push(lane),
            Input::LaneOpened { lane, .. } => self.receiver_came(lane, out),
            Input::Message { lane, message } => {
                self.posts.retain(|post| *post != lane);
                out.push(Output::Message(message));
                out.push(nothing(lane, StatusCode::NO_CONTENT));
            }
            Input::Send { message: Message::Text(text), .. } => self.queue.push_back(text.to_owned()),
            Input::Drained => self.write_queue(now, out),
            Input::LaneClosed { lane, how } => {
                self.posts.retain(|post| *post != lane);
                // One that we ended is forgotten already; one that was lost takes the session with it.
                if self.receiver.take_if(|receiver| receiver.lane == lane).is_some() {
                    self.close(if how == LaneEnd::Aborted { Reason::Lost } else { how.reason() }, out);
                }
            }
            Input::Close(reason) => self.close(reason, out),
            Input::Tick => {
                if self.deadline().is_some_and(|deadline| now >= deadline) {
                    self.close(Reason::Lost, out);
                }
            }
            // Text only, no rooms, and it keeps nothing.
            Input::Send { .. }
            | Input::Joined { .. }
            | Input::Acknowledged(_)
            | Input::Resumable(_)
            | Input::Beats { .. }
            | Input::Pong { .. }
            | Input::Unheard
            | Input::LaneBlocked { .. }
            | Input::LaneWritable { .. }
            | Input::Shared { .. } => {}
        }
    }

    fn deadline(&self) -> Option<Time> {
        self.alone_since.filter(|_| !self.closed).map(|since| since.after(DISCONNECT_DELAY))
    }
}

/// The client's side: receives again and again, sends one request at a time.
#[derive(Default)]
struct Client {
    lanes: u32,
    opened: bool,
    sending: bool,
    outbox: VecDeque<String>,
    receivers: u32,
}

impl Client {
    fn open(&mut self, kind: LaneKind, body: Option<String>, out: &mut Vec<Does>) {
        self.lanes += 1;
        out.push(Does::Open(Lane(self.lanes), kind, "/server/session/xhr".to_owned(), body));
    }

    fn receive(&mut self, out: &mut Vec<Does>) {
        self.receivers += 1;
        self.open(LaneKind::Stream, None, out);
    }

    fn send(&mut self, out: &mut Vec<Does>) {
        if self.opened
            && !self.sending
            && let Some(text) = self.outbox.pop_front()
        {
            self.sending = true;
            self.open(LaneKind::Post, Some(text), out);
        }
    }
}

impl Dialer for Client {
    fn input(&mut self, _now: Time, heard: Heard, out: &mut Vec<Does>) {
        match heard {
            Heard::Start | Heard::Closed(_, true) => self.receive(out),
            Heard::Begun(_, 200) => {}
            Heard::Chunk(_, frame) if frame == "o\n" => {
                self.opened = true;
                self.send(out);
            }
            Heard::Chunk(_, frame) => {
                let text = frame.strip_prefix("a[").and_then(|rest| rest.strip_suffix("]\n"));
                out.push(Does::Deliver(text.unwrap_or_else(|| panic!("{frame:?} is no message")).to_owned()));
            }
            Heard::Body(_, 204, _) => {
                self.sending = false;
                self.send(out);
            }
            Heard::Say(text) => {
                self.outbox.push_back(text);
                self.send(out);
            }
            other => panic!("the client did not expect {other:?}"),
        }
    }
}

fn numbered(what: &str, count: usize) -> Vec<String> {
    (0..count).map(|i| format!("{what} {i}")).collect()
}

#[test]
fn nothing_is_lost_where_a_receiver_ends() {
    for limit in [Some(1), Some(40), Some(100), None] {
        let mut receivers = 0;
        for seed in 0..300 {
            let mut random = Random::new(seed);
            let mut rig = Rig::new(Client::default(), Box::new(SockJs::new(limit)), Box::new(Raw));
            for i in 0..30 {
                rig.emit(&format!("server {i}"));
                rig.say(&format!("client {i}"));
                for _ in 0..random.below(8) {
                    rig.step(&mut random);
                }
            }
            rig.settle(&mut random, Duration::from_secs(1));
            assert_eq!(rig.delivered, numbered("server", 30), "limit {limit:?}, seed {seed}");
            assert_eq!(rig.server.heard, numbered("client", 30), "limit {limit:?}, seed {seed}");
            receivers += rig.client.receivers;
        }
        assert!(limit.is_none() || receivers > 600, "{receivers} receivers with a limit of {limit:?}");
    }
}

fn open(session: &mut Watched, at: u64, lane: u32) -> Vec<Wanted> {
    let head = http::Request::new(());
    session.input(Time(at), Input::LaneOpened { lane: Lane(lane), kind: LaneKind::Stream, head: &head })
}

fn send(session: &mut Watched, at: u64, text: &str) -> Vec<Wanted> {
    let message = Message::Text(text);
    let wanted = session.input(Time(at), Input::Send { message, offset: None, retain: true, compress: true });
    assert_eq!(wanted, []);
    session.input(Time(at), Input::Drained)
}

fn text(lane: u32, text: &str) -> Wanted {
    Wanted::Write(Lane(lane), Said::Text(text.to_owned()))
}

#[test]
fn a_second_receiver_is_told_and_the_first_stays() {
    let mut session = Watched::new(Box::new(SockJs::new(None)));
    assert_eq!(open(&mut session, 0, 0).last(), Some(&text(0, "o\n")));
    let refused = open(&mut session, 1, 1);
    let [Wanted::Respond(Lane(1), 200, _, Some(body))] = &refused[..] else { panic!("{refused:?}") };
    assert_eq!(body, b"c[2010,\"Another connection still open\"]\n");
    let end = LaneEnd::Finished(None);
    assert_eq!(session.input(Time(2), Input::LaneClosed { lane: Lane(1), how: end }), []);
    assert_eq!(send(&mut session, 3, "hello"), [text(0, "a[hello]\n")]);
    assert_eq!(session.closed(), None);
}

#[test]
fn a_lost_receiver_ends_the_session_and_an_ended_one_is_awaited() {
    let mut session = Watched::new(Box::new(SockJs::new(Some(10))));
    open(&mut session, 0, 0);
    let ended = [
        text(0, "a[hello]\n"),
        // Nine bytes are too few for the limit, eighteen are enough.
        text(0, "a[again]\n"),
        Wanted::End(Lane(0), Reason::ServerClosed),
        Wanted::Hold,
    ];
    let mut all = send(&mut session, 1, "hello");
    all.extend(send(&mut session, 2, "again"));
    assert_eq!(all, ended);
    let closed = Input::LaneClosed { lane: Lane(0), how: LaneEnd::Finished(None) };
    assert_eq!(session.input(Time(3), closed), []);
    assert_eq!(session.deadline(), Some(Time(5002)));
    assert_eq!(open(&mut session, 5001, 1).last(), Some(&Wanted::Release));
    assert_eq!(session.deadline(), None);
    let lost = Input::LaneClosed { lane: Lane(1), how: LaneEnd::Aborted };
    assert_eq!(session.input(Time(5002), lost), [Wanted::Closed(Reason::Lost)]);
}

#[test]
fn keeps_the_laws_of_a_session() {
    let head = || http::Request::new(());
    for limit in [Some(20), None] {
        laws::session(&SessionCase {
            make: Box::new(move || Box::new(SockJs::new(limit))),
            first: (LaneKind::Stream, head()),
            more: vec![(LaneKind::Stream, head()), (LaneKind::Post, head())],
            messages: vec![Said::Text("hello".to_owned()), Said::Text(String::new())],
        });
    }
}
