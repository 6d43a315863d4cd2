//! From start to stop: what a configuration becomes, and who is let in.

use std::io::Write;
use std::path::Path;
use std::time::Duration;

use anyhow::Context;
use everywire::{Actions, App};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use crate::banner::Banner;
use crate::config::Config;
use crate::playground::Playground;
use crate::site::Site;
use crate::stop::Stop;
use crate::tls;

/// How long accepting rests after it failed: no files are left, which only time changes.
const ACCEPT_REST: Duration = Duration::from_millis(50);
/// Files that the process needs beside its clients': logs, the listener, the runtime's own.
const OWN_FILES: u64 = 64;

/// The application that a configuration describes.
///
/// # Errors
///
/// If the library does not take it; reading the configuration has found most of that already.
pub(crate) fn build(config: &Config) -> anyhow::Result<App> {
    let names = config.actions.iter().map(|name| (*name).to_owned()).collect();
    let actions = Actions { prefix: config.actions_prefix.clone(), names };
    let mut app =
        App::builder().options(config.options()).retention(config.retention()).rights(config.rights());
    if let Some(window) = config.recovery() {
        app = app.recovery(window);
    }
    let mut namespaces: Vec<&str> = config.mounts.iter().map(|row| row.namespace.as_str()).collect();
    namespaces.sort_unstable();
    namespaces.dedup();
    for namespace in namespaces {
        app = app.namespace(namespace, |ns| _ = ns.actions_with(&actions));
    }
    for row in &config.mounts {
        app = app.mount(&row.path, config.mount(row));
    }
    Ok(app.build()?)
}

/// Serves until it is told to stop; then the exit code.
pub(crate) async fn run(app: &App, config: &Config, file: Option<&Path>) -> anyhow::Result<u8> {
    let tls = tls::acceptor(&config.tls)?;
    let assets = config.assets()?;
    let mut stop = Stop::listen().context("cannot listen for signals")?;
    let listener = TcpListener::bind(config.listen).await;
    let listener = listener.with_context(|| format!("cannot listen on {}", config.listen))?;
    let address = listener.local_addr()?;
    raise_file_limit(config.options().connections);
    let banner = Banner { config, file, address }.to_string();
    if let Err(error) = std::io::stdout().write_all(banner.as_bytes()) {
        tracing::debug!(%error, "nobody reads the standard output");
    }

    let playground = config.playground().then(|| Playground { legacy: config.serves_old_browsers() });
    let site = Site { app: app.service().on(address), playground, assets };
    let door = Door { app: app.clone(), site, tls, handshake: config.options().handshake_timeout };
    tokio::select! {
        never = door.let_in(&listener) => match never {},
        signal = stop.told() => tracing::info!(signal, "stopping: clients are told to come back later"),
    }
    drop(listener);
    tokio::select! {
        all = app.shut_down(config.shutdown) => tracing::info!(all, "stopped"),
        signal = stop.told() => {
            tracing::warn!(signal, left = app.session_count(), "stopped at once");
            return Ok(stop.exit_code());
        }
    }
    Ok(0)
}

/// Each client takes a file, and most systems give a process no more than 1,024 until it asks.
fn raise_file_limit(connections: usize) {
    let wanted = (connections as u64).saturating_add(OWN_FILES);
    match rlimit::increase_nofile_limit(u64::MAX) {
        Ok(files) if files < wanted => {
            tracing::warn!(
                files,
                connections,
                "the process may not open as many files as limits.connections wants"
            );
        }
        Ok(files) => tracing::debug!(files, "open files"),
        Err(error) => tracing::warn!(%error, "the limit of open files cannot be raised"),
    }
}

/// Where clients come in.
#[derive(Clone)]
struct Door {
    app: App,
    site: Site,
    tls: Option<TlsAcceptor>,
    handshake: Duration,
}

impl Door {
    async fn let_in(&self, listener: &TcpListener) -> std::convert::Infallible {
        loop {
            match listener.accept().await {
                Ok((socket, peer)) => _ = tokio::spawn(self.clone().serve(socket, peer)),
                Err(error) => {
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(ACCEPT_REST).await;
                }
            }
        }
    }

    async fn serve(mut self, socket: TcpStream, peer: std::net::SocketAddr) {
        if let Err(error) = socket.set_nodelay(true) {
            tracing::debug!(%peer, %error, "the socket is gone already");
            return;
        }
        self.site.app = self.site.app.from(peer);
        let Some(tls) = self.tls else {
            return self.app.serve_connection_with(socket, Some(peer), self.site).await;
        };
        match tokio::time::timeout(self.handshake, tls.accept(socket)).await {
            Ok(Ok(socket)) => self.app.serve_connection_with(socket, Some(peer), self.site).await,
            Ok(Err(error)) => tracing::debug!(%peer, %error, "TLS was not agreed on"),
            Err(_) => tracing::debug!(%peer, "TLS was not agreed on in time"),
        }
    }
}
