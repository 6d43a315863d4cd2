//! What the first packet says. Clients depend on the order of its members.

use std::borrow::Cow;
use std::fmt;

use serde::{Deserialize, Serialize};

/// The text of an open packet.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Opening<'a> {
    #[serde(borrow)]
    pub(super) sid: Cow<'a, str>,
    #[serde(borrow)]
    pub(super) upgrades: Vec<&'a str>,
    /// In milliseconds.
    pub(super) ping_interval: u64,
    /// The same.
    pub(super) ping_timeout: u64,
    /// In bytes. Servers of revision 3 did not always say it.
    #[serde(default)]
    pub(super) max_payload: usize,
}

impl<'a> Opening<'a> {
    pub(super) fn read(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }
}

impl fmt::Display for Opening<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&serde_json::to_string(self).map_err(|_| fmt::Error)?)
    }
}
