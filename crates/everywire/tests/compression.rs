//! What the application wants uncompressed, on WebSockets that compress.
#![allow(clippy::unwrap_used, reason = "tests")]

mod support;

use everywire::{App, Args, Connection, Deflate, DeflateOptions, Options, Sending, raw};
use support::{Frame, Io, Wire, over_both, serve};

const OFFER: [(&str, &str); 1] = [("sec-websocket-extensions", "permessage-deflate")];

/// Says each message to its sender and to the room, in both ways.
fn application(agree: DeflateOptions) -> App {
    App::builder()
        .namespace("/", |ns| {
            ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
            ns.on("message", async |conn: Connection, Args((text,)): Args<(String,)>| {
                conn.emit("message", &text)?;
                conn.emit_with(Sending { compress: false, ..Sending::default() }, "message", &text)?;
                conn.within().to("lobby").compress(false).emit("message", &text)?;
                conn.within().to("lobby").emit("message", &text)?;
                Ok(())
            });
        })
        .mount("/raw", raw())
        .options(Options { deflate: Some(Deflate { agree, ..Deflate::default() }), ..Options::default() })
        .build()
        .unwrap()
}

/// Whether each of the next frames is compressed; what it says is what was said.
async fn are_compressed(
    client: &mut Wire<Box<dyn Io>>,
    inflater: &mut flate2::Decompress,
    text: &str,
    count: usize,
) -> Vec<bool> {
    let mut compressed = Vec::new();
    for _ in 0..count {
        let said = match client.frame().await {
            Frame::Text(said) => {
                compressed.push(false);
                said
            }
            Frame::Compressed(mut payload) => {
                compressed.push(true);
                // RFC 7692, section 7.2.2.
                payload.extend_from_slice(&[0, 0, 0xff, 0xff]);
                let mut said = Vec::with_capacity(2 * text.len());
                inflater.decompress_vec(&payload, &mut said, flate2::FlushDecompress::Sync).unwrap();
                String::from_utf8(said).unwrap()
            }
            other => panic!("{other:?}"),
        };
        assert_eq!(said, text);
    }
    compressed
}

#[tokio::test]
async fn what_is_to_stay_uncompressed_does() {
    let keeping = DeflateOptions { server_no_context_takeover: false, ..DeflateOptions::default() };
    for agree in [DeflateOptions::default(), keeping] {
        for which in [0, 1] {
            let address = serve(&application(agree)).await;
            let one = async || over_both(address, "/raw", &OFFER).await.into_iter().nth(which).unwrap();
            let ((over, mut client), (_, mut other)) = (one().await, one().await);
            let text = "and on it goes ".repeat(100);
            let (mut ours, mut theirs) = (flate2::Decompress::new(false), flate2::Decompress::new(false));
            for _ in 0..3 {
                client.text(&text).await;
                let heard = are_compressed(&mut client, &mut ours, &text, 4).await;
                assert_eq!(heard, [true, false, false, true], "{over}, {agree:?}");
                let heard = are_compressed(&mut other, &mut theirs, &text, 2).await;
                assert_eq!(heard, [false, true], "{over}, {agree:?}");
            }
        }
    }
}
