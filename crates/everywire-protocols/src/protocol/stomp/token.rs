//! What an answer belongs to, as it lies in a [`Token`]: nothing about it is remembered elsewhere, so what waits is counted
//! where it waits.

use everywire_core::Token;

/// What a client waits for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Awaited<'t> {
    pub(super) what: What<'t>,
    /// The receipt that it asked for.
    pub(super) receipt: Option<&'t str>,
}

/// What is done for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum What<'t> {
    /// Something that ends in nothing but a receipt.
    Task,
    /// A publication, of which the receipt says where it stands.
    Published,
    /// The subscription of this number to a room, of which the receipt says where it stands.
    Joined(u32),
    /// A handler's answer, which a MESSAGE may take to this destination of the client's own, with this `correlation-id`.
    Event { reply_to: Option<&'t str>, correlation: Option<&'t str> },
    /// The one message of a subscription to the application.
    Once(u32),
    /// From here on the subscription of this number hears its room.
    Mark(u32),
    /// A body that could not be read, of a frame to this destination: what was wrong.
    Spoiled { destination: &'t str, detail: &'t str },
    /// The end of the subscription of this number.
    Stopped(u32),
    /// Whether what was held may be done, of which only a failure is told.
    Held,
    /// The goodbye.
    Goodbye,
}

/// A token for nothing to be told.
pub(super) const NOTHING: Token = Token::Number(0);
/// One for an event of which only a failure is told.
pub(super) const EVENT: Token = Token::Number(1);

impl Awaited<'_> {
    pub(super) fn token(self) -> Token {
        match (self.what, self.receipt) {
            (What::Task | What::Published, None) => return NOTHING,
            (What::Event { reply_to: None, correlation: None }, None) => return EVENT,
            _ => {}
        }
        let mut bytes = Vec::new();
        let (kind, number, texts) = match self.what {
            What::Task => (b't', 0, [None, None]),
            What::Published => (b'p', 0, [None, None]),
            What::Joined(number) => (b'j', number, [None, None]),
            What::Event { reply_to, correlation } => (b'e', 0, [reply_to, correlation]),
            What::Once(number) => (b'o', number, [None, None]),
            What::Mark(number) => (b'm', number, [None, None]),
            What::Spoiled { destination, detail } => (b'b', 0, [Some(destination), Some(detail)]),
            What::Stopped(number) => (b's', number, [None, None]),
            What::Held => (b'h', 0, [None, None]),
            What::Goodbye => (b'g', 0, [None, None]),
        };
        bytes.push(kind);
        bytes.extend_from_slice(&number.to_le_bytes());
        for text in [self.receipt].into_iter().chain(texts) {
            // A length that no text has stands for none.
            let length = text.map_or(u32::MAX, |text| text.len() as u32);
            bytes.extend_from_slice(&length.to_le_bytes());
            bytes.extend_from_slice(text.unwrap_or_default().as_bytes());
        }
        Token::Text(bytes.into())
    }
}

impl<'t> Awaited<'t> {
    /// What a token of ours stands for. None for those of others.
    pub(super) fn of(token: &'t Token) -> Option<Self> {
        let bytes = match token {
            Token::Number(0) => return Some(Self { what: What::Task, receipt: None }),
            Token::Number(1) => {
                return Some(Self { what: What::Event { reply_to: None, correlation: None }, receipt: None });
            }
            Token::Text(bytes) => bytes,
            Token::Number(_) | Token::Member { .. } => return None,
        };
        let (&kind, rest) = bytes.split_first()?;
        let (number, mut rest) = rest.split_first_chunk()?;
        let number = u32::from_le_bytes(*number);
        let mut text = || -> Option<Option<&'t str>> {
            let (length, after) = rest.split_first_chunk()?;
            let length = u32::from_le_bytes(*length);
            rest = after;
            if length == u32::MAX {
                return Some(None);
            }
            let (text, after) = rest.split_at_checked(length as usize)?;
            rest = after;
            Some(Some(std::str::from_utf8(text).ok()?))
        };
        let (receipt, first, second) = (text()?, text()?, text()?);
        let what = match kind {
            b't' => What::Task,
            b'p' => What::Published,
            b'j' => What::Joined(number),
            b'e' => What::Event { reply_to: first, correlation: second },
            b'o' => What::Once(number),
            b'm' => What::Mark(number),
            b'b' => What::Spoiled { destination: first?, detail: second? },
            b's' => What::Stopped(number),
            b'h' => What::Held,
            b'g' => What::Goodbye,
            _ => return None,
        };
        Some(Self { what, receipt })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_put_in_comes_out() {
        let receipts = [None, Some(""), Some("r\n1"), Some("ü")];
        let whats = [
            What::Task,
            What::Joined(3),
            What::Event { reply_to: None, correlation: None },
            What::Event { reply_to: Some("/temp-queue/a"), correlation: Some("7") },
            What::Event { reply_to: None, correlation: Some("") },
            What::Once(7),
            What::Mark(u32::MAX),
            What::Stopped(0),
            What::Held,
            What::Goodbye,
        ];
        for what in whats {
            for receipt in receipts {
                let awaited = Awaited { what, receipt };
                assert_eq!(Awaited::of(&awaited.token()), Some(awaited));
            }
        }
        let published = Awaited { what: What::Published, receipt: Some("r") };
        assert_eq!(Awaited::of(&published.token()), Some(published));
        // Nobody is told where it stands.
        assert_eq!(Awaited { receipt: None, ..published }.token(), NOTHING);
    }

    #[test]
    fn others_are_none_of_ours() {
        for bytes in [
            &b""[..],
            b"t",
            b"t\0\0\0\0",
            b"x\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
            b"t\0\0\0\0\x05\0\0\0abc",
        ] {
            assert_eq!(Awaited::of(&Token::Text(bytes.to_vec().into())), None, "{bytes:?}");
        }
        assert_eq!(Awaited::of(&Token::Number(2)), None);
    }
}
