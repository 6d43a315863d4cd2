//! Transactions: what a client holds back until it says so. Their ids are the client's own, and end with it.

use std::collections::HashMap;

use everywire_core::Token;

use super::options::StompOptions;
use crate::protocol::Task;

/// What a held frame costs beside its bytes: about what it occupies.
const FIXED_COST: usize = 128;

/// The open ones.
#[derive(Debug, Default)]
pub(super) struct Transactions {
    open: HashMap<Box<str>, Vec<(Task, Token)>>,
    bytes: usize,
}

/// What a transaction does not take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fault {
    /// It is open already.
    Open,
    /// It is not open.
    Unknown,
    /// As many are open as may be.
    TooMany,
    /// It has as many frames as it may.
    TooLong,
    /// All of them have as many bytes as they may.
    TooLarge,
}

impl Transactions {
    pub(super) fn begin(&mut self, id: &str, options: &StompOptions) -> Result<(), Fault> {
        if self.open.contains_key(id) {
            return Err(Fault::Open);
        }
        if self.open.len() >= options.transactions {
            return Err(Fault::TooMany);
        }
        self.open.insert(id.into(), Vec::new());
        Ok(())
    }

    /// Holds something back.
    pub(super) fn hold(
        &mut self,
        id: &str,
        task: Task,
        token: Token,
        options: &StompOptions,
    ) -> Result<(), Fault> {
        let held = self.open.get_mut(id).ok_or(Fault::Unknown)?;
        if held.len() >= options.transaction_frames {
            return Err(Fault::TooLong);
        }
        self.bytes += cost(&task, &token);
        if self.bytes > options.transaction_bytes {
            return Err(Fault::TooLarge);
        }
        held.push((task, token));
        Ok(())
    }

    /// Takes out what was held, in order: to do it, or not.
    pub(super) fn end(&mut self, id: &str) -> Result<Vec<(Task, Token)>, Fault> {
        let held = self.open.remove(id).ok_or(Fault::Unknown)?;
        self.bytes -= held.iter().map(|(task, token)| cost(task, token)).sum::<usize>();
        Ok(held)
    }
}

fn cost(task: &Task, token: &Token) -> usize {
    task.size() + token.size() + FIXED_COST
}

impl Fault {
    /// The words for an ERROR's header `message`, RabbitMQ's where it has some.
    pub(super) fn message(self) -> &'static str {
        match self {
            Self::Open | Self::Unknown => "Bad transaction",
            Self::TooMany | Self::TooLong | Self::TooLarge => "Transaction too large",
        }
    }

    pub(super) fn detail(self, id: &str, options: &StompOptions) -> String {
        match self {
            Self::Open => {
                format!("the transaction {id:?} is open already; COMMIT or ABORT it, or choose another id")
            }
            Self::Unknown => format!("the transaction {id:?} is not open; BEGIN it first"),
            Self::TooMany => {
                format!("{} transactions are open, and no more may be; end one first", options.transactions)
            }
            Self::TooLong => format!("a transaction may have {} frames", options.transaction_frames),
            Self::TooLarge => {
                format!("what is held in open transactions may have {} bytes", options.transaction_bytes)
            }
        }
    }
}
