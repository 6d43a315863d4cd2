//! The client's side: it logs in, says what its user wants in the version that was agreed on, understands what comes, and
//! beats.
//!
//! It does what the official clients do, and keeps nothing: which subscriptions there are, and which receipts are awaited, its
//! user knows. Of its transport it knows no more than that it is open, and lost.

use std::fmt;
use std::time::Duration;

use super::beats::{Beats, HeartBeat};
use super::escapes::Escapes;
use super::frame::{Command, Event, Frame};
use super::heard::{Heard, ServerFault};
use super::limits::Limits;
use super::outgoing::{Outgoing, Unsaid};
use super::parser::Parser;
use super::version::Version;
use super::write::{PULSE, kind, write_frame};
use crate::seam::{Kind, Message, Outbox, Time};

/// A client's options.
#[derive(Clone)]
pub struct StompClientOptions {
    /// The versions that it offers. Default all three.
    pub versions: Vec<Version>,
    /// The name of the virtual host that it wants. Default none, as stompjs, though the specification wants one.
    pub host: Option<Box<str>>,
    /// Who it is.
    pub login: Option<Box<str>>,
    /// What proves it.
    pub passcode: Option<Box<str>>,
    /// Other headers of CONNECT.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// How often it can say that it lives, if the server wants that; zero for never, and nothing else below a second.
    /// Default 10 s, as stompjs.
    pub heartbeat: Duration,
    /// How often it wants to hear of a server that can say that it lives; likewise. Default 10 s.
    pub server_heartbeat: Duration,
    /// After how many of the intervals agreed on a silent server is gone. Default 2, as stompjs.
    pub tolerance: u32,
    /// How much of a frame is taken. Default [`Limits::of_server`].
    pub limits: Limits,
}

impl Default for StompClientOptions {
    fn default() -> Self {
        Self {
            versions: Version::ALL.into_iter().rev().collect(),
            host: None,
            login: None,
            passcode: None,
            headers: Vec::new(),
            heartbeat: Duration::from_secs(10),
            server_heartbeat: Duration::from_secs(10),
            tolerance: 2,
            limits: Limits::of_server(),
        }
    }
}

/// Without what is secret, or may be.
impl fmt::Debug for StompClientOptions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StompClientOptions")
            .field("versions", &self.versions)
            .field("host", &self.host)
            .field("login", &self.login)
            .field("heartbeat", &self.heartbeat)
            .field("server_heartbeat", &self.server_heartbeat)
            .field("tolerance", &self.tolerance)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A client.
///
/// ```
/// use everywire_protocols::protocol::stomp::{Ack, Heard, Outgoing, StompClient, StompClientOptions};
/// use everywire_protocols::seam::{Kind, Message, Time};
///
/// let mut client = StompClient::new(StompClientOptions::default());
/// let mut said = Vec::new();
/// let mut outbox = |_: Kind, bytes: &[u8]| said.push(String::from_utf8(bytes.to_vec()).unwrap());
/// client.connect(&mut outbox)?;
/// let mut heard = Vec::new();
/// client.message(Time(0), Message::Text("CONNECTED\nversion:1.2\n\n\0"), &mut heard)?;
/// assert!(matches!(heard[0], Heard::Connected { .. }));
/// let subscribe = Outgoing::Subscribe { id: "0", destination: "/topic/a:b", ack: Ack::Auto };
/// client.say(&subscribe, Some("r"), &[], &mut outbox)?;
/// assert_eq!(said[1], "SUBSCRIBE\nreceipt:r\nid:0\ndestination:/topic/a\\cb\n\n\0");
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug)]
pub struct StompClient {
    options: StompClientOptions,
    parser: Parser,
    stage: Stage,
    beats: Beats,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Stage {
    New,
    /// It has said who it is.
    Connecting,
    Open,
    /// It has said goodbye, and waits for this receipt.
    Leaving(Box<str>),
    Over,
}

impl StompClient {
    /// A client that has no transport yet. It is good for one: whoever comes back logs in again.
    pub fn new(options: StompClientOptions) -> Self {
        let parser = Parser::new(options.limits);
        Self { options, parser, stage: Stage::New, beats: Beats::default() }
    }

