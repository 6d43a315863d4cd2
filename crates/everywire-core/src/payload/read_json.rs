//! The deserializer of validated JSON arguments.
//!
//! Why not `serde_json`'s own: it cannot read a list without brackets, nor give bytes where a placeholder or a base64
//! string stands. Only the structure is read here; strings, numbers and literals are `serde_json`'s, at the
//! position where they stand, so that nothing is looked at twice.

use std::borrow::Cow;
use std::fmt;

use bytes::Bytes;
use serde::de::value::Error;
use serde::de::{
    self, DeserializeSeed, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess, SeqAccess,
    Unexpected, VariantAccess, Visitor,
};
use serde_json::de::StrRead;

use super::read::UntypedBinary;
use super::read_plain::{BinaryReader, MemberName};
use super::{cross, placeholder};

/// The name by which `serde_json::value::RawValue` asks for a value's own text.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// A position in valid JSON.
pub(super) struct JsonReader<'de> {
    text: &'de str,
    at: usize,
    attachments: &'de [Bytes],
    untyped: UntypedBinary,
}

impl<'de> JsonReader<'de> {
    pub(super) fn new(text: &'de str, attachments: &'de [Bytes], untyped: UntypedBinary) -> Self {
        Self { text, at: 0, attachments, untyped }
    }

    /// Moves over the comma between two arguments.
    pub(super) fn skip_comma(&mut self) {
        if self.peek() == b',' {
            self.at += 1;
        }
    }

    /// Moves over the colon after a member's name.
    fn skip_colon(&mut self) {
        if self.peek() == b':' {
            self.at += 1;
        }
    }

    /// Whether `null` comes next.
    pub(super) fn is_null(&mut self) -> bool {
        self.peek() == b'n'
    }

    /// The next byte that is not white space; 0 at the end, which no value begins with.
    #[inline]
    fn peek(&mut self) -> u8 {
        let bytes = self.text.as_bytes();
        while let Some(byte) = bytes.get(self.at) {
            if !matches!(byte, b' ' | b'\t' | b'\n' | b'\r') {
                return *byte;
            }
            self.at += 1;
        }
        0
    }

    /// Reads one value by `serde_json`.
    #[inline]
    fn leaf<V>(
        &mut self,
        read: impl FnOnce(&mut serde_json::Deserializer<StrRead<'de>>) -> Result<V, serde_json::Error>,
    ) -> Result<V, Error> {
        let mut json = serde_json::Deserializer::from_str(&self.text[self.at..]);
        let value = read(&mut json).map_err(|error| without_position(&error))?;
        self.at += json.into_iter::<IgnoredAny>().byte_offset();
        Ok(value)
    }

    /// The attachment whose placeholder comes next.
    #[inline]
    fn attachment(&mut self) -> Option<BinaryReader<'de>> {
        if self.attachments.is_empty() || self.peek() != b'{' {
            return None;
        }
        let (num, length) = placeholder::at_start(&self.text[self.at..])?;
        let bytes = self.attachments.get(num)?;
        self.at += length;
        Some(BinaryReader { bytes, untyped: self.untyped })
    }

    /// A string, which comes next.
    fn string(&mut self) -> Result<Cow<'de, str>, Error> {
        self.leaf(|json| json.deserialize_str(CowVisitor))
    }

    /// A number for a type that takes any: exact if an integer of 64 bits, else the nearest float64; beyond its range
    /// infinite, as in JavaScript.
    fn number<V: Visitor<'de>>(&mut self, visitor: V) -> Result<V::Value, Error> {
        let rest = &self.text[self.at..];
        let length = rest
            .bytes()
            .take_while(|byte| matches!(byte, b'0'..=b'9' | b'-' | b'+' | b'.' | b'e' | b'E'))
            .count();
        let digits = &rest[..length];
        self.at += length;
        if let Ok(number) = digits.parse::<u64>() {
            visitor.visit_u64(number)
        } else if let (Ok(number), true) = (digits.parse::<i64>(), digits != "-0") {
            visitor.visit_i64(number)
        } else {
            visitor.visit_f64(digits.parse().map_err(Error::custom)?)
        }
    }

    /// What is within the brackets at the position.
    fn container<V>(
        &mut self,
        closing: u8,
        read: impl FnOnce(Items<'_, 'de>) -> Result<V, Error>,
    ) -> Result<V, Error> {
        self.at += 1;
        let value = read(Items { json: self, closing, first: true })?;
        if self.peek() != closing {
            return Err(Error::custom(if closing == b']' {
                "the array has more elements than expected"
            } else {
                "the object has more members than expected"
            }));
        }
        self.at += 1;
        Ok(value)
    }
}

/// `serde_json`'s text without its "at line 1 column 5", which would count from the leaf.
#[cold]
pub(super) fn without_position(error: &serde_json::Error) -> Error {
    let text = error.to_string();
    Error::custom(text.rsplit_once(" at line ").map_or(text.as_str(), |(said, _)| said))
}

