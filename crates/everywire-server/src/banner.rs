//! What start-up says: what is served where, and what is not as by default.

use std::fmt;
use std::net::SocketAddr;
use std::path::Path;

use crate::config::{Config, MountRow, Protocol, Session};

/// The lines of start-up.
pub(crate) struct Banner<'a> {
    pub(crate) config: &'a Config,
    pub(crate) file: Option<&'a Path>,
    /// What is really listened on.
    pub(crate) address: SocketAddr,
}

impl fmt::Display for Banner<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let config = self.config;
        writeln!(f, "everywire {}: one room, every wire\n", env!("CARGO_PKG_VERSION"))?;
        let rows: Vec<_> = config.mounts.iter().map(|row| (self.url(row), row)).collect();
        let width = rows.iter().map(|(url, _)| url.len()).max().unwrap_or(0);
        for (url, row) in &rows {
            let namespace = match row.protocol {
                Protocol::SocketIo => "namespaces as clients name them".to_owned(),
                _ if row.names_namespace() => "namespaces in the path; default is /".to_owned(),
                _ => format!("namespace {}", row.namespace),
            };
            writeln!(f, "  {url:<width$}  {:<34}  {namespace}", wire(row))?;
        }
        writeln!(f)?;
        if config.playground() {
            line(f, "playground", format_args!("{}/  open it in two tabs", self.base("http")))?;
        }
        match config.actions.as_slice() {
            [] => line(f, "actions", "none")?,
            names => {
                let names: Vec<_> =
                    names.iter().map(|name| format!("{}{name}", config.actions_prefix)).collect();
                line(f, "actions", names.join(", "))?;
            }
        }
        line(f, "rights", self.rights())?;
        line(f, "broker", "memory: rooms live in this process, and end with it")?;
        line(f, "workers", config.workers())?;
        match self.file {
            Some(file) => line(f, "file", file.display())?,
            None => line(f, "file", "none; `everywire config example` prints one")?,
        }
        let differences = config.differences();
        if differences.is_empty() {
            line(f, "settings", "as by default")?;
        }
        for (key, ours, default) in differences {
            line(f, "set", format_args!("{key} = {ours}  (default {default})"))?;
        }
        if config.names_no_host() {
            line(
                f,
                "note",
                format_args!(
                    "requests must name the host {} or localhost; add this server's names to `hosts`",
                    self.address.ip()
                ),
            )?;
        }
        writeln!(f, "\nlistening on {}", self.address)
    }
}

impl Banner<'_> {
    fn base(&self, scheme: &str) -> String {
        let secure = if self.config.tls.cert.is_some() { "s" } else { "" };
        format!("{scheme}{secure}://{}", self.address)
    }

    fn url(&self, row: &MountRow) -> String {
        let (method, scheme, query) = match row.session {
            Session::WebSocket => ("", "ws", ""),
            Session::Sse | Session::Poll => ("", "http", "?room=…"),
            Session::EngineIo | Session::SignalR | Session::SockJs => ("", "http", ""),
            Session::Publish => ("POST ", "http", ""),
        };
        format!("{method}{}{}{query}", self.base(scheme), row.path)
    }

    fn rights(&self) -> String {
        let config = self.config;
        match config.rules.len() {
            0 if config.is_on_loopback() => {
                "this is a playground: everybody may use every room, so it listens on loopback only".into()
            }
            0 => "insecure_open: everybody who gets here may read and write every room".into(),
            rules => format!("{rules} rule(s); rooms that none fits are closed"),
        }
    }
}

fn line(f: &mut fmt::Formatter<'_>, name: &str, value: impl fmt::Display) -> fmt::Result {
    writeln!(f, "  {name:<10}  {value}")
}

fn wire(row: &MountRow) -> &'static str {
    match (row.session, row.protocol) {
        (Session::SockJs, Protocol::Raw) => "plain messages over SockJS",
        (Session::SockJs, Protocol::Stomp) => "STOMP over SockJS, and on WebSocket below",
        (Session::SockJs, _) => "JSON-RPC 2.0 over SockJS",
        (Session::EngineIo, _) | (_, Protocol::SocketIo) => "Socket.IO, by polls and WebSockets",
        (Session::WebSocket, Protocol::JsonRpc) => "JSON-RPC 2.0 on WebSocket, or STOMP by subprotocol",
        (_, Protocol::Stomp) => "STOMP on WebSocket",
        (Session::WebSocket, Protocol::Raw) => "plain messages on WebSocket",
        (Session::Sse, _) => "Server-Sent Events, receive only",
        (Session::Poll, _) => "long polling, receive only",
        (Session::Publish, _) => "publish by plain HTTP",
        (Session::SignalR, Protocol::Raw) => "plain messages, carried as SignalR's",
        (Session::SignalR, _) | (_, Protocol::SignalR) => "SignalR, by its three transports",
    }
}
