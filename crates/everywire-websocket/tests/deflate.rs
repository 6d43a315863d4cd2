//! permessage-deflate (RFC 7692): every parameter, in offers, in answers, and at work.

mod common;

use common::{KEY, Seen, decode_in, frame, inflate::inflate};
use everywire_websocket::{
    Decoder, DeflateOptions, Deflater, Direction, Fault, Header, Item, Kind, Limits, Opcode, Prepared, Role,
    encode,
    handshake::{client, server},
};

const OPEN: DeflateOptions = DeflateOptions {
    server_no_context_takeover: false,
    client_no_context_takeover: false,
    server_max_window_bits: 15,
    client_max_window_bits: 15,
};

fn compressed(payload: &[u8], fin: bool) -> Vec<u8> {
    frame(Header { compressed: true, fin, ..Header::new(Opcode::Text, payload.len(), Some(KEY)) }, payload)
}

fn server_decoder(context_takeover: bool) -> Decoder {
    let incoming = Direction { window_bits: 15, context_takeover };
    Decoder::new(Role::Server, Limits::default()).with_deflate(Some(incoming))
}

/// JSON-like, with something to refer back to at every distance.
fn sample(len: usize) -> Vec<u8> {
    let mut state = 1_u32;
    let words = ["lobby", "event", "{\"text\":", "\"from\"", ",", "12", "somebody", "}"];
    let mut out = Vec::with_capacity(len + 8);
    while out.len() < len {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        out.extend_from_slice(words[(state >> 24) as usize % words.len()].as_bytes());
        out.push((state >> 16) as u8 & 0x7f);
    }
    out.truncate(len);
    out
}

#[test]
fn examples_of_section_7_2_3() {
    let hello = || Seen::Text("Hello".into());
    let table: &[(&str, Vec<Vec<u8>>)] = &[
        ("one block", vec![b"\xf2\x48\xcd\xc9\xc9\x07\x00".into()]),
        ("shared window", vec![b"\xf2\x48\xcd\xc9\xc9\x07\x00".into(), b"\xf2\x00\x11\x00\x00".into()]),
        ("no compression", vec![b"\x00\x05\x00\xfa\xff\x48\x65\x6c\x6c\x6f\x00".into()]),
        ("final block", vec![b"\xf3\x48\xcd\xc9\xc9\x07\x00\x00".into(); 2]),
        ("two blocks", vec![b"\xf2\x48\x05\x00\x00\x00\xff\xff\xca\xc9\xc9\x07\x00".into()]),
        ("final block without the empty one after it", vec![b"\xf3\x48\xcd\xc9\xc9\x07\x00".into(); 3]),
    ];
    for (name, messages) in table {
        let wire: Vec<u8> = messages.iter().flat_map(|message| compressed(message, true)).collect();
        for pieces in [1, 3, 1000] {
            let seen = decode_in(&mut server_decoder(true), &wire, &[pieces]);
            assert_eq!(seen, vec![hello(); messages.len()], "{name}");
        }
    }
    let fragments = [
        compressed(b"\xf2\x48\xcd", false),
        common::masked(Opcode::Ping, true, b"!"),
        common::masked(Opcode::Continuation, true, b"\xc9\xc9\x07\x00"),
    ];
    assert_eq!(
        decode_in(&mut server_decoder(true), &fragments.concat(), &[2]),
        [Seen::Ping(b"!".into()), hello()]
    );
    for empty in [&b"\x00"[..], b"\x02\x00", b""] {
        let wire = [compressed(empty, true), compressed(b"\xf2\x48\xcd\xc9\xc9\x07\x00", true)].concat();
        assert_eq!(decode_in(&mut server_decoder(true), &wire, &[99]), [Seen::Text(String::new()), hello()]);
    }
}

#[test]
fn without_takeover_messages_stand_alone() {
    let wire = [compressed(b"\xf2\x48\xcd\xc9\xc9\x07\x00", true), compressed(b"\xf2\x00\x11\x00\x00", true)]
        .concat();
    let mut decoder = server_decoder(false);
    let seen = decode_in(&mut decoder, &wire, &[99]);
    assert_eq!(seen, [Seen::Text("Hello".into()), Seen::Fault(Fault::InvalidDeflate)]);
    let mut decoder = server_decoder(false);
    decode_in(&mut decoder, &compressed(b"\xf2\x48\xcd\xc9\xc9\x07\x00", true), &[99]);
    assert_eq!(decoder.held_bytes(), 0, "no memory between messages");
}

