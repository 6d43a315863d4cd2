//! A payload within somebody else's buffer: what a protocol makes of the bytes it read, at no cost but the scan.

use std::borrow::Cow;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::de::DeserializeOwned;

use super::json::{Elements, JsonError, RawJson, utf8};
use super::msgpack::{self, Tokens};
use super::read::{ArgsError, Extras};
use super::scan::{Findings, Scanner};
use super::{
    MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, Message, Payload, PayloadError, Stored, clean, cross, message,
    notepack, placeholder, read,
};

/// The arguments of an event, borrowed from the buffer in which they arrived.
///
/// ```
/// use everywire_core::payload::{Message, PayloadRef};
///
/// let args = PayloadRef::json("[\"hi\"]")?;
/// assert_eq!(args.as_message(), Some(Message::Text("hi".into())));
///
/// // JSON-RPC's params by name, a STOMP body: one argument.
/// let one = PayloadRef::json_value("[1,2]")?;
/// assert_eq!((one.len(), PayloadRef::json("[1,2]")?.len()), (1, 2));
/// # Ok::<(), everywire_core::payload::PayloadError>(())
/// ```
#[derive(Debug, Clone, PartialEq)]
pub struct PayloadRef<'a>(pub(super) View<'a>);

/// As [`Stored`], borrowed; owned where what arrived had to be rewritten, or is put together out of several messages.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum View<'a> {
    Text(Cow<'a, str>),
    Binary(Cow<'a, [u8]>),
    Json {
        args: Cow<'a, str>,
        len: u32,
        attachments: Cow<'a, [Bytes]>,
        /// Whether to look for placeholders when attachments are given.
        placeholder_names: bool,
    },
    MsgPack {
        args: Cow<'a, [u8]>,
        len: u32,
    },
}

impl<'a> PayloadRef<'a> {
    /// One text argument.
    #[inline]
    pub fn text(text: &'a str) -> Self {
        Self(View::Text(Cow::Borrowed(text)))
    }

    /// One binary argument.
    #[inline]
    pub fn binary(bytes: &'a [u8]) -> Self {
        Self(View::Binary(Cow::Borrowed(bytes)))
    }

    /// No arguments.
    pub fn empty() -> Self {
        Self::of_json(Cow::Borrowed(""), 0, false)
    }

    /// The elements of a JSON array.
    pub fn json(array: &'a str) -> Result<Self, PayloadError> {
        Self::from_elements(RawJson::parse(array)?)
    }

    /// One JSON value as one argument.
    pub fn json_value(value: &'a str) -> Result<Self, PayloadError> {
        Self::from_value(RawJson::parse(value)?)
    }

    /// The inside of a JSON array, without its brackets.
    pub fn json_inner(inner: &'a str) -> Result<Self, PayloadError> {
        let mut scanner = Scanner::new(inner);
        let (mut len, mut depth, mut dirty) = (0, 0, Findings::default());
        if scanner.peek().is_some() {
            loop {
                scanner.value()?;
                len += 1;
                if !scanner.take(b',') {
                    break;
                }
            }
            scanner.end()?;
            dirty = scanner.take_findings();
            depth = dirty.depth;
        }
        Self::scanned(inner, len, depth, dirty)
    }

    /// As [`json`](Self::json), from bytes that need not be UTF-8.
    pub fn json_bytes(array: &'a [u8]) -> Result<Self, PayloadError> {
        Self::json(utf8(array)?)
    }

    /// The elements of an array that was validated before.
    pub fn from_elements(array: RawJson<'a>) -> Result<Self, PayloadError> {
        if !array.is_array() {
            return Err(JsonError { fault: super::json::JsonFault::NotArray, at: 0 }.into());
        }
        let found = array.findings();
        let inner = &array.text()[1..array.text().len() - 1];
        Self::scanned(inner, found.elements, found.depth - 1, found)
    }

    /// A value that was validated before as one argument.
    pub fn from_value(value: RawJson<'a>) -> Result<Self, PayloadError> {
        let found = value.findings();
        Self::scanned(value.text(), 1, found.depth, found)
    }

    /// An array whose first element is something else, as Socket.IO's events have it: that element and the rest as
    /// arguments. The array must not be empty.
    pub fn split_first(array: RawJson<'a>) -> Result<(RawJson<'a>, Self), PayloadError> {
        let mut elements = Elements::parse(array.text())?;
        let Some(first) = elements.next() else {
            return Err(JsonError { fault: super::json::JsonFault::Value, at: 1 }.into());
        };
        let found = array.findings();
        let inner = elements.rest();
        Ok((first?, Self::scanned(inner, found.elements - 1, found.depth - 1, found)?))
    }

    fn scanned(args: &'a str, len: u32, depth: u32, found: Findings) -> Result<Self, PayloadError> {
        if depth > MAX_ARGUMENT_DEPTH {
            return Err(PayloadError::Depth);
        }
        let args = clean::clean(trimmed(args), &found);
        Ok(Self::of_json(args, len, found.placeholder_names))
    }

    fn of_json(args: Cow<'a, str>, len: u32, placeholder_names: bool) -> Self {
        Self(View::Json { args, len, attachments: Cow::Borrowed(&[]), placeholder_names })
    }

    /// The elements of a plain `MessagePack` array: bin for binary, extension −1 for points in time.
    pub fn msgpack(array: &'a [u8]) -> Result<Self, PayloadError> {
        let (args, len) = msgpack::array(array)?;
        Ok(Self(View::MsgPack { args: Cow::Borrowed(args), len }))
    }

    /// `count` values, one behind another, in plain `MessagePack`.
    pub fn msgpack_values(values: &'a [u8], count: u32) -> Result<Self, PayloadError> {
        msgpack::values(Tokens::new(values), count)?;
        Ok(Self(View::MsgPack { args: Cow::Borrowed(values), len: count }))
    }

    /// `count` values, one behind another, in notepack's dialect of `MessagePack`: the one of Socket.IO's parser.
    pub fn notepack(values: &'a [u8], count: u32) -> Result<Self, PayloadError> {
        Ok(Self(View::MsgPack { args: notepack::plain(values, count)?, len: count }))
    }

    /// Adds the binaries that came beside JSON; Socket.IO's placeholders in the JSON stand for them.
    pub fn with_attachments(self, attachments: impl Into<Cow<'a, [Bytes]>>) -> Result<Self, PayloadError> {
        let attachments = attachments.into();
        if attachments.is_empty() {
            return Ok(self);
        }
        let View::Json { args, len, placeholder_names, .. } = self.0 else {
            return Err(PayloadError::Attachments);
        };
        if attachments.len() > MAX_ATTACHMENTS {
            return Err(PayloadError::TooManyAttachments { given: attachments.len() });
        }
        let args =
            match placeholder_names.then(|| placeholder::canonical(&args, attachments.len())).transpose()? {
                Some(Cow::Owned(canonical)) => Cow::Owned(canonical),
                Some(Cow::Borrowed(_)) | None => args,
            };
        Ok(Self(View::Json { args, len, attachments, placeholder_names }))
    }

    pub(super) fn of(payload: &'a Payload) -> Self {
        Self(match &payload.0 {
            Stored::Text(text) => View::Text(Cow::Borrowed(text)),
            Stored::Binary(bytes) => View::Binary(Cow::Borrowed(bytes)),
            Stored::Json { args, len, attachments } => View::Json {
                args: Cow::Borrowed(args),
                len: *len,
                attachments: Cow::Borrowed(attachments.as_ref().map_or(&[], |list| list)),
                placeholder_names: false,
            },
            Stored::MsgPack { args, len } => View::MsgPack { args: Cow::Borrowed(args), len: *len },
        })
    }

    /// Copies what is borrowed, once.
    #[inline]
    pub fn into_owned(self) -> Payload {
        Payload(match self.0 {
            View::Text(text) => Stored::Text(owned_text(text)),
            View::Binary(bytes) => Stored::Binary(owned_bytes(bytes)),
            View::Json { args, len, attachments, .. } => Stored::Json {
                args: owned_text(args),
                len,
                attachments: (!attachments.is_empty()).then(|| Arc::new(attachments.into_owned())),
            },
            View::MsgPack { args, len } => Stored::MsgPack { args: owned_bytes(args), len },
        })
    }

    /// The same, borrowed from nothing: what is borrowed is copied, once.
    pub fn into_static(self) -> PayloadRef<'static> {
        PayloadRef(match self.0 {
            View::Text(text) => View::Text(Cow::Owned(text.into_owned())),
            View::Binary(bytes) => View::Binary(Cow::Owned(bytes.into_owned())),
            View::Json { args, len, attachments, placeholder_names } => View::Json {
                args: Cow::Owned(args.into_owned()),
                len,
                attachments: Cow::Owned(attachments.into_owned()),
                placeholder_names,
            },
            View::MsgPack { args, len } => View::MsgPack { args: Cow::Owned(args.into_owned()), len },
        })
    }

    /// Copies what it refers to, and leaves it where it is.
    #[inline]
    pub fn to_payload(&self) -> Payload {
        match &self.0 {
            View::Text(text) => Payload(Stored::Text((&**text).into())),
            View::Binary(bytes) => Payload(Stored::Binary(Bytes::copy_from_slice(bytes))),
            View::Json { .. } | View::MsgPack { .. } => self.clone().into_owned(),
        }
    }

    /// How many arguments there are.
    pub fn len(&self) -> usize {
        match &self.0 {
            View::Text(_) | View::Binary(_) => 1,
            View::Json { len, .. } | View::MsgPack { len, .. } => *len as usize,
        }
    }

    /// Whether there are no arguments.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Size in bytes, attachments included.
    pub fn size(&self) -> usize {
        match &self.0 {
            View::Text(text) => text.len(),
            View::Binary(bytes) | View::MsgPack { args: bytes, .. } => bytes.len(),
            View::Json { args, attachments, .. } => {
                args.len() + attachments.iter().map(Bytes::len).sum::<usize>()
            }
        }
    }

    /// Reads the arguments into a type.
    ///
    /// A tuple, array or tuple struct takes that many arguments, and its trailing `Option`s may be absent; a sequence takes
    /// all there are; `()` takes none; anything else takes one. For bytes use `Bytes` or `serde_bytes`; where the
    /// sender's wire had only JSON, they come from base64.
    pub fn read<T: DeserializeOwned>(&self, extras: Extras) -> Result<T, ArgsError> {
        read::read(&self.0, extras)
    }

    /// The payload as one WebSocket message: its one argument, if that is a text or bytes.
    pub fn as_message(&self) -> Option<Message<'_>> {
        match &self.0 {
            View::Text(text) => Some(Message::Text(Cow::Borrowed(text))),
            View::Binary(bytes) => Some(Message::Binary(bytes)),
            View::Json { args, len, attachments, .. } => message::of_json(args, *len, attachments),
            View::MsgPack { args, len } => message::of_msgpack(args, *len),
        }
    }

    /// Each argument as a payload of its own.
    pub fn arguments(&self) -> Arguments<'_> {
        Arguments(match &self.0 {
            View::Text(text) => Rest::One(Some(View::Text(Cow::Borrowed(text)))),
            View::Binary(bytes) => Rest::One(Some(View::Binary(Cow::Borrowed(bytes)))),
            View::Json { args, attachments, placeholder_names, .. } => Rest::Json {
                scanner: Scanner::new(args),
                args,
                attachments,
                placeholder_names: *placeholder_names,
            },
            View::MsgPack { args, .. } => Rest::MsgPack { tokens: Tokens::new(args), args },
        })
    }

    /// Appends the inside of a JSON array (`"a",{"x":1}`), binaries as base64 strings.
    pub fn write_json_args(&self, out: &mut Vec<u8>) {
        cross::json_args(&self.0, out, &mut cross::base64_string);
    }

    /// Appends one JSON value: the argument if there is one, an array if there are several, `null` if there are none.
    pub fn write_json_value(&self, out: &mut Vec<u8>) {
        match self.len() {
            0 => out.extend_from_slice(b"null"),
            1 => self.write_json_args(out),
            _ => {
                out.push(b'[');
                self.write_json_args(out);
                out.push(b']');
            }
        }
    }

    /// Appends the inside of a JSON array with Socket.IO's placeholders for the binaries, which come back in order.
    pub fn write_json_parts(&self, out: &mut Vec<u8>) -> Vec<Bytes> {
        cross::json_parts(&self.0, out)
    }

    /// Appends the inside of a `MessagePack` array in notepack's dialect.
    pub fn write_notepack_args(&self, out: &mut Vec<u8>) {
        match &self.0 {
            View::MsgPack { args, .. } => notepack::write(args, out),
            _ => self.write_msgpack_args(out),
        }
    }

    /// Appends the inside of a `MessagePack` array.
    pub fn write_msgpack_args(&self, out: &mut Vec<u8>) {
        cross::msgpack_args(&self.0, out);
    }
}

