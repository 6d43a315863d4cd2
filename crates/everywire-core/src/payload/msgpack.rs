//! `MessagePack`: a reader of tokens, and the scan that makes untrusted bytes a payload.
//!
//! Dialects end where the protocol decodes: what comes here has bin for binary and extension −1 for points in time.

use rmp::Marker;

use super::json::utf8;
use super::scan::PLACEHOLDER_NAME;
use super::{MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, PayloadError};

/// Extension type of a timestamp (`MessagePack` specification, "Timestamp extension type").
pub(super) const TIMESTAMP: i8 = -1;

/// Why bytes are not `MessagePack` that we take, and where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{fault} at byte {at}")]
pub struct MsgPackError {
    /// What is wrong.
    pub fault: MsgPackFault,
    /// Offset in bytes from the start.
    pub at: usize,
}

/// What may be wrong with `MessagePack`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MsgPackFault {
    /// The bytes stop within a value.
    #[error("the MessagePack value is incomplete, expected more")]
    End,
    /// More bytes after the last value.
    #[error("expected nothing after the MessagePack value")]
    Trailing,
    /// The byte 0xc1, which the specification never uses.
    #[error("0xc1 begins no MessagePack value")]
    Reserved,
    /// A string that is not UTF-8.
    #[error("MessagePack strings must be UTF-8")]
    Utf8,
    /// A map key that JSON could not have.
    #[error("map keys must be strings or integers")]
    Key,
    /// A timestamp of a length that none has: readers of others refuse all of the message.
    #[error("a timestamp (extension -1) has 4, 8 or 12 bytes")]
    Timestamp,
    /// Nested deeper than [`MAX_ARGUMENT_DEPTH`].
    #[error("nested deeper than {MAX_ARGUMENT_DEPTH} levels")]
    Depth,
    /// An array was needed here.
    #[error("expected an array")]
    NotArray,
}

