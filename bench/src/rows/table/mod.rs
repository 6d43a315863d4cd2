//! The rows.

mod compression;
mod connections;
mod echoes;
mod rooms;

use everywire_bench::Mode;

use super::{Message, Row, Work};

const CHAT: Message = Message::Text(128);

const fn fanout(message: Message, members: usize, publishers: usize, window: usize) -> Work {
    Work::Fanout { mode: Mode::Room, message, members, publishers, window }
}

/// In the order in which they are measured: rows that are compared across protocols are neighbours, so that the machine is
/// the same for both.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [echoes::ROWS, rooms::ROWS, connections::ROWS, compression::ROWS].into_iter().flatten()
}
