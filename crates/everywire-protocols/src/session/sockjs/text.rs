//! Strings as SockJS spells them: JSON, with all escaped that some browser, proxy or parser of JavaScript trips over
//! (sockjs-node 0.3.24, `utils.js`).

use everywire_core::payload::json::stops_in;
use memchr::memmem;

/// Appends a text in its quotes, as the server of the reference does: short escapes where JSON has them, and `\uxxxx` for
/// other controls, joiners, direction marks, separators, specials, and both halves of what lies beyond the BMP.
pub(super) fn quote(text: &str, out: &mut Vec<u8>) {
    out.push(b'"');
    inside(text, out);
    out.push(b'"');
}

/// The same without the quotes.
pub(super) fn inside(text: &str, out: &mut Vec<u8>) {
    let mut rest = text;
    loop {
        let plain = plain_bytes(rest.as_bytes());
        out.extend_from_slice(&rest.as_bytes()[..plain]);
        // What stops a run is ASCII, or begins a character.
        let mut chars = rest[plain..].chars();
        let Some(char) = chars.next() else { return };
        escaped(char, out);
        rest = chars.as_str();
    }
}

/// The same of a text that `write` appends. Bytes that are no text become U+FFFD.
pub(super) fn written_inside(write: &mut dyn FnMut(&mut Vec<u8>), out: &mut Vec<u8>) {
    let start = out.len();
    write(out);
    let plain = start + plain_bytes(&out[start..]);
    if plain < out.len() {
        let rest = out.split_off(plain);
        inside(&String::from_utf8_lossy(&rest), out);
    }
}

/// Whether a client's text stands in its quotes as it is.
pub(super) fn is_plain(text: &str) -> bool {
    plain_bytes(text.as_bytes()) == text.len()
}

/// How many bytes come before one that is looked at more closely: a control, a quote, a backslash, or no ASCII.
fn plain_bytes(bytes: &[u8]) -> usize {
    const NO_ASCII: u64 = u64::MAX / 255 * 0x80;
    let (words, _) = bytes.as_chunks::<8>();
    let stops = |word: u64| (stops_in(word) | word & NO_ASCII) != 0;
    let whole = words.iter().position(|word| stops(u64::from_le_bytes(*word))).unwrap_or(words.len());
    let start = whole * 8;
    let stops = |byte: &u8| *byte < b' ' || *byte >= 0x80 || matches!(byte, b'"' | b'\\');
    start + bytes[start..].iter().position(stops).unwrap_or(bytes.len() - start)
}

fn escaped(char: char, out: &mut Vec<u8>) {
    let short = match char {
        '"' | '\\' => char as u8,
        '\u{8}' => b'b',
        '\t' => b't',
        '\n' => b'n',
        '\u{c}' => b'f',
        '\r' => b'r',
        '\0'..='\u{1f}'
        | '\u{200c}'..='\u{200f}'
        | '\u{2028}'..='\u{202f}'
        | '\u{2060}'..='\u{206f}'
        | '\u{fff0}'..='\u{10ffff}' => {
            for unit in char.encode_utf16(&mut [0; 2]) {
                unit_escaped(*unit, out);
            }
            return;
        }
        _ => return out.extend_from_slice(char.encode_utf8(&mut [0; 4]).as_bytes()),
    };
    out.extend_from_slice(&[b'\\', short]);
}

fn unit_escaped(unit: u16, out: &mut Vec<u8>) {
    let digit = |shift: u16| b"0123456789abcdef"[usize::from(unit >> shift & 0xf)];
    out.extend_from_slice(&[b'\\', b'u', digit(12), digit(8), digit(4), digit(0)]);
}

/// Quotes a frame for a place within a script: what could end the script, or a line of it, is escaped too. JavaScript reads
/// the same.
pub(super) fn quote_for_script(frame: &str, out: &mut Vec<u8>) {
    let start = out.len();
    quote(frame, out);
    for (bracket, escape) in [(b"<", b"\\u003c"), (b">", b"\\u003e")] {
        if memmem::find(&out[start..], bracket).is_some() {
            let quoted = out.split_off(start);
            for byte in quoted {
                if byte == bracket[0] { out.extend_from_slice(escape) } else { out.push(byte) }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn quoted(text: &str) -> String {
        let mut out = Vec::new();
        quote(text, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_table_of_the_reference() {
        // Every unit that is escaped, and none beside.
        for char in (0..=0xffff_u32).filter_map(char::from_u32) {
            let is_in = |ranges: &[(u32, u32)]| {
                ranges.iter().any(|(first, last)| (*first..=*last).contains(&u32::from(char)))
            };
            let expected = match char {
                '"' => "\"\\\"\"".to_owned(),
                '\\' => "\"\\\\\"".to_owned(),
                '\u{8}' => "\"\\b\"".to_owned(),
                '\t' => "\"\\t\"".to_owned(),
                '\n' => "\"\\n\"".to_owned(),
                '\u{c}' => "\"\\f\"".to_owned(),
                '\r' => "\"\\r\"".to_owned(),
                _ if is_in(&[
                    (0, 0x1f),
                    (0x200c, 0x200f),
                    (0x2028, 0x202f),
                    (0x2060, 0x206f),
                    (0xfff0, 0xffff),
                ]) =>
                {
                    format!("\"\\u{:04x}\"", u32::from(char))
                }
                _ => format!("\"{char}\""),
            };
            assert_eq!(quoted(&char.to_string()), expected);
        }
        assert_eq!(quoted("a😀b"), "\"a\\ud83d\\ude00b\"");
        assert_eq!(quoted("\u{10ffff}"), "\"\\udbff\\udfff\"");
        assert_eq!(quoted("/<\u{7f}\u{feff}é"), "\"/<\u{7f}\u{feff}é\"");
    }

    #[test]
    fn a_script_cannot_be_ended() {
        let mut out = b"p(".to_vec();
        quote_for_script("a[\"</script><!--\u{2028}\"]", &mut out);
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "p(\"a[\\\"\\u003c/script\\u003e\\u003c!--\\u2028\\\"]\""
        );
    }

    proptest! {
        #[test]
        fn every_parser_reads_the_same(text in any::<String>()) {
            prop_assert_eq!(&serde_json::from_str::<String>(&quoted(&text)).unwrap(), &text);
            let mut out = Vec::new();
            quote_for_script(&text, &mut out);
            prop_assert!(!out.contains(&b'<') && !out.contains(&b'>'));
            prop_assert_eq!(&serde_json::from_slice::<String>(&out).unwrap(), &text);
            let mut written = b"\"".to_vec();
            written_inside(&mut |out| out.extend_from_slice(text.as_bytes()), &mut written);
            prop_assert_eq!(String::from_utf8(written).unwrap() + "\"", quoted(&text));
        }
    }
}
