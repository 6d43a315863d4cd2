//! The body of every response: whole, empty, or a stream of what waits for a client.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use bytes::Bytes;
use http_body::{Frame, SizeHint};

use super::pieces::Pieces;
use super::unread::Unread;
use super::watched::{self, GivenUp, Watched};

/// Bytes that hyper is given at a time: what it has no room for stays with us, and counts as not taken.
const AT_ONCE: usize = 64 * 1024;

/// The body of a response.
pub struct Body(Kind);

enum Kind {
    Plain(Content),
    /// Over HTTP/2, and more than nothing much.
    Watched(Watched),
    /// Beside a body that still comes, and that nobody reads: boxed, for hardly a client sends one.
    Beside(Box<(Content, Unread)>),
}

pub(super) enum Content {
    Whole(Option<Bytes>),
    Stream(Pieces),
}

impl Body {
    pub(crate) fn empty() -> Self {
        Self(Kind::Plain(Content::Whole(None)))
    }

    pub(crate) fn whole(bytes: impl Into<Bytes>) -> Self {
        Self(Kind::Plain(Content::Whole(Some(bytes.into()).filter(|bytes| !bytes.is_empty()))))
    }

    pub(crate) fn stream(pieces: Pieces) -> Self {
        Self(Kind::Plain(Content::Stream(pieces)))
    }

    /// The same for HTTP/2, given up when its client takes nothing of it for so long.
    pub(super) fn watched(self, patience: Duration) -> Self {
        match self.0 {
            Kind::Plain(content) if content.left().is_none_or(|left| left > watched::PIECE as u64) => {
                Self(Kind::Watched(Watched::new(content, patience)))
            }
            kind => Self(kind),
        }
    }

    /// The same, if it goes on, while this still comes: when that breaks off, so does this.
    pub(super) fn beside(self, unread: Unread) -> Self {
        match self.0 {
            Kind::Plain(content @ Content::Stream(_)) => Self(Kind::Beside(Box::new((content, unread)))),
            kind => Self(kind),
        }
    }
}

impl Content {
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Option<Bytes>> {
        match self {
            Self::Whole(Some(bytes)) if bytes.len() > AT_ONCE => Poll::Ready(Some(bytes.split_to(AT_ONCE))),
            Self::Whole(bytes) => Poll::Ready(bytes.take()),
            Self::Stream(pieces) => pieces.poll(cx),
        }
    }

    pub(super) fn is_end(&self) -> bool {
        matches!(self, Self::Whole(None))
    }

    /// Bytes to come, if that is known.
    pub(super) fn left(&self) -> Option<u64> {
        match self {
            Self::Whole(bytes) => Some(bytes.as_ref().map_or(0, |bytes| bytes.len() as u64)),
            Self::Stream(_) => None,
        }
    }

    /// Whether there is something to take, and no session that looks whether it is taken.
    pub(super) fn waits_for_client(&self) -> bool {
        match self {
            Self::Whole(bytes) => bytes.is_some(),
            Self::Stream(pieces) => pieces.are_left(),
        }
    }
}

impl http_body::Body for Body {
    type Data = Bytes;
    type Error = GivenUp;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, GivenUp>>> {
        match &mut self.0 {
            Kind::Beside(both) => {
                let (content, unread) = &mut **both;
                if unread.poll(cx).is_ready() {
                    return Poll::Ready(Some(Err(GivenUp::BrokenOff)));
                }
                content.poll(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes))))
            }
            Kind::Plain(content) => content.poll(cx).map(|piece| piece.map(|bytes| Ok(Frame::data(bytes)))),
            Kind::Watched(watched) => watched.poll(cx).map(|piece| piece.map(|bytes| bytes.map(Frame::data))),
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Kind::Plain(content) => content.is_end(),
            Kind::Beside(both) => both.0.is_end(),
            Kind::Watched(watched) => watched.is_end(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        let left = match &self.0 {
            Kind::Plain(content) => content.left(),
            Kind::Beside(both) => both.0.left(),
            Kind::Watched(watched) => watched.left(),
        };
        left.map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for Body {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Kind::Plain(Content::Whole(_)) => "Body(whole)",
            Kind::Plain(Content::Stream(_)) | Kind::Beside(_) => "Body(stream)",
            Kind::Watched(_) => "Body(watched)",
        })
    }
}
