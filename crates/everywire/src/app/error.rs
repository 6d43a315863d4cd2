//! What a handler may fail with, and what the client then hears.

use std::fmt;
use std::sync::Arc;

use everywire_core::payload::ArgsError;
use everywire_core::{Failure, Payload};
use serde::Serialize;

/// The result of a handler. Any error becomes an *internal* one by `?`: logged in full, and shown to
/// the client as a generic text with an id, unless the application was built with `detailed_errors`.
pub type Result<T = (), E = EventError> = std::result::Result<T, E>;

/// The codes of errors, as JSON-RPC 2.0 (section 5.1) numbers them; other wires map them to their own.
pub mod code {
    /// No handler has this event.
    pub const UNKNOWN_EVENT: i32 = -32601;
    /// The arguments are not what the handler takes.
    pub const ARGUMENTS: i32 = -32602;
    /// Something broke on our side.
    pub const INTERNAL: i32 = -32603;
    /// A handler said no.
    pub const HANDLER: i32 = -32000;
    /// The client may not do that.
    pub const FORBIDDEN: i32 = -32003;
    /// The event was called in a way that it has not: for a stream where its answer is none, or the other way round.
    pub const CALL: i32 = -32004;
}

/// What a handler fails with.
///
/// It is no [`std::error::Error`] itself, so that every such error can become one by `?`.
pub struct EventError(Box<Fault>);

/// Boxed, so that the result of a handler that succeeds is small.
struct Fault {
    code: i32,
    message: Arc<str>,
    data: Option<Payload>,
    /// How many arguments came, and how many the handler takes, if that is what was wrong.
    count: Option<(usize, usize)>,
    /// What broke, if it is not the client's to know.
    internal: Option<Box<dyn std::error::Error + Send + Sync>>,
}

impl EventError {
    /// An error that the client hears as it is. The handler's own codes are best positive; the negative
    /// ones from −32768 to −32000 are JSON-RPC's.
    pub fn new(code: i32, message: impl Into<Arc<str>>) -> Self {
        Self(Box::new(Fault { code, message: message.into(), data: None, count: None, internal: None }))
    }

    /// An error with the code of "a handler said no", −32000.
    pub fn refuse(message: impl Into<Arc<str>>) -> Self {
        Self::new(code::HANDLER, message)
    }

    /// Adds data that the client hears. What cannot be serialised is left out, with a warning in the log.
    #[must_use]
    pub fn with_data(mut self, data: impl Serialize) -> Self {
        match Payload::from_args(&(data,)) {
            Ok(data) => self.0.data = Some(data),
            Err(error) => tracing::warn!(%error, "the data of an error cannot be serialised and is left out"),
        }
        self
    }

    /// The code.
    pub fn code(&self) -> i32 {
        self.0.code
    }

    /// The text that the client hears, unless the error is internal.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// Whether something broke, as opposed to a handler saying no.
    pub fn is_internal(&self) -> bool {
        self.0.internal.is_some()
    }

    pub(crate) fn arguments(error: &ArgsError) -> Self {
        let mut refused = Self::new(code::ARGUMENTS, error.to_string());
        if let ArgsError::Count { given, expected } = *error {
            refused.0.count = Some((given, expected));
        }
        refused
    }

    pub(crate) fn unknown_event(name: &str) -> Self {
        Self::new(code::UNKNOWN_EVENT, format!("there is no event {name:?} here"))
    }

    /// What the client hears. An internal error is logged here, under the id that the client is told.
    pub(crate) fn into_failure(self, event: &str, peer: &dyn fmt::Display, detailed: bool) -> Failure {
        let Fault { code, message, data, count, internal } = *self.0;
        let failure =
            Failure { code, message, data, count, event: event.into(), streamed: false, ends: false };
        let Some(internal) = internal else { return failure };
        let id = crate::random::<8>().iter().fold(String::new(), |id, byte| format!("{id}{byte:02x}"));
        tracing::error!(%peer, event, id, error = %Causes(&*internal), "a handler failed");
        let message = if detailed {
            format!("{}", Causes(&*internal))
        } else {
            format!("internal error {id}; the server's log says more under this id")
        };
        Failure { code: code::INTERNAL, message: message.into(), ..failure }
    }
}

impl<E: std::error::Error + Send + Sync + 'static> From<E> for EventError {
    fn from(error: E) -> Self {
        let mut fault = Self::new(code::INTERNAL, "internal error");
        fault.0.internal = Some(Box::new(error));
        fault
    }
}

impl fmt::Debug for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Display for EventError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.internal {
            Some(internal) => Causes(&**internal).fmt(f),
            None => write!(f, "{} ({})", self.0.message, self.0.code),
        }
    }
}

/// An error and all that caused it, in one line.
struct Causes<'a>(&'a (dyn std::error::Error + 'static));

impl fmt::Display for Causes<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)?;
        let mut cause = self.0.source();
        while let Some(error) = cause {
            write!(f, ": {error}")?;
            cause = error.source();
        }
        Ok(())
    }
}
