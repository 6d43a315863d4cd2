//! What the codec costs: nanoseconds a message and gigabytes a second, best of several rounds.
//!
//! `cargo run --release -p everywire-websocket --example throughput`

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use everywire_websocket::{Decoder, Deflater, Direction, Item, Kind, Limits, Prepared, Role, encode, mask};

const KEY: Option<[u8; 4]> = Some([0x37, 0xfa, 0x21, 0x3d]);

fn main() {
    let json = br#"{"event":"chat","data":{"text":"hello","from":"somebody","n":12345}}"#;
    for (kind, len, each) in
        [(Kind::Binary, 64, 1000), (Kind::Text, 64, 1000), (Kind::Text, 1024, 100), (Kind::Text, 16_384, 10)]
    {
        let payload: Vec<u8> = json.iter().copied().cycle().take(len).collect();
        let mut wire = Vec::new();
        for _ in 0..each {
            encode::message(&mut wire, kind, &payload, KEY);
        }
        let mut decoder = Decoder::new(Role::Server, Limits::default());
        let (mut buffer, mut replies) = (wire.clone(), Vec::with_capacity(wire.len()));
        // Decoding unmasks in place: the copy that restores the input is measured alone and taken off.
        let copy = best(|| buffer.copy_from_slice(&wire));
        let decode = best(|| {
            buffer.copy_from_slice(&wire);
            count(&mut decoder, &mut buffer)
        });
        let echo = best(|| {
            buffer.copy_from_slice(&wire);
            replies.clear();
            let mut input = &mut buffer[..];
            while let Some(item) = decoder.next(&mut input).unwrap() {
                match item {
                    Item::Text(text) => encode::message(&mut replies, Kind::Text, text.as_bytes(), None),
                    Item::Binary(data) => encode::message(&mut replies, Kind::Binary, data, None),
                    _ => {}
                }
            }
        });
        let per = |time: Duration| (time.saturating_sub(copy)).as_secs_f64() * 1e9 / f64::from(each);
        println!(
            "{kind:?} {len:>6} B: decode {:>7.1} ns, decode and encode {:>7.1} ns",
            per(decode),
            per(echo)
        );
    }

    for len in [4096, 16_384, 1 << 20] {
        let mut payload = vec![0x55; len];
        let time = best(|| mask::apply(black_box(&mut payload), [1, 2, 3, 4]));
        println!("unmask {len:>7} B: {:.1} GB/s", len as f64 / time.as_secs_f64() / 1e9);
    }

    let payload: Vec<u8> = (0..1024 / json.len() + 1).flat_map(|_| *json).take(1024).collect();
    for level in [1, 6] {
        let mut deflater = Deflater::shared(level, 15);
        let time = best(|| Prepared::compressed(Kind::Text, &payload, &mut deflater));
        let small = Prepared::compressed(Kind::Text, &payload, &mut deflater);
        println!(
            "deflate 1 KiB at level {level}: {:.1} µs, to {} B",
            time.as_secs_f64() * 1e6,
            small.bytes().len()
        );
        for takeover in [false, true] {
            let incoming = Direction { window_bits: 15, context_takeover: takeover };
            let mut decoder = Decoder::new(Role::Client, Limits::default()).with_deflate(Some(incoming));
            let mut buffer = small.bytes().to_vec();
            let time = best(|| count(&mut decoder, &mut buffer));
            println!("inflate 1 KiB, context takeover {takeover}: {:.1} µs", time.as_secs_f64() * 1e6);
        }
    }
    println!("decoder: {} B inline", size_of::<Decoder>());
}

fn count(decoder: &mut Decoder, buffer: &mut [u8]) -> usize {
    let (mut input, mut bytes) = (buffer, 0);
    while let Some(item) = decoder.next(&mut input).unwrap() {
        bytes += match item {
            Item::Text(text) => black_box(text).len(),
            Item::Binary(data) => black_box(data).len(),
            _ => 0,
        };
    }
    bytes
}

fn best<T>(mut run: impl FnMut() -> T) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..2000 {
        let start = Instant::now();
        black_box(run());
        best = best.min(start.elapsed());
    }
    best
}
