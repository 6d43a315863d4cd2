//! A request that listens: what is said to it, in its transport's shape.

use std::borrow::Cow;

use super::super::{Lane, Output, Outputs};
use super::answer;
use super::frame::{Frame, Shape};
use super::transport::SockJsTransport;

/// A request that listens.
#[derive(Debug)]
pub(super) struct Receiver {
    pub(super) lane: Lane,
    pub(super) shape: Shape,
    pub(super) streams: bool,
    /// Bytes of frames so far.
    pub(super) sent: usize,
    /// Whether something was written that has not left.
    pub(super) written: bool,
}

impl Receiver {
    pub(super) fn new(lane: Lane, shape: Shape, streams: bool) -> Self {
        Self { lane, shape, streams, sent: 0, written: false }
    }

    /// What may come next, when all that was written has left.
    pub(super) fn goes_on(&self, limit: usize) -> Output<'static> {
        match self.shape.wrapping().filter(|_| self.streams) {
            Some(wrapping) => {
                Output::Share { lane: self.lane, wrapping, most: limit.saturating_sub(self.sent) }
            }
            None => Output::Release,
        }
    }

    pub(super) fn say(&mut self, frame: Frame<'_>, out: &mut Outputs<'_>) {
        let mut bytes = Vec::new();
        self.shape.frame(frame, &mut bytes);
        if self.streams {
            self.sent += bytes.len();
            self.written = true;
            out.push(Output::Write { lane: self.lane, bytes: Cow::Owned(bytes), text: true });
            return;
        }
        let is_call = matches!(self.shape, Shape::Call(_));
        let transport = if is_call { SockJsTransport::Jsonp } else { SockJsTransport::Polling };
        out.push(answer::receiving(self.lane, transport, Some(bytes)));
    }
}
