//! The load generator: one thread, one epoll, many connections.
//!
//! A [`Load`] says what to send and checks what comes; [`Generator`] moves the bytes. After each read the load is asked
//! at once for what to send next, so that all answers to one read leave in one write.

mod connects;
mod echo;
mod handshake;
mod link;
mod listener;
mod open;
mod poster;
mod probe;
mod room;
mod socket;
mod streams;

use std::io::ErrorKind;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::wire::Frame;
pub(crate) use connects::Connects;
pub(crate) use echo::Echo;
use link::Link;
use listener::Listener;
pub(crate) use open::{Door, Open, Opening};
use poster::Poster;
pub(crate) use probe::Probe;
pub(crate) use room::{Feed, Room};
pub(crate) use streams::Streams;

/// Holds what one `recv` gives at most; a message of a peer is at most a quarter of it.
const READ_BUFFER: usize = 256 << 10;

/// The token of the first poster; those of the links are below.
const POSTERS: usize = 1 << 20;

/// What is sent, and what has to come back.
pub(crate) trait Load {
    /// A message of the peer on connection `index`. An error ends the run: the peer does not do what it should.
    fn on_message(&mut self, index: usize, frame: &Frame<'_>) -> Result<()>;

    /// What to send now and on which connection; asked again until there is nothing more.
    fn next(&mut self) -> Option<(usize, &[u8])>;

    /// When to ask next even though nothing arrives.
    fn wake(&self) -> Option<Instant> {
        None
    }

    /// Send no more.
    fn stop(&mut self);

    /// Nothing is to be sent and nothing is awaited.
    fn is_done(&self) -> bool;

    /// Messages that came back and were right.
    fn received(&self) -> u64;
}

#[derive(Debug)]
pub(crate) struct Generator {
    poll: Poll,
    events: Events,
    links: Vec<Link>,
    /// What the connections say goes by these, if they hear by responses.
    posters: Vec<Poster>,
    buffer: Vec<u8>,
}

impl Generator {
    pub(crate) fn new() -> Result<Self> {
        Ok(Self {
            poll: Poll::new()?,
            events: Events::with_capacity(1024),
            links: Vec::new(),
            posters: Vec::new(),
            buffer: vec![0; READ_BUFFER],
        })
    }

    /// Opens connections, one after the other, until there are `count`.
    pub(crate) fn connect(&mut self, door: &Door, count: usize) -> Result<()> {
        while self.links.len() < count {
            let index = self.links.len();
            let Open { stream, received } =
                door.open(index).with_context(|| format!("connection {index}"))?;
            let stream = self.register(stream, index)?;
            let wire = door.wires.of(index);
            let listener = Listener::new(wire, door.port, index).map(Box::new);
            self.links.push(Link::new(stream, wire, listener, received));
            if let Some(head) = door.post(index) {
                let stream = door.dial(index).with_context(|| format!("requests of connection {index}"))?;
                let stream = self.register(stream, POSTERS + index)?;
                self.posters.push(Poster::new(stream, head));
            }
        }
        Ok(())
    }

    fn register(&self, stream: std::net::TcpStream, token: usize) -> Result<TcpStream> {
        stream.set_nonblocking(true)?;
        let mut stream = TcpStream::from_std(stream);
        let both = Interest::READABLE | Interest::WRITABLE;
        self.poll.registry().register(&mut stream, Token(token), both)?;
        Ok(stream)
    }

    /// Drives the load until it is done, or until a moment.
    pub(crate) fn run(&mut self, load: &mut impl Load, until: Instant) -> Result<()> {
        loop {
            send(&mut self.links, &mut self.posters, load)?;
            let now = Instant::now();
            if load.is_done() || now >= until {
                return Ok(());
            }
            match self.poll.poll(&mut self.events, Some(timeout(now, until, load.wake()))) {
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                result => result?,
            }
            for event in &self.events {
                let Token(index) = event.token();
                if let Some(index) = index.checked_sub(POSTERS) {
                    let poster = &mut self.posters[index];
                    poster.flush()?;
                    if event.is_readable() {
                        poster.read().with_context(|| format!("requests of connection {index}"))?;
                    }
                    continue;
                }
                let link = &mut self.links[index];
                link.flush()?;
                if event.is_readable() {
                    link.read(&mut self.buffer, event.is_read_closed(), |frame| {
                        load.on_message(index, frame)
                    })
                    .with_context(|| format!("connection {index}"))?;
                    send(&mut self.links, &mut self.posters, load)?;
                }
            }
        }
    }
}

/// Sends all that there is to say.
fn send(links: &mut [Link], posters: &mut [Poster], load: &mut impl Load) -> Result<()> {
    while let Some((index, bytes)) = load.next() {
        match posters.get_mut(index) {
            Some(poster) => poster.send(bytes),
            None => links[index].send(bytes),
        }
        .with_context(|| format!("connection {index}"))?;
    }
    Ok(())
}

/// epoll rounds up to a millisecond. For a load that sends by the clock the last one is spent polling, so that it is
/// never late by the timer.
fn timeout(now: Instant, until: Instant, wake: Option<Instant>) -> Duration {
    const GRAIN: Duration = Duration::from_millis(1);
    let left = until.saturating_duration_since(now);
    wake.map_or(left, |wake| wake.saturating_duration_since(now).saturating_sub(GRAIN).min(left))
}
