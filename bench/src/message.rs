//! Messages that can be told apart: each payload carries a stamp (who sent it, the how-manieth), all else is fixed.
//!
//! In Socket.IO a message is the argument of an event, and what comes back is another packet than was sent.
//! A batch of frames is encoded once and only stamped anew, so that sending costs the generator next to nothing; a
//! reply is compared byte by byte.

use std::ops::Range;

use anyhow::{Context as _, Result, bail, ensure};
use flate2::{Decompress, FlushDecompress};

use crate::wire::{self, Frame, TEXT, Wire};

/// Sender and sequence number, written as 16 hexadecimal digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp {
    pub(crate) sender: u16,
    /// At most 2^48 - 1.
    pub(crate) sequence: u64,
}

const STAMP: usize = 16;
const SEQUENCE_BITS: u32 = 48;

impl Stamp {
    fn digits(self) -> [u8; STAMP] {
        let value = u64::from(self.sender) << SEQUENCE_BITS | self.sequence;
        std::array::from_fn(|i| b"0123456789abcdef"[(value >> (60 - 4 * i) & 0xf) as usize])
    }

    fn from_digits(digits: &[u8]) -> Option<Self> {
        let mut value = 0;
        for digit in digits {
            value = value << 4
                | match digit {
                    b'0'..=b'9' => u64::from(digit - b'0'),
                    b'a'..=b'f' => u64::from(digit - b'a' + 10),
                    _ => return None,
                };
        }
        Some(Self { sender: (value >> SEQUENCE_BITS) as u16, sequence: value & ((1 << SEQUENCE_BITS) - 1) })
    }
}

/// A payload with a place for the stamp.
#[derive(Clone, Debug)]
pub(crate) struct Template {
    pub(crate) payload: Vec<u8>,
    /// Where the id of an acknowledgement stands; it follows from the stamp. Empty where there is none.
    id: Range<usize>,
    /// Behind the id.
    stamp: Range<usize>,
    /// The kind of message that it is.
    opcode: u8,
}

/// What is sent, and what has to come back for it.
#[derive(Clone, Debug)]
pub(crate) struct Exchange {
    pub(crate) sent: Template,
    pub(crate) back: Template,
}

/// The digits of an id of an acknowledgement: always as many, so that a frame keeps its length.
pub(crate) const ID: usize = 7;

/// The id of a message whose sequence number ends in six zeros.
const FIRST_ID: u64 = 1_000_000;

fn id_digits(stamp: Stamp) -> [u8; ID] {
    let mut value = FIRST_ID + stamp.sequence % FIRST_ID;
    let mut digits = [0; ID];
    for digit in digits.iter_mut().rev() {
        *digit = b'0' + (value % 10) as u8;
        value /= 10;
    }
    digits
}

impl Template {
    /// Lower-case letters that no compressor could guess at once.
    pub(crate) fn text(length: usize) -> Self {
        assert!(length >= STAMP, "a message has room for its stamp");
        let mut payload = vec![b'0'; STAMP];
        let mut state = 1_u32;
        payload.resize_with(length, || b'a' + (step(&mut state) % 26) as u8);
        Self { payload, id: 0..0, stamp: 0..STAMP, opcode: TEXT }
    }

