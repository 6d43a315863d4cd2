//! What waits to be posted, or for the session to open.

use std::collections::VecDeque;

use super::super::text;
use super::{SockJsClientOptions, SockJsUnsent};

/// Messages, quoted.
#[derive(Debug, Default)]
pub(super) struct Outbox {
    queue: VecDeque<Vec<u8>>,
    bytes: usize,
    /// The bytes of the message that there was no room for.
    refused: Option<usize>,
}

impl Outbox {
    pub(super) fn push(&mut self, message: &str, options: &SockJsClientOptions) -> Result<(), SockJsUnsent> {
        // It does not become shorter.
        if message.len() > options.outbox_bytes {
            return Err(SockJsUnsent::TooLong);
        }
        let mut quoted = Vec::with_capacity(message.len() + 2);
        text::quote(message, &mut quoted);
        if quoted.len() > options.outbox_bytes || options.outbox_messages == 0 {
            return Err(SockJsUnsent::TooLong);
        }
        if !self.has_room_for(quoted.len(), options) {
            self.refused = Some(quoted.len());
            return Err(SockJsUnsent::Full);
        }
        self.bytes += quoted.len();
        self.queue.push_back(quoted);
        Ok(())
    }

    fn has_room_for(&self, bytes: usize, options: &SockJsClientOptions) -> bool {
        self.queue.len() < options.outbox_messages && self.bytes + bytes <= options.outbox_bytes
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty()
    }

    /// Whether there is room for what was refused; said once.
    pub(super) fn has_room_again(&mut self, options: &SockJsClientOptions) -> bool {
        let room = self.refused.is_some_and(|bytes| self.has_room_for(bytes, options));
        if room {
            self.refused = None;
        }
        room
    }

    /// The next message, as it stands alone in a frame.
    pub(super) fn frame(&mut self) -> Option<Vec<u8>> {
        self.body(0)
    }

    /// As many of the next messages as may be posted together, one at least, as the array that is posted.
    pub(super) fn body(&mut self, limit: usize) -> Option<Vec<u8>> {
        let mut body = b"[".to_vec();
        body.append(&mut self.pop()?);
        // With a comma before it, and the bracket behind.
        while let Some(next) = self.queue.front().filter(|next| body.len() + next.len() + 2 <= limit) {
            body.reserve(next.len() + 2);
            body.push(b',');
            body.append(&mut self.pop()?);
        }
        body.push(b']');
        Some(body)
    }

    fn pop(&mut self) -> Option<Vec<u8>> {
        let message = self.queue.pop_front()?;
        self.bytes -= message.len();
        Some(message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(body: Option<Vec<u8>>) -> Option<String> {
        body.map(|body| String::from_utf8(body).expect("text"))
    }

    #[test]
    fn posts_are_as_long_as_they_may_be() {
        let options = SockJsClientOptions::new("");
        let mut outbox = Outbox::default();
        for message in ["a", "\"", "😀", "longer than a post", "b", "c"] {
            outbox.push(message, &options).expect("room");
        }
        assert_eq!(text(outbox.frame()).as_deref(), Some(r#"["a"]"#));
        assert_eq!(text(outbox.body(21)).as_deref(), Some(r#"["\"","\ud83d\ude00"]"#));
        assert_eq!(text(outbox.body(10)).as_deref(), Some(r#"["longer than a post"]"#));
        assert_eq!(text(outbox.body(8)).as_deref(), Some(r#"["b"]"#));
        assert_eq!(text(outbox.body(9)).as_deref(), Some(r#"["c"]"#));
        assert_eq!((outbox.body(9), outbox.bytes, outbox.is_empty()), (None, 0, true));
        outbox.push("b", &options).expect("room");
        outbox.push("c", &options).expect("room");
        assert_eq!(text(outbox.body(9)).as_deref(), Some(r#"["b","c"]"#));
    }

    #[test]
    fn what_waits_is_bounded() {
        let options =
            SockJsClientOptions { outbox_bytes: 10, outbox_messages: 3, ..SockJsClientOptions::new("") };
        let mut outbox = Outbox::default();
        assert_eq!(outbox.push("12345678", &options), Ok(()));
        assert_eq!(outbox.push("123456789", &options), Err(SockJsUnsent::TooLong));
        assert_eq!(outbox.push("\0\0", &options), Err(SockJsUnsent::TooLong));
        assert!(!outbox.has_room_again(&options), "there would never be");
        assert_eq!(outbox.push("", &options), Err(SockJsUnsent::Full));
        assert!(!outbox.has_room_again(&options));
        outbox.frame();
        assert!(outbox.has_room_again(&options));
        assert!(!outbox.has_room_again(&options), "said once");
        for _ in 0..3 {
            assert_eq!(outbox.push("", &options), Ok(()));
        }
        assert_eq!(outbox.push("", &options), Err(SockJsUnsent::Full));
        outbox.frame();
        assert!(outbox.has_room_again(&options));
    }
}
