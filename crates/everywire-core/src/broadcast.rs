//! A published message: what was published, where it stands in the log, and the wire forms that it
//! has been given so far.
//!
//! The rule: a broadcast is encoded once for each [`Form`], however many members hear it. Several
//! in a row for one room are encoded into one contiguous [`Run`], which leaves in one write.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use parking_lot::Mutex;
use smallvec::SmallVec;

use crate::payload::Payload;
use crate::vocabulary::{ConnectionId, Name, Offset, RoomKey};

/// What happens to a message that cannot leave at once.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum Class {
    /// It waits its turn in the mailbox.
    #[default]
    Event,
    /// It waits, and takes the place of a waiting one with the same key.
    Latest(Name),
    /// It is dropped.
    Volatile,
}

/// How a message is sent: its class, whether carriers may compress it, and how it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// What happens where it cannot leave at once.
    pub class: Class,
    /// Whether a carrier that compresses may compress it. False for what is compressed already, such as images, and
    /// what mixes secrets with text of others (CRIME, BREACH).
    pub compress: bool,
    /// What the client wrote that it comes from, for receivers of the same wire. Kept with what is published; an event that
    /// is sent to one connection alone has none. Default none.
    pub original: Option<Arc<Original>>,
}

impl Default for Sending {
    fn default() -> Self {
        Class::default().into()
    }
}

impl From<Class> for Sending {
    fn from(class: Class) -> Self {
        Self { class, compress: true, original: None }
    }
}

/// What a client wrote, for receivers of its own wire: what an event and its payload have no place for.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Original {
    /// Names and values, in the client's order: only those that are the receivers' to see.
    pub headers: Vec<(Box<str>, Box<str>)>,
    /// The media type of the body, as the client called it.
    pub content_type: Option<Box<str>>,
    /// The body; none if the payload written out is the same.
    pub body: Option<Bytes>,
}

impl Original {
    /// What it costs a queue or a log, in bytes: its texts and its body, and 32 for each header, which is what two
    /// `Box<str>` occupy.
    pub fn size(&self) -> usize {
        let header =
            |(name, value): &(Box<str>, Box<str>)| size_of::<[Box<str>; 2]>() + name.len() + value.len();
        self.headers.iter().map(header).sum::<usize>()
            + self.content_type.as_ref().map_or(0, |kind| kind.len())
            + self.body.as_ref().map_or(0, Bytes::len)
    }
}

/// Who is to hear a publication: the union of `rooms`, without the members of `except`, each once.
#[derive(Debug, Clone, Default)]
pub struct Target {
    /// Heard by the members of any of these.
    pub rooms: SmallVec<[RoomKey; 1]>,
    /// Not heard by members of any of these.
    pub except: SmallVec<[RoomKey; 1]>,
}

impl Target {
    /// One room and nobody left out.
    pub fn room(key: impl Into<RoomKey>) -> Self {
        Self { rooms: SmallVec::from_iter([key.into()]), except: SmallVec::new() }
    }

    /// Drops what is named a second time. A target has few rooms, and nearly always one.
    pub(crate) fn name_once(&mut self) {
        for keys in [&mut self.rooms, &mut self.except] {
            let mut i = 1;
            while i < keys.len() {
                if keys[..i].contains(&keys[i]) {
                    keys.remove(i);
                } else {
                    i += 1;
                }
            }
        }
    }
}

/// A message on its way to rooms.
#[derive(Debug, Clone)]
pub struct Publication {
    /// The namespace in which it is published: some wires name it in every message.
    pub namespace: Arc<str>,
    /// The event's name.
    pub event: Name,
    /// The event's arguments.
    pub payload: Payload,
    /// Who is to hear it.
    pub target: Target,
    /// The public id of the connection that published it, if one did.
    pub from: Option<ConnectionId>,
    /// The publisher's user, if known.
    pub user: Option<Arc<str>>,
    /// When it was published, in milliseconds since the Unix epoch.
    pub time: u64,
    /// What happens where it cannot leave at once.
    pub class: Class,
    /// Whether carriers may compress it.
    pub compress: bool,
    /// What the client wrote that it comes from, for receivers of the same wire.
    pub original: Option<Arc<Original>>,
}

/// A wire form: which protocol, wrapping and frame, in the numbering of whoever encodes.
///
/// The hub only compares forms. The lowest bit says whether the meta argument is added, so that the
/// hub can choose between the two forms of one connection by its membership. The next says whether the
/// form is *headed*: what is encoded and shared is then only the tail of each message, and each
/// client's link writes the head ([`Link::messages`](crate::Link::messages)).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Form(u32);

impl Form {
    /// A form by its number, below 2³⁰; `meta` becomes the lowest bit.
    pub const fn new(number: u32, meta: bool) -> Self {
        Self(number << 2 | meta as u32)
    }

    /// The number that [`Form::new`] was given.
    pub const fn number(self) -> u32 {
        self.0 >> 2
    }

    /// Whether this form adds the meta argument.
    pub const fn meta(self) -> bool {
        self.0 & 1 == 1
    }