/// Bytes where the placeholder of an attachment stands, else as `serde_json` does it.
macro_rules! leaves {
    ($($method:ident)*) => {$(
        #[inline]
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
            match self.attachment() {
                Some(bytes) => bytes.$method(visitor),
                None => {
                    self.peek();
                    self.leaf(|json| json.$method(visitor))
                }
            }
        }
    )*};
}

impl<'de> Deserializer<'de> for &mut JsonReader<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(bytes) = self.attachment() {
            return bytes.deserialize_any(visitor);
        }
        match self.peek() {
            b'[' => self.container(b']', |items| visitor.visit_seq(items)),
            b'{' => self.container(b'}', |items| visitor.visit_map(items)),
            b'-' | b'0'..=b'9' => self.number(visitor),
            _ => self.leaf(|json| json.deserialize_any(visitor)),
        }
    }

    leaves! {
        deserialize_bool deserialize_char deserialize_str deserialize_string
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128
        deserialize_f32 deserialize_f64 deserialize_unit deserialize_identifier deserialize_ignored_any
    }

    fn deserialize_bytes<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(bytes) = self.attachment() {
            return bytes.deserialize_bytes(visitor);
        }
        match self.peek() {
            b'"' => {
                let text = self.string()?;
                match cross::from_base64(&text) {
                    Some(bytes) => visitor.visit_byte_buf(bytes),
                    None => Err(Error::invalid_value(Unexpected::Str(&text), &"bytes in base64")),
                }
            }
            b'[' => self.container(b']', |items| visitor.visit_seq(items)),
            _ => self.leaf(|json| json.deserialize_bytes(visitor)),
        }
    }

    fn deserialize_byte_buf<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_bytes(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if self.is_null() {
            self.leaf(|json| json.deserialize_option(visitor))
        } else {
            visitor.visit_some(self)
        }
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_unit(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        if name == RAW_VALUE {
            self.peek();
            return self.leaf(|json| json.deserialize_newtype_struct(name, visitor));
        }
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(bytes) = self.attachment() {
            return bytes.deserialize_seq(visitor);
        }
        match self.peek() {
            b'[' => self.container(b']', |items| visitor.visit_seq(items)),
            _ => self.leaf(|json| json.deserialize_seq(visitor)),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Error> {
        if let Some(bytes) = self.attachment() {
            return bytes.deserialize_map(visitor);
        }
        match self.peek() {
            b'{' => self.container(b'}', |items| visitor.visit_map(items)),
            _ => self.leaf(|json| json.deserialize_map(visitor)),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            b'[' => self.deserialize_seq(visitor),
            _ => self.deserialize_map(visitor),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        match self.peek() {
            b'{' => self.container(b'}', |items| visitor.visit_enum(Variant(items.json))),
            _ => self.leaf(|json| json.deserialize_enum(name, variants, visitor)),
        }
    }
}

/// The items of an open array or object.
struct Items<'r, 'de> {
    json: &'r mut JsonReader<'de>,
    closing: u8,
    first: bool,
}

impl Items<'_, '_> {
    /// Moves to the next item, if there is one.
    #[inline]
    fn advance(&mut self) -> bool {
        let next = self.json.peek();
        if next == self.closing {
            return false;
        }
        if !std::mem::replace(&mut self.first, false) {
            self.json.skip_comma();
        }
        true
    }
}

impl<'de> SeqAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>, Error> {
        if self.advance() { seed.deserialize(&mut *self.json).map(Some) } else { Ok(None) }
    }
}

impl<'de> MapAccess<'de> for Items<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        if !self.advance() {
            return Ok(None);
        }
        self.json.peek();
        seed.deserialize(MemberName(self.json.string()?)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        self.json.skip_colon();
        seed.deserialize(&mut *self.json)
    }
}

/// `{"Variant": content}`, from the name on.
struct Variant<'r, 'de>(&'r mut JsonReader<'de>);

impl<'de> EnumAccess<'de> for Variant<'_, 'de> {
    type Error = Error;
    type Variant = Self;

    fn variant_seed<V: DeserializeSeed<'de>>(self, seed: V) -> Result<(V::Value, Self), Error> {
        self.0.peek();
        let name = MemberName(self.0.string()?);
        self.0.skip_colon();
        Ok((seed.deserialize(name)?, self))
    }
}

impl<'de> VariantAccess<'de> for Variant<'_, 'de> {
    type Error = Error;

    fn unit_variant(self) -> Result<(), Error> {
        de::Deserialize::deserialize(self.0)
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Error> {
        seed.deserialize(self.0)
    }

    fn tuple_variant<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value, Error> {
        self.0.deserialize_seq(visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Error> {
        self.0.deserialize_struct("", fields, visitor)
    }
}

/// A string, borrowed where it has no escapes.
struct CowVisitor;

impl<'de> Visitor<'de> for CowVisitor {
    type Value = Cow<'de, str>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a string")
    }

    fn visit_borrowed_str<E>(self, text: &'de str) -> Result<Self::Value, E> {
        Ok(Cow::Borrowed(text))
    }

    fn visit_str<E>(self, text: &str) -> Result<Self::Value, E> {
        Ok(Cow::Owned(text.to_owned()))
    }
}
