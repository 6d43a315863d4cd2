//! What goes to a room: one member sends it, and each hears it as its own wire has it.

use anyhow::Result;

use crate::message::{Batch, Checker, Exchange, Stamp, Template};
use crate::wire::{Frame, Wire, Wires};

#[derive(Clone, Debug)]
pub(crate) struct Publication {
    wires: Wires,
    sent: Template,
    /// What is heard on each wire.
    heard: Vec<Template>,
}

/// Looks at what members hear.
#[derive(Debug)]
pub(crate) struct Checkers {
    wires: Wires,
    all: Vec<Checker>,
}

impl Publication {
    /// What `exchange` says of a wire is what is sent there, and what is heard there.
    pub(crate) fn new(wires: Wires, exchange: impl Fn(Wire) -> Exchange) -> Self {
        let heard = wires.all().iter().map(|wire| exchange(*wire).back).collect();
        Self { wires, sent: exchange(wires.first()).sent, heard }
    }

    /// What publishers send, a message at a time.
    pub(crate) fn batch(&self) -> Batch {
        Batch::new(self.wires.first(), &self.sent, 1)
    }

    pub(crate) fn checkers(&self, compressed: bool) -> Checkers {
        let all = self.heard.iter().map(|heard| Checker::new(heard.clone(), compressed)).collect();
        Checkers { wires: self.wires, all }
    }
}

impl Checkers {
    /// The stamp of a message that member `index` heard, as [`Checker::check`] has it.
    pub(crate) fn check(&mut self, index: usize, frame: &Frame<'_>, expected: u64) -> Result<Stamp> {
        self.all[self.wires.place(index)].check(frame, expected)
    }
}
