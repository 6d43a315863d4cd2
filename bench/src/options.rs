//! The command line.

use std::path::PathBuf;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use clap::Parser;

use crate::peers::{self, Peer};
use crate::rows::{Row, rows};
use crate::wire::Wire;

/// Measures Everywire, the floor and other servers side by side.
#[derive(Debug, Parser)]
#[command(name = "everywire-bench")]
pub(crate) struct Options {
    /// Peers to measure, in this order; all that can be started if not given.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    peers: Vec<String>,

    /// One more peer that speaks WebSocket: a command that gets `PORT echo|room|deflate-room` as further arguments.
    #[arg(long, value_name = "NAME=COMMAND")]
    also: Vec<String>,

    /// One more peer that speaks Socket.IO: a command that gets `PORT echo|room` as further arguments.
    #[arg(long, value_name = "NAME=COMMAND")]
    also_socketio: Vec<String>,

    /// Rows to measure; all if not given. `--list` shows them.
    #[arg(long, value_delimiter = ',', value_name = "IDS")]
    rows: Vec<String>,

    /// Times that everything is measured; figures are medians.
    #[arg(long, default_value_t = 5, default_value_if("quick", "true", "1"), value_parser = clap::value_parser!(u32).range(1..))]
    pub(crate) rounds: u32,

    /// Seconds for each peer in each row, after a quarter of that to warm up.
    #[arg(long, default_value = "2", default_value_if("quick", "true", "0.15"), value_parser = seconds)]
    pub(crate) seconds: Duration,

    /// Few connections, short rows, one round: shows that everything works, not how fast.
    #[arg(long)]
    pub(crate) quick: bool,

    /// The peer that the targets are for; those of Socket.IO are for `NAME-socketio`, those of SignalR for `NAME-signalr`
    /// and `NAME-signalr-msgpack`, those of SockJS for `NAME-sockjs`, and those of several at once for `NAME-mixed`.
    #[arg(long, default_value = "everywire", value_name = "NAME")]
    pub(crate) subject: String,

    /// Also write every figure of every round to a file.
    #[arg(long, value_name = "FILE")]
    pub(crate) json: Option<PathBuf>,

    /// Take the peers as they are built.
    #[arg(long)]
    pub(crate) no_build: bool,

    /// Show peers and rows, and measure nothing.
    #[arg(long)]
    pub(crate) list: bool,
}

fn seconds(text: &str) -> Result<Duration> {
    let value = text.parse()?;
    ensure!((0.05..=600.0).contains(&value), "expected 0.05 to 600 seconds");
    Ok(Duration::from_secs_f64(value))
}

impl Options {
    /// The peers to measure, ready to be started. One that was not asked for by name is left out if it cannot be
    /// started, and that is said aloud.
    pub(crate) fn choose_peers(&self) -> Result<Vec<Peer>> {
        let mut known = peers::builtin();
        for text in &self.also {
            known.push(Peer::given(text, &[Wire::WebSocket])?);
        }
        for text in &self.also_socketio {
            known.push(Peer::given(text, &[Wire::SocketIo])?);
        }
        let mut chosen = Vec::new();
        if self.peers.is_empty() {
            for peer in known {
                match peer.prepare() {
                    Ok(()) => chosen.push(peer),
                    Err(error) => eprintln!("LEFT OUT: {}: {error:#}", peer.name),
                }
            }
        } else {
            for name in &self.peers {
                let peer = known.iter().find(|peer| peer.name == *name).with_context(|| {
                    let names: Vec<_> = known.iter().map(|peer| peer.name.as_str()).collect();
                    format!("there is no peer {name:?}, but {}", names.join(", "))
                })?;
                peer.prepare().with_context(|| name.clone())?;
                chosen.push(peer.clone());
            }
        }
        Ok(chosen)
    }

    pub(crate) fn choose_rows(&self) -> Result<Vec<&'static Row>> {
        if self.rows.is_empty() {
            return Ok(rows().collect());
        }
        let find = |id: &String| {
            rows().find(|row| row.id == *id).with_context(|| {
                let ids: Vec<_> = rows().map(|row| row.id).collect();
                format!("there is no row {id:?}, but {}", ids.join(", "))
            })
        };
        self.rows.iter().map(find).collect()
    }
}