    /// Its transport is open: it says who it is, and what it speaks. A second time it says nothing.
    pub fn connect(&mut self, outbox: &mut dyn Outbox) -> Result<(), Unsaid> {
        if self.stage != Stage::New {
            return Ok(());
        }
        let versions = self.options.versions.iter().map(|version| version.as_str());
        let versions = versions.collect::<Vec<_>>().join(",");
        let heartbeat = self.heartbeat();
        let beats = heartbeat.to_string();
        let own = [
            ("accept-version", Some(&*versions).filter(|versions| !versions.is_empty())),
            ("host", self.options.host.as_deref()),
            ("heart-beat", (heartbeat != HeartBeat::default()).then_some(&*beats)),
            ("login", self.options.login.as_deref()),
            ("passcode", self.options.passcode.as_deref()),
        ];
        let own = own.into_iter().filter_map(|(name, value)| Some((name, value?)));
        let others = self.options.headers.iter().map(|(name, value)| (&**name, &**value));
        let headers: Vec<_> = own.chain(others).collect();
        write(Version::V1_0, &Command::Connect, &headers, &[], outbox)?;
        self.stage = Stage::Connecting;
        Ok(())
    }

    fn heartbeat(&self) -> HeartBeat {
        HeartBeat::new(self.options.heartbeat, self.options.server_heartbeat)
    }

    /// Whether it has been let in, and has not said goodbye or heard the end.
    pub fn is_open(&self) -> bool {
        self.stage == Stage::Open
    }

    /// The version that was agreed on; 1.0 before.
    pub fn version(&self) -> Version {
        self.parser.version()
    }

    /// Bytes of a frame of the server's that has begun and not ended.
    pub fn kept_bytes(&self) -> usize {
        self.parser.kept_bytes()
    }

    /// Says something, with headers of the user's own behind those that it needs; with a receipt, the server says when it is
    /// done ([`Heard::Receipt`]).
    ///
    /// A goodbye with a receipt waits for that, and one without is the end: what is heard behind it is not understood.
    pub fn say(
        &mut self,
        outgoing: &Outgoing<'_>,
        receipt: Option<&str>,
        headers: &[(&str, &str)],
        outbox: &mut dyn Outbox,
    ) -> Result<(), Unsaid> {
        if !self.is_open() {
            return Err(Unsaid::NotConnected);
        }
        let version = self.version();
        if version == Version::V1_0 && matches!(outgoing, Outgoing::Nack { .. }) {
            return Err(Unsaid::NoNack);
        }
        // One that stands first cannot be said otherwise by what comes behind.
        let receipt_header = receipt.map(|receipt| ("receipt", receipt));
        let own = outgoing.headers(version);
        let all: Vec<_> = receipt_header.into_iter().chain(own).chain(headers.iter().copied()).collect();
        write(version, &outgoing.command(), &all, outgoing.body(), outbox)?;
        if let Outgoing::Disconnect = outgoing {
            self.stage = receipt.map_or(Stage::Over, |receipt| Stage::Leaving(receipt.into()));
        }
        Ok(())
    }

    /// Understands what came: a part of a stream, in which frames end anywhere. After a fault the client is over.
    pub fn message<'a>(
        &mut self,
        now: Time,
        message: Message<'a>,
        heard: &mut Vec<Heard<'a>>,
    ) -> Result<(), ServerFault> {
        self.beats.heard(now);
        let mut input = message.as_bytes();
        while !matches!(self.stage, Stage::New | Stage::Over) {
            let said = match self.parser.next(&mut input) {
                Ok(None) => return Ok(()),
                Ok(Some(Event::Pulse)) => continue,
                Ok(Some(Event::Frame(frame))) => self.frame(now, frame),
                Err(fault) => Err(fault.into()),
            };
            match said {
                Ok(said) => heard.push(said),
                Err(fault) => {
                    self.stage = Stage::Over;
                    return Err(fault);
                }
            }
        }
        Ok(())
    }

