//! The transports by which a client hears, and by which it speaks where those are not the same.

use std::borrow::Cow;

use percent_encoding::percent_decode_str;

use super::frame::Shape;
use crate::session::LaneKind;

/// How a client hears.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SockJsTransport {
    /// `xhr`: each response has one frame.
    Polling,
    /// `xhr_streaming`.
    Streaming,
    /// `eventsource`.
    EventSource,
    /// `htmlfile`: a page in an iframe.
    HtmlFile,
    /// `jsonp`: a script with one frame.
    Jsonp,
}

/// What may be asked of a session by its address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Asked {
    Receive(SockJsTransport),
    /// `xhr_send`, or `jsonp_send`.
    Send {
        jsonp: bool,
    },
    WebSocket,
}

impl Asked {
    /// By the last segment of the path.
    pub(super) fn named(name: &str) -> Option<Self> {
        Some(match name {
            "xhr" => Self::Receive(SockJsTransport::Polling),
            "xhr_streaming" => Self::Receive(SockJsTransport::Streaming),
            "eventsource" => Self::Receive(SockJsTransport::EventSource),
            "htmlfile" => Self::Receive(SockJsTransport::HtmlFile),
            "jsonp" => Self::Receive(SockJsTransport::Jsonp),
            "xhr_send" => Self::Send { jsonp: false },
            "jsonp_send" => Self::Send { jsonp: true },
            "websocket" => Self::WebSocket,
            _ => return None,
        })
    }

    /// Whether pages of other origins ask it by `XMLHttpRequest`, with a preflight.
    pub(super) fn is_xhr(self) -> bool {
        matches!(
            self,
            Self::Receive(SockJsTransport::Polling | SockJsTransport::Streaming)
                | Self::Send { jsonp: false }
        )
    }

    /// Whether only old browsers need it.
    pub(super) fn is_legacy(self) -> bool {
        matches!(
            self,
            Self::Receive(SockJsTransport::HtmlFile | SockJsTransport::Jsonp) | Self::Send { jsonp: true }
        )
    }

    /// The header `Allow` of an answer to another method.
    pub(super) fn allow(self) -> &'static str {
        match self {
            _ if self.is_xhr() => "POST, OPTIONS",
            Self::Send { .. } => "POST",
            Self::Receive(_) | Self::WebSocket => "GET",
        }
    }
}

impl SockJsTransport {
    /// What its requests are to a session.
    pub fn lane(self) -> LaneKind {
        match self {
            Self::Polling | Self::Jsonp => LaneKind::Poll,
            Self::Streaming | Self::EventSource | Self::HtmlFile => LaneKind::Stream,
        }
    }

    /// Whether a session that began on the one may go on on the other.
    pub(super) fn goes_with(self, other: Self) -> bool {
        let by_xhr = |transport| matches!(transport, Self::Polling | Self::Streaming);
        self == other || by_xhr(self) && by_xhr(other)
    }

    pub(super) fn content_type(self) -> &'static str {
        match self {
            Self::Polling | Self::Streaming | Self::Jsonp => "application/javascript; charset=UTF-8",
            Self::EventSource => "text/event-stream",
            Self::HtmlFile => "text/html; charset=UTF-8",
        }
    }

    pub(super) fn shape(self, callback: &str) -> Shape {
        match self {
            Self::Polling | Self::Streaming => Shape::Lines,
            Self::EventSource => Shape::Events,
            Self::HtmlFile => Shape::Scripts,
            Self::Jsonp => Shape::Call(callback.into()),
        }
    }

    /// Whether its address names a function of the page.
    pub(super) fn has_callback(self) -> bool {
        matches!(self, Self::HtmlFile | Self::Jsonp)
    }
}

/// The most characters that the name of a function may have.
const LONGEST_CALLBACK: usize = 32;

/// The function that a query names, `c` or else `callback`; or why it cannot be one, in the words of the reference.
pub(super) fn callback(query: Option<&str>) -> Result<Cow<'_, str>, &'static str> {
    let pairs = || query.unwrap_or_default().split('&').filter_map(|pair| pair.split_once('='));
    let named = |wanted: &str| pairs().find(|(name, _)| *name == wanted).map(|(_, value)| value);
    let Some(callback) = named("c").or_else(|| named("callback")) else {
        return Err("\"callback\" parameter required");
    };
    let callback = percent_decode_str(callback).decode_utf8_lossy();
    let is_name = |part: &str| {
        !part.is_empty()
            && !part.starts_with(|first: char| first.is_ascii_digit())
            && part.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
    };
    if callback.len() <= LONGEST_CALLBACK && callback.split('.').all(is_name) {
        Ok(callback)
    } else {
        Err("invalid \"callback\" parameter")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_callback_is_a_name_of_javascript_s() {
        for (query, expected) in [
            (Some("c=_jp.a1b2c3d&t=1"), Ok("_jp.a1b2c3d")),
            (Some("callback=x&c=y"), Ok("y")),
            (Some("callback=%5fx"), Ok("_x")),
            (None, Err("\"callback\" parameter required")),
            (Some("d=1&cc=2"), Err("\"callback\" parameter required")),
            (Some("c="), Err("invalid \"callback\" parameter")),
            (Some("c=a..b"), Err("invalid \"callback\" parameter")),
            (Some("c=1a"), Err("invalid \"callback\" parameter")),
            (Some("c=a-b"), Err("invalid \"callback\" parameter")),
            (Some("c=alert(1)"), Err("invalid \"callback\" parameter")),
            (Some("c=%22%3E%3Cscript%3E"), Err("invalid \"callback\" parameter")),
            (Some("c=a%00"), Err("invalid \"callback\" parameter")),
            (Some("c=aaaaaaaaaabbbbbbbbbbccccccccccddd"), Err("invalid \"callback\" parameter")),
        ] {
            assert_eq!(callback(query).as_deref().map_err(|error| *error), expected, "{query:?}");
        }
    }
}
