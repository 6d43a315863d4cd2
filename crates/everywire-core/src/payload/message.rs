//! A payload as the one message that a plain WebSocket carries.

use std::borrow::Cow;

use bytes::Bytes;

use super::json::unquote;
use super::msgpack::{Token, Tokens};
use super::placeholder;

/// One text or one binary.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Message<'a> {
    /// For a text frame.
    Text(Cow<'a, str>),
    /// For a binary frame.
    Binary(&'a [u8]),
}

pub(super) fn of_json<'a>(args: &'a str, len: u32, attachments: &'a [Bytes]) -> Option<Message<'a>> {
    if len != 1 {
        return None;
    }
    if args.starts_with('"') {
        return Some(Message::Text(unquote(args)));
    }
    if attachments.is_empty() {
        return None;
    }
    let (num, _) = placeholder::at_start(args)?;
    attachments.get(num).map(|bytes| Message::Binary(bytes))
}

pub(super) fn of_msgpack(args: &[u8], len: u32) -> Option<Message<'_>> {
    if len != 1 {
        return None;
    }
    match Tokens::new(args).read() {
        Ok(Token::Str(text)) => Some(Message::Text(Cow::Borrowed(text))),
        Ok(Token::Bin(bytes)) => Some(Message::Binary(bytes)),
        _ => None,
    }
}
