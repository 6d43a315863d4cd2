//! What waits beside a WebSocket's mailbox: for the socket, and before it is read again.
//!
//! Seldom anything does, and then a connection keeps no buffer for it: eight bytes, where four empty ones would be a
//! hundred.

use bytes::Bytes;

/// What waits, if anything does.
#[derive(Default)]
pub(super) struct Beside(Option<Box<Waiting>>);

#[derive(Default)]
struct Waiting {
    control: Vec<u8>,
    pongs: Vec<u8>,
    last_words: Vec<u8>,
    early: Bytes,
}

impl Beside {
    /// Frames that leave before what waits in the mailbox: pings, and what a session that wants every message wrote.
    pub(super) fn control(&mut self) -> &mut Vec<u8> {
        &mut self.0.get_or_insert_default().control
    }

    /// Pongs: they leave with the control frames, and of several the last may leave alone.
    pub(super) fn pongs(&mut self) -> &mut Vec<u8> {
        &mut self.0.get_or_insert_default().pongs
    }

    /// The goodbye: it leaves behind all that was sent before.
    pub(super) fn last_words(&mut self) -> &mut Vec<u8> {
        &mut self.0.get_or_insert_default().last_words
    }

    /// Keeps bytes that were read and not handled: they came with the handshake, or faster than handlers took them.
    pub(super) fn keep_early(&mut self, early: Bytes) {
        if !early.is_empty() {
            let waiting = self.0.get_or_insert_default();
            debug_assert!(waiting.early.is_empty(), "what was kept before is handled first");
            waiting.early = early;
        }
    }

    /// Whether there are frames for [`take_frames`](Self::take_frames).
    pub(super) fn has_frames(&self) -> bool {
        self.0.as_ref().is_some_and(|waiting| !waiting.control.is_empty() || !waiting.pongs.is_empty())
    }

    /// Moves pongs and control frames into `out`.
    pub(super) fn take_frames(&mut self, out: &mut Vec<u8>) {
        if let Some(waiting) = &mut self.0 {
            out.append(&mut waiting.pongs);
            out.append(&mut waiting.control);
            self.tidy();
        }
    }

    /// Moves the goodbye into `out`. False if there is none.
    pub(super) fn take_last_words(&mut self, out: &mut Vec<u8>) -> bool {
        let Some(waiting) = self.0.as_mut().filter(|waiting| !waiting.last_words.is_empty()) else {
            return false;
        };
        out.append(&mut waiting.last_words);
        self.tidy();
        true
    }

    /// The bytes that were kept.
    pub(super) fn take_early(&mut self) -> Option<Bytes> {
        let waiting = self.0.as_mut().filter(|waiting| !waiting.early.is_empty())?;
        let early = std::mem::take(&mut waiting.early);
        self.tidy();
        Some(early)
    }

    fn tidy(&mut self) {
        let idle = |w: &Waiting| {
            w.control.is_empty() && w.pongs.is_empty() && w.last_words.is_empty() && w.early.is_empty()
        };
        if self.0.as_deref().is_some_and(idle) {
            self.0 = None;
        }
    }
}
