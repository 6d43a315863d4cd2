//! What a client sends: messages on a WebSocket, bodies of posts, and the packets in both.

use everywire_core::Reason;

use super::super::{Lane, Output, Outputs};
use super::jsonp;
use super::packet::{Packet, Revision, Type};
use super::payload::Payload;
use super::polling::{self, Post};
use super::session::{EngineIo, Stage, write};
use super::upgrade::Step;
use crate::seam::{Decoded, Message, Time};

/// What follows from a packet.
enum Next {
    Go,
    /// An answer to a ping.
    Pong,
    End(Reason),
}

impl EngineIo {
    /// A message on the WebSocket.
    pub(super) fn framed<'a>(&mut self, now: Time, lane: Lane, message: Message<'a>, out: &mut Outputs<'a>) {
        let next = match Packet::read(self.dialect.revision, message) {
            Ok(packet) => self.take(now, packet, Output::Message, out),
            Err(_) => Next::End(Reason::ProtocolError),
        };
        match next {
            Next::Go => {}
            Next::Pong => out.push(write(lane, Type::Pong, "")),
            Next::End(reason) => self.finish(reason, out),
        }
    }

    /// A packet came that is no part of the heartbeat.
    #[inline]
    pub(super) fn heard(&mut self, now: Time) {
        // Mostly not, and then the options need not be fetched.
        if self.heartbeat.is_owed() {
            self.heartbeat.heard(now, self.options.pace());
        }
    }

    /// A message, or a body, while the client polls.
    pub(super) fn brought<'a>(&mut self, now: Time, lane: Lane, message: Message<'a>, out: &mut Outputs<'a>) {
        let Stage::Polling(polling) = &mut self.stage else { return };
        if let Some(post) = polling.post.take_if(|post| post.lane == lane) {
            return self.posted(now, post, message, out);
        }
        let Some(probe) = polling.probe.as_mut().filter(|probe| probe.lane == lane) else { return };
        match Step::of(self.dialect.revision, message) {
            Step::Probed => {
                probe.since = Some(now);
                out.push(write(lane, Type::Pong, "probe"));
                polling.let_go(self.dialect, out);
            }
            Step::Switch => {
                self.dialect.base64 = probe.base64;
                std::mem::take(&mut **polling).hand_over(lane, self.dialect, out);
                self.stage = Stage::WebSocket(lane);
            }
            Step::GiveUp => {
                polling.probe = None;
                out.push(Output::End { lane, reason: Reason::ProtocolError });
            }
        }
    }

    /// The body of a POST.
    fn posted<'a>(&mut self, now: Time, post: Post, body: Message<'a>, out: &mut Outputs<'a>) {
        let revision = self.dialect.revision;
        let end = match body {
            Message::Binary(_) if revision == Revision::Four => {
                out.push(polling::broken(post.lane));
                return self.finish(Reason::ProtocolError, out);
            }
            _ if self.is_closing() => None,
            Message::Text(form) if post.form => match jsonp::body(form) {
                Some(body) => {
                    let payload = Payload::read(revision, Message::Text(&body));
                    self.take_all(now, payload, |message| Output::Decoded(Decoded::from(message)), out)
                }
                None => Some(Reason::ProtocolError),
            },
            body => self.take_all(now, Payload::read(revision, body), Output::Message, out),
        };
        if let Stage::Polling(polling) = &mut self.stage {
            if end == Some(Reason::ClientClosed) {
                polling.let_go(self.dialect, out);
            } else if end.is_none() {
                polling.answer(self.dialect, out);
            }
        }
        out.push(polling::taken(post.lane));
        if let Some(reason) = end {
            self.finish(reason, out);
        }
    }

    /// The packets of a body, up to one that ends the session.
    fn take_all<'m, 'a>(
        &mut self,
        now: Time,
        payload: Payload<'m>,
        deliver: impl Fn(Message<'m>) -> Output<'a>,
        out: &mut Outputs<'a>,
    ) -> Option<Reason> {
        for (count, packet) in payload.enumerate() {
            let Ok(packet) = packet else { return Some(Reason::ProtocolError) };
            if count == self.options.max_packets {
                return Some(Reason::TooLarge);
            }
            match (self.take(now, packet, &deliver, out), &mut self.stage) {
                (Next::End(reason), _) => return Some(reason),
                (Next::Pong, Stage::Polling(polling)) => polling.queue.push_once(Type::Pong),
                _ => {}
            }
        }
        None
    }

    /// One packet.
    fn take<'m, 'a>(
        &mut self,
        now: Time,
        packet: Packet<'m>,
        deliver: impl Fn(Message<'m>) -> Output<'a>,
        out: &mut Outputs<'a>,
    ) -> Next {
        match packet {
            Packet::Control(Type::Close, _) => return Next::End(Reason::ClientClosed),
            Packet::Control(Type::Pong, _) => {
                let may = self.heartbeat.pong(now, self.options.pace());
                return if may { Next::Go } else { Next::End(Reason::ProtocolError) };
            }
            Packet::Control(Type::Ping, _) => {
                let may = self.heartbeat.ping(now, self.options.pace());
                return if may { Next::Pong } else { Next::End(Reason::ProtocolError) };
            }
            Packet::Message(message) => out.push(deliver(message)),
            Packet::Decoded(bytes) => out.push(Output::Decoded(Decoded::Binary(bytes))),
            // They mean nothing here, and do no harm.
            Packet::Control(Type::Open | Type::Upgrade | Type::Noop | Type::Message, _) => {}
        }
        self.heard(now);
        Next::Go
    }
}
