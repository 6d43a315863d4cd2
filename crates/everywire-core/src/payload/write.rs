//! Makes a payload of what a program emits: a serde serializer that finds out whether a value is a list of arguments or
//! one, keeps a single text or binary as it is, and leaves all else to `serde_json`.

use std::cell::Cell;
use std::fmt;
use std::io;

use bytes::Bytes;
use bytestring::ByteString;
use serde::ser::{
    self, Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct, Serializer,
};
use serde_json::ser::Formatter;

use super::json::{RawJson, utf8};
use super::scan::PLACEHOLDER_NAME;
use super::{MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS, Payload, PayloadError, Stored, clean, placeholder};

/// A scratch buffer larger than this becomes the payload itself and is not kept.
const KEPT_SCRATCH: usize = 16 << 10;

thread_local! {
    /// Where JSON is written before its length is known, so that the payload is one allocation of the right size.
    static SCRATCH: Cell<Vec<u8>> = const { Cell::new(Vec::new()) };
}

pub(super) fn from_args<T: Serialize + ?Sized>(args: &T) -> Result<Payload, PayloadError> {
    match args.serialize(ArgsWriter) {
        Ok(payload) => Ok(payload),
        Err(Stop::OneArgument) => {
            let mut json = JsonWriter::new();
            json.argument(args)?;
            json.finish()
        }
        Err(Stop::Fault(fault)) => Err(fault),
    }
}

/// Why a value gave no payload on the first go.
#[derive(Debug)]
enum Stop {
    /// It is no list of arguments, nor plain: JSON is what it needs.
    OneArgument,
    Fault(PayloadError),
}

impl From<PayloadError> for Stop {
    fn from(fault: PayloadError) -> Self {
        Self::Fault(fault)
    }
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
        Self::Fault(PayloadError::Serialize(message.to_string()))
    }
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
        fn serialize_str(self, text: &str) -> Result<Payload, Stop> {
            Ok(Payload(Stored::Text(text.into())))
        }

        #[inline]
        fn serialize_bytes(self, bytes: &[u8]) -> Result<Payload, Stop> {
            Ok(Payload(Stored::Binary(Bytes::copy_from_slice(bytes))))
        }

        #[inline]
        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Payload, Stop> {
            value.serialize(self)
        }

        #[inline]
        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            value: &T,
        ) -> Result<Payload, Stop> {
            value.serialize(self)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Payload, Stop> {
            Err(Stop::OneArgument)
        }

        one_argument! {
            serialize_bool(bool) -> Payload;
            serialize_i8(i8) -> Payload;
            serialize_i16(i16) -> Payload;
            serialize_i32(i32) -> Payload;
            serialize_i64(i64) -> Payload;
            serialize_i128(i128) -> Payload;
            serialize_u8(u8) -> Payload;
            serialize_u16(u16) -> Payload;
            serialize_u32(u32) -> Payload;
            serialize_u64(u64) -> Payload;
            serialize_u128(u128) -> Payload;
            serialize_f32(f32) -> Payload;
            serialize_f64(f64) -> Payload;
            serialize_char(char) -> Payload;
            serialize_none() -> Payload;
            serialize_unit_variant(&'static str, u32, &'static str) -> Payload;
            serialize_map(Option<usize>) -> Impossible<Payload, Stop>;
            serialize_struct(&'static str, usize) -> Impossible<Payload, Stop>;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Impossible<Payload, Stop>;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Impossible<Payload, Stop>;
        }
    };
}

/// The whole value: a list of arguments, or one plain argument.
#[derive(Clone, Copy)]
struct ArgsWriter;

impl Serializer for ArgsWriter {
    type Ok = Payload;
    type Error = Stop;
    type SerializeSeq = ListWriter;
    type SerializeTuple = ListWriter;
    type SerializeTupleStruct = ListWriter;
    type SerializeTupleVariant = Impossible<Payload, Stop>;
    type SerializeMap = Impossible<Payload, Stop>;
    type SerializeStruct = Impossible<Payload, Stop>;
    type SerializeStructVariant = Impossible<Payload, Stop>;

    fn serialize_unit(self) -> Result<Payload, Stop> {
        Ok(Payload::empty())
    }

