//! A live video relay: binary chunks from one camera to many viewers.
//!
//! The camera sends binary WebSocket messages to `/camera`; viewers connect to `/view` and get them as they are,
//! never copied for each. A viewer that cannot keep up loses the oldest chunks, whole, instead of its connection;
//! the first chunk (the stream's header) is kept for those that come later. A text, `ready`, says that a viewer is in:
//! what the camera sends from then on arrives.

use std::error::Error;
use std::sync::Mutex;

use everywire::{App, Connection, MailboxOptions, Options, Overflow, Payload, RawArgs, Result, raw};

/// The first chunk of the stream.
#[derive(Default)]
struct Header(Mutex<Option<Payload>>);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options {
        // About two seconds of video at 16 Mbit/s.
        mailbox: MailboxOptions { bytes: 4 << 20, overflow: Overflow::DropOldest },
        message_bytes: 4 << 20,
        ..Options::default()
    };
    let app = App::builder()
        .options(options)
        .state(Header::default())
        .namespace("camera", |ns| {
            ns.on("message", relay);
        })
        .namespace("view", |ns| {
            ns.on_connect(async |conn: Connection| {
                conn.join("viewers").await?;
                conn.emit("message", ("ready",))?;
                let header = conn.state::<Header>().and_then(|header| header.0.lock().ok()?.clone());
                if let Some(header) = header {
                    conn.emit_payload("message", header)?;
                }
                Ok(())
            });
        })
        .mount("/camera", raw().namespace("camera"))
        .mount("/view", raw().namespace("view"))
        .build()?;
    everywire_examples::serve(app).await
}

async fn relay(conn: Connection, RawArgs(chunk): RawArgs) -> Result<()> {
    if let Some(header) = conn.state::<Header>()
        && let Ok(mut header) = header.0.lock()
    {
        header.get_or_insert_with(|| chunk.clone());
    }
    if let Some(viewers) = conn.app().and_then(|app| app.namespace("view")) {
        viewers.to("viewers").emit_payload("message", chunk)?;
    }
    Ok(())
}