impl From<PayloadRef<'_>> for Payload {
    fn from(payload: PayloadRef<'_>) -> Self {
        payload.into_owned()
    }
}

/// The arguments one by one; see [`PayloadRef::arguments`].
#[derive(Debug)]
pub struct Arguments<'a>(Rest<'a>);

#[derive(Debug)]
enum Rest<'a> {
    One(Option<View<'a>>),
    Json { scanner: Scanner<'a>, args: &'a str, attachments: &'a [Bytes], placeholder_names: bool },
    MsgPack { tokens: Tokens<'a>, args: &'a [u8] },
}

impl<'a> Iterator for Arguments<'a> {
    type Item = PayloadRef<'a>;

    fn next(&mut self) -> Option<PayloadRef<'a>> {
        // What is walked is valid: an error cannot come up, and would end the walk.
        match &mut self.0 {
            Rest::One(view) => view.take(),
            Rest::Json { scanner, args, attachments, placeholder_names } => {
                scanner.take(b',');
                scanner.peek()?;
                let start = scanner.position();
                scanner.value().ok()?;
                let args = &args[start..scanner.position()];
                let refers = !attachments.is_empty() && args.contains(placeholder::PREFIX);
                let attachments = Cow::Borrowed(if refers { *attachments } else { &[] });
                let placeholder_names = *placeholder_names;
                Some(View::Json { args: Cow::Borrowed(args), len: 1, attachments, placeholder_names })
            }
            Rest::MsgPack { tokens, args } => {
                let start = tokens.position();
                tokens.skip().ok()?;
                Some(View::MsgPack { args: Cow::Borrowed(&args[start..tokens.position()]), len: 1 })
            }
        }
        .map(PayloadRef)
    }
}

fn owned_text(text: Cow<'_, str>) -> ByteString {
    match text {
        Cow::Borrowed(text) => text.into(),
        Cow::Owned(text) => text.into(),
    }
}

fn owned_bytes(bytes: Cow<'_, [u8]>) -> Bytes {
    match bytes {
        Cow::Borrowed(bytes) => Bytes::copy_from_slice(bytes),
        Cow::Owned(bytes) => bytes.into(),
    }
}

/// Without JSON's white space at the ends.
#[inline]
fn trimmed(json: &str) -> &str {
    // Nearly always there is none, and searching for it took as long as making the payload.
    let is_space = |byte: Option<&u8>| byte.is_some_and(|byte| *byte <= b' ');
    if !is_space(json.as_bytes().first()) && !is_space(json.as_bytes().last()) {
        return json;
    }
    json.trim_matches([' ', '\t', '\n', '\r'])
}