    /// The same form with or without meta.
    #[must_use]
    pub const fn with_meta(self, meta: bool) -> Self {
        Self(self.0 & !1 | meta as u32)
    }

    /// The same form, of which each client's link writes the head.
    #[must_use]
    pub const fn headed(self) -> Self {
        Self(self.0 | 2)
    }

    /// Whether each client's link writes the head.
    pub const fn is_headed(self) -> bool {
        self.0 & 2 != 0
    }

    pub(crate) const fn to_bits(self) -> u32 {
        self.0
    }

    pub(crate) const fn from_bits(bits: u32) -> Self {
        Self(bits)
    }
}

impl fmt::Debug for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let meta = if self.meta() { " + meta" } else { "" };
        write!(f, "Form({}{meta}{})", self.number(), if self.is_headed() { ", headed" } else { "" })
    }
}

/// Turns broadcasts into bytes. One implementation a program, above this crate.
pub trait Encode: Send + Sync + 'static {
    /// Appends the whole wire form of `broadcast`, carrier frame included; of a [headed](Form::headed) form, the
    /// tail. A form that cannot carry it appends nothing.
    ///
    /// `out` is empty, or ends with what came before in the same form. Where a frame may hold several messages, this one may
    /// join the frame that stands there, provided that links of that form take all of a write or nothing.
    fn encode(&self, form: Form, broadcast: &Broadcast, out: &mut Vec<u8>);
}

/// A publication that the broker gave its place in the log. Shared by all who hear it.
#[derive(Debug)]
pub struct Broadcast {
    /// Its place: the log's epoch and its own sequence number.
    pub offset: Offset,
    /// What was published.
    pub publication: Publication,
    forms: Mutex<SmallVec<[(Form, Bytes); 1]>>,
}

impl Broadcast {
    /// A broadcast at this place in the log.
    pub fn new(offset: Offset, publication: Publication) -> Self {
        Self { offset, publication, forms: Mutex::default() }
    }

    /// Its sequence number.
    pub fn seq(&self) -> u64 {
        self.offset.seq
    }

    /// The first room it went to: the one that its meta names.
    pub fn room(&self) -> Option<&RoomKey> {
        self.publication.target.rooms.first()
    }

    /// What it costs a queue or a log: its payload, its name and its original. The fixed cost of an
    /// entry is the queue's own to add.
    pub fn size(&self) -> usize {
        let publication = &self.publication;
        let original = publication.original.as_ref().map_or(0, |original| original.size());
        publication.payload.size() + publication.event.len() + original
    }

    /// Its bytes in this form, encoded the first time that anybody asks.
    pub fn form(&self, form: Form, encode: &dyn Encode) -> Bytes {
        let mut forms = self.forms.lock();
        if let Some((_, bytes)) = forms.iter().find(|(f, _)| *f == form) {
            return bytes.clone();
        }
        let mut out = Vec::with_capacity(self.size() + 64);
        encode.encode(form, self, &mut out);
        let bytes = Bytes::from(out);
        forms.push((form, bytes.clone()));
        bytes
    }
}

/// Consecutive broadcasts to one room in one wire form, as one contiguous buffer.
#[derive(Debug, Clone)]
pub struct Run {
    /// All frames, in order.
    pub bytes: Bytes,
    /// Where each broadcast's frames end in `bytes`.
    pub ends: SmallVec<[usize; 4]>,
}

impl Run {
    /// Encodes these broadcasts, in order.
    pub fn encode<'a>(
        form: Form,
        broadcasts: impl Iterator<Item = &'a Arc<Broadcast>>,
        encode: &dyn Encode,
    ) -> Self {
        let mut broadcasts = broadcasts.peekable();
        let first = broadcasts.next();
        // One alone is encoded into its own cache: whoever finds its client blocked needs it there.
        if let (Some(only), None) = (first, broadcasts.peek()) {
            let bytes = only.form(form, encode);
            let end = bytes.len();
            return Self { bytes, ends: SmallVec::from_iter([end]) };
        }
        let mut bytes = Vec::new();
        let mut ends = SmallVec::new();
        for broadcast in first.into_iter().chain(broadcasts) {
            encode.encode(form, broadcast, &mut bytes);
            ends.push(bytes.len());
        }
        Self { bytes: bytes.into(), ends }
    }

    /// The run of one client, of which this one has the tails: `messages` appends what the `i`-th, which has this tail, is
    /// for that client. One copy is cheaper than a write of two pieces a message.
    pub(crate) fn with_heads(&self, mut messages: impl FnMut(usize, &[u8], &mut Vec<u8>)) -> Self {
        let mut bytes = Vec::with_capacity(self.bytes.len() + self.ends.len() * 256);
        let mut start = 0;
        let ends = self.ends.iter().enumerate().map(|(i, &end)| {
            let tail = &self.bytes[start..end];
            if !tail.is_empty() {
                messages(i, tail, &mut bytes);
            }
            start = end;
            bytes.len()
        });
        let ends = ends.collect();
        Self { bytes: bytes.into(), ends }
    }
}
