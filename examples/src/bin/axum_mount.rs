//! Mounted under a prefix of an axum application: one port, one router, realtime beside ordinary routes.

use std::error::Error;

use axum::Router;
use axum::extract::{Path, State};
use axum::routing::{get, post};
use everywire::{App, jsonrpc, sse};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let realtime = App::builder()
        .namespace("/", |ns| {
            ns.actions();
        })
        .mount("/ws", jsonrpc())
        .mount("/sse", sse())
        .build()?;
    let router = Router::new()
        .route("/", get(async || "The realtime part is under /rt.\n"))
        .route("/notify/{room}", post(notify))
        .nest_service("/rt", realtime.service())
        .with_state(realtime);
    axum::serve(everywire_examples::listen().await?, router).await?;
    Ok(())
}

/// An ordinary route that speaks to a room: `curl -d 'lunch is ready' …/notify/lobby`.
async fn notify(State(app): State<App>, Path(room): Path<String>, text: String) -> Result<String, String> {
    let offset = app.to(room).publish("notice", (text,)).await.map_err(|error| error.to_string())?;
    Ok(format!("{offset}\n"))
}