    fn serialize_unit_struct(self, _: &'static str) -> Result<Payload, Stop> {
        Ok(Payload::empty())
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<ListWriter, Stop> {
        Ok(ListWriter { one: len == Some(1), plain: None, json: None })
    }

    #[inline]
    fn serialize_tuple(self, len: usize) -> Result<ListWriter, Stop> {
        self.serialize_seq(Some(len))
    }

    fn serialize_tuple_struct(self, _: &'static str, len: usize) -> Result<ListWriter, Stop> {
        self.serialize_seq(Some(len))
    }

    plain_or_one_argument!();
}

/// One argument of a list of one, which may be plain.
#[derive(Clone, Copy)]
struct PlainWriter;

impl Serializer for PlainWriter {
    type Ok = Payload;
    type Error = Stop;
    type SerializeSeq = Impossible<Payload, Stop>;
    type SerializeTuple = Impossible<Payload, Stop>;
    type SerializeTupleStruct = Impossible<Payload, Stop>;
    type SerializeTupleVariant = Impossible<Payload, Stop>;
    type SerializeMap = Impossible<Payload, Stop>;
    type SerializeStruct = Impossible<Payload, Stop>;
    type SerializeStructVariant = Impossible<Payload, Stop>;

    one_argument! {
        serialize_unit() -> Payload;
        serialize_unit_struct(&'static str) -> Payload;
        serialize_seq(Option<usize>) -> Impossible<Payload, Stop>;
        serialize_tuple(usize) -> Impossible<Payload, Stop>;
        serialize_tuple_struct(&'static str, usize) -> Impossible<Payload, Stop>;
    }

    plain_or_one_argument!();
}

/// A list of arguments.
struct ListWriter {
    /// Whether it said that it has one argument, and that has not come yet.
    one: bool,
    /// That argument, if it is plain.
    plain: Option<Payload>,
    json: Option<JsonWriter>,
}

impl ListWriter {
    #[inline]
    fn argument<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        if std::mem::take(&mut self.one) {
            match value.serialize(PlainWriter) {
                Ok(plain) => {
                    self.plain = Some(plain);
                    return Ok(());
                }
                Err(Stop::OneArgument) => {}
                Err(fault) => return Err(fault),
            }
        }
        self.json_argument(value)
    }

    fn json_argument<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
        let json = self.json.get_or_insert_with(JsonWriter::new);
        if let Some(plain) = self.plain.take() {
            // A sequence that has more elements than it said.
            match &plain.0 {
                Stored::Text(text) => json.argument(&text[..])?,
                Stored::Binary(bytes) => json.argument(bytes)?,
                Stored::Json { .. } | Stored::MsgPack { .. } => unreachable!("plain is a text or a binary"),
            }
        }
        Ok(json.argument(value)?)
    }

    #[inline]
    fn finish(self) -> Result<Payload, Stop> {
        match (self.plain, self.json) {
            (Some(plain), _) => Ok(plain),
            (None, Some(json)) => Ok(json.finish()?),
            (None, None) => Ok(Payload::empty()),
        }
    }
}

macro_rules! list {
    ($($part:ident $method:ident)*) => {$(
        impl $part for ListWriter {
            type Ok = Payload;
            type Error = Stop;

            #[inline]
            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Stop> {
                self.argument(value)
            }

            #[inline]
            fn end(self) -> Result<Payload, Stop> {
                self.finish()
            }
        }
    )*};
}

list! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field }

/// Arguments as JSON, one after the other, their binaries set apart.
struct JsonWriter {
    out: Vec<u8>,
    len: u32,
    rules: Rules,
}

impl JsonWriter {
    fn new() -> Self {
        let mut out = SCRATCH.take();
        out.clear();
        Self { out, len: 0, rules: Rules::default() }
    }