#[test]
fn compressed_text_is_checked_as_it_comes() {
    let mut body = Vec::new();
    assert!(
        Deflater::new(6, Direction { window_bits: 15, context_takeover: true })
            .compress(b"ab\xff", &mut body)
    );
    let mut wire = compressed(&body, true);
    assert_eq!(decode_in(&mut server_decoder(true), &wire, &[1]), [Seen::Fault(Fault::InvalidUtf8)]);
    // A stored block that is no UTF-8, then a block of the reserved type: the first fault counts, however it comes.
    wire = compressed(b"\x00\x01\x00\xfe\xff\xff\x06", true);
    for pieces in [1, 99] {
        assert_eq!(decode_in(&mut server_decoder(true), &wire, &[pieces]), [Seen::Fault(Fault::InvalidUtf8)]);
    }
    // The stored bytes are there, the end of the message is not.
    wire = frame(
        Header { compressed: true, ..Header::new(Opcode::Text, 100, Some(KEY)) },
        b"\x00\x03\x00\xfc\xffab\xff",
    );
    assert_eq!(decode_in(&mut server_decoder(true), &wire, &[99]), [Seen::Fault(Fault::InvalidUtf8)]);
}

#[test]
fn every_window_and_level_stays_within_the_window() {
    let payload = sample(20_000);
    for window_bits in 8..=15 {
        for level in 0..=9 {
            for context_takeover in [false, true] {
                let direction = Direction { window_bits, context_takeover };
                let mut deflater = Deflater::new(level, direction);
                let mut decoder = Decoder::new(Role::Client, Limits::default()).with_deflate(Some(direction));
                let mut history = Vec::new();
                for len in [20_000, 0, 1, 700, 20_000] {
                    let message = &payload[..len];
                    let mut body = Vec::new();
                    let small = deflater.compress(message, &mut body);
                    if small {
                        body.extend(b"\0\0\xff\xff");
                        let history: &[u8] = if context_takeover { &history } else { &[] };
                        let (inflated, farthest) = inflate(&body, history);
                        assert_eq!(inflated, message, "window {window_bits}, level {level}");
                        assert!(
                            farthest <= 1 << window_bits,
                            "{farthest} > 2^{window_bits} at level {level}"
                        );
                    }
                    assert!(small || !context_takeover, "a context has to be kept in step");
                    history.extend_from_slice(message);
                    if small {
                        body.truncate(body.len() - 4);
                        let header =
                            Header { compressed: true, ..Header::new(Opcode::Binary, body.len(), None) };
                        let seen = decode_in(&mut decoder, &frame(header, &body), &[113]);
                        assert_eq!(seen, [Seen::Binary(message.into())]);
                    }
                }
            }
        }
    }
}

#[test]
fn a_larger_window_refers_back_further() {
    // That the test above can fail: the same payload, with the next larger window, does go over.
    let payload = sample(20_000);
    for window_bits in 8..15 {
        let mut body = Vec::new();
        assert!(Deflater::shared(6, window_bits.max(9) + 1).compress(&payload, &mut body));
        body.extend(b"\0\0\xff\xff");
        assert!(inflate(&body, &[]).1 > 1 << window_bits);
    }
}

#[test]
fn output_buffers_of_any_room_give_the_same_bytes() {
    let payload = sample(5000);
    let mut expected = Vec::new();
    assert!(Deflater::shared(6, 15).compress(&payload, &mut expected));
    for room in 0..expected.len() + 20 {
        let mut out = Vec::with_capacity(room);
        assert!(Deflater::shared(6, 15).compress(&payload, &mut out));
        assert_eq!(out, expected);
    }
}