    fn frame<'a>(&mut self, now: Time, frame: Frame<'a>) -> Result<Heard<'a>, ServerFault> {
        match (&self.stage, &frame.command) {
            (Stage::Connecting, Command::Connected) => self.connected(now, frame),
            (_, Command::Error) => {
                self.stage = Stage::Over;
                Ok(Heard::error(frame))
            }
            (Stage::Open | Stage::Leaving(_), Command::Message) => Heard::message(self.version(), frame),
            (Stage::Open | Stage::Leaving(_), Command::Receipt) => {
                let heard = Heard::receipt(frame)?;
                if let (Stage::Leaving(last), Heard::Receipt { id, .. }) = (&self.stage, &heard)
                    && **last == **id
                {
                    self.stage = Stage::Over;
                }
                Ok(heard)
            }
            (stage, command) => Err(ServerFault::Unexpected {
                command: command.as_str().to_owned(),
                connected: *stage != Stage::Connecting,
            }),
        }
    }

    fn connected<'a>(&mut self, now: Time, frame: Frame<'a>) -> Result<Heard<'a>, ServerFault> {
        let offered = |version: &Version| match &self.options.versions[..] {
            [] => *version == Version::V1_0,
            versions => versions.contains(version),
        };
        // A server of 1.0 does not say it.
        let given = frame.header("version").unwrap_or("1.0");
        let version = Version::named(given).filter(offered);
        let version = version.ok_or_else(|| ServerFault::Version(given.to_owned()))?;
        let given = frame.header("heart-beat");
        let theirs = HeartBeat::parse(given)
            .map_err(|_| ServerFault::HeartBeat(given.unwrap_or_default().to_owned()))?;
        self.parser.switch(version);
        self.parser.log_in();
        self.beats = Beats::agree(version, self.heartbeat(), theirs, self.options.tolerance, now);
        self.stage = Stage::Open;
        Ok(Heard::connected(version, frame))
    }

    /// The deadline has come: it says that it lives, or finds that the server does not.
    pub fn tick(&mut self, now: Time, outbox: &mut dyn Outbox, heard: &mut Vec<Heard<'_>>) {
        match self.stage {
            Stage::Open | Stage::Leaving(_) if self.beats.is_silent(now) => {
                self.stage = Stage::Over;
                heard.push(Heard::Silent);
            }
            Stage::Open if self.beats.is_due(now) => {
                outbox.passing(Kind::Text, PULSE.len(), &mut |out| out.extend_from_slice(PULSE));
            }
            _ => {}
        }
    }

    /// When it wants a [`tick`](Self::tick).
    pub fn deadline(&self) -> Option<Time> {
        match self.stage {
            Stage::Open => self.beats.deadline(),
            // It has said its last.
            Stage::Leaving(_) => self.beats.silent_at(),
            Stage::New | Stage::Connecting | Stage::Over => None,
        }
    }

    /// Its transport is gone, and that is the end.
    pub fn lost(&mut self) {
        self.stage = Stage::Over;
    }
}

/// Writes a frame, if the version can spell all of it.
fn write(
    version: Version,
    command: &Command<'_>,
    headers: &[(&str, &str)],
    body: &[u8],
    outbox: &mut dyn Outbox,
) -> Result<(), Unsaid> {
    let escapes = Escapes::of(command, version);
    if let Some((name, _)) =
        headers.iter().find(|(name, value)| !escapes.can_write_name(name) || !escapes.can_write_value(value))
    {
        return Err(Unsaid::Unspelled { header: (*name).to_owned(), version });
    }
    let hint = headers.iter().map(|(name, value)| name.len() + value.len() + 2).sum::<usize>() + body.len();
    outbox.message(kind(body), hint + 48, &mut |out| {
        write_frame(version, command, headers.iter().copied(), body, out);
    });
    Ok(())
}
