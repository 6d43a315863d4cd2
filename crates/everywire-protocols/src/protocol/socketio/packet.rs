//! A packet that came, whichever parser it came by.

use std::borrow::Cow;

use everywire_core::payload::PayloadError;
use everywire_core::payload::json::JsonError;
use everywire_core::payload::msgpack::MsgPackError;
use everywire_core::{PayloadRef, Reason};

/// The numbers of the packets (Socket.IO protocol, "Packet encoding").
pub(super) const CONNECT: u8 = 0;
pub(super) const DISCONNECT: u8 = 1;
pub(super) const EVENT: u8 = 2;
pub(super) const ACK: u8 = 3;
pub(super) const CONNECT_ERROR: u8 = 4;
/// What an event or an answer with attachments has more than one without, in the JSON parser.
pub(super) const BINARY: u8 = 3;

/// One packet.
#[derive(Debug)]
pub(super) struct Packet<'a> {
    pub(super) namespace: Cow<'a, str>,
    pub(super) body: Body<'a>,
}

/// What it says.
#[derive(Debug)]
pub(super) enum Body<'a> {
    /// With what is sent along: one argument, a map, or none.
    Connect(PayloadRef<'a>),
    Disconnect,
    Event {
        name: Cow<'a, str>,
        args: PayloadRef<'a>,
        id: Option<u64>,
    },
    Ack {
        id: Option<u64>,
        args: PayloadRef<'a>,
    },
    ConnectError(PayloadRef<'a>),
    /// A packet that is none but that official servers accept, and do nothing about: what it is.
    Nothing(&'static str),
}

impl<'a> Packet<'a> {
    /// What the attachments are added to.
    pub(super) fn args(&mut self) -> Option<&mut PayloadRef<'a>> {
        match &mut self.body {
            Body::Event { args, .. } | Body::Ack { args, .. } => Some(args),
            _ => None,
        }
    }

    /// The same, borrowed from nothing.
    pub(super) fn into_static(self) -> Packet<'static> {
        let body = match self.body {
            Body::Connect(auth) => Body::Connect(auth.into_static()),
            Body::Disconnect => Body::Disconnect,
            Body::Event { name, args, id } => {
                Body::Event { name: Cow::Owned(name.into_owned()), args: args.into_static(), id }
            }
            Body::Ack { id, args } => Body::Ack { id, args: args.into_static() },
            Body::ConnectError(error) => Body::ConnectError(error.into_static()),
            Body::Nothing(what) => Body::Nothing(what),
        };
        Packet { namespace: Cow::Owned(self.namespace.into_owned()), body }
    }
}

/// What the peer did wrong. All of it ends the session, as on the official server.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// Why the session ends.
    pub reason: Reason,
    /// What was wrong, for the log.
    pub what: Cow<'static, str>,
}

impl Fault {
    /// A breach of the rules.
    pub(super) fn new(what: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::ProtocolError, what: what.into() }
    }

    /// More than a limit allows.
    pub(super) fn too_large(what: impl Into<Cow<'static, str>>) -> Self {
        Self { reason: Reason::TooLarge, what: what.into() }
    }
}

impl From<JsonError> for Fault {
    fn from(error: JsonError) -> Self {
        Self::new(format!("the packet's payload: {error}"))
    }
}

impl From<MsgPackError> for Fault {
    fn from(error: MsgPackError) -> Self {
        Self::new(format!("the packet: {error}"))
    }
}

impl From<PayloadError> for Fault {
    fn from(error: PayloadError) -> Self {
        Self::new(format!("the packet's payload: {error}"))
    }
}
