//! Heart-beats: what two peers agree on, when ours is due, and when the other's silence says that it is gone
//! (STOMP 1.2, section "Heart-beating").

use std::time::Duration;

use super::version::Version;
use crate::seam::Time;

/// The shortest interval that is promised or agreed on: below, a timer that is a little late would end a connection.
const SHORTEST: Duration = Duration::from_secs(1);
/// How far the beginning may lie before the moment when both sides know what was agreed on.
const REST: Duration = Duration::from_millis(500);

/// The header's two numbers: what its sender can do, and what it wants, in milliseconds; 0 for nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct HeartBeat {
    /// How often it can say that it lives.
    pub can: u32,
    /// How often it wants to hear that of the other.
    pub wants: u32,
}

/// A header that is not two numbers with a comma between them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BadHeartBeat;

impl HeartBeat {
    /// Of these intervals; zero for never, and nothing else below a second.
    pub fn new(can: Duration, wants: Duration) -> Self {
        let ms = |duration: Duration| match duration {
            Duration::ZERO => 0,
            _ => u32::try_from(duration.max(SHORTEST).as_millis()).unwrap_or(u32::MAX),
        };
        Self { can: ms(can), wants: ms(wants) }
    }

    /// Reads the header; without one there are none.
    pub fn parse(header: Option<&str>) -> Result<Self, BadHeartBeat> {
        let Some(header) = header else { return Ok(Self::default()) };
        let (can, wants) = header.split_once(',').ok_or(BadHeartBeat)?;
        let number = |text: &str| match text.trim() {
            digits if !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit()) => {
                // Whoever can beat once a month cannot.
                Ok(digits.parse().unwrap_or(u32::MAX))
            }
            _ => Err(BadHeartBeat),
        };
        Ok(Self { can: number(can)?, wants: number(wants)? })
    }
}

impl std::fmt::Display for HeartBeat {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{},{}", self.can, self.wants)
    }
}

/// What was agreed on, and how it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Beats {
    /// From one of ours to the next, if there are any.
    ours: Option<Duration>,
    due: Time,
    /// After so much silence the peer is gone, if it beats.
    patience: Option<Duration>,
    heard: Time,
}

impl Beats {
    /// What `us` and `them` come to.
    pub(super) fn agree(version: Version, us: HeartBeat, them: HeartBeat, tolerance: u32, now: Time) -> Self {
        let interval = |can: u32, wants: u32| {
            let both = can != 0 && wants != 0 && version != Version::V1_0;
            both.then(|| Duration::from_millis(can.max(wants).into()).max(SHORTEST))
        };
        // Somewhat early, for the wheel is coarse, and the way takes time.
        let ours = interval(us.can, them.wants).map(|interval| interval * 4 / 5);
        let patience = interval(them.can, us.wants).map(|interval| interval * tolerance.max(1));
        Self { ours, due: ours.map_or(now, |ours| now.after(ours)), patience, heard: now }
    }

    /// The peer does not know yet what was agreed on: all begins anew. To be called again at [`rests_until`](Self::rests_until).
    pub(super) fn rest(&mut self, now: Time) {
        self.heard = now;
        self.due = self.ours.map_or(now, |ours| now.after(ours));
    }

    pub(super) fn rests_until(&self) -> Option<Time> {
        (self.ours.is_some() || self.are_theirs()).then(|| self.heard.after(REST))
    }

    /// How often we beat, if we do.
    pub(super) fn ours(&self) -> Option<Duration> {
        self.ours
    }

    /// Whether the peer does.
    pub(super) fn are_theirs(&self) -> bool {
        self.patience.is_some()
    }

    /// Anything came; or what may have come was not read.
    pub(super) fn heard(&mut self, now: Time) {
        self.heard = now;
    }

    /// Whether one of ours is due; the next is then on its way.
    pub(super) fn is_due(&mut self, now: Time) -> bool {
        let Some(ours) = self.ours.filter(|_| now >= self.due) else { return false };
        self.due = now.after(ours);
        true
    }

    /// Whether the peer is gone.
    pub(super) fn is_silent(&self, now: Time) -> bool {
        self.silent_at().is_some_and(|at| now >= at)
    }

    /// When ours is due.
    pub(super) fn due(&self) -> Option<Time> {
        self.ours.map(|_| self.due)
    }

    /// When the peer will be gone.
    pub(super) fn silent_at(&self) -> Option<Time> {
        self.patience.map(|patience| self.heard.after(patience))
    }

    pub(super) fn deadline(&self) -> Option<Time> {
        self.due().into_iter().chain(self.silent_at()).min()
    }
}
