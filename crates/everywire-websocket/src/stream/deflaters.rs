//! Deflaters that connections share.
//!
//! A deflater is some 300 KiB. Where messages stand each for itself, a thread needs one for each window size and
//! level in use, not one a connection.

use std::cell::RefCell;

use crate::{Compression, Deflater, Direction};

thread_local! {
    static SHARED: RefCell<Vec<(u8, u8, Deflater)>> = const { RefCell::new(Vec::new()) };
}

/// How one connection compresses what it sends.
#[derive(Debug)]
pub(super) struct Outbound {
    direction: Direction,
    compression: Compression,
    /// Made when first needed; only with context takeover.
    own: Option<Box<Deflater>>,
}

impl Outbound {
    pub(super) const fn new(direction: Direction, compression: Compression) -> Self {
        Self { direction, compression, own: None }
    }

    pub(super) const fn wants(&self, len: usize) -> bool {
        len >= self.compression.threshold
    }

    /// A frame went out that the own context does not know of.
    pub(super) fn forget_context(&mut self) {
        if let Some(own) = &mut self.own {
            own.reset();
        }
    }

    pub(super) fn with<T>(&mut self, run: impl FnOnce(&mut Deflater) -> T) -> T {
        let Direction { window_bits, context_takeover } = self.direction;
        let level = self.compression.level;
        if context_takeover {
            return run(self.own.get_or_insert_with(|| Box::new(Deflater::new(level, self.direction))));
        }
        SHARED.with_borrow_mut(|shared| {
            let known = shared.iter().position(|(known, bits, _)| (*known, *bits) == (level, window_bits));
            let at = known.unwrap_or_else(|| {
                shared.push((level, window_bits, Deflater::shared(level, window_bits)));
                shared.len() - 1
            });
            run(&mut shared[at].2)
        })
    }
}
