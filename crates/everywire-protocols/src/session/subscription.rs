//! What a receive-only client asks for, in the head of its request: which rooms, and since when.
//!
//! | part | meaning |
//! |---|---|
//! | `room=` | a room; once for each, once at least |
//! | `Last-Event-ID:` | the offset after which it wants to hear; what `EventSource` sends when it reconnects |
//! | `since=`, `lastEventId=` | the same for whoever cannot set headers; the header wins, as it is newer |
//! | `wait=` | poll alone: how many seconds it likes to wait |
//!
//! Names and values are percent-encoded, and `+` is a space, as `URLSearchParams` writes it. Other names are other
//! people's, such as a token.

use std::borrow::Cow;
use std::sync::Arc;

use everywire_core::{Offset, admission};
use http::Request;
use percent_encoding::percent_decode_str as decoded;
use smallvec::SmallVec;

use super::Facts;
use super::refusal::Refusal;

/// The header of the last offset that an `EventSource` saw.
const LAST_EVENT_ID: &str = "last-event-id";

/// What was asked for, checked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Subscription {
    /// The rooms, each once.
    pub(super) rooms: SmallVec<[Arc<str>; 1]>,
    pub(super) since: Option<Offset>,
    /// In seconds.
    pub(super) wait: Option<u64>,
}

impl Subscription {
    /// Reads it from a request; `limit` rooms at most.
    pub(super) fn read(head: &Request<()>, limit: usize) -> Result<Self, Refusal> {
        let mut asked = Self { rooms: SmallVec::new(), since: None, wait: None };
        let pairs = head.uri().query().unwrap_or_default().split('&');
        for (name, value) in pairs.filter_map(|pair| pair.split_once('=')) {
            match &*decoded(name).decode_utf8_lossy() {
                "room" => asked.add_room(&text(value, "room")?, limit)?,
                "since" | "lastEventId" => asked.since = offset(&text(value, "since")?)?,
                "wait" => asked.wait = Some(seconds(&text(value, "wait")?)?),
                _ => {}
            }
        }
        if asked.rooms.is_empty() {
            return Err(Refusal::bad_request(
                "no room is named, expected ?room=name, and &room= for each more",
            ));
        }
        if let Some(header) = head.headers().get(LAST_EVENT_ID) {
            asked.since = offset(header.to_str().unwrap_or("?"))?.or(asked.since);
        }
        Ok(asked)
    }

    fn add_room(&mut self, name: &str, limit: usize) -> Result<(), Refusal> {
        admission::admit_room(name).map_err(|refused| Refusal::bad_request(refused.to_string()))?;
        if self.rooms.iter().any(|room| **room == *name) {
            return Ok(());
        }
        if self.rooms.len() == limit {
            return Err(Refusal::bad_request(format!("too many rooms, at most {limit} are allowed")));
        }
        self.rooms.push(name.into());
        Ok(())
    }

    /// As the driver is told.
    pub(super) fn facts(&self) -> Facts {
        Facts { text_only: true, rooms: self.rooms.clone(), since: self.since, ..Facts::default() }
    }
}

fn text<'a>(value: &'a str, name: &str) -> Result<Cow<'a, str>, Refusal> {
    let wrong = |_| Refusal::bad_request(format!("the value of {name}= is not UTF-8"));
    if value.contains('+') {
        let spaced = value.replace('+', " ");
        return Ok(Cow::Owned(decoded(&spaced).decode_utf8().map_err(wrong)?.into_owned()));
    }
    decoded(value).decode_utf8().map_err(wrong)
}

/// None at all is sent by `EventSource` replacements that have seen nothing yet.
fn offset(text: &str) -> Result<Option<Offset>, Refusal> {
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|error| Refusal::bad_request(format!("where to resume from is {error}")))
}

fn seconds(text: &str) -> Result<u64, Refusal> {
    let wrong = || Refusal::bad_request("wait= must be a whole number of seconds");
    if text.bytes().all(|byte| byte.is_ascii_digit()) {
        text.parse().map_err(|_| wrong())
    } else {
        Err(wrong())
    }
}

#[cfg(test)]
#[path = "subscription_tests.rs"]
mod tests;
