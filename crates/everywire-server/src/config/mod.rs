//! The configuration of the server: a file, then the command line.
//!
//! | to find | look in |
//! |---|---|
//! | every key, with its bounds and its words | `keys.rs`, of rows `rows.rs` |
//! | how a value is written | `kind.rs` |
//! | how a file is read, and its errors | `read.rs` |
//! | the example and the reference | `document.rs` |
//! | what it says of rooms and mounts | `rooms.rs`, `mount.rs` |
//! | what it says of Socket.IO, of SignalR, of SockJS, of STOMP | `socketio.rs`, `signalr.rs`, `sockjs.rs`, `stomp.rs` |

mod document;
mod key;
mod keys;
mod kind;
mod mount;
mod queues;
mod read;
mod rooms;
mod rows;
mod signalr;
mod socketio;
mod sockjs;
mod stomp;
mod suggest;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use everywire::{Actions, Deflate, Mount, Options};

pub(crate) use self::document::{example, reference};
pub(crate) use self::mount::{MountRow, Protocol, Session};
use self::rooms::{RetentionRow, Rule};
use self::signalr::SignalR;
use self::socketio::SocketIo;
use self::sockjs::SockJs;
use self::stomp::Stomp;
use crate::assets::Assets;

/// Everything that can be configured.
#[derive(Debug, Clone)]
pub(crate) struct Config {
    pub(crate) listen: SocketAddr,
    pub(crate) workers: Option<usize>,
    /// Bounds and waits; [`Config::options`] adds the deflate and the shards.
    options: Options,
    compress: bool,
    deflate: Deflate,
    pub(crate) shutdown: Duration,
    pub(crate) actions: Vec<&'static str>,
    pub(crate) actions_prefix: String,
    playground: Option<bool>,
    pub(crate) client_assets: Option<String>,
    pub(crate) insecure_open: bool,
    pub(crate) log: String,
    socketio: SocketIo,
    signalr: SignalR,
    sockjs: SockJs,
    stomp: Stomp,
    pub(crate) tls: Tls,
    pub(crate) mounts: Vec<MountRow>,
    retention: Vec<RetentionRow>,
    pub(crate) rules: Vec<Rule>,
}

/// The `[tls]` section.
#[derive(Debug, Clone, Default)]
pub(crate) struct Tls {
    pub(crate) cert: Option<String>,
    pub(crate) key: Option<String>,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: (Ipv4Addr::LOCALHOST, 8000).into(),
            workers: None,
            options: Options::default(),
            compress: false,
            deflate: Deflate::default(),
            shutdown: Duration::from_secs(10),
            actions: Actions::ALL.to_vec(),
            actions_prefix: String::new(),
            playground: None,
            client_assets: None,
            insecure_open: false,
            log: "info".to_owned(),
            socketio: SocketIo::default(),
            signalr: SignalR::default(),
            sockjs: SockJs::default(),
            stomp: Stomp::default(),
            tls: Tls::default(),
            mounts: MountRow::defaults(),
            retention: Vec::new(),
            rules: Vec::new(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub(crate) enum LoadError {
    /// The file cannot be read.
    Read(String, std::io::Error),
    /// All that is wrong with it.
    Faults(String, Vec<read::Fault>),
}

impl fmt::Display for LoadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read(file, error) => write!(f, "{file}: {error}"),
            Self::Faults(file, faults) => {
                write!(f, "{file} cannot be used:")?;
                faults.iter().try_for_each(|fault| write!(f, "\n{file}:{fault}"))
            }
        }
    }
}

impl std::error::Error for LoadError {}

impl Config {
    /// For how long clients of Socket.IO may come back to their connections, if they may.
    pub(crate) fn recovery(&self) -> Option<Duration> {
        self.socketio.recovery
    }

    /// Reads a file.
    pub(crate) fn load(file: &Path) -> Result<Self, LoadError> {
        let name = file.display().to_string();
        let source = std::fs::read_to_string(file).map_err(|error| LoadError::Read(name.clone(), error))?;
        read::parse(&source).map_err(|faults| LoadError::Faults(name, faults))
    }

