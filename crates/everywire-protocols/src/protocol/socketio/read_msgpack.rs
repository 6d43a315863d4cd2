//! The msgpack parser's packets, read: each is one binary message, a map.
//!
//! The rules are those of socket.io-msgpack-parser 3.0.2, which looks at less than the JSON parser: an event without a
//! name is accepted, and so is one that has a reserved name.

use std::borrow::Cow;

use everywire_core::PayloadRef;
use everywire_core::payload::msgpack::{MsgPackError, Token, Tokens};

use super::packet::{ACK, Body, CONNECT, CONNECT_ERROR, DISCONNECT, EVENT, Fault, Packet};
use super::read_json::decimal;

/// Notepack's marker of `undefined`, which has extension type 0.
const UNDEFINED: u8 = 0xd4;

/// One value: its head, and all of it.
#[derive(Debug, Clone, Copy)]
struct Value<'a> {
    head: Token<'a>,
    head_length: usize,
    bytes: &'a [u8],
}

impl<'a> Value<'a> {
    /// Reads the value that comes next. An array's elements may each nest as deep as an argument.
    fn read(tokens: &mut Tokens<'a>, all: &'a [u8]) -> Result<Self, MsgPackError> {
        let start = tokens.position();
        let head = tokens.read()?;
        let head_length = tokens.position() - start;
        let values = match head {
            Token::Array(count) => u64::from(count),
            Token::Map(count) => u64::from(count) * 2,
            _ => 0,
        };
        for _ in 0..values {
            tokens.skip()?;
        }
        Ok(Self { head, head_length, bytes: &all[start..tokens.position()] })
    }

    fn is_undefined(&self) -> bool {
        self.bytes[0] == UNDEFINED && matches!(self.head, Token::Ext(0, _))
    }

    /// What follows the head.
    fn inner(&self) -> &'a [u8] {
        &self.bytes[self.head_length..]
    }

    fn one(&self) -> Result<PayloadRef<'a>, Fault> {
        Ok(PayloadRef::notepack(self.bytes, 1)?)
    }
}

/// The members that count; one written twice counts as written last.
#[derive(Debug, Default)]
struct Parts<'a> {
    kind: Option<Value<'a>>,
    data: Option<Value<'a>>,
    namespace: Option<Value<'a>>,
    id: Option<Value<'a>>,
}

/// The packet that a message is.
pub(super) fn packet(bytes: &[u8]) -> Result<Packet<'_>, Fault> {
    let mut tokens = Tokens::new(bytes);
    let Token::Map(members) = tokens.read()? else {
        return Err(Fault::new("a packet must be a map"));
    };
    let mut parts = Parts::default();
    for _ in 0..members {
        let name = tokens.read()?;
        let value = Value::read(&mut tokens, bytes)?;
        let part = match name {
            Token::Str("type") => &mut parts.kind,
            Token::Str("data") => &mut parts.data,
            Token::Str("nsp") => &mut parts.namespace,
            Token::Str("id") => &mut parts.id,
            Token::Str(_) | Token::Unsigned(_) | Token::Signed(_) => continue,
            _ => return Err(Fault::new("the names in a packet must be strings")),
        };
        *part = Some(value).filter(|value| !value.is_undefined());
    }
    if !tokens.is_at_end() {
        return Err(Fault::new("more bytes behind a packet, expected none"));
    }
    parts.packet()
}

impl<'a> Parts<'a> {
    fn packet(self) -> Result<Packet<'a>, Fault> {
        let Some(Value { head: Token::Str(namespace), .. }) = self.namespace else {
            return Err(Fault::new("the nsp of a packet must be a string"));
        };
        let id = match self.id.map(|id| integer(id.head)) {
            Some(None) => return Err(Fault::new("the id of a packet must be an integer from 0 to 2^64 - 1")),
            id => id.flatten(),
        };
        let kind = self.kind.and_then(|kind| integer(kind.head)).and_then(|kind| u8::try_from(kind).ok());
        let body = match (kind, self.data) {
            (Some(CONNECT), None) => Body::Connect(PayloadRef::empty()),
            (Some(CONNECT), Some(data)) if matches!(data.head, Token::Map(_)) => Body::Connect(data.one()?),
            (Some(CONNECT), Some(_)) => {
                return Err(Fault::new("the data of a CONNECT packet must be a map"));
            }
            (Some(DISCONNECT), None) => Body::Disconnect,
            (Some(DISCONNECT), Some(_)) => {
                return Err(Fault::new("a DISCONNECT packet with data, expected none"));
            }
            (Some(EVENT), Some(data @ Value { head: Token::Array(count), .. })) => event(data, count, id)?,
            (Some(ACK), Some(data @ Value { head: Token::Array(count), .. })) => {
                Body::Ack { id, args: PayloadRef::notepack(data.inner(), count)? }
            }
            (Some(EVENT | ACK), _) => {
                return Err(Fault::new("the data of an event or an answer must be an array"));
            }
            (Some(CONNECT_ERROR), Some(data)) if matches!(data.head, Token::Map(_) | Token::Str(_)) => {
                Body::ConnectError(data.one()?)
            }
            (Some(CONNECT_ERROR), _) => {
                return Err(Fault::new("the data of a CONNECT_ERROR packet must be a map or a string"));
            }
            _ => return Err(Fault::new("the type of a packet must be an integer from 0 to 4")),
        };
        Ok(Packet { namespace: Cow::Borrowed(namespace), body })
    }
}

/// The first element is the name, the others are arguments.
fn event(data: Value<'_>, count: u32, id: Option<u64>) -> Result<Body<'_>, Fault> {
    const NAMELESS: Body<'_> = Body::Nothing("an event without a name");
    let inner = data.inner();
    let Some(args) = count.checked_sub(1) else { return Ok(NAMELESS) };
    let first = Value::read(&mut Tokens::new(inner), inner)?;
    let name = match first.head {
        Token::Str(name) => Cow::Borrowed(name),
        Token::Unsigned(number) => number.to_string().into(),
        Token::Signed(number) => number.to_string().into(),
        Token::Float32(number) => decimal(number.into()).into(),
        Token::Float64(number) => decimal(number).into(),
        _ => return Ok(NAMELESS),
    };
    Ok(Body::Event { name, args: PayloadRef::notepack(&inner[first.bytes.len()..], args)?, id })
}

/// The integer that a scalar is to JavaScript, where 1.0 is one.
fn integer(token: Token<'_>) -> Option<u64> {
    /// Beyond, a float64 does not say which integer is meant.
    const EXACT: f64 = (1u64 << 53) as f64;
    match token {
        Token::Unsigned(number) => Some(number),
        Token::Signed(number) => number.try_into().ok(),
        Token::Float32(number) => integer(Token::Float64(number.into())),
        Token::Float64(number) if number.fract() == 0.0 && (0.0..=EXACT).contains(&number) => {
            Some(number as u64)
        }
        _ => None,
    }
}
