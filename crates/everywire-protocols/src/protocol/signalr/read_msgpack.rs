//! Messages in `MessagePack`, read. What stands behind the elements that a kind has is left alone.

use std::borrow::Cow;

use everywire_core::PayloadRef;
use everywire_core::payload::msgpack::{Token, Tokens};

use super::message::{Args, Completed, Fault, HubMessage, Invocation};

/// Kinds of results in a completion.
pub(super) const ERROR: u64 = 1;
pub(super) const VOID: u64 = 2;
pub(super) const RESULT: u64 = 3;

/// The elements of one message, in order.
struct Reader<'a> {
    bytes: &'a [u8],
    tokens: Tokens<'a>,
    /// How many elements are left.
    left: u32,
}

/// The message that a counted body is.
pub(super) fn message(bytes: &[u8]) -> Result<HubMessage<'_>, Fault> {
    let mut tokens = Tokens::new(bytes);
    let Ok(Token::Array(left)) = tokens.read() else {
        return Err(no_length("array", "elementCount"));
    };
    let mut reader = Reader { bytes, tokens, left };
    Ok(match reader.integer("messageType")? {
        1 => HubMessage::Invocation(reader.invocation()?),
        2 => {
            reader.headers()?;
            HubMessage::StreamItem { id: reader.text("invocationId")?, item: reader.value("item")? }
        }
        3 => {
            reader.headers()?;
            HubMessage::Completion { id: reader.text("invocationId")?, outcome: reader.outcome()? }
        }
        4 => {
            let invocation = reader.invocation()?;
            if invocation.id.is_none() {
                return Err(unread("invocationId", "String"));
            }
            HubMessage::StreamInvocation(invocation)
        }
        5 => {
            reader.headers()?;
            HubMessage::CancelInvocation { id: reader.text("invocationId")? }
        }
        6 => HubMessage::Ping,
        7 => HubMessage::Close {
            error: reader.optional_text("error")?,
            allow_reconnect: reader.left > 0 && reader.flag("allowReconnect")?,
        },
        8 => HubMessage::Ack { sequence: reader.integer("sequenceId")? },
        9 => HubMessage::Sequence { sequence: reader.integer("sequenceId")? },
        unknown => HubMessage::Unknown(unknown),
    })
}

impl<'a> Reader<'a> {
    /// The head of the next element, if there is one.
    fn head(&mut self) -> Option<Token<'a>> {
        self.left = self.left.checked_sub(1)?;
        self.tokens.read().ok()
    }

    fn integer(&mut self, field: &str) -> Result<u64, Fault> {
        match self.head() {
            Some(Token::Unsigned(number)) => Ok(number),
            Some(Token::Signed(number)) if number >= 0 => Ok(number.unsigned_abs()),
            _ => Err(unread(field, "Int32")),
        }
    }

    fn flag(&mut self, field: &str) -> Result<bool, Fault> {
        match self.head() {
            Some(Token::Bool(flag)) => Ok(flag),
            _ => Err(unread(field, "Boolean")),
        }
    }

    fn text(&mut self, field: &str) -> Result<Cow<'a, str>, Fault> {
        match self.head() {
            Some(Token::Str(text)) => Ok(Cow::Borrowed(text)),
            _ => Err(unread(field, "String")),
        }
    }

    fn optional_text(&mut self, field: &str) -> Result<Option<Cow<'a, str>>, Fault> {
        match self.head() {
            Some(Token::Str(text)) => Ok(Some(Cow::Borrowed(text))),
            Some(Token::Nil) => Ok(None),
            _ => Err(unread(field, "String")),
        }
    }

    /// Text to text, of which nothing is wanted.
    fn headers(&mut self) -> Result<(), Fault> {
        let Some(Token::Map(count)) = self.head() else { return Err(no_length("map", "headers")) };
        for i in 0..count {
            for part in ["Key", "Value"] {
                if !matches!(self.tokens.read(), Ok(Token::Str(_))) {
                    return Err(unread(&format!("headers[{i}].{part}"), "String"));
                }
            }
        }
        Ok(())
    }

    /// The next element, whole, as one argument.
    fn value(&mut self, field: &str) -> Result<Args<'a>, Fault> {
        self.left = self.left.checked_sub(1).ok_or_else(|| unread(field, "Object"))?;
        let start = self.tokens.position();
        self.tokens.pass_over()?;
        Ok(PayloadRef::msgpack_values(&self.bytes[start..self.tokens.position()], 1))
    }

    fn invocation(&mut self) -> Result<Invocation<'a>, Fault> {
        self.headers()?;
        let id = self.optional_text("invocationId")?.filter(|id| !id.is_empty());
        let target = self.optional_text("target")?.filter(|target| !target.is_empty());
        let target =
            target.ok_or_else(|| Fault::malformed("Null or empty target for Invocation message."))?;
        let Some(Token::Array(count)) = self.head() else { return Err(no_length("array", "arguments")) };
        let start = self.tokens.position();
        for _ in 0..count {
            self.tokens.pass_over()?;
        }
        let args = PayloadRef::msgpack_values(&self.bytes[start..self.tokens.position()], count);
        let mut streams = Vec::new();
        if self.left > 0 {
            match self.head() {
                Some(Token::Nil) => {}
                Some(Token::Array(count)) => {
                    for _ in 0..count {
                        match self.tokens.read() {
                            Ok(Token::Str(id)) => streams.push(Cow::Borrowed(id)),
                            _ => return Err(unread("streamIds", "String")),
                        }
                    }
                }
                _ => return Err(no_length("array", "streamIds")),
            }
        }
        Ok(Invocation { id, target, args, streams })
    }

    fn outcome(&mut self) -> Result<Completed<'a>, Fault> {
        match self.integer("resultKind")? {
            ERROR => Ok(Completed::Error(self.text("error")?)),
            VOID => Ok(Completed::Nothing),
            RESULT => Ok(Completed::Result(self.value("argument")?)),
            _ => Err(Fault::malformed("Invalid invocation result kind.")),
        }
    }
}

fn unread(field: &str, expected: &str) -> Fault {
    Fault::malformed(format!("Reading '{field}' as {expected} failed."))
}

fn no_length(of: &str, field: &str) -> Fault {
    Fault::malformed(format!("Reading {of} length for '{field}' failed."))
}
