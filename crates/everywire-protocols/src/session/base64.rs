//! Bytes spelled as text, as JavaScript clients do it.

use base64::Engine as _;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Written with padding, read with or without.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// How long bytes are when they are spelled.
pub(crate) fn length(bytes: usize) -> usize {
    bytes.div_ceil(3) * 4
}

/// Appends bytes, spelled.
pub(crate) fn append(bytes: &[u8], out: &mut Vec<u8>) {
    let start = out.len();
    out.resize(start + length(bytes.len()), 0);
    let written = BASE64.encode_slice(bytes, &mut out[start..]).expect("there is just the room");
    debug_assert_eq!(start + written, out.len());
}

/// The bytes that a text spells.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64.decode(text).ok()
}
