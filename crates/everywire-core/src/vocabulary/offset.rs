//! A place in a namespace's log.

use std::fmt;
use std::str::FromStr;

use serde::{Serialize, Serializer};

/// A place in a namespace's log: everything up to and including `seq` lies before it.
///
/// Written `<epoch>-<seq>` and opaque to clients. The epoch changes when a log begins anew (a
/// restart of the memory broker), so an offset from an earlier log is recognised and never
/// taken for a place in this one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Offset {
    /// Which log.
    pub epoch: u64,
    /// The number of the last broadcast before this place; 0 is the beginning.
    pub seq: u64,
}

impl fmt::Display for Offset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{}", self.epoch, self.seq)
    }
}

impl Serialize for Offset {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// The text is no offset: it wants the form `<epoch>-<seq>`, as the server sent it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an offset: send back, unchanged, one that the server sent (<epoch>-<seq>)")]
pub struct InvalidOffset;

impl FromStr for Offset {
    type Err = InvalidOffset;

    fn from_str(text: &str) -> Result<Self, InvalidOffset> {
        let (epoch, seq) = text.split_once('-').ok_or(InvalidOffset)?;
        // `from_str_radix` takes a leading sign, which we never write.
        if epoch.starts_with('+') || seq.starts_with('+') {
            return Err(InvalidOffset);
        }
        let epoch = u64::from_str_radix(epoch, 16).map_err(|_| InvalidOffset)?;
        Ok(Self { epoch, seq: seq.parse().map_err(|_| InvalidOffset)? })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_offset_survives_its_text() {
        let offset = Offset { epoch: 0x1f2e, seq: 42 };
        assert_eq!(offset.to_string(), "1f2e-42");
        assert_eq!("1f2e-42".parse(), Ok(offset));
    }

    #[test]
    fn refuses_what_is_no_offset() {
        for text in ["", "-", "1", "1-", "-1", "1-+2", "+1-2", "x-1", "1-1-1", "1-99999999999999999999"] {
            assert_eq!(text.parse::<Offset>(), Err(InvalidOffset), "{text:?}");
        }
    }
}
