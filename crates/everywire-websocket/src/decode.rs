//! From bytes to messages, in place.
//!
//! The rule: the caller owns the read buffer. A message that lies in it whole and in one uncompressed frame is
//! unmasked and handed out where it lies. Only what is cut off by the end of the buffer is kept here: up to 13 bytes
//! of a header inline, anything more in a box that exists only while it is needed and grows by what has really
//! arrived, never by what a length field announced.

use crate::{CloseFrame, Direction, Fault, Header, Limits, Opcode, Role, mask, unfinished::Unfinished};

/// What a peer sent.
///
/// It borrows from the caller's buffer, or from the decoder where it had to be assembled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Item<'a> {
    /// A whole text message.
    Text(&'a str),
    /// A whole binary message.
    Binary(&'a [u8]),
    /// Answer it with a pong that has the same payload of at most 125 bytes; of several, the last one suffices.
    Ping(&'a [u8]),
    /// The answer to a ping, or a sign of life.
    Pong(&'a [u8]),
    /// The peer closes; what it sends afterwards is ignored. See [`ClosingHandshake`](crate::ClosingHandshake).
    Close(Option<CloseFrame<'a>>),
}

/// Decodes one connection's incoming frames, in either role.
///
/// ```
/// use everywire_websocket::{Decoder, Item, Limits, Role};
///
/// let mut decoder = Decoder::new(Role::Server, Limits::default());
/// // The worker's read buffer, with a masked text frame "Hello" as RFC 6455, section 5.7, shows it.
/// let mut buffer = *b"\x81\x85\x37\xfa\x21\x3d\x7f\x9f\x4d\x51\x58";
///
/// let mut input = &mut buffer[..];
/// let mut seen = Vec::new();
/// while let Some(item) = decoder.next(&mut input)? {
///     match item {
///         Item::Text(text) => seen.push(text.to_owned()),
///         Item::Close(_) => { /* answer it */ }
///         _ => {}
///     }
/// }
/// assert_eq!(seen, ["Hello"]);
/// # Ok::<(), everywire_websocket::Fault>(())
/// ```
#[derive(Debug)]
pub struct Decoder {
    limits: Limits,
    unfinished: Option<Box<Unfinished>>,
    header: PartialHeader,
    role: Role,
    phase: Phase,
    /// A message came without FIN: its continuation is due.
    open: bool,
    deflate: Option<Direction>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// The next byte starts a frame.
    Boundary,
    /// As `Boundary`, and what `unfinished` holds has been handed out.
    Delivered,
    /// `header` holds the first bytes of a frame.
    Header,
    /// `unfinished` holds the first bytes of a frame's payload.
    Payload,
    /// After a close frame or a fault, nothing counts any more (RFC 6455, sections 5.5.1 and 7.1.7).
    Ended,
}

#[derive(Debug, Default)]
struct PartialHeader {
    bytes: [u8; Header::MAX_LEN - 1],
    len: u8,
}

/// How [`Decoder::step`] ended. Says where an item lies without borrowing the decoder, so that the loop may go on.
enum Step<'i> {
    Starved,
    InPlace(Item<'i>),
    Assembled,
    Control(Opcode),
}

impl Decoder {
    /// A decoder for the local side `role`, without compression.
    pub fn new(role: Role, limits: Limits) -> Self {
        let header = PartialHeader::default();
        Self { limits, unfinished: None, header, role, phase: Phase::Boundary, open: false, deflate: None }
    }

    /// Accepts compressed messages as the handshake has agreed;
    /// see [`DeflateParams::incoming`](crate::DeflateParams::incoming).
    #[must_use]
    pub fn with_deflate(mut self, incoming: Option<Direction>) -> Self {
        self.deflate = incoming;
        self
    }

    /// The next item of `input`; `None` when all of it has been consumed.
    ///
    /// Moves `input` past what it has read and unmasks payloads inside it. Call it until `None`: what it holds for
    /// an assembled message is released by the next call.
    ///
    /// # Errors
    ///
    /// The peer's [`Fault`]. From then on, as after [`Item::Close`], input is consumed and ignored.
    #[inline]
    pub fn next<'a, 'i: 'a>(&'a mut self, input: &mut &'i mut [u8]) -> Result<Option<Item<'a>>, Fault> {
        if let Some(message) = self.short_message(input) {
            return message.map(Some).map_err(|fault| self.fail(fault));
        }
        match self.step(input) {
            Ok(Step::InPlace(item)) => Ok(Some(item)),
            Ok(Step::Starved) => Ok(None),
            Ok(Step::Assembled) => Ok(self.unfinished.as_ref().and_then(|unfinished| unfinished.message())),
            Ok(Step::Control(opcode)) => {
                let payload = self.unfinished.as_ref().map(|unfinished| unfinished.control());
                payload.map(|payload| control_item(opcode, payload)).transpose()
            }
            Err(fault) => Err(self.fail(fault)),
        }
    }

    /// Bytes held on the heap for what has arrived in part, and for the peer's compression context.
    pub fn held_bytes(&self) -> usize {
        self.unfinished.as_ref().map_or(0, |unfinished| unfinished.held_bytes())
    }

    /// No frame and no message has been received in part.
    pub const fn is_at_boundary(&self) -> bool {
        !self.open && matches!(self.phase, Phase::Boundary | Phase::Delivered)
    }

    /// A message of at most 125 bytes from a client, whole, uncompressed and in one frame, as nearly all are.
    /// [`step`](Self::step) says the same of it, and of what is left to it untouched; this takes half the
    /// instructions (of 263 for 64 bytes of text, 151 are left).
    #[inline]
    fn short_message<'i>(&self, input: &mut &'i mut [u8]) -> Option<Result<Item<'i>, Fault>> {
        const TEXT: u8 = 0x80 | Opcode::Text as u8;
        const BINARY: u8 = 0x80 | Opcode::Binary as u8;
        const HEADER: usize = 6;
        let &[first @ (TEXT | BINARY), second @ 0x80..=0xfd, a, b, c, d, ref rest @ ..] = &**input else {
            return None;
        };
        let len = usize::from(second & 0x7f);
        let due = self.phase == Phase::Boundary && !self.open && self.role == Role::Server;
        if !due || len > rest.len() || len > self.limits.frame || len > self.limits.message {
            return None;
        }
        let (frame, rest) = std::mem::take(input).split_at_mut(HEADER + len);
        *input = rest;
        let payload = &mut frame[HEADER..];
        mask::apply(payload, [a, b, c, d]);
        Some(if first == TEXT { text(payload) } else { Ok(Item::Binary(payload)) })
    }

    #[inline]
    fn step<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Step<'i>, Fault> {
        loop {
            let (header, len) = match self.phase {
                Phase::Boundary => match Header::decode(input)? {
                    Some(parsed) => parsed,
                    None => return Ok(self.keep_header(input)),
                },
                Phase::Delivered => {
                    self.release();
                    continue;
                }
                Phase::Header => match self.resume_header(input)? {
                    Some(parsed) => parsed,
                    None => return Ok(self.keep_header(input)),
                },
                Phase::Payload => {
                    let step = self.resume_payload(input)?;
                    if matches!(step, Step::Starved) && !input.is_empty() {
                        continue;
                    }
                    return Ok(step);
                }
                Phase::Ended => {
                    self.unfinished = None;
                    *input = &mut [];
                    return Ok(Step::Starved);
                }
            };
            *input = &mut std::mem::take(input)[len..];
            self.phase = Phase::Boundary;
            self.admit(&header)?;
            if let Some(item) = self.in_place(&header, input)? {
                return Ok(Step::InPlace(item));
            }
            let step = self.begin_payload(header, input)?;
            if !matches!(step, Step::Starved) {
                return Ok(step);
            }
        }
    }

    /// Whether the frame may come at this point of the connection, and whether we want that much.
    #[inline]
    fn admit(&self, header: &Header) -> Result<(), Fault> {
        match (self.role, header.mask) {
            (Role::Server, None) => return Err(Fault::Unmasked),
            (Role::Client, Some(_)) => return Err(Fault::Masked),
            _ => {}
        }
        if header.compressed {
            if self.deflate.is_none() {
                return Err(Fault::ReservedBit);
            }
            if header.opcode.is_control() || header.opcode == Opcode::Continuation {
                return Err(Fault::CompressedBit);
            }
        }
        if header.opcode.is_control() {
            return Ok(());
        }
        let continues = header.opcode == Opcode::Continuation;
        match (continues, self.open) {
            (true, false) => return Err(Fault::UnexpectedContinuation),
            (false, true) => return Err(Fault::ExpectedContinuation),
            _ => {}
        }
        if header.len > self.limits.frame as u64 {
            return Err(Fault::FrameTooLarge);
        }
        if header.len + self.message_cost(header, continues) > self.limits.message as u64 {
            return Err(Fault::MessageTooLarge);
        }
        Ok(())
    }

    /// What the frame's message has cost before its payload.
    #[inline]
    fn message_cost(&self, header: &Header, continues: bool) -> u64 {
        if header.fin && !continues {
            return 0;
        }
        let so_far = self.unfinished.as_ref().map_or(0, |unfinished| unfinished.message_cost());
        (so_far * usize::from(continues) + self.limits.fragment_cost) as u64
    }

    /// Takes the frame from `input`, if nothing of it needs to be kept: the hot path.
    #[inline]
    fn in_place<'i>(&mut self, header: &Header, input: &mut &'i mut [u8]) -> Result<Option<Item<'i>>, Fault> {
        let whole = header.opcode.is_control() || (header.fin && !self.open && !header.compressed);
        if !whole || header.len > input.len() as u64 {
            return Ok(None);
        }
        let (payload, rest) = std::mem::take(input).split_at_mut(header.len as usize);
        *input = rest;
        if let Some(key) = header.mask {
            mask::apply(payload, key);
        }
        match header.opcode {
            Opcode::Text => text(payload).map(Some),
            Opcode::Binary => Ok(Some(Item::Binary(payload))),
            control => {
                if control == Opcode::Close {
                    self.end();
                }
                control_item(control, payload).map(Some)
            }
        }
    }

    /// A frame whose payload is incomplete, or belongs to a message that has to be assembled.
    #[cold]
    fn begin_payload<'i>(&mut self, header: Header, input: &mut &'i mut [u8]) -> Result<Step<'i>, Fault> {
        let unfinished = self.unfinished.get_or_insert_with(|| Unfinished::new(header));
        unfinished.begin(header, &self.limits, self.deflate);
        if !header.opcode.is_control() {
            self.open = !header.fin;
        }
        self.phase = Phase::Payload;
        self.resume_payload(input)
    }

    #[cold]
    fn resume_payload<'i>(&mut self, input: &mut &'i mut [u8]) -> Result<Step<'i>, Fault> {
        let Some(unfinished) = &mut self.unfinished else { return Ok(Step::Starved) };
        let Some(frame) = unfinished.take(input, &self.limits)? else { return Ok(Step::Starved) };
        if frame.opcode.is_control() {
            control_item(frame.opcode, unfinished.control())?;
            self.phase = if frame.opcode == Opcode::Close { Phase::Ended } else { Phase::Delivered };
            return Ok(Step::Control(frame.opcode));
        }
        if frame.fin {
            self.phase = Phase::Delivered;
            return Ok(Step::Assembled);
        }
        self.phase = Phase::Boundary;
        Ok(Step::Starved)
    }

    /// Frees what has been handed out. A fragmented message stays if a control frame came in its middle, and the
    /// inflater if the peer refers back to earlier messages.
    #[cold]
    fn release(&mut self) {
        self.phase = Phase::Boundary;
        if !self.open && !self.unfinished.as_mut().is_some_and(|unfinished| unfinished.release(self.deflate))
        {
            self.unfinished = None;
        }
    }

    #[cold]
    fn fail(&mut self, fault: Fault) -> Fault {
        self.end();
        fault
    }

    fn end(&mut self) {
        self.phase = Phase::Ended;
        self.unfinished = None;
    }

    #[cold]
    fn keep_header<'i>(&mut self, input: &mut &'i mut [u8]) -> Step<'i> {
        let kept = usize::from(self.header.len) * usize::from(self.phase == Phase::Header);
        let bytes = std::mem::take(input);
        if kept + bytes.len() > 0 {
            // Fewer than the 14 bytes of the longest header, or it would have been decoded.
            self.header.bytes[kept..kept + bytes.len()].copy_from_slice(bytes);
            self.header.len = (kept + bytes.len()) as u8;
            self.phase = Phase::Header;
        }
        Step::Starved
    }

    /// Decodes a header from the kept bytes and `input`; the length is that of its part in `input`.
    #[cold]
    fn resume_header(&self, input: &[u8]) -> Result<Option<(Header, usize)>, Fault> {
        let kept = usize::from(self.header.len);
        let mut bytes = [0; Header::MAX_LEN];
        bytes[..kept].copy_from_slice(&self.header.bytes[..kept]);
        let more = input.len().min(Header::MAX_LEN - kept);
        bytes[kept..kept + more].copy_from_slice(&input[..more]);
        let parsed = Header::decode(&bytes[..kept + more])?;
        Ok(parsed.map(|(header, len)| (header, len - kept)))
    }
}

#[inline]
fn text(payload: &[u8]) -> Result<Item<'_>, Fault> {
    simdutf8::basic::from_utf8(payload).map(Item::Text).map_err(|_| Fault::InvalidUtf8)
}

fn control_item(opcode: Opcode, payload: &[u8]) -> Result<Item<'_>, Fault> {
    Ok(match opcode {
        Opcode::Ping => Item::Ping(payload),
        Opcode::Pong => Item::Pong(payload),
        _ => Item::Close(CloseFrame::decode(payload)?),
    })
}
