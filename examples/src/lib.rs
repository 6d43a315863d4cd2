//! Runnable examples of the Everywire library, one binary each in `src/bin`. What they share is here: where to
//! listen, and saying so.
//!
//! `cargo run -p everywire-examples --bin chat` listens on a port of the system's choosing and prints its address;
//! an argument names another: `… --bin chat -- 127.0.0.1:8000`. The tests run each of them.

pub mod gauges;

use std::error::Error;
use std::time::Duration;

use everywire::App;
use tokio::net::TcpListener;

/// A listener on the address that the command line names, which is printed.
///
/// # Errors
///
/// The address cannot be bound.
pub async fn listen() -> Result<TcpListener, Box<dyn Error>> {
    let address = std::env::args().nth(1).unwrap_or_else(|| "127.0.0.1:0".to_owned());
    let listener = TcpListener::bind(&address).await?;
    println!("listening on {}", listener.local_addr()?);
    Ok(listener)
}

/// Serves an application there until Ctrl-C, and gives its clients five seconds to go.
///
/// # Errors
///
/// The address cannot be bound, or the listener breaks.
pub async fn serve(app: App) -> Result<(), Box<dyn Error>> {
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_max_level(tracing_subscriber::filter::LevelFilter::WARN)
        .init();
    let stop = async {
        // If there are no signals to wait for, there is nothing to stop for either.
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    };
    app.serve_with_shutdown(listen().await?, stop, Duration::from_secs(5)).await?;
    Ok(())
}
