//! Makes a payload of what a program emits: a serde serializer that finds out whether a value is a list of arguments or
//! one, keeps a single text or binary as it is, and leaves all else to `serde_json`.

use std::cell::Cell;
use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use bytestring::ByteString;
use serde::ser::{
    self, Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer,
};

use super::json::utf8;
use super::rules::{Checked, Rules};
use super::{Payload, PayloadError, Stored};

/// A scratch buffer larger than this becomes the payload itself and is not kept.
const KEPT_SCRATCH: usize = 16 << 10;

thread_local! {
    /// Where JSON is written before its length is known, so that the payload is one allocation of the right size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub(super) fn from_args<T: Serialize + ?Sized>(args: &T) -> Result<Payload, PayloadError> {
    let mut draft = Draft::default();
    match args.serialize(ArgsWriter(&mut draft)) {
        Ok(()) => draft.finish(),
        Err(Stop::OneArgument) => {
            draft.json_argument(args)?;
            draft.finish()
        }
        Err(Stop::Fault(fault)) => Err(*fault),
    }
}

/// Why a value did not become arguments on the first go.
#[derive(Debug)]
enum Stop {
    /// It is no list of arguments, nor plain: JSON is what it needs.
    OneArgument,
    /// Boxed, so that results fit registers.
    Fault(Box<PayloadError>),
}

impl fmt::Display for Stop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::OneArgument => f.write_str("one argument"),
            Self::Fault(fault) => fault.fmt(f),
        }
    }
}

impl std::error::Error for Stop {}

impl ser::Error for Stop {
    fn custom<T: fmt::Display>(message: T) -> Self {
        Self::Fault(Box::new(PayloadError::Serialize(message.to_string())))
    }
}

/// What the arguments are so far. It lies on the stack of [`from_args`], and the writers fill it.
#[derive(Default)]
struct Draft {
    /// The only argument, if it is a text or a binary.
    plain: Option<Payload>,
    /// Else the arguments as JSON, one after the other, their binaries set apart.
    out: Vec<u8>,
    len: u32,
    rules: Rules,
}

impl Draft {
    /// The argument of a list that said it has one.
    #[inline]
    fn only_argument<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        match value.serialize(PlainWriter(self)) {
            Err(Stop::OneArgument) => self.json_argument(value).map_err(|fault| Stop::Fault(Box::new(fault))),
            done => done,
        }
    }

    fn json_argument<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        if self.len == 0 {
            self.out = SCRATCH.take();
            self.out.clear();
            if let Some(plain) = self.plain.take() {
                // A sequence that has more elements than it said.
                match &plain.0 {
                    Stored::Text(text) => self.write(&text[..])?,
                    Stored::Binary(bytes) => self.write(bytes)?,
                    Stored::Json { .. } | Stored::MsgPack { .. } => {
                        unreachable!("plain is a text or a binary")
                    }
                }
            }
        }
        self.write(value)
    }

    fn write<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        if self.len > 0 {
            self.out.push(b',');
        }
        self.len += 1;
        let mut json = serde_json::Serializer::with_formatter(&mut self.out, Checked(&mut self.rules));
        value.serialize(&mut json).map_err(|error| self.rules.why(&error))
    }

    #[inline]
    fn finish(self) -> Result<Payload, PayloadError> {
        match self.plain {
            Some(plain) => Ok(plain),
            None if self.len == 0 => Ok(Payload::empty()),
            None => json(self.out, self.len, self.rules),
        }
    }
}

/// The payload that JSON is, copied to its length, and the buffer kept for the next.
fn json(out: Vec<u8>, len: u32, rules: Rules) -> Result<Payload, PayloadError> {
    if rules.placeholder_names && !rules.attachments.is_empty() {
        return Err(PayloadError::Placeholder);
    }
    let args = if out.len() <= KEPT_SCRATCH {
        let args = ByteString::from(utf8(&out)?);
        SCRATCH.set(out);
        args
    } else {
        utf8(&out)?;
        ByteString::try_from(out).map_err(|error| PayloadError::Serialize(error.to_string()))?
    };
    let attachments = (!rules.attachments.is_empty()).then(|| Arc::new(rules.attachments));
    Ok(Payload(Stored::Json { args, len, attachments }))
}

/// What is no list and not plain: a second go, by `serde_json`.
macro_rules! one_argument {
    ($($method:ident($($kind:ty),*) -> $result:ty;)*) => {$(
        #[inline]
        fn $method(self, $(_: $kind),*) -> Result<$result, Stop> {
            Err(Stop::OneArgument)
        }
    )*};
}

