//! Serving an application on a TCP listener, and its end.

use std::future::Future;
use std::io;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use everywire_core::Reason;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use tokio::net::{TcpListener, TcpStream, ToSocketAddrs};

use super::App;
use crate::carrier::eager::Eager;
use crate::carrier::line::LineOf;
use crate::carrier::timed::Timed;
use crate::driver::conversation::Peer;

type BoxError = Box<dyn std::error::Error + Send + Sync>;

impl App {
    /// Serves on this address for ever: HTTP/1.1, and HTTP/2 with prior knowledge.
    ///
    /// # Errors
    ///
    /// If the address cannot be bound.
    pub async fn serve(&self, address: impl ToSocketAddrs) -> io::Result<()> {
        let listener = TcpListener::bind(address).await?;
        self.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await
    }

    /// Serves on this listener until `shutdown` is ready; then accepts nothing more, tells all clients to come
    /// back later, and waits for at most `grace` until the last has gone.
    ///
    /// # Errors
    ///
    /// If the listener breaks. A client that cannot be accepted is a line in the log.
    pub async fn serve_with_shutdown(
        &self,
        listener: TcpListener,
        shutdown: impl Future<Output = ()>,
        grace: Duration,
    ) -> io::Result<()> {
        self.0.start();
        let service = self.service().on(listener.local_addr()?);
        let mut shutdown = std::pin::pin!(shutdown);
        loop {
            let (socket, peer) = tokio::select! {
                accepted = listener.accept() => match accepted {
                    Ok(accepted) => accepted,
                    Err(error) => {
                        // No files are left, or the client is gone already. The first passes only with time.
                        tracing::warn!(%error, "a connection could not be accepted");
                        tokio::time::sleep(Duration::from_millis(50)).await;
                        continue;
                    }
                },
                () = &mut shutdown => break,
            };
            if let Err(error) = socket.set_nodelay(true) {
                tracing::debug!(%peer, %error, "the socket is gone already");
                continue;
            }
            self.spawn(socket, peer, service.clone().from(peer));
        }
        drop(listener);
        self.shut_down(grace).await;
        Ok(())
    }

    /// Ends all sessions with [`Reason::Shutdown`], behind everything that was published or sent before; lets no new one
    /// open; and waits for at most `grace` until the last has gone, and what was asked has been answered: the last words of
    /// one that polls are an answer. False if some sessions had not gone.
    pub async fn shut_down(&self, grace: Duration) -> bool {
        let begun = Instant::now();
        for namespace in self.0.hub.namespaces() {
            for connection in namespace.connections() {
                connection.end_session(Reason::Shutdown);
            }
        }
        self.0.sessions.end_all(Reason::Shutdown);
        let all = tokio::time::timeout(grace, self.0.sessions.emptied()).await.is_ok();
        if !all {
            tracing::warn!(left = self.session_count(), "some sessions did not end in time");
        }
        let rest = grace.saturating_sub(begun.elapsed());
        if tokio::time::timeout(rest, self.0.sessions.requests.finish()).await.is_err() {
            tracing::debug!("some requests were not answered in time");
        }
        all
    }

    /// Serves one connection that was accepted elsewhere: TLS, a Unix socket, a test's pipe.
    pub async fn serve_connection<I>(&self, io: I, peer: Option<SocketAddr>)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
    {
        self.0.start();
        let mut service = self.service();
        if let Some(peer) = peer {
            service = service.from(peer);
        }
        self.http(io, peer, service).await;
    }

    /// Serves one connection in a task of its own.
    ///
    /// Not part of an `async fn`: those are compiled where they are awaited, and with this one all of HTTP would be, again
    /// in each program.
    fn spawn(&self, socket: TcpStream, peer: SocketAddr, service: crate::Service) {
        let app = self.clone();
        tokio::spawn(async move { app.http(socket, Some(peer), service).await });
    }

    /// Serves one connection with a service around the application's own: pages or an API beside the mounts,
    /// such as an axum router that has [`App::service`] as its fallback. `peer` is for the log.
    pub async fn serve_connection_with<I, S, B>(&self, io: I, peer: Option<SocketAddr>, service: S)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError> + Send,
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        self.0.start();
        self.http(io, peer, service).await;
    }

    async fn http<I, S, B>(&self, io: I, peer: Option<SocketAddr>, service: S)
    where
        I: tokio::io::AsyncRead + tokio::io::AsyncWrite + Unpin + Send + 'static,
        S: tower_service::Service<Request<Incoming>, Response = Response<B>> + Clone + Send + 'static,
        S::Future: Send,
        S::Error: Into<BoxError> + Send,
        B: http_body::Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
    {
        let options = &self.0.options;
        let mut builder = auto::Builder::new(TokioExecutor::new());
        builder
            .http1()
            .timer(TokioTimer::new())
            .header_read_timeout(options.handshake_timeout)
            .max_buf_size(options.head_bytes.max(8 * 1024))
            .http2()
            .timer(TokioTimer::new())
            .enable_connect_protocol()
            .max_header_list_size(u32::try_from(options.head_bytes).unwrap_or(u32::MAX))
            .max_concurrent_streams(256)
            .keep_alive_interval(options.websocket.ping_interval)
            .keep_alive_timeout(options.websocket.ping_timeout);
        let io = Timed::new(io, options.handshake_timeout, options.write_timeout);
        let service = Eager(service, io.line().map(LineOf));
        let io = TokioIo::new(io);
        let mut served = self.0.sessions.requests.begin();
        let mut connection = std::pin::pin!(builder.serve_connection_with_upgrades(io, service));
        let result = tokio::select! {
            biased;
            result = connection.as_mut() => result,
            () = served.told_to_finish() => {
                connection.as_mut().graceful_shutdown();
                connection.await
            }
        };
        let Err(error) = result else { return };
        let peer = Peer(peer);
        // Whatever it was, the other side has heard of it as far as HTTP can say it.
        match error.downcast_ref::<hyper::Error>() {
            Some(error) if error.is_parse() || error.is_timeout() => {
                tracing::warn!(%peer, %error, "an HTTP connection was refused");
            }
            _ => tracing::debug!(%peer, %error, "an HTTP connection ended"),
        }
    }
}