#[test]
fn what_does_not_shrink_goes_plain_where_no_context_is_kept() {
    let noise: Vec<u8> = (0..200_u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    for payload in [&noise[..], b""] {
        let frame = Prepared::compressed(Kind::Binary, payload, &mut Deflater::shared(6, 15));
        assert_eq!(frame, Prepared::new(Kind::Binary, payload));
    }
}

#[test]
fn a_shared_frame_between_messages_with_context() {
    let outgoing = Direction { window_bits: 15, context_takeover: true };
    let mut own = Deflater::new(6, outgoing);
    let mut decoder = Decoder::new(Role::Client, Limits::default()).with_deflate(Some(outgoing));
    let texts: Vec<String> = (0..4).map(|n| format!("message {n} ").repeat(40)).collect();
    let mut wire = Vec::new();
    encode::compressed(&mut wire, Kind::Text, texts[0].as_bytes(), None, &mut own);
    wire.extend(Prepared::compressed(Kind::Text, texts[1].as_bytes(), &mut Deflater::shared(6, 12)).bytes());
    own.reset();
    encode::compressed(&mut wire, Kind::Text, texts[2].as_bytes(), None, &mut own);
    encode::compressed(&mut wire, Kind::Text, texts[3].as_bytes(), None, &mut own);
    let expected: Vec<Seen> = texts.into_iter().map(Seen::Text).collect();
    assert_eq!(decode_in(&mut decoder, &wire, &[10]), expected);
}

#[test]
fn masked_compressed_frames_of_a_client() {
    let mut deflater = Deflater::new(6, Direction { window_bits: 11, context_takeover: true });
    let payload = sample(3000);
    for len in [0, 1, 100, 3000] {
        let mut wire = b"before".to_vec();
        encode::compressed(&mut wire, Kind::Binary, &payload[..len], Some(KEY), &mut deflater);
        let mut input = &mut wire[6..];
        let (header, _) = Header::decode(input).unwrap().unwrap();
        assert!(header.compressed && header.mask == Some(KEY));
        if len == 0 {
            let mut decoder = server_decoder(true);
            assert_eq!(decoder.next(&mut input), Ok(Some(Item::Binary(b""))));
        }
    }
}

/// The answer of a server with `options` to these header lines, or "" if it declines.
fn answer(offers: &[&str], options: DeflateOptions) -> String {
    let mut request = http::Request::get("/").header("Host", "h").header("Upgrade", "websocket");
    request = request.header("Connection", "Upgrade").header("Sec-WebSocket-Version", "13");
    request = request.header("Sec-WebSocket-Key", "dGhlIHNhbXBsZSBub25jZQ==");
    for offer in offers {
        request = request.header("Sec-WebSocket-Extensions", *offer);
    }
    let options = server::ServerOptions { deflate: Some(options), ..server::ServerOptions::default() };
    let accepted = server::accept(&request.body(()).unwrap(), &options).unwrap();
    let value = accepted.response.headers().get("Sec-WebSocket-Extensions");
    assert_eq!(value.is_some(), accepted.agreed.deflate.is_some());
    value.map_or(String::new(), |value| value.to_str().unwrap().to_owned())
}

#[test]
fn a_server_answers_offers() {
    let ours = DeflateOptions { server_max_window_bits: 12, client_max_window_bits: 11, ..OPEN };
    let table: &[(&[&str], DeflateOptions, &str)] = &[
        (&["permessage-deflate"], OPEN, "permessage-deflate"),
        (&["permessage-deflate; client_max_window_bits"], OPEN, "permessage-deflate"),
        (
            &["permessage-deflate; client_max_window_bits; server_max_window_bits=10"],
            OPEN,
            "permessage-deflate; server_max_window_bits=10",
        ),
        (
            &["permessage-deflate;server_max_window_bits=\"8\";client_max_window_bits=8"],
            OPEN,
            "permessage-deflate; server_max_window_bits=8; client_max_window_bits=8",
        ),
        (
            &["permessage-deflate; server_max_window_bits=15"],
            OPEN,
            "permessage-deflate; server_max_window_bits=15",
        ),
        (
            &["permessage-deflate; server_no_context_takeover; client_no_context_takeover"],
            OPEN,
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            &["permessage-deflate; client_max_window_bits"],
            DeflateOptions::default(),
            "permessage-deflate; server_no_context_takeover; client_no_context_takeover",
        ),
        (
            &["permessage-deflate; client_max_window_bits"],
            ours,
            "permessage-deflate; server_max_window_bits=12; client_max_window_bits=11",
        ),
        // Without client_max_window_bits in the offer, there must be none in the answer.
        (&["permessage-deflate"], ours, "permessage-deflate; server_max_window_bits=12"),
        // Several offers: the first that is good, over commas and lines, whatever stands beside it.
        (
            &["x-webkit-deflate-frame, permessage-deflate; server_max_window_bits=7, permessage-deflate"],
            OPEN,
            "permessage-deflate",
        ),
        (
            &[
                "permessage-deflate; unknown",
                "permessage-bzip2; level=9",
                "permessage-deflate; server_max_window_bits=9",
            ],
            OPEN,
            "permessage-deflate; server_max_window_bits=9",
        ),
        (&[" , permessage-deflate ,,"], OPEN, "permessage-deflate"),
        // Offers that are to be declined (section 7.1).
        (&["permessage-deflate; server_max_window_bits"], OPEN, ""),
        (&["permessage-deflate; server_max_window_bits=16"], OPEN, ""),
        (&["permessage-deflate; server_max_window_bits=7"], OPEN, ""),
        (&["permessage-deflate; server_max_window_bits=08"], OPEN, ""),
        (&["permessage-deflate; server_max_window_bits=10; server_max_window_bits=10"], OPEN, ""),
        (&["permessage-deflate; client_max_window_bits=0"], OPEN, ""),
        (&["permessage-deflate; client_max_window_bits=99999999999999999999"], OPEN, ""),
        (&["permessage-deflate; server_no_context_takeover=1"], OPEN, ""),
        (&["permessage-deflate; client_no_context_takeover; client_no_context_takeover"], OPEN, ""),
        (&["permessage-bzip2"], OPEN, ""),
        (&[], OPEN, ""),
    ];
    for (offers, options, expected) in table {
        assert_eq!(answer(offers, *options), *expected, "{offers:?}");
    }
}

/// Our options, the answer, and what both make of the server's and the client's direction.
type Answer = (DeflateOptions, &'static str, Option<(Direction, Direction)>);

#[test]
fn a_client_checks_the_answer() {
    let eleven = DeflateOptions { server_max_window_bits: 11, client_max_window_bits: 10, ..OPEN };
    let alone = DeflateOptions { server_no_context_takeover: true, ..OPEN };
    let (all, none) = (Direction { window_bits: 15, context_takeover: true }, None);
    let table: &[Answer] = &[
        (OPEN, "permessage-deflate", Some((all, all))),
        (
            OPEN,
            "permessage-deflate; server_max_window_bits=9; client_max_window_bits=8; client_no_context_takeover",
            Some((
                Direction { window_bits: 9, context_takeover: true },
                Direction { window_bits: 8, context_takeover: false },
            )),
        ),
        (
            eleven,
            "permessage-deflate; server_max_window_bits=11",
            Some((
                Direction { window_bits: 11, context_takeover: true },
                Direction { window_bits: 10, context_takeover: true },
            )),
        ),
        (eleven, "permessage-deflate; server_max_window_bits=12", none),
        (eleven, "permessage-deflate", none),
        (alone, "permessage-deflate", none),
        (
            alone,
            "permessage-deflate; server_no_context_takeover",
            Some((Direction { window_bits: 15, context_takeover: false }, all)),
        ),
        (OPEN, "permessage-deflate; client_max_window_bits", none),
        (OPEN, "permessage-deflate; client_max_window_bits=16", none),
        (OPEN, "permessage-deflate; surprise", none),
        (OPEN, "permessage-deflate; server_no_context_takeover; server_no_context_takeover", none),
        (OPEN, "permessage-deflate, permessage-deflate", none),
        (OPEN, "permessage-bzip2", none),
    ];
    for (deflate, answer, expected) in table {
        let response =
            http::Response::builder().header("Sec-WebSocket-Extensions", *answer).body(()).unwrap();
        let options = client::ClientOptions { deflate: Some(*deflate), ..client::ClientOptions::default() };
        let confirmed = client::confirm_connect(&response, &options);
        let params =
            confirmed.ok().and_then(|agreed| agreed.deflate).map(|params| (params.server, params.client));
        assert_eq!(params, *expected, "{answer}");
    }
    let response =
        http::Response::builder().header("Sec-WebSocket-Extensions", "permessage-deflate").body(()).unwrap();
    let refused = client::confirm_connect(&response, &client::ClientOptions::default());
    assert_eq!(refused, Err(client::InvalidResponse::Extensions), "it was not offered");
}
