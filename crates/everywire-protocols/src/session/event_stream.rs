//! Server-Sent Events, read: the parser of a client (WHATWG HTML, section 9.2.6, "Interpreting an event stream").

use std::borrow::Cow;

/// A message of an event stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Its name; `message` where the stream names none.
    pub name: Cow<'static, str>,
    /// Its data: lines, with a line feed between two.
    pub data: String,
    /// The id that was given last, by this event or one before it.
    pub id: String,
}

/// Takes the bytes of an event stream, in pieces of any size, and gives its events. What is no UTF-8 becomes U+FFFD. Times to
/// reconnect are left alone.
#[derive(Debug)]
pub struct EventStream {
    limit: usize,
    /// The line that has not ended.
    line: Vec<u8>,
    /// A carriage return ended the line before: a line feed that comes next is part of that end.
    after_return: bool,
    /// Nothing has come, so a byte order mark may.
    at_start: bool,
    name: String,
    data: String,
    has_data: bool,
    id: String,
}

/// An event is longer than was allowed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an event has more than the {limit} bytes that one may have")]
pub struct EventTooLong {
    /// The bytes that it may have.
    pub limit: usize,
}

impl EventStream {
    /// A stream that has not begun. No event may have more bytes than `limit`, which bounds what is kept.
    pub fn new(limit: usize) -> Self {
        Self {
            limit,
            line: Vec::new(),
            after_return: false,
            at_start: true,
            name: String::new(),
            data: String::new(),
            has_data: false,
            id: String::new(),
        }
    }

    /// Calls `event` with each event that these bytes complete.
    pub fn read(&mut self, bytes: &[u8], mut event: impl FnMut(Event)) -> Result<(), EventTooLong> {
        let mut rest = bytes;
        while !rest.is_empty() {
            if std::mem::take(&mut self.after_return)
                && let Some(behind) = rest.strip_prefix(b"\n")
            {
                rest = behind;
                continue;
            }
            let Some(end) = memchr::memchr2(b'\r', b'\n', rest) else {
                self.keep(rest)?;
                return Ok(());
            };
            self.keep(&rest[..end])?;
            self.after_return = rest[end] == b'\r';
            rest = &rest[end + 1..];
            self.line().into_iter().for_each(&mut event);
        }
        Ok(())
    }

    /// Whether an event has begun that has not ended: it is lost if the stream ends here.
    pub fn is_within_event(&self) -> bool {
        self.has_data || !self.line.is_empty()
    }

    fn keep(&mut self, bytes: &[u8]) -> Result<(), EventTooLong> {
        if self.line.len() + self.name.len() + self.data.len() + bytes.len() > self.limit {
            return Err(EventTooLong { limit: self.limit });
        }
        self.line.extend_from_slice(bytes);
        Ok(())
    }

    /// A line has ended: what it means. An empty one ends an event.
    fn line(&mut self) -> Option<Event> {
        let bytes = std::mem::take(&mut self.line);
        let text = String::from_utf8_lossy(&bytes);
        let mut line = &*text;
        if std::mem::take(&mut self.at_start) {
            line = line.strip_prefix('\u{feff}').unwrap_or(line);
        }
        if line.is_empty() {
            let name = std::mem::take(&mut self.name);
            let data = std::mem::take(&mut self.data);
            // Without a field `data`, it is none.
            return std::mem::take(&mut self.has_data).then(|| Event {
                name: if name.is_empty() { Cow::Borrowed("message") } else { Cow::Owned(name) },
                data,
                id: self.id.clone(),
            });
        }
        let (field, value) = line.split_once(':').unwrap_or((line, ""));
        let value = value.strip_prefix(' ').unwrap_or(value);
        match field {
            "event" => value.clone_into(&mut self.name),
            "data" => {
                if std::mem::replace(&mut self.has_data, true) {
                    self.data.push('\n');
                }
                self.data.push_str(value);
            }
            "id" if !value.contains('\0') => value.clone_into(&mut self.id),
            // A comment, whose field has no name; a time to reconnect; what nobody knows.
            _ => {}
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<(String, String, String)> {
        let mut stream = EventStream::new(1000);
        let mut events = Vec::new();
        for piece in pieces {
            stream
                .read(piece, |event| events.push((event.name.into_owned(), event.data, event.id)))
                .expect("short events");
        }
        events
    }

    fn event(name: &str, data: &str, id: &str) -> (String, String, String) {
        (name.to_owned(), data.to_owned(), id.to_owned())
    }

    #[test]
    fn events_are_those_of_the_standard() {
        // The examples of section 9.2.6.
        assert_eq!(
            read(&[b": test stream\n\ndata: first event\nid: 1\n\ndata:second event\nid\n\ndata:  third event\n\n"]),
            [event("message", "first event", "1"), event("message", "second event", ""), event("message", " third event", "")]
        );
        assert_eq!(
            read(&[b"data\n\ndata\ndata\n\ndata:"]),
            [event("message", "", ""), event("message", "\n", "")]
        );
        assert_eq!(
            read(&[b"data:test\n\ndata: test\n\n"]),
            [event("message", "test", ""), event("message", "test", "")]
        );
        assert_eq!(read(&[b"event: add\rdata: 73857293\r\revent: x\n\n"]), [event("add", "73857293", "")]);
        // A name counts for its event only, an id for those that follow.
        assert_eq!(
            read(&[b"id: 7\nevent: a\ndata: 1\n\ndata: 2\nid: 8\0\nretry: 10\nwhat: ever\n\n"]),
            [event("a", "1", "7"), event("message", "2", "7")]
        );
        assert_eq!(read(&[b"\xef\xbb\xbfdata: \xff\n\n"]), [event("message", "\u{fffd}", "")]);
    }

    #[test]
    fn what_is_kept_is_bounded() {
        let mut stream = EventStream::new(10);
        let mut read = |bytes: &[u8]| stream.read(bytes, |_| {});
        assert_eq!(read(b"data:12345\n\n"), Ok(()));
        assert_eq!(read(b"data:12345\n"), Ok(()));
        assert_eq!(read(b":12345"), Err(EventTooLong { limit: 10 }));
        assert_eq!(read(b"\n\n:1234567890"), Err(EventTooLong { limit: 10 }));
    }

    proptest! {
        #[test]
        fn where_the_pieces_end_does_not_matter(
            lines in prop::collection::vec("(data|event|id|)(: |:|)[a-zä\u{feff}]{0,4}(\n|\r\n|\r)", 0..12),
            cuts in prop::collection::vec(0usize..200, 0..6),
        ) {
            let text = lines.concat() + "\n\n";
            let mut cuts: Vec<_> = cuts.into_iter().map(|cut| cut % (text.len() + 1)).collect();
            cuts.extend([0, text.len()]);
            cuts.sort_unstable();
            let pieces: Vec<_> = cuts.windows(2).map(|ends| &text.as_bytes()[ends[0]..ends[1]]).collect();
            prop_assert_eq!(read(&pieces), read(&[text.as_bytes()]));
        }
    }
}