/// One token: a scalar, or the head of a container.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Token<'a> {
    /// nil.
    Nil,
    /// A boolean.
    Bool(bool),
    /// An integer of any of the unsigned forms.
    Unsigned(u64),
    /// An integer of any of the signed forms.
    Signed(i64),
    /// float 32.
    Float32(f32),
    /// float 64.
    Float64(f64),
    /// A string.
    Str(&'a str),
    /// Bytes.
    Bin(&'a [u8]),
    /// An extension: its type and its bytes.
    Ext(i8, &'a [u8]),
    /// The head of an array: how many values follow.
    Array(u32),
    /// The head of a map: how many pairs follow.
    Map(u32),
}

/// Reads tokens off a slice.
///
/// ```
/// use everywire_core::payload::msgpack::{Token, Tokens};
///
/// let mut tokens = Tokens::new(&[0x81, 0xa1, b'a', 0x92, 0x01, 0x02]);
/// assert_eq!(tokens.read()?, Token::Map(1));
/// assert_eq!(tokens.read()?, Token::Str("a"));
/// tokens.skip()?;
/// assert!(tokens.is_at_end());
/// # Ok::<(), everywire_core::payload::msgpack::MsgPackError>(())
/// ```
#[derive(Debug, Clone)]
pub struct Tokens<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Tokens<'a> {
    /// From the first byte on.
    pub fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, at: 0 }
    }

    /// How many bytes were read.
    pub fn position(&self) -> usize {
        self.at
    }

    /// Whether all were.
    pub fn is_at_end(&self) -> bool {
        self.at == self.bytes.len()
    }

    fn fail<T>(&self, fault: MsgPackFault) -> Result<T, MsgPackError> {
        Err(MsgPackError { fault, at: self.at })
    }

    /// The token that comes next. What a container's head counts is not known to be there.
    pub fn read(&mut self) -> Result<Token<'a>, MsgPackError> {
        let [marker] = self.array()?;
        Ok(match Marker::from_u8(marker) {
            Marker::FixPos(value) => Token::Unsigned(value.into()),
            Marker::FixNeg(value) => Token::Signed(value.into()),
            Marker::Null => Token::Nil,
            Marker::False => Token::Bool(false),
            Marker::True => Token::Bool(true),
            Marker::U8 => Token::Unsigned(u8::from_be_bytes(self.array()?).into()),
            Marker::U16 => Token::Unsigned(u16::from_be_bytes(self.array()?).into()),
            Marker::U32 => Token::Unsigned(u32::from_be_bytes(self.array()?).into()),
            Marker::U64 => Token::Unsigned(u64::from_be_bytes(self.array()?)),
            Marker::I8 => Token::Signed(i8::from_be_bytes(self.array()?).into()),
            Marker::I16 => Token::Signed(i16::from_be_bytes(self.array()?).into()),
            Marker::I32 => Token::Signed(i32::from_be_bytes(self.array()?).into()),
            Marker::I64 => Token::Signed(i64::from_be_bytes(self.array()?)),
            Marker::F32 => Token::Float32(f32::from_be_bytes(self.array()?)),
            Marker::F64 => Token::Float64(f64::from_be_bytes(self.array()?)),
            Marker::FixStr(length) => self.string(length.into())?,
            Marker::Str8 => self.length8().and_then(|length| self.string(length))?,
            Marker::Str16 => self.length16().and_then(|length| self.string(length))?,
            Marker::Str32 => self.length32().and_then(|length| self.string(length))?,
            Marker::Bin8 => self.length8().and_then(|length| self.take(length)).map(Token::Bin)?,
            Marker::Bin16 => self.length16().and_then(|length| self.take(length)).map(Token::Bin)?,
            Marker::Bin32 => self.length32().and_then(|length| self.take(length)).map(Token::Bin)?,
            Marker::FixExt1 => self.extension(1)?,
            Marker::FixExt2 => self.extension(2)?,
            Marker::FixExt4 => self.extension(4)?,
            Marker::FixExt8 => self.extension(8)?,
            Marker::FixExt16 => self.extension(16)?,
            Marker::Ext8 => self.length8().and_then(|length| self.extension(length))?,
            Marker::Ext16 => self.length16().and_then(|length| self.extension(length))?,
            Marker::Ext32 => self.length32().and_then(|length| self.extension(length))?,
            Marker::FixArray(count) => Token::Array(count.into()),
            Marker::Array16 => Token::Array(u16::from_be_bytes(self.array()?).into()),
            Marker::Array32 => Token::Array(u32::from_be_bytes(self.array()?)),
            Marker::FixMap(count) => Token::Map(count.into()),
            Marker::Map16 => Token::Map(u16::from_be_bytes(self.array()?).into()),
            Marker::Map32 => Token::Map(u32::from_be_bytes(self.array()?)),
            Marker::Reserved => return self.fail(MsgPackFault::Reserved),
        })
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], MsgPackError> {
        match self.bytes[self.at..].get(..length) {
            Some(taken) => {
                self.at += length;
                Ok(taken)
            }
            None => self.fail(MsgPackFault::End),
        }
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], MsgPackError> {
        match self.bytes[self.at..].first_chunk() {
            Some(taken) => {
                self.at += N;
                Ok(*taken)
            }
            None => self.fail(MsgPackFault::End),
        }
    }

    fn length8(&mut self) -> Result<usize, MsgPackError> {
        self.array().map(|[length]| length.into())
    }

    fn length16(&mut self) -> Result<usize, MsgPackError> {
        self.array().map(|bytes| u16::from_be_bytes(bytes).into())
    }

    fn length32(&mut self) -> Result<usize, MsgPackError> {
        self.array().map(|bytes| u32::from_be_bytes(bytes) as usize)
    }

    fn string(&mut self, length: usize) -> Result<Token<'a>, MsgPackError> {
        let at = self.at;
        match utf8(self.take(length)?) {
            Ok(text) => Ok(Token::Str(text)),
            Err(error) => Err(MsgPackError { fault: MsgPackFault::Utf8, at: at + error.at }),
        }
    }

    fn extension(&mut self, length: usize) -> Result<Token<'a>, MsgPackError> {
        let kind = self.array().map(i8::from_be_bytes)?;
        Ok(Token::Ext(kind, self.take(length)?))
    }

    /// Moves over one value, whole, and validates it.
    pub fn skip(&mut self) -> Result<(), MsgPackError> {
        let mut scan = Scan::default();
        scan.value(self, 0)
    }

    /// Moves over one value, whole, that may have what no other wire could: keys that are neither strings nor integers, and
    /// timestamps of other lengths. What stands behind it can be read.
    pub fn pass_over(&mut self) -> Result<(), MsgPackError> {
        let mut scan = Scan { takes_all: true, ..Scan::default() };
        scan.value(self, 0)
    }
}

