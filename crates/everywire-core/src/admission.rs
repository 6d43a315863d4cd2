//! The one admission check at the hub's door: what may be called what, for every source alike (clients, handlers, HTTP
//! API, webhook answers, emitters, other nodes).
//!
//! Its rule: nothing published on one wire can break a client on another. So a name is refused if any protocol would
//! mistake it, whichever protocol it came by. The rules for arguments are kept where payloads are made
//! ([`crate::payload`]): one that breaks them does not exist, so there is nothing left to ask here.
//!
//! | what | rule | for whom |
//! |---|---|---|
//! | event, room and queue | 1 to [`MAX_NAME`] bytes of UTF-8 | URLs, headers, logs |
//! | event, room and queue | no control characters, no U+2028 or U+2029 | lines of SSE and STOMP, JSONP, logs |
//! | event, room and queue | does not begin with `$` | Everywire's own, such as `$reset` |
//! | event | none of [`RESERVED_EVENTS`] | Socket.IO: clients raise these themselves, servers close on them |
//! | event | does not begin with `rpc.` | JSON-RPC 2.0, section 8 |
//! | arguments | see [`PayloadError`] and [`crate::payload`] | |

use crate::payload::{MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, PayloadError};

/// The longest name of an event, a room or a queue, in bytes.
pub const MAX_NAME: usize = 200;

/// Events that Socket.IO raises itself; its clients and servers refuse them from the peer. Case matters, there as here.
pub const RESERVED_EVENTS: [&str; 6] =
    ["connect", "connect_error", "disconnect", "disconnecting", "newListener", "removeListener"];

/// Events that are admitted, because Socket.IO programs have always used them, but that must not become the `event:` of
/// an SSE message: `EventSource` raises them itself, and programs close on `error`. An SSE encoder sends them
/// as an ordinary message that says its event in the data.
pub const EVENT_SOURCE_EVENTS: [&str; 2] = ["open", "error"];

/// Why something was not let in: the fault of who sent it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// No name at all.
    #[error("the {what} name is empty, expected 1 to {MAX_NAME} bytes")]
    Empty {
        /// What was named.
        what: Named,
    },
    /// Too long a name.
    #[error("the {what} name has {bytes} bytes, at most {MAX_NAME} are allowed")]
    TooLong {
        /// What was named.
        what: Named,
        /// How long it is.
        bytes: usize,
    },
    /// A character that ends a line or controls something.
    #[error("the {what} name has the control character U+{:04X} at byte {at}", u32::from(*.character))]
    Control {
        /// What was named.
        what: Named,
        /// The character.
        character: char,
        /// Where it stands.
        at: usize,
    },
    /// A name that begins with `$`.
    #[error("{what} names that begin with `$` are Everywire's own")]
    Dollar {
        /// What was named.
        what: Named,
    },
    /// A name that a protocol has taken.
    #[error("the event name {name:?} is reserved by {by}")]
    Reserved {
        /// The name.
        name: String,
        /// The protocol.
        by: &'static str,
    },
    /// The arguments.
    #[error("the arguments cannot be taken: {0}")]
    Payload(#[from] PayloadError),
}

/// What has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Named {
    /// An event.
    Event,
    /// A room.
    Room,
    /// A queue.
    Queue,
}

impl std::fmt::Display for Named {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Event => "event",
            Self::Room => "room",
            Self::Queue => "queue",
        })
    }
}

/// Whether an event may have this name.
///
/// ```
/// use everywire_core::admission::admit_event_name;
///
/// assert!(admit_event_name("chat").is_ok());
/// assert_eq!(
///     admit_event_name("connect").unwrap_err().to_string(),
///     "the event name \"connect\" is reserved by Socket.IO"
/// );
/// ```
#[inline]
pub fn admit_event_name(name: &str) -> Result<(), Refused> {
    admit_name(name, Named::Event)?;
    match name.as_bytes() {
        [b'c' | b'd' | b'n' | b'r', ..] => admit_unreserved(name),
        _ => Ok(()),
    }
}

/// Whether a room may have this name. What is reserved for events is free for rooms, and a slash is an ordinary
/// character: URLs and STOMP destinations escape it.
pub fn admit_room(name: &str) -> Result<(), Refused> {
    admit_name(name, Named::Room)
}

/// Whether a queue may have this name: what a room may be called.
pub fn admit_queue(name: &str) -> Result<(), Refused> {
    admit_name(name, Named::Queue)
}

#[inline]
fn admit_name(name: &str, what: Named) -> Result<(), Refused> {
    match name.as_bytes() {
        [] | [b'$', ..] => look_closely(name, what),
        bytes if bytes.len() <= MAX_NAME && is_printable(bytes) => Ok(()),
        _ => look_closely(name, what),
    }
}