    /// What an application sends: a JSON object with a list of small objects.
    pub(crate) fn json(length: usize) -> Self {
        const HEAD: &str = r#"{"id":""#;
        const TAIL: &str = r#"],"note":""}"#;
        let mut text = format!("{HEAD}{}", "0".repeat(STAMP));
        text.push_str(r#"","room":"lobby","players":["#);
        let mut state = 1_u32;
        for number in 1.. {
            let mut next = || step(&mut state) % 2000;
            let comma = if number == 1 { "" } else { "," };
            let player = format!(
                r#"{comma}{{"name":"player-{number}","x":{},"y":{},"score":{},"alive":{}}}"#,
                next(),
                next(),
                next() * 10,
                next() % 2 == 0
            );
            if text.len() + player.len() + TAIL.len() > length {
                break;
            }
            text.push_str(&player);
        }
        let missing =
            length.checked_sub(text.len() + TAIL.len()).expect("a JSON message has room for its fields");
        text.push_str(&TAIL.replace(r#""""#, &format!("\"{}\"", "-".repeat(missing))));
        Self { payload: text.into_bytes(), id: 0..0, stamp: HEAD.len()..HEAD.len() + STAMP, opcode: TEXT }
    }

    fn wrapped(&self, head: &str, tail: &str) -> Self {
        self.within(head.as_bytes(), 0..0, tail.as_bytes(), TEXT)
    }

    /// This between a head, in which an id may have its place, and a tail.
    pub(crate) fn within(&self, head: &[u8], id: Range<usize>, tail: &[u8], opcode: u8) -> Self {
        let Range { start, end } = self.stamp;
        let stamp = start + head.len()..end + head.len();
        Self { payload: [head, &self.payload, tail].concat(), id, stamp, opcode }
    }

    /// Text as a string of JSON.
    pub(crate) fn quoted(&self) -> Self {
        self.wrapped("\"", "\"")
    }

    /// The beginning of a packet that bears an id, this as its last value, and its end.
    fn numbered(&self, kind: &str, head: &str) -> Self {
        let head = format!("{kind}{}{head}", "0".repeat(ID));
        self.within(head.as_bytes(), kind.len()..kind.len() + ID, b"]", TEXT)
    }

    fn check(&self, payload: &[u8]) -> Result<Stamp> {
        let Range { start, end } = self.stamp;
        ensure!(payload.len() == self.payload.len(), "{} bytes, not {}", payload.len(), self.payload.len());
        ensure!(
            payload[..self.id.start] == self.payload[..self.id.start]
                && payload[self.id.end..start] == self.payload[self.id.end..start]
                && payload[end..] == self.payload[end..],
            "another content than was sent"
        );
        let stamp = Stamp::from_digits(&payload[start..end]).context("a broken stamp")?;
        ensure!(
            self.id.is_empty() || payload[self.id.clone()] == id_digits(stamp),
            "{stamp:?} with the id of another message"
        );
        Ok(stamp)
    }
}

impl Exchange {
    /// What is sent comes back as it is.
    pub(crate) fn same(message: Template) -> Self {
        Self { sent: message.clone(), back: message }
    }

    /// An event of Socket.IO and the one that comes back for it, both with one argument of JSON.
    pub(crate) fn events(sent: &str, back: &str, argument: &Template) -> Self {
        let event = |name: &str| argument.wrapped(&format!("42[\"{name}\","), "]");
        Self { sent: event(sent), back: event(back) }
    }

    /// An event of Socket.IO and its acknowledgement, both with one argument of JSON.
    pub(crate) fn acknowledged(event: &str, argument: &Template) -> Self {
        Self { sent: argument.numbered("42", &format!("[\"{event}\",")), back: argument.numbered("43", "[") }
    }
}

fn step(state: &mut u32) -> u32 {
    // Numerical Recipes' linear congruential generator; its high bits are good enough for filler.
    *state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
    *state >> 16
}

/// As many encoded frames as may leave in one write.
#[derive(Debug)]
pub(crate) struct Batch {
    bytes: Vec<u8>,
    frame: usize,
    /// Where the payload stands in a frame, and in the payload the stamp and the id: the mask goes by the latter.
    payload: usize,
    stamp: usize,
    id: Range<usize>,
    masked: bool,
}

impl Batch {
    pub(crate) fn new(wire: Wire, template: &Template, frames: usize) -> Self {
        let mut bytes = Vec::new();
        let start = wire::encode(wire, template.opcode, &template.payload, &mut bytes);
        let frame = bytes.len();
        Self {
            bytes: bytes.repeat(frames),
            frame,
            payload: start,
            stamp: template.stamp.start,
            id: template.id.clone(),
            masked: wire.is_masked(),
        }
    }

    /// The first `count` frames, from `first` on.
    pub(crate) fn stamped(&mut self, first: Stamp, count: usize) -> &[u8] {
        let bytes = &mut self.bytes[..count * self.frame];
        for (frame, sequence) in bytes.chunks_exact_mut(self.frame).zip(first.sequence..) {
            let stamp = Stamp { sequence, ..first };
            let mut write = |at: usize, digits: &[u8]| {
                let place = &mut frame[self.payload + at..][..digits.len()];
                place.copy_from_slice(digits);
                if self.masked {
                    wire::mask(place, at);
                }
            };
            write(self.stamp, &stamp.digits());
            if !self.id.is_empty() {
                write(self.id.start, &id_digits(stamp));
            }
        }
        bytes
    }
}

/// Looks at what came back.
///
/// A server without context takeover compresses a message to the same bytes for everybody, so each message is inflated
/// once and then compared: checking must not cost more than serving.
#[derive(Debug)]
pub(crate) struct Checker {
    template: Template,
    inflater: Option<Inflater>,
}

#[derive(Debug)]
struct Inflater {
    stream: Decompress,
    input: Vec<u8>,
    output: Vec<u8>,
    /// Messages that were inflated and found right, at their sequence number modulo [`KNOWN`].
    known: Vec<Option<(Vec<u8>, Stamp)>>,
}

/// More than are ever in flight.
const KNOWN: usize = 64;

impl Checker {
    pub(crate) fn new(template: Template, compressed: bool) -> Self {
        let inflater = compressed.then(|| Inflater {
            stream: Decompress::new(false),
            input: Vec::new(),
            output: Vec::with_capacity(2 * template.payload.len()),
            known: vec![None; KNOWN],
        });
        Self { template, inflater }
    }

    /// The stamp of a message that is as it was sent. `expected` is the sequence number that it should have.
    pub(crate) fn check(&mut self, frame: &Frame<'_>, expected: u64) -> Result<Stamp> {
        let opcode = self.template.opcode;
        ensure!(frame.opcode == opcode, "opcode {} where {opcode} was expected", frame.opcode);
        let Some(inflater) = &mut self.inflater else {
            ensure!(!frame.compressed, "a compressed message where none was agreed");
            return self.template.check(frame.payload);
        };
        ensure!(frame.compressed, "a message that is not compressed");
        match &inflater.known[expected as usize % KNOWN] {
            Some((bytes, stamp)) if bytes == frame.payload => return Ok(*stamp),
            _ => {}
        }
        let stamp = self.template.check(inflater.inflate(frame.payload)?)?;
        inflater.known[stamp.sequence as usize % KNOWN] = Some((frame.payload.to_vec(), stamp));
        Ok(stamp)
    }
}

impl Inflater {
    fn inflate(&mut self, payload: &[u8]) -> Result<&[u8]> {
        // RFC 7692 section 7.2.2: the sender cut the empty block off.
        self.input.clear();
        self.input.extend_from_slice(payload);
        self.input.extend_from_slice(&[0, 0, 0xff, 0xff]);
        self.output.clear();
        self.stream.reset(false);
        // What does not fit the buffer is longer than the message that was sent, and fails the check.
        if let Err(error) = self.stream.decompress_vec(&self.input, &mut self.output, FlushDecompress::Sync) {
            bail!("broken deflate data: {error}");
        }
        Ok(&self.output)
    }
}

#[cfg(test)]
mod tests {
    use flate2::{Compress, Compression, FlushCompress};

    use super::*;

    const STAMPS: [Stamp; 3] = [
        Stamp { sender: 0, sequence: 0 },
        Stamp { sender: 15, sequence: 0x0123_4567_89ab },
        Stamp { sender: 0xffff, sequence: 0xffff_ffff_ffff },
    ];

    #[test]
    fn a_stamp_survives_the_digits() {
        for stamp in STAMPS {
            assert_eq!(Stamp::from_digits(&stamp.digits()), Some(stamp));
        }
        assert_eq!(STAMPS[1].digits(), *b"000f0123456789ab");
        assert_eq!(Stamp::from_digits(b"000g0123456789ab"), None);
    }

    #[test]
    fn templates_have_their_length_and_json_is_json() {
        for length in [16, 64, 128, 16 << 10] {
            assert_eq!(Template::text(length).payload.len(), length);
        }
        for length in 300..1100 {
            let template = Template::json(length);
            assert_eq!(template.payload.len(), length);
            let value: serde_json::Value = serde_json::from_slice(&template.payload).unwrap();
            assert_eq!(value["id"], "0".repeat(STAMP));
        }
    }

    #[test]
    fn a_batch_carries_consecutive_stamps_in_masked_frames() {
        for template in [Template::text(64), Template::json(1024)] {
            let mut batch = Batch::new(Wire::WebSocket, &template, 4);
            let first = Stamp { sender: 7, sequence: 41 };
            // Stamped twice: the second time must not depend on what the first one left.
            batch.stamped(STAMPS[2], 4);
            let bytes = batch.stamped(first, 3);
            assert_eq!(bytes.len() % 3, 0);
            let mut checker = Checker::new(template.clone(), false);
            for (i, frame) in bytes.chunks_exact(bytes.len() / 3).enumerate() {
                let payload_at = frame.len() - template.payload.len();
                assert_eq!(frame[payload_at - 4..payload_at], wire::MASK);
                let mut payload = frame[payload_at..].to_vec();
                wire::mask(&mut payload, 0);
                let frame = Frame { opcode: TEXT, compressed: false, payload: &payload };
                let expected = Stamp { sequence: 41 + i as u64, ..first };
                assert_eq!(checker.check(&frame, 0).unwrap(), expected);
            }
        }
    }

    #[test]
    fn an_event_is_echoed_and_an_acknowledgement_bears_its_id() {
        let packet = |wire: Wire, template: &Template, stamp| {
            let bytes = Batch::new(wire, template, 2).stamped(stamp, 1).to_vec();
            let mut payload = bytes[bytes.len() - template.payload.len()..].to_vec();
            if wire.is_masked() {
                wire::mask(&mut payload, 0);
            }
            String::from_utf8(payload).unwrap()
        };
        let argument = Template::text(16).quoted();
        let stamp = Stamp { sender: 1, sequence: 0x12_d687 };
        let events = Exchange::events("publish", "message", &argument);
        let acknowledged = Exchange::acknowledged("echo_ack", &argument);
        for (template, text) in [
            (&events.sent, r#"42["publish","000100000012d687"]"#),
            (&events.back, r#"42["message","000100000012d687"]"#),
            (&acknowledged.sent, r#"421234567["echo_ack","000100000012d687"]"#),
            (&acknowledged.back, r#"431234567["000100000012d687"]"#),
        ] {
            for wire in [Wire::Raw, Wire::SocketIo] {
                assert_eq!(packet(wire, template, stamp), text);
            }
            assert_eq!(template.check(text.as_bytes()).unwrap(), stamp);
        }
        assert!(
            acknowledged.back.check(br#"431234568["000100000012d687"]"#).is_err(),
            "another message's id"
        );
        assert!(
            acknowledged.back.check(br#"421234567["000100000012d687"]"#).is_err(),
            "not an acknowledgement"
        );
    }

    #[test]
    fn each_kind_of_wrong_reply_is_found() {
        let template = Template::text(64);
        let mut checker = Checker::new(template.clone(), false);
        let mut check = |opcode, compressed, payload: &[u8]| {
            checker.check(&Frame { opcode, compressed, payload }, 0).is_ok()
        };
        assert!(check(TEXT, false, &template.payload));
        assert!(!check(TEXT, true, &template.payload));
        assert!(!check(2, false, &template.payload));
        assert!(!check(TEXT, false, &template.payload[1..]));
        for place in [0, 15, 16, 63] {
            let mut payload = template.payload.clone();
            payload[place] = b'!';
            assert!(!check(TEXT, false, &payload), "byte {place}");
        }
    }

    #[test]
    fn compressed_messages_are_inflated_once_and_then_compared() {
        let template = Template::json(1024);
        let mut checker = Checker::new(template.clone(), true);
        let deflate = |sequence| {
            let mut payload = template.payload.clone();
            payload[template.stamp.clone()].copy_from_slice(&Stamp { sender: 0, sequence }.digits());
            let mut out = Vec::with_capacity(2048);
            let mut stream = Compress::new(Compression::fast(), false);
            stream.compress_vec(&payload, &mut out, FlushCompress::Sync).unwrap();
            out.truncate(out.len() - 4);
            out
        };
        for sequence in 0..200 {
            let payload = deflate(sequence);
            let mut check = |compressed, payload: &[u8]| {
                checker.check(&Frame { opcode: TEXT, compressed, payload }, sequence)
            };
            for _ in 0..2 {
                assert_eq!(check(true, &payload).unwrap(), Stamp { sender: 0, sequence });
            }
            assert!(check(false, &payload).is_err());
            assert!(check(true, &payload[..100]).is_err());
        }
    }
}