    /// What of it does not go together: the key that says it, and why.
    fn faults(&self) -> Vec<(String, String)> {
        let mut faults = Vec::new();
        match (&self.tls.cert, &self.tls.key) {
            (Some(_), None) => {
                faults.push(("tls.cert".into(), "the private key is missing; set tls.key too".into()));
            }
            (None, Some(_)) => {
                faults.push(("tls.key".into(), "the certificate is missing; set tls.cert too".into()));
            }
            _ => {}
        }
        if self.options.inbound_queue > self.options.inbound_bytes {
            let text = "must not be more than limits.inbound_bytes";
            faults.push(("limits.inbound_queue".into(), text.into()));
        }
        faults.extend(self.socketio.faults());
        faults.extend(self.signalr.faults());
        for (i, row) in self.mounts.iter().enumerate() {
            let path = format!("mount[{i}].path");
            if let Some(first) = self.mounts[..i].iter().position(|other| other.path == row.path) {
                faults.push((path, format!("mount[{first}] has this path already")));
            } else if row.path == "/" && self.playground() {
                faults.push((
                    path,
                    "the playground is there; set playground = false, or write another path".into(),
                ));
            }
        }
        faults
    }

    /// The library's bounds and waits.
    pub(crate) fn options(&self) -> Options {
        Options {
            deflate: self.compress.then_some(self.deflate),
            shards: self.workers(),
            ..self.options.clone()
        }
    }

    /// A row of the mount table for the library.
    pub(crate) fn mount(&self, row: &MountRow) -> Mount {
        row.mount(&self.socketio, &self.signalr, &self.sockjs, &self.stomp)
    }

    /// Official clients for browsers: Socket.IO's below the mounts that speak it, the others beside the playground.
    pub(crate) fn assets(&self) -> anyhow::Result<Assets> {
        let mounts = self.mounts.iter().filter(|row| row.protocol == Protocol::SocketIo);
        let playground = self.playground().then_some("/playground/");
        let folder = self.client_assets.as_deref().map(Path::new);
        Assets::read(folder, mounts.map(|row| row.path.as_str()), playground)
    }

    /// How many threads serve clients.
    pub(crate) fn workers(&self) -> usize {
        self.workers.unwrap_or(self.options.shards)
    }

    pub(crate) fn is_on_loopback(&self) -> bool {
        self.listen.ip().to_canonical().is_loopback()
    }

    pub(crate) fn playground(&self) -> bool {
        self.playground.unwrap_or_else(|| self.is_on_loopback())
    }

    /// Whether Socket.IO and SockJS have what only browsers from before CORS need.
    pub(crate) fn serves_old_browsers(&self) -> bool {
        self.socketio.serves_old_browsers()
    }

    /// Whether clients from elsewhere have no name for this server that it would take.
    pub(crate) fn names_no_host(&self) -> bool {
        self.listen.ip().is_unspecified() && self.options.hosts.is_empty()
    }

    /// Why the server must not start: strangers could reach it, and nobody has said what they may do.
    pub(crate) fn refusal(&self) -> Option<String> {
        if self.is_on_loopback() || self.insecure_open || !self.rules.is_empty() {
            return None;
        }
        Some(format!(
            "refusing to listen on {}: other machines can reach it, and nothing says who may do what, so that \
             everybody could read and write every room. Do one of these:\n  \
             * listen on loopback only: --listen 127.0.0.1:{}\n  \
             * say who may do what: [[rule]] rows in a file for --config; `everywire config example` shows one\n  \
             * let everybody do everything: --insecure-open, or insecure_open = true in the file",
            self.listen,
            self.listen.port(),
        ))
    }

    /// Each key that is not as by default: its path, its value as TOML, and the default.
    pub(crate) fn differences(&self) -> Vec<(String, String, String)> {
        let default = Self::default();
        let mut differences = Vec::new();
        for section in keys::sections() {
            for key in &section.keys {
                let shown = |config| {
                    key.show(config).unwrap_or_else(|| key.otherwise.unwrap_or("not set").to_owned())
                };
                let (ours, usual) = (shown(self), shown(&default));
                if ours != usual {
                    differences.push((section.path(key.name), ours, usual));
                }
            }
        }
        differences
    }
}