/// Whether all is printable ASCII, as names are nearly always. Eight bytes at a time: an event that is emitted is
/// asked this each time, and byte by byte it was a third of what sending it took.
#[inline]
fn is_printable(bytes: &[u8]) -> bool {
    const ONES: u64 = u64::MAX / 255;
    // The high bit of each byte that is no ASCII, below 0x20, or DEL. (A borrow or carry into the next byte comes
    // from one that is marked itself.)
    let is_printable =
        |word: u64| (word | word.wrapping_sub(ONES * 0x20) | word.wrapping_add(ONES)) & (ONES * 0x80) == 0;
    let (words, rest) = bytes.as_chunks::<8>();
    if !words.iter().all(|word| is_printable(u64::from_le_bytes(*word))) {
        return false;
    }
    match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        // The two halves overlap.
        (Some(first), Some(last)) => {
            is_printable(u64::from(u32::from_le_bytes(*first)) << 32 | u64::from(u32::from_le_bytes(*last)))
        }
        _ => rest.iter().all(|byte| matches!(byte, b' '..=b'~')),
    }
}

#[cold]
fn look_closely(name: &str, what: Named) -> Result<(), Refused> {
    match name.as_bytes() {
        [] => return Err(Refused::Empty { what }),
        [b'$', ..] => return Err(Refused::Dollar { what }),
        bytes if bytes.len() > MAX_NAME => return Err(Refused::TooLong { what, bytes: bytes.len() }),
        _ => {}
    }
    match name.char_indices().find(|(_, character)| ends_lines_or_controls(*character)) {
        Some((at, character)) => Err(Refused::Control { what, character, at }),
        None => Ok(()),
    }
}

fn admit_unreserved(name: &str) -> Result<(), Refused> {
    let reserved = |by| Err(Refused::Reserved { name: name.to_owned(), by });
    if RESERVED_EVENTS.contains(&name) {
        return reserved("Socket.IO");
    }
    if name.starts_with("rpc.") { reserved("JSON-RPC") } else { Ok(()) }
}

/// C0, DEL and C1, and the two separators that end a line in JavaScript before 2019, hence in JSONP.
fn ends_lines_or_controls(character: char) -> bool {
    character.is_control() || matches!(character, '\u{2028}' | '\u{2029}')
}

/// Something that nobody may publish, for tests that try it on each wire.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Forbidden {
    /// The rule that it breaks.
    pub rule: &'static str,
    /// The publication.
    pub what: ForbiddenPart,
}

/// The part of a publication that is wrong; the rest is up to the test.
#[doc(hidden)]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ForbiddenPart {
    /// A name of an event.
    Event(String),
    /// A name of a room.
    Room(String),
    /// A JSON array of arguments, and how many attachments come with it.
    Arguments {
        /// The JSON text.
        json: String,
        /// The number of attachments.
        attachments: usize,
    },
}

/// An example or more for each rule of the admission check.
#[doc(hidden)]
pub fn forbidden_examples() -> Vec<Forbidden> {
    let names = [
        ("empty", String::new()),
        ("length", "n".repeat(MAX_NAME + 1)),
        ("length in bytes", "é".repeat(MAX_NAME / 2 + 1)),
        ("C0 control", "a\u{0}b".to_owned()),
        ("line feed", "a\nb".to_owned()),
        ("carriage return", "a\rb".to_owned()),
        ("DEL", "a\u{7f}".to_owned()),
        ("C1 control", "a\u{85}b".to_owned()),
        ("line separator", "a\u{2028}b".to_owned()),
        ("paragraph separator", "\u{2029}".to_owned()),
        ("dollar", "$reset".to_owned()),
    ];
    let events = names.iter().map(|(rule, name)| (*rule, ForbiddenPart::Event(name.clone())));
    let rooms = names.iter().map(|(rule, name)| (*rule, ForbiddenPart::Room(name.clone())));
    let reserved =
        RESERVED_EVENTS.map(|name| ("reserved by Socket.IO", ForbiddenPart::Event(name.to_owned())));
    let rpc = ("reserved by JSON-RPC", ForbiddenPart::Event("rpc.discover".to_owned()));

    let arguments = |json: &str, attachments| ForbiddenPart::Arguments { json: json.to_owned(), attachments };
    let nested = |depth: u32| format!("[{}1{}]", "[".repeat(depth as usize), "]".repeat(depth as usize));
    let placeholder = r#"{"_placeholder":true,"num":0}"#;
    let parts = [
        ("JSON", arguments("[1,]", 0)),
        ("JSON within strings", arguments("[\"a\nb\"]", 0)),
        ("depth", arguments(&nested(MAX_ARGUMENT_DEPTH + 1), 0)),
        ("attachments", arguments("[]", MAX_ATTACHMENTS + 1)),
        ("placeholder out of range", arguments(r#"[{"_placeholder":true,"num":1}]"#, 1)),
        ("placeholder below range", arguments(r#"[{"_placeholder":true,"num":-1}]"#, 1)),
        ("placeholder with another member", arguments(r#"[{"_placeholder":true,"num":0,"x":1}]"#, 1)),
        ("placeholder without a number", arguments(r#"[{"_placeholder":true}]"#, 1)),
        ("placeholder that is not true", arguments(r#"[{"_placeholder":"true","num":0}]"#, 1)),
        ("placeholder in escapes", arguments(r#"[{"\u005fplaceholder":true}]"#, 1)),
        ("placeholders", arguments(&format!("[{}]", [placeholder; MAX_ATTACHMENTS + 1].join(",")), 1)),
    ];

    events
        .chain(rooms)
        .chain(reserved)
        .chain([rpc])
        .chain(parts)
        .map(|(rule, what)| Forbidden { rule, what })
        .collect()
}

#[cfg(test)]
#[path = "admission_tests.rs"]
mod tests;
