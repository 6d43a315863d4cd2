//! What a connection holds while a frame or message is incomplete, and an idle one does not have.

use crate::{
    Fault, Header, Item, Kind, Limits, Opcode,
    assembly::{Assembly, ControlBuffer},
    deflate::{Direction, Inflater},
    mask,
};

#[derive(Debug)]
pub(crate) struct Unfinished {
    /// The frame whose payload is being received: `len` is what is missing, `mask` applies to the next byte.
    frame: Header,
    control: ControlBuffer,
    message: Option<Assembly>,
    inflater: Option<Inflater>,
}

impl Unfinished {
    pub(crate) fn new(frame: Header) -> Box<Self> {
        Box::new(Self { frame, control: ControlBuffer::new(), message: None, inflater: None })
    }

    /// Starts on a frame that the decoder has admitted.
    pub(crate) fn begin(&mut self, frame: Header, limits: &Limits, incoming: Option<Direction>) {
        self.frame = frame;
        let kind = match frame.opcode {
            Opcode::Text => Some(Kind::Text),
            Opcode::Binary => Some(Kind::Binary),
            Opcode::Continuation => None,
            Opcode::Close | Opcode::Ping | Opcode::Pong => return self.control.clear(),
        };
        if let Some(kind) = kind {
            self.message = Some(Assembly::new(kind, frame.compressed));
            if frame.compressed && self.inflater.is_none() {
                self.inflater = incoming.map(|incoming| Inflater::new(incoming.window_bits));
            }
        }
        if let Some(message) = &mut self.message {
            let alone = kind.is_some() && frame.fin;
            // Bounded by the message limit when the frame was admitted, and so within a usize.
            message.cost += frame.len as usize + if alone { 0 } else { limits.fragment_cost };
        }
    }

    /// Takes of `input` what belongs to the frame. The frame, once it is complete.
    pub(crate) fn take(&mut self, input: &mut &mut [u8], limits: &Limits) -> Result<Option<Header>, Fault> {
        let missing = self.frame.len;
        let available = usize::try_from(missing).map_or(input.len(), |missing| missing.min(input.len()));
        let (payload, rest) = std::mem::take(input).split_at_mut(available);
        *input = rest;
        self.frame.len -= available as u64;
        if let Some(key) = &mut self.frame.mask {
            mask::apply(payload, *key);
            *key = mask::advance(*key, available);
        }
        self.absorb(payload, limits)?;
        if self.frame.len > 0 {
            return Ok(None);
        }
        if self.frame.fin && !self.frame.opcode.is_control() {
            self.finish(limits)?;
        }
        Ok(Some(self.frame))
    }

    fn absorb(&mut self, payload: &[u8], limits: &Limits) -> Result<(), Fault> {
        if self.frame.opcode.is_control() {
            self.control.push(payload);
            return Ok(());
        }
        match (&mut self.message, &mut self.inflater) {
            (Some(message), Some(inflater)) if message.compressed => {
                inflater.inflate(payload, message, limits.inflated)
            }
            (Some(message), _) => {
                let last = message.len() + payload.len() + self.frame.len as usize;
                message.push(payload, if self.frame.fin { last } else { limits.message })
            }
            // A continuation is admitted only behind the frame that opened its message.
            (None, _) => Ok(()),
        }
    }

    fn finish(&mut self, limits: &Limits) -> Result<(), Fault> {
        let Some(message) = &mut self.message else { return Ok(()) };
        if let (true, Some(inflater)) = (message.compressed, &mut self.inflater) {
            inflater.finish_message(message, limits.inflated)?;
        }
        message.item().map(drop)
    }

    /// What the message has cost so far, against [`Limits::message`].
    pub(crate) fn message_cost(&self) -> usize {
        self.message.as_ref().map_or(0, |message| message.cost)
    }

    /// The message that `take` has completed.
    pub(crate) fn message(&self) -> Option<Item<'_>> {
        self.message.as_ref()?.item().ok()
    }

    /// The payload of the control frame that `take` has completed.
    pub(crate) fn control(&self) -> &[u8] {
        self.control.bytes()
    }

    /// Frees the message that was handed out, and the inflater if the peer does not refer back. Whether anything is
    /// left.
    pub(crate) fn release(&mut self, incoming: Option<Direction>) -> bool {
        self.message = None;
        if incoming.is_none_or(|incoming| !incoming.context_takeover) {
            self.inflater = None;
        }
        self.inflater.is_some()
    }

    /// Bytes on the heap.
    pub(crate) fn held_bytes(&self) -> usize {
        size_of::<Self>()
            + self.message.as_ref().map_or(0, Assembly::capacity)
            + self.inflater.as_ref().map_or(0, Inflater::memory)
    }
}
