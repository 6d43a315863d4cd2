//! The frame header (RFC 6455, section 5.2), read and written in the same file.

use crate::Fault;

/// Which end of the connection the local side is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Role {
    /// Receives masked frames, sends unmasked ones, closes the TCP connection first.
    Server,
    /// Receives unmasked frames, sends masked ones.
    Client,
}

/// What a message carries.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Kind {
    /// UTF-8.
    Text,
    /// Any bytes.
    Binary,
}

impl From<Kind> for Opcode {
    fn from(kind: Kind) -> Self {
        match kind {
            Kind::Text => Self::Text,
            Kind::Binary => Self::Binary,
        }
    }
}

/// The type of a frame.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[repr(u8)]
pub enum Opcode {
    /// Continues the message whose first frame came without FIN.
    Continuation = 0,
    /// The first frame of a text message.
    Text = 1,
    /// The first frame of a binary message.
    Binary = 2,
    /// Starts or answers the closing handshake.
    Close = 8,
    /// Asks for a pong with the same payload.
    Ping = 9,
    /// Answers a ping; unasked, a sign of life.
    Pong = 10,
}

impl Opcode {
    /// Control frames are at most 125 bytes long, never fragmented, and may come between fragments.
    #[inline]
    pub const fn is_control(self) -> bool {
        self as u8 >= 8
    }

    #[inline]
    const fn from_bits(bits: u8) -> Option<Self> {
        Some(match bits {
            0 => Self::Continuation,
            1 => Self::Text,
            2 => Self::Binary,
            8 => Self::Close,
            9 => Self::Ping,
            10 => Self::Pong,
            _ => return None,
        })
    }
}

/// The longest payload of a control frame.
pub const MAX_CONTROL_PAYLOAD: usize = 125;

/// A frame header. Its payload follows it on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Header {
    /// The last frame of its message.
    pub fin: bool,
    /// The message is compressed (RFC 7692); only on its first frame.
    pub compressed: bool,
    /// What follows.
    pub opcode: Opcode,
    /// The masking key; always in frames from a client, never in those from a server.
    pub mask: Option<[u8; 4]>,
    /// Bytes of payload, below 2^63.
    pub len: u64,
}

impl Header {
    /// The longest header in bytes: two, eight of length, four of mask.
    pub const MAX_LEN: usize = 14;

    /// RSV1, in a header's first byte.
    pub(crate) const COMPRESSED: u8 = 0x40;

    /// A header for an unfragmented, uncompressed frame.
    #[inline]
    pub const fn new(opcode: Opcode, len: usize, mask: Option<[u8; 4]>) -> Self {
        Self { fin: true, compressed: false, opcode, mask, len: len as u64 }
    }

    /// Bytes this header takes on the wire: 2, 4 or 10, and 4 more with a mask.
    #[inline]
    pub const fn encoded_len(&self) -> usize {
        let length = match self.len {
            0..=125 => 2,
            126..=0xffff => 4,
            _ => 10,
        };
        length + if self.mask.is_some() { 4 } else { 0 }
    }

    /// The header as bytes; only the first [`encoded_len`](Header::encoded_len) of them count.
    ///
    /// With it, header and payload can leave in one vectored write without being copied together.
    #[inline]
    pub fn encode(&self) -> [u8; Self::MAX_LEN] {
        let mut bytes = [0; Self::MAX_LEN];
        bytes[0] = self.first_byte();
        let masked = u8::from(self.mask.is_some()) << 7;
        let end = match self.len {
            0..=125 => {
                bytes[1] = masked | self.len as u8;
                2
            }
            126..=0xffff => {
                bytes[1] = masked | 126;
                bytes[2..4].copy_from_slice(&(self.len as u16).to_be_bytes());
                4
            }
            _ => {
                bytes[1] = masked | 127;
                bytes[2..10].copy_from_slice(&self.len.to_be_bytes());
                10
            }
        };
        if let Some(key) = self.mask {
            bytes[end..end + 4].copy_from_slice(&key);
        }
        bytes
    }

    /// Appends the header to `out`.
    #[inline]
    pub fn append(&self, out: &mut Vec<u8>) {
        // Before a short message to a client, where a call of `memcpy` would take as long as all the rest of it.
        if self.len <= 125 && self.mask.is_none() {
            out.extend_from_slice(&[self.first_byte(), self.len as u8]);
        } else {
            self.append_any(out);
        }
    }

    fn append_any(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.encode()[..self.encoded_len()]);
    }

    #[inline]
    fn first_byte(&self) -> u8 {
        u8::from(self.fin) << 7 | u8::from(self.compressed) << 6 | self.opcode as u8
    }

    /// Reads the header at the start of `bytes`: the header and its length, or `None` while bytes are missing.
    ///
    /// Checks what is true of every header in both roles. Whether a mask, RSV1 or a continuation is due, only the
    /// [`Decoder`](crate::Decoder) knows.
    ///
    /// # Errors
    ///
    /// A [`Fault`] as soon as the bytes at hand cannot become a valid header.
    #[inline]
    pub fn decode(bytes: &[u8]) -> Result<Option<(Self, usize)>, Fault> {
        let &[first, second, ref rest @ ..] = bytes else { return Ok(None) };
        if first & 0x30 != 0 {
            return Err(Fault::ReservedBit);
        }
        let fin = first & 0x80 != 0;
        let opcode = Opcode::from_bits(first & 0x0f).ok_or(Fault::ReservedOpcode)?;
        let short = second & 0x7f;
        if opcode.is_control() {
            if short > 125 {
                return Err(Fault::ControlTooLong);
            }
            if !fin {
                return Err(Fault::ControlFragmented);
            }
        }
        let (len, rest) = match short {
            126 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let len = u64::from(u16::from_be_bytes(*len));
                if len < 126 {
                    return Err(Fault::LengthNotMinimal);
                }
                (len, rest)
            }
            127 => {
                let Some((len, rest)) = rest.split_first_chunk() else { return Ok(None) };
                let len = u64::from_be_bytes(*len);
                if len <= 0xffff {
                    return Err(Fault::LengthNotMinimal);
                }
                if len >> 63 != 0 {
                    return Err(Fault::LengthTooLarge);
                }
                (len, rest)
            }
            len => (u64::from(len), rest),
        };
        let (mask, rest) = if second & 0x80 != 0 {
            let Some((key, rest)) = rest.split_first_chunk() else { return Ok(None) };
            (Some(*key), rest)
        } else {
            (None, rest)
        };
        let header = Self { fin, compressed: first & Self::COMPRESSED != 0, opcode, mask, len };
        Ok(Some((header, bytes.len() - rest.len())))
    }
}
