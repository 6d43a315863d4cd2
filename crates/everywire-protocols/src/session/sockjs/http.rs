//! A client without a WebSocket: the request that listens, and what waits for one.

use everywire_core::Reason;
use http::HeaderMap;

use super::super::{Lane, Output, Outputs};
use super::frame::Frame;
use super::receiver::Receiver;
use super::socket::end_of;
use super::transport::SockJsTransport;
use crate::seam::Time;

/// A client without a WebSocket.
#[derive(Debug)]
pub(super) struct Http {
    /// How it listened first: it goes on so.
    pub(super) began: SockJsTransport,
    /// The request that listens.
    pub(super) receiver: Option<Receiver>,
    /// The poll that had the latest answer.
    pub(super) answered: Option<Lane>,
    /// Messages that wait for one, as they stand in a frame.
    pub(super) queue: Vec<u8>,
    /// What is due next: with a receiver a heart-beat, without one the end.
    pub(super) until: Time,
    /// That it has ended, of which whoever listens is told.
    pub(super) closing: Option<Reason>,
    /// Bodies that have not come whole.
    pub(super) posts: Vec<Post>,
    /// Whether heart-beats rest: the client hears those of its protocol.
    pub(super) rests: bool,
}

/// A body on its way.
#[derive(Debug)]
pub(super) struct Post {
    pub(super) lane: Lane,
    pub(super) headers: HeaderMap,
    pub(super) jsonp: bool,
}

impl Http {
    /// Says this to whoever listens. A poll has had its answer then.
    pub(super) fn say(&mut self, frame: Frame<'_>, out: &mut Outputs<'_>) {
        if let Some(receiver) = &mut self.receiver {
            receiver.say(frame, out);
            if let Some(poll) = self.receiver.take_if(|receiver| !receiver.streams) {
                self.answered = Some(poll.lane);
            }
        }
    }

    /// Says what waits, in one frame. False if nothing does, or nobody listens.
    pub(super) fn deliver(&mut self, out: &mut Outputs<'_>) -> bool {
        if self.queue.is_empty() || self.receiver.is_none() {
            return false;
        }
        let queue = std::mem::take(&mut self.queue);
        // What we wrote ourselves is UTF-8.
        self.say(Frame::Messages(std::str::from_utf8(&queue).unwrap_or_default()), out);
        true
    }

    /// Says that it has ended, if it has, and nothing comes before that.
    pub(super) fn tell_end(&mut self, out: &mut Outputs<'_>) {
        let Some(reason) = self.closing.filter(|_| self.queue.is_empty() && self.receiver.is_some()) else {
            return;
        };
        let (code, words) = end_of(reason);
        self.say(Frame::Close { code, reason: words }, out);
        if let Some(Receiver { lane, .. }) = self.receiver.take() {
            out.push(Output::End { lane, reason });
        }
    }
}
