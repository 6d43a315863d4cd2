//! How rooms are entered, and what comes of it.

use crate::admission::Refused;
use crate::broker::BrokerError;
use crate::vocabulary::Offset;

/// How to enter rooms.
#[derive(Debug, Clone, Copy, Default)]
pub struct JoinOptions {
    /// Hear first what was published after this.
    pub since: Option<Offset>,
    /// The client made the membership itself, and so gets the meta argument.
    pub meta: bool,
}

/// What a finished join tells.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Joined {
    /// The connection has heard all of its rooms up to here.
    pub offset: Offset,
    /// Nothing was missed: what came after `since` was all still there. False without `since`.
    pub recovered: bool,
}

/// Why a room could not be entered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum JoinError {
    /// The room may not be called that.
    #[error(transparent)]
    Refused(#[from] Refused),
    /// The connection is in as many rooms as it may be.
    #[error("a connection may be in {limit} rooms, and this one is; leave another first")]
    TooManyRooms {
        /// The limit.
        limit: usize,
    },
    /// The room was left before it was entered.
    #[error("the room was left before it was entered")]
    Left,
    /// The connection has ended.
    #[error("the connection has ended")]
    Closed,
    /// The broker could not do its part.
    #[error(transparent)]
    Broker(#[from] BrokerError),
}