/// What both writers take for plain, and what not.
macro_rules! plain_or_one_argument {
    () => {
        #[inline]
        fn serialize_str(self, text: &str) -> Result<(), Stop> {
            self.0.plain = Some(Payload(Stored::Text(text.into())));
            Ok(())
        }

        #[inline]
        fn serialize_bytes(self, bytes: &[u8]) -> Result<(), Stop> {
            self.0.plain = Some(Payload(Stored::Binary(Bytes::copy_from_slice(bytes))));
            Ok(())
        }

        #[inline]
        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Stop> {
            value.serialize(self)
        }

        #[inline]
        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<(), Stop> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<(), Stop> {
            Err(Stop::OneArgument)
        }

        one_argument! {
            serialize_bool(bool) -> ();
            serialize_i8(i8) -> ();
            serialize_i16(i16) -> ();
            serialize_i32(i32) -> ();
            serialize_i64(i64) -> ();
            serialize_i128(i128) -> ();
            serialize_u8(u8) -> ();
            serialize_u16(u16) -> ();
            serialize_u32(u32) -> ();
            serialize_u64(u64) -> ();
            serialize_u128(u128) -> ();
            serialize_f32(f32) -> ();
            serialize_f64(f64) -> ();
            serialize_char(char) -> ();
            serialize_none() -> ();
            serialize_unit_variant(&'static str, u32, &'static str) -> ();
            serialize_map(Option<usize>) -> Impossible<(), Stop>;
            serialize_struct(&'static str, usize) -> Impossible<(), Stop>;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<(), Stop>;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<(), Stop>;
        }
    };
}

/// The whole value: a list of arguments, or one plain argument.
struct ArgsWriter<'d>(&'d mut Draft);

impl<'d> Serializer for ArgsWriter<'d> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = ListWriter<'d>;
    type SerializeTuple = ListWriter<'d>;
    type SerializeTupleStruct = ListWriter<'d>;
    type SerializeTupleVariant = Impossible<(), Stop>;
    type SerializeMap = Impossible<(), Stop>;
    type SerializeStruct = Impossible<(), Stop>;
    type SerializeStructVariant = Impossible<(), Stop>;

    fn serialize_unit(self) -> Result<(), Stop> {
        Ok(())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<(), Stop> {
        Ok(())
    }

    #[inline]
    fn serialize_seq(self, len: Option<usize>) -> Result<ListWriter<'d>, Stop> {
        Ok(ListWriter { draft: self.0, only: len == Some(1) })
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<ListWriter<'d>, Stop> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<ListWriter<'d>, Stop> {
        self.serialize_seq(Some(len))
    }

    plain_or_one_argument!();
}

/// One argument of a list of one, which may be plain.
struct PlainWriter<'d>(&'d mut Draft);

impl Serializer for PlainWriter<'_> {
    type Ok = ();
    type Error = Stop;
    type SerializeSeq = Impossible<(), Stop>;
    type SerializeTuple = Impossible<(), Stop>;
    type SerializeTupleStruct = Impossible<(), Stop>;
    type SerializeTupleVariant = Impossible<(), Stop>;
    type SerializeMap = Impossible<(), Stop>;
    type SerializeStruct = Impossible<(), Stop>;
    type SerializeStructVariant = Impossible<(), Stop>;

    one_argument! {
        serialize_unit() -> ();
        serialize_unit_struct(&'static str) -> ();
        serialize_seq(Option<usize>) -> Impossible<(), Stop>;
        serialize_tuple(usize) -> Impossible<(), Stop>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<(), Stop>;
    }

    plain_or_one_argument!();
}

/// A list of arguments.
struct ListWriter<'d> {
    draft: &'d mut Draft,
    /// Whether it said that it has one argument, and that has not come yet.
    only: bool,
}

macro_rules! list {
    ($($part:ident $method:ident)*) => {$(
        impl $part for ListWriter<'_> {
            type Ok = ();
            type Error = Stop;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                if std::mem::take(&mut self.only) {
                    self.draft.only_argument(value)
                } else {
                    self.draft.json_argument(value).map_err(|fault| Stop::Fault(Box::new(fault)))
                }
            }

            #[inline]
            fn end(self) -> Result<(), Stop> {
                Ok(())
            }
        }
    )*};
}

list! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field }