/// What a scan counts beside validity.
#[derive(Debug, Default)]
struct Scan {
    binaries: usize,
    placeholder_names: bool,
    /// Whether only the structure is looked at.
    takes_all: bool,
}

impl Scan {
    /// One value, `depth` containers around it. The recursion is bounded by [`MAX_ARGUMENT_DEPTH`], and each turn of a loop
    /// consumes a byte, whatever count the peer wrote.
    fn value(&mut self, tokens: &mut Tokens<'_>, depth: u32) -> Result<(), MsgPackError> {
        let head = tokens.read()?;
        let (count, map) = match head {
            Token::Array(count) => (count, false),
            Token::Map(count) => (count, true),
            Token::Bin(_) => {
                self.binaries += 1;
                return Ok(());
            }
            Token::Ext(TIMESTAMP, data) if !self.takes_all && !is_timestamp(TIMESTAMP, data) => {
                return tokens.fail(MsgPackFault::Timestamp);
            }
            Token::Ext(kind, data) => {
                self.binaries += usize::from(!is_timestamp(kind, data));
                return Ok(());
            }
            _ => return Ok(()),
        };
        if depth == MAX_ARGUMENT_DEPTH {
            return tokens.fail(MsgPackFault::Depth);
        }
        for _ in 0..count {
            if map {
                self.key(tokens)?;
            }
            self.value(tokens, depth + 1)?;
        }
        Ok(())
    }

    fn key(&mut self, tokens: &mut Tokens<'_>) -> Result<(), MsgPackError> {
        let at = tokens.at;
        match tokens.read()? {
            Token::Str(name) => {
                self.placeholder_names |= name == PLACEHOLDER_NAME;
                Ok(())
            }
            Token::Unsigned(_) | Token::Signed(_) => Ok(()),
            // A container's head would have to be followed.
            Token::Array(_) | Token::Map(_) => Err(MsgPackError { fault: MsgPackFault::Key, at }),
            _ if self.takes_all => Ok(()),
            _ => Err(MsgPackError { fault: MsgPackFault::Key, at }),
        }
    }
}

/// Whether an extension is a timestamp of one of the three lengths there are.
pub(super) fn is_timestamp(kind: i8, data: &[u8]) -> bool {
    kind == TIMESTAMP && matches!(data.len(), 4 | 8 | 12)
}

/// A timestamp: its seconds since 1970, and the nanoseconds beside them.
pub(super) fn instant(timestamp: &[u8]) -> (i64, u64) {
    let big_endian = |bytes: &[u8]| bytes.iter().fold(0u64, |value, byte| value << 8 | u64::from(*byte));
    match timestamp.len() {
        4 => (big_endian(timestamp).cast_signed(), 0),
        8 => ((big_endian(timestamp) & 0x3_ffff_ffff).cast_signed(), big_endian(timestamp) >> 34),
        _ => (big_endian(&timestamp[4..]).cast_signed(), big_endian(&timestamp[..4])),
    }
}

/// Validates an array of arguments: what is inside it, and how many.
pub(super) fn array(bytes: &[u8]) -> Result<(&[u8], u32), PayloadError> {
    let mut tokens = Tokens::new(bytes);
    let Token::Array(count) = tokens.read()? else {
        return Err(MsgPackError { fault: MsgPackFault::NotArray, at: 0 }.into());
    };
    let args = &bytes[tokens.position()..];
    values(tokens, count)?;
    Ok((args, count))
}

/// Validates that these are `count` arguments, and no more.
pub(super) fn values(mut tokens: Tokens<'_>, count: u32) -> Result<(), PayloadError> {
    let mut scan = Scan::default();
    for _ in 0..count {
        scan.value(&mut tokens, 0)?;
    }
    if !tokens.is_at_end() {
        return Err(MsgPackError { fault: MsgPackFault::Trailing, at: tokens.position() }.into());
    }
    if scan.binaries > MAX_ATTACHMENTS {
        return Err(PayloadError::TooManyAttachments { given: scan.binaries });
    }
    if scan.binaries > 0 && scan.placeholder_names {
        return Err(PayloadError::Placeholder);
    }
    Ok(())
}
