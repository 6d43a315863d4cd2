//! Floods that must not take memory: one test, as it measures the process.
#![cfg(target_os = "linux")]

mod support;

use everywire::{App, Deflate, Options, raw};
use everywire_websocket::{Header, Opcode};
use support::{frame_of, over_both, serve};

const MASK: Option<[u8; 4]> = Some([1, 2, 3, 4]);
const MIB: usize = 1 << 20;

/// How far the process's memory has grown since the peak was last forgotten, in KiB.
fn peak_over(before: usize) -> usize {
    status("VmHWM:").saturating_sub(before)
}

fn status(key: &str) -> usize {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with(key)).unwrap();
    line.split_ascii_whitespace().nth(1).unwrap().parse().unwrap()
}

/// Makes the present use the peak (proc(5), `clear_refs`), and gives it.
fn forget_peak() -> usize {
    std::fs::write("/proc/self/clear_refs", "5").unwrap();
    status("VmRSS:")
}

#[tokio::test]
async fn floods_take_no_memory() {
    let options = Options { message_bytes: 2 * MIB, deflate: Some(Deflate::default()), ..Options::default() };
    let app = App::builder().mount("/raw", raw()).options(options).build().unwrap();
    let address = serve(&app).await;
    let offer = [("sec-websocket-extensions", "permessage-deflate")];

    // 1 GiB of zeros in 1 MB: a block of 1 MiB again and again.
    let mut deflater = flate2::Compress::new(flate2::Compression::best(), false);
    let mut block = Vec::with_capacity(64 * 1024);
    deflater.compress_vec(&vec![0; MIB], &mut block, flate2::FlushCompress::Full).unwrap();
    let bomb = block.repeat(1024);
    assert!(bomb.len() < 2 * MIB);
    let header = Header { compressed: true, ..Header::new(Opcode::Binary, bomb.len(), MASK) };
    let bomb = frame_of(header, &bomb);

    // 2^63 − 1 bytes are announced, and 4 MiB come.
    let mut promise = [&[0x82, 0xff][..], &i64::MAX.to_be_bytes(), &[1, 2, 3, 4]].concat();
    promise.resize(4 * MIB, 0);

    // A million fragments of a byte each, the last of which never comes.
    let mut fragment = Header::new(Opcode::Binary, 1, MASK);
    fragment.fin = false;
    let mut fragments = frame_of(fragment, b"x");
    fragment.opcode = Opcode::Continuation;
    fragments.extend(frame_of(fragment, b"x").repeat(1_000_000));

    for (what, flood) in [("a bomb", bomb), ("a promise", promise), ("fragments", fragments)] {
        for (over, mut client) in over_both(address, "/raw", &offer).await {
            let before = forget_peak();
            client.send_anyway(&flood).await;
            assert_eq!(client.close_code().await, Some(1009), "{what} over {over}");
            // Twice the message limit, what the kernel and HTTP/2 buffer on both sides, and some room.
            let grown = peak_over(before);
            assert!(grown < 16 * 1024, "{what} over {over} took {grown} KiB");
        }
    }
}
