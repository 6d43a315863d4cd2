//! An echo of whole messages, compressed where the client offers it: what the Autobahn suite tests.

use std::error::Error;

use everywire::{App, Connection, Deflate, Options, RawArgs, raw};

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let options = Options {
        // The largest messages of the suite.
        message_bytes: 16 << 20,
        deflate: Some(Deflate { threshold: 0, ..Deflate::default() }),
        mailbox: everywire::MailboxOptions { bytes: 64 << 20, ..Default::default() },
        ..Options::default()
    };
    let app = App::builder()
        .options(options)
        .namespace("/", |ns| {
            ns.on("message", async |conn: Connection, RawArgs(message)| {
                Ok(conn.emit_payload("message", message)?)
            });
        })
        .mount("/", raw())
        .build()?;
    everywire_examples::serve(app).await
}
