//! Reads arguments into a handler's type: a serde deserializer over the argument list, whatever its encoding.

use std::fmt;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess, Visitor};

use super::cross;
use super::read_json::{JsonReader, RAW_VALUE};
use super::read_plain::{BinaryReader, TextReader};
use super::view::View;

/// What to do with more arguments than the type takes. Each protocol says which.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Extras {
    /// They are a fault, [`ArgsError::Count`].
    Refuse,
    /// They are not looked at.
    Ignore,
}

/// Why arguments do not fit a type: the fault of who sent them.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArgsError {
    /// Too few, or too many.
    #[error("{given} argument(s) given, {expected} expected")]
    Count {
        /// How many were sent.
        given: usize,
        /// How many the type has.
        expected: usize,
    },
    /// One is of another type.
    #[error("argument {index} (counted from 0): {message}")]
    Type {
        /// Which one, from 0.
        index: usize,
        /// What was found and what was expected.
        message: String,
    },
}

impl ArgsError {
    fn at(index: usize, fault: impl fmt::Display) -> Self {
        Self::Type { index, message: fault.to_string() }
    }
}

impl de::Error for ArgsError {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::at(0, message)
    }
}

/// What a binary is to a type that takes anything (`serde_json::Value`, an untagged enum).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum UntypedBinary {
    /// Bytes: tried first, so that an untagged enum can hold `Bytes`.
    Bytes,
    /// A base64 string: what `Value` can hold.
    Base64,
}

pub(super) fn read<T: DeserializeOwned>(view: &View<'_>, extras: Extras) -> Result<T, ArgsError> {
    let read = read_untyped_as(view, extras, UntypedBinary::Bytes);
    match read {
        // The first fault is the one to tell.
        Err(fault @ ArgsError::Type { .. }) => read_otherwise(view, extras).ok_or(fault),
        read => read,
    }
}

/// A second go, where the same arguments have another form that the type might take.
#[cold]
fn read_otherwise<T: DeserializeOwned>(view: &View<'_>, extras: Extras) -> Option<T> {
    match view {
        View::Text(_) => None,
        View::Json { attachments, .. } if attachments.is_empty() => None,
        View::MsgPack { len, .. } => {
            // A point in time for a type that wants ISO 8601, a binary for one that takes anything: as it would have
            // crossed to JSON.
            let mut json = Vec::new();
            let attachments = cross::json_parts(view, &mut json);
            let args = std::str::from_utf8(&json).ok()?.into();
            let json =
                View::Json { args, len: *len, attachments: attachments.into(), placeholder_names: false };
            read_untyped_as(&json, extras, UntypedBinary::Base64).ok()
        }
        View::Binary(_) | View::Json { .. } => read_untyped_as(view, extras, UntypedBinary::Base64).ok(),
    }
}

fn read_untyped_as<T: DeserializeOwned>(
    view: &View<'_>,
    extras: Extras,
    untyped: UntypedBinary,
) -> Result<T, ArgsError> {
    match view {
        View::Text(text) => T::deserialize(ArgsReader { source: &mut TextSource(text), extras }),
        View::Binary(bytes) => {
            T::deserialize(ArgsReader { source: &mut BinarySource(bytes, untyped), extras })
        }
        View::Json { args, len, attachments, .. } => {
            let mut source =
                JsonSource { reader: JsonReader::new(args, attachments, untyped), len: *len as usize };
            T::deserialize(ArgsReader { source: &mut source, extras })
        }
        View::MsgPack { args, len } => {
            let mut source =
                MsgPackSource { reader: rmp_serde::Deserializer::from_read_ref(&**args), args, len: *len };
            T::deserialize(ArgsReader { source: &mut source, extras })
        }
    }
}

/// A list of arguments in some encoding.
trait Source<'de> {
    /// How many there are.
    fn len(&self) -> usize;

    /// The next one; asked for at most [`len`](Self::len) times.
    fn next(&mut self) -> impl Deserializer<'de, Error: fmt::Display>;

    /// Whether the next one is null. Asked before [`next`](Self::next).
    fn next_is_null(&mut self) -> bool;
}

struct TextSource<'de>(&'de str);

impl<'de> Source<'de> for TextSource<'de> {
    fn len(&self) -> usize {
        1
    }

    #[inline]
    fn next(&mut self) -> impl Deserializer<'de, Error: fmt::Display> {
        TextReader(self.0)
    }

    fn next_is_null(&mut self) -> bool {
        false
    }
}

struct BinarySource<'de>(&'de [u8], UntypedBinary);

impl<'de> Source<'de> for BinarySource<'de> {
    fn len(&self) -> usize {
        1
    }

    #[inline]
    fn next(&mut self) -> impl Deserializer<'de, Error: fmt::Display> {
        BinaryReader { bytes: self.0, untyped: self.1 }
    }

    fn next_is_null(&mut self) -> bool {
        false
    }
}

struct JsonSource<'de> {
    reader: JsonReader<'de>,
    len: usize,
}

