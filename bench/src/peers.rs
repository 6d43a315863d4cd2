//! The servers that are measured. To add one: a row in [`builtin`], and a folder under `peers/` that holds it.

use std::env;
use std::net::{Ipv4Addr, TcpListener};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context as _, Result, bail, ensure};
use everywire_bench::Mode;

use crate::generator::Door;
use crate::machine::Cores;
use crate::rows::{Answer, Listeners, Protocol, Row, Work};
use crate::wire::{Wire, Wires};

/// The greedy floor: the base of ratios.
pub(crate) const FLOOR: &str = "floor";

/// A runtime may need long to start on a busy machine.
const START: Duration = Duration::from_secs(30);

/// A connection that no row has.
const NOBODY: usize = 99_999;

#[derive(Clone, Debug)]
pub(crate) struct Peer {
    pub(crate) name: String,
    /// Connections take turns if it is spoken to in several ways.
    wires: &'static [Wire],
    /// Who publishes, and all others where they listen by responses that go on; if it serves that.
    streams: Option<&'static [Wire; 2]>,
    modes: &'static [Mode],
    /// A library from a registry: one of those of which the best is compared with.
    pub(crate) registry: bool,
    program: Program,
}

#[derive(Clone, Debug)]
enum Program {
    /// A binary of this crate, with arguments that come before port and mode.
    Binary(&'static str, &'static [&'static str]),
    /// `server.js` in a folder of `peers/`, with the packages of its lock file.
    Node(&'static str),
    /// What the command line says.
    Given(Vec<String>),
}

const PLAIN: &[Mode] = &[Mode::Echo, Mode::Room];
const ALL: &[Mode] = &[Mode::Echo, Mode::Room, Mode::DeflateRoom];

const SOCKJS_STREAMS: Option<&[Wire; 2]> = Some(&[Wire::SockJs, Wire::SockJsStream]);

/// One wire of each protocol that a server may speak to one room, each with as many members. Who publishes is on the first.
const MIXED: &[Wire] = &[Wire::WebSocket, Wire::SocketIo, Wire::SignalR, Wire::SockJs];

pub(crate) fn builtin() -> Vec<Peer> {
    let peer = |name: &str, wires, modes, registry, program| Peer {
        name: name.to_owned(),
        wires,
        streams: None,
        modes,
        registry,
        program,
    };
    vec![
        peer(FLOOR, &[Wire::Raw], PLAIN, false, Program::Binary("peer-floor", &[])),
        peer("floor-paced", &[Wire::Raw], &[Mode::Room], false, Program::Binary("peer-floor", &["--paced"])),
        Peer {
            streams: Some(&[Wire::WebSocket, Wire::EventSource]),
            ..peer("everywire", &[Wire::WebSocket], ALL, false, Program::Binary("peer-everywire", &[]))
        },
        peer("fastwebsockets", &[Wire::WebSocket], PLAIN, true, Program::Binary("peer-fastwebsockets", &[])),
        peer("tungstenite", &[Wire::WebSocket], PLAIN, true, Program::Binary("peer-tungstenite", &[])),
        peer("axum", &[Wire::WebSocket], PLAIN, true, Program::Binary("peer-axum", &[])),
        peer("ws", &[Wire::WebSocket], ALL, true, Program::Node("ws")),
        peer(
            "everywire-socketio",
            &[Wire::SocketIo],
            PLAIN,
            false,
            Program::Binary("peer-everywire-socketio", &[]),
        ),
        peer(
            "everywire-signalr",
            &[Wire::SignalR],
            PLAIN,
            false,
            Program::Binary("peer-everywire-signalr", &[]),
        ),
        peer(
            "everywire-signalr-msgpack",
            &[Wire::SignalRMsgPack],
            PLAIN,
            false,
            Program::Binary("peer-everywire-signalr", &[]),
        ),
        Peer {
            streams: SOCKJS_STREAMS,
            ..peer(
                "everywire-sockjs",
                &[Wire::SockJs],
                PLAIN,
                false,
                Program::Binary("peer-everywire-sockjs", &[]),
            )
        },
        peer("everywire-mixed", MIXED, &[Mode::Room], false, Program::Binary("peer-everywire-mixed", &[])),
        peer("socketioxide", &[Wire::SocketIo], PLAIN, true, Program::Binary("peer-socketioxide", &[])),
        peer("socketio", &[Wire::SocketIo], PLAIN, true, Program::Node("socketio")),
        Peer {
            streams: SOCKJS_STREAMS,
            ..peer("sockjs", &[Wire::SockJs], PLAIN, true, Program::Node("sockjs"))
        },
    ]
}

impl Peer {
    /// A peer that the command line names: `NAME=COMMAND`, which gets `PORT MODE` as two more arguments.
    pub(crate) fn given(text: &str, wires: &'static [Wire]) -> Result<Self> {
        let (name, command) = text.split_once('=').context("expected NAME=COMMAND")?;
        let words: Vec<String> = command.split_whitespace().map(str::to_owned).collect();
        ensure!(!name.is_empty() && !words.is_empty(), "expected NAME=COMMAND, not {text:?}");
        Ok(Self {
            name: name.to_owned(),
            wires,
            streams: None,
            modes: ALL,
            registry: false,
            program: Program::Given(words),
        })
    }

    pub(crate) fn protocol(&self) -> Protocol {
        match self.wires {
            [Wire::Raw | Wire::WebSocket | Wire::EventSource] => Protocol::Raw,
            [Wire::SocketIo] => Protocol::SocketIo,
            [Wire::SignalR | Wire::SignalRMsgPack] => Protocol::SignalR,
            [Wire::SockJs | Wire::SockJsStream] => Protocol::SockJs,
            _ => Protocol::Mixed,
        }
    }

    pub(crate) fn serves(&self, row: &Row) -> bool {
        self.protocol() == row.protocol
            && self.modes.contains(&row.work.mode())
            && self.wires(row.work).is_some()
    }

    /// How its connections are spoken to for some work, if it does that.
    pub(crate) fn wires(&self, work: Work) -> Option<Wires> {
        if let Work::Echo { answer: Answer::Response, .. } = work {
            return self.streams.map(|both| Wires::in_turn(&both[1..]));
        }
        match work.listeners() {
            Listeners::Alike => Some(Wires::in_turn(self.wires)),
            Listeners::Streams => self.streams.map(Wires::apart),
        }
    }

    /// Sees that the peer can be started, and installs its packages. The error says what is missing.
    pub(crate) fn prepare(&self) -> Result<()> {
        match &self.program {
            Program::Binary(name, _) => {
                let path = binary(name)?;
                ensure!(path.exists(), "{} was not built", path.display());
            }
            Program::Node(folder) => install(&folder_of(folder))?,
            Program::Given(_) => {}
        }
        Ok(())
    }

    fn command(&self) -> Result<Command> {
        Ok(match &self.program {
            Program::Binary(name, arguments) => {
                let mut command = Command::new(binary(name)?);
                command.args(*arguments);
                command
            }
            Program::Node(folder) => {
                let mut command = Command::new("node");
                command.arg(folder_of(folder).join("server.js"));
                command
            }
            Program::Given(words) => {
                let mut command = Command::new(&words[0]);
                command.args(&words[1..]);
                command
            }
        })
    }
}

/// Cargo puts all binaries of the crate into one folder.
fn binary(name: &str) -> Result<PathBuf> {
    Ok(env::current_exe()?.with_file_name(name))
}

fn folder_of(peer: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("peers").join(peer)
}

/// `npm ci`, unless what is installed is as new as the lock file.
fn install(folder: &Path) -> Result<()> {
    let changed = |path: &str| folder.join(path).metadata().and_then(|metadata| metadata.modified());
    if changed("node_modules/.package-lock.json")
        .is_ok_and(|done| changed("package-lock.json").is_ok_and(|lock| done >= lock))
    {
        return Ok(());
    }
    let done = Command::new("npm").args(["ci", "--silent"]).current_dir(folder).status().context("npm")?;
    ensure!(done.success(), "npm ci in {}: {done}", folder.display());
    Ok(())
}

/// Builds the peers in Rust where this program itself was built: `cargo run` builds only what it runs.
pub(crate) fn build() -> Result<()> {
    let own = env::current_exe()?;
    let profile = own.parent().context("a program outside of any folder")?;
    let name = profile.file_name().and_then(|name| name.to_str()).context("a profile without a name")?;
    let target = profile.parent().context("a profile outside of any folder")?;
    let done = Command::new(env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["build", "--quiet", "--package", env!("CARGO_PKG_NAME"), "--bins", "--profile"])
        .arg(if name == "debug" { "dev" } else { name })
        .arg("--target-dir")
        .arg(target)
        .current_dir(env!("CARGO_MANIFEST_DIR"))
        .status()
        .context("cargo")?;
    ensure!(done.success(), "building the peers: {done}");
    Ok(())
}

/// A peer that runs. It is killed when this is dropped.
#[derive(Debug)]
pub(crate) struct Server {
    child: Child,
    pub(crate) port: u16,
}

impl Server {
    pub(crate) fn start(peer: &Peer, mode: Mode, cores: Option<Cores>) -> Result<Self> {
        // The system picks a port that is free, and hands it out again only after many others.
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let mut command = peer.command()?;
        command.arg(port.to_string()).arg(mode.to_string()).stdin(Stdio::null()).stdout(Stdio::null());
        let child = match cores {
            Some(cores) => cores.on_server(|| command.spawn())?,
            None => command.spawn(),
        };
        Ok(Self { child: child.with_context(|| format!("{command:?}"))?, port })
    }

    pub(crate) fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Waits until a connection can be opened and closed as it should be.
    pub(crate) fn wait_until_ready(&mut self, door: &Door) -> Result<()> {
        let deadline = Instant::now() + START;
        loop {
            if let Some(status) = self.child.try_wait()? {
                bail!("the server ended at once: {status}");
            }
            match door.open(NOBODY) {
                Ok(open) => return open.close(door.wires.of(NOBODY)).context("the first connection"),
                Err(error) if refused(&error) && Instant::now() < deadline => {
                    thread::sleep(Duration::from_millis(5));
                }
                Err(error) => return Err(error.context("the first connection")),
            }
        }
    }

    pub(crate) fn stop(&mut self) {
        // Both fail only for a process that has ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.stop();
    }
}

fn refused(error: &anyhow::Error) -> bool {
    error
        .downcast_ref::<std::io::Error>()
        .is_some_and(|error| error.kind() == std::io::ErrorKind::ConnectionRefused)
}
