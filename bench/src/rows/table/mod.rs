//! The rows.

mod compression;
mod connections;
mod echoes;
mod rooms;

use everywire_bench::Mode;

use super::{Listeners, Message, Row, Work};

const CHAT: Message = Message::Text(128);

const fn fanout(message: Message, members: usize, publishers: usize, window: usize) -> Work {
    Work::Fanout { mode: Mode::Room, listeners: Listeners::Alike, message, members, publishers, window }
}

/// The same from one publisher to those who listen by responses that go on.
const fn streamed(message: Message, members: usize, window: usize) -> Work {
    let listeners = Listeners::Streams;
    Work::Fanout { mode: Mode::Room, listeners, message, members, publishers: 1, window }
}

/// In the order in which they are measured: rows that are compared across protocols are neighbours, so that the machine is
/// the same for both.
pub(crate) fn rows() -> impl Iterator<Item = &'static Row> {
    [echoes::ROWS, rooms::ROWS, connections::ROWS, compression::ROWS].into_iter().flatten()
}