    fn argument<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), PayloadError> {
        if self.len > 0 {
            self.out.push(b',');
        }
        self.len += 1;
        let mut json = serde_json::Serializer::with_formatter(&mut self.out, Checked(&mut self.rules));
        value.serialize(&mut json).map_err(|error| self.rules.fault.take().unwrap_or_else(|| said(&error)))
    }

    fn finish(mut self) -> Result<Payload, PayloadError> {
        if self.rules.placeholder_names && !self.rules.attachments.is_empty() {
            return Err(PayloadError::Placeholder);
        }
        let attachments = std::mem::take(&mut self.rules.attachments);
        let out = std::mem::take(&mut self.out);
        let args = if out.len() <= KEPT_SCRATCH {
            let args = ByteString::from(utf8(&out)?);
            SCRATCH.set(out);
            args
        } else {
            let args = Bytes::from(out);
            let len = args.len();
            ByteString::try_from(args)
                .map_err(|_| PayloadError::Serialize(format!("{len} bytes are not UTF-8")))?
        };
        let attachments = (!attachments.is_empty()).then(|| attachments.into());
        Ok(Payload(Stored::Json { args, len: self.len, attachments }))
    }
}

#[cold]
fn said(error: &serde_json::Error) -> PayloadError {
    PayloadError::Serialize(error.to_string())
}

/// What holds for every payload, watched while `serde_json` writes.
#[derive(Debug, Default)]
struct Rules {
    attachments: Vec<Bytes>,
    depth: u32,
    in_name: bool,
    placeholder_names: bool,
    /// Why writing was given up.
    fault: Option<PayloadError>,
}

impl Rules {
    #[cold]
    fn give_up(&mut self, fault: PayloadError) -> io::Error {
        self.fault = Some(fault);
        io::ErrorKind::InvalidData.into()
    }

    #[inline]
    fn enter(&mut self) -> io::Result<()> {
        self.depth += 1;
        if self.depth > MAX_ARGUMENT_DEPTH { Err(self.give_up(PayloadError::Depth)) } else { Ok(()) }
    }

    fn attach(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let num = self.attachments.len();
        if num == MAX_ATTACHMENTS {
            return Err(self.give_up(PayloadError::TooManyAttachments { given: num + 1 }));
        }
        self.attachments.push(Bytes::copy_from_slice(bytes));
        Ok(num)
    }
}

/// `serde_json`'s compact form under our rules.
struct Checked<'r>(&'r mut Rules);

impl Formatter for Checked<'_> {
    fn write_byte_array<W: io::Write + ?Sized>(&mut self, out: &mut W, bytes: &[u8]) -> io::Result<()> {
        let num = self.0.attach(bytes)?;
        placeholder::write(&mut &mut *out, num)
    }

    #[inline]
    fn begin_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.enter()?;
        out.write_all(b"[")
    }

    #[inline]
    fn end_array<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        out.write_all(b"]")
    }

    #[inline]
    fn begin_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.enter()?;
        out.write_all(b"{")
    }

    #[inline]
    fn end_object<W: io::Write + ?Sized>(&mut self, out: &mut W) -> io::Result<()> {
        self.0.depth -= 1;
        out.write_all(b"}")
    }

    #[inline]
    fn begin_object_key<W: io::Write + ?Sized>(&mut self, out: &mut W, first: bool) -> io::Result<()> {
        self.0.in_name = true;
        if first { Ok(()) } else { out.write_all(b",") }
    }

    #[inline]
    fn end_object_key<W: io::Write + ?Sized>(&mut self, _: &mut W) -> io::Result<()> {
        self.0.in_name = false;
        Ok(())
    }

    #[inline]
    fn write_string_fragment<W: io::Write + ?Sized>(
        &mut self,
        out: &mut W,
        fragment: &str,
    ) -> io::Result<()> {
        if self.0.in_name && fragment == PLACEHOLDER_NAME {
            self.0.placeholder_names = true;
        }
        out.write_all(fragment.as_bytes())
    }

    /// A `RawValue`, which nobody has checked but for being JSON.
    fn write_raw_fragment<W: io::Write + ?Sized>(&mut self, out: &mut W, fragment: &str) -> io::Result<()> {
        let raw = RawJson::parse(fragment).map_err(|fault| self.0.give_up(fault.into()))?;
        let found = raw.findings();
        if self.0.depth + found.depth > MAX_ARGUMENT_DEPTH {
            return Err(self.0.give_up(PayloadError::Depth));
        }
        self.0.placeholder_names |= found.placeholder_names;
        out.write_all(clean::clean(raw.text(), &found).as_bytes())
    }
}