impl<'de> Source<'de> for JsonSource<'de> {
    fn len(&self) -> usize {
        self.len
    }

    #[inline]
    fn next(&mut self) -> impl Deserializer<'de, Error: fmt::Display> {
        self.reader.skip_comma();
        &mut self.reader
    }

    fn next_is_null(&mut self) -> bool {
        self.reader.is_null()
    }
}

struct MsgPackSource<'de> {
    reader: rmp_serde::Deserializer<rmp_serde::decode::ReadRefReader<'de, [u8]>>,
    args: &'de [u8],
    len: u32,
}

impl<'de> Source<'de> for MsgPackSource<'de> {
    fn len(&self) -> usize {
        self.len as usize
    }

    fn next(&mut self) -> impl Deserializer<'de, Error: fmt::Display> {
        &mut self.reader
    }

    fn next_is_null(&mut self) -> bool {
        // Only asked of a single argument.
        self.args.first() == Some(&rmp::Marker::Null.to_u8())
    }
}

/// The argument list as a deserializer: it decides what the type is, a list of arguments or one.
struct ArgsReader<'s, S> {
    source: &'s mut S,
    extras: Extras,
}

impl<'de, S: Source<'de>> ArgsReader<'_, S> {
    /// Checks that there is an argument for each of `expected` at most.
    #[inline]
    fn check_extras(&self, expected: usize) -> Result<(), ArgsError> {
        let given = self.source.len();
        if given > expected && self.extras == Extras::Refuse {
            return Err(ArgsError::Count { given, expected });
        }
        Ok(())
    }

    /// Checks that there is the one argument that a type which is no list takes.
    fn check_one(&self) -> Result<(), ArgsError> {
        if self.source.len() == 0 {
            return Err(ArgsError::Count { given: 0, expected: 1 });
        }
        self.check_extras(1)
    }
}

/// Hands one argument on to the type.
macro_rules! one_argument {
    ($($method:ident($($name:ident: $kind:ty),*))*) => {$(
        fn $method<V: Visitor<'de>>(self, $($name: $kind,)* visitor: V) -> Result<V::Value, ArgsError> {
            self.check_one()?;
            self.source.next().$method($($name,)* visitor).map_err(|fault| ArgsError::at(0, fault))
        }
    )*};
}

impl<'de, S: Source<'de>> Deserializer<'de> for ArgsReader<'_, S> {
    type Error = ArgsError;

    #[inline]
    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, ArgsError> {
        self.check_extras(len)?;
        visitor.visit_seq(ArgsSeq { source: self.source, next: 0, expected: Some(len) })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        self.deserialize_tuple(len, visitor)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_seq(ArgsSeq { source: self.source, next: 0, expected: None })
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        self.check_extras(0)?;
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_unit()
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        match self.source.len() {
            0 => visitor.visit_none(),
            1 if self.source.next_is_null() => visitor.visit_none(),
            _ => visitor.visit_some(self),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        if name == RAW_VALUE {
            self.check_one()?;
            return self
                .source
                .next()
                .deserialize_newtype_struct(name, visitor)
                .map_err(|fault| ArgsError::at(0, fault));
        }
        visitor.visit_newtype_struct(self)
    }

    one_argument! {
        deserialize_any() deserialize_bool() deserialize_char()
        deserialize_i8() deserialize_i16() deserialize_i32() deserialize_i64() deserialize_i128()
        deserialize_u8() deserialize_u16() deserialize_u32() deserialize_u64() deserialize_u128()
        deserialize_f32() deserialize_f64()
        deserialize_str() deserialize_string() deserialize_bytes() deserialize_byte_buf()
        deserialize_map() deserialize_identifier()
        deserialize_struct(name: &'static str, fields: &'static [&'static str])
        deserialize_enum(name: &'static str, variants: &'static [&'static str])
    }
}

/// The arguments as the elements of a tuple or sequence.
struct ArgsSeq<'s, S> {
    source: &'s mut S,
    next: usize,
    /// The length of the tuple, if it is one.
    expected: Option<usize>,
}

impl<'de, S: Source<'de>> SeqAccess<'de> for ArgsSeq<'_, S> {
    type Error = ArgsError;

    #[inline]
    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, ArgsError> {
        let (index, given) = (self.next, self.source.len());
        self.next += 1;
        if index < given {
            return seed
                .deserialize(self.source.next())
                .map(Some)
                .map_err(|fault| ArgsError::at(index, fault));
        }
        match self.expected {
            Some(expected) => seed.deserialize(Absent(ArgsError::Count { given, expected })).map(Some),
            None => Ok(None),
        }
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.source.len().saturating_sub(self.next))
    }
}

/// An argument that was not given: an `Option` does without, anything else is the fault.
struct Absent(ArgsError);

impl<'de> Deserializer<'de> for Absent {
    type Error = ArgsError;

    fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, ArgsError> {
        Err(self.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, ArgsError> {
        visitor.visit_none()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, ArgsError> {
        visitor.visit_newtype_struct(self)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        seq tuple tuple_struct map struct enum identifier ignored_any
    }
}
