//! Where a client sends, and what it subscribes to: paths that begin with what they are.

use std::borrow::Cow;
use std::fmt;

/// A destination.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Destination<'a> {
    /// `/topic/…` and `/room/…`: a room of this name, whatever it has in it.
    Room(&'a str),
    /// `/queue/…`: a queue.
    Queue(&'a str),
    /// `/app/…`: an event of the application's.
    App(&'a str),
    /// `/user/queue/…`, `/user/topic/…`: an event for the client's own user, or only for it if it has none. With a name,
    /// `/user/{name}/queue/…`: for that user.
    User {
        /// The user's name, where `%2F` stands for a slash.
        name: Option<Cow<'a, str>>,
        /// The event.
        event: &'a str,
    },
    /// `/temp-queue/…`: where an answer goes to the one who asks for it, and nobody subscribes to.
    Reply(&'a str),
}

/// No destination: what is wrong with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum NoDestination {
    /// It begins with nothing that is known.
    Unknown,
    /// Nothing follows its beginning.
    Nameless,
    /// It has a wildcard.
    Wildcard,
}

impl<'a> Destination<'a> {
    /// Reads one.
    pub fn parse(text: &'a str) -> Result<Self, NoDestination> {
        let below = |prefix: &str| text.strip_prefix(prefix);
        let destination = if let Some(room) = below("/topic/").or_else(|| below("/room/")) {
            Self::Room(room)
        } else if let Some(queue) = below("/queue/") {
            Self::Queue(queue)
        } else if let Some(event) = below("/app/") {
            Self::App(event)
        } else if let Some(path) = below("/user/") {
            Self::of_user(path)?
        } else if let Some(name) = below("/temp-queue/") {
            Self::Reply(name)
        } else {
            return Err(NoDestination::Unknown);
        };
        if destination.name().is_empty() { Err(NoDestination::Nameless) } else { Ok(destination) }
    }

    /// The same for a subscription, which might be to a pattern elsewhere: Spring's `*`, `**` and `?`, RabbitMQ's `*` and
    /// `#`, `ActiveMQ`'s `>`.
    pub fn parse_subscribed(text: &'a str) -> Result<Self, NoDestination> {
        let destination = Self::parse(text)?;
        if destination.is_pattern() { Err(NoDestination::Wildcard) } else { Ok(destination) }
    }

    /// The same for a SEND: an event may be called what it likes, but of rooms, queues and a user's own none that nobody can
    /// subscribe to is sent to.
    pub fn parse_sent(text: &'a str) -> Result<Self, NoDestination> {
        let destination = Self::parse(text)?;
        let is_event = matches!(destination, Self::App(_));
        if destination.is_pattern() && !is_event { Err(NoDestination::Wildcard) } else { Ok(destination) }
    }

    fn is_pattern(&self) -> bool {
        let name = self.name();
        name.contains(['*', '?']) || name.split(['/', '.']).any(|word| word == "#" || word == ">")
    }

    fn of_user(path: &'a str) -> Result<Self, NoDestination> {
        let event = |path: &'a str| path.strip_prefix("queue/").or_else(|| path.strip_prefix("topic/"));
        if let Some(event) = event(path) {
            return Ok(Self::User { name: None, event });
        }
        let (name, rest) = path.split_once('/').ok_or(NoDestination::Unknown)?;
        let event = event(rest).ok_or(NoDestination::Unknown)?;
        if name.is_empty() {
            return Err(NoDestination::Nameless);
        }
        let name = if name.contains('%') {
            name.replace("%2F", "/").replace("%2f", "/").into()
        } else {
            name.into()
        };
        Ok(Self::User { name: Some(name), event })
    }

    /// What follows its beginning.
    fn name(&self) -> &'a str {
        match self {
            Self::Room(name) | Self::Queue(name) | Self::App(name) | Self::Reply(name) => name,
            Self::User { event, .. } => event,
        }
    }
}

impl NoDestination {
    /// The words for an ERROR's header `message`.
    pub(super) fn message(&self) -> &'static str {
        match self {
            Self::Unknown | Self::Nameless => "Unknown destination",
            Self::Wildcard => "No wildcards",
        }
    }
}

impl fmt::Display for NoDestination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unknown => {
                "destinations begin with /topic/ or /room/ (rooms), /queue/ (queues), /app/ (events of the \
                 application), /user/queue/ or /user/topic/ (a user's own)"
            }
            Self::Nameless => "a name has to follow the destination's beginning",
            Self::Wildcard => {
                "destinations have no wildcards; name each room (*, ?, # and > stand for nothing here)"
            }
        })
    }
}
