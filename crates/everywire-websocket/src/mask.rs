//! Masking (RFC 6455, section 5.3): the payload of every frame a client sends is XORed with a four-byte key.
//!
//! Sixteen bytes at a time and without an alignment prologue: unaligned loads cost nothing on today's cores, and
//! the compiler widens this loop to whatever vectors the target has.

/// Masks or unmasks `payload` in place (the operation is its own inverse).
///
/// `key` applies to `payload[0]` first; for a payload that continues an earlier part, rotate it with [`advance`].
#[inline]
pub fn apply(payload: &mut [u8], key: [u8; 4]) {
    // Some clients that trust their transport send the key 0, which changes nothing.
    if key == [0; 4] {
        return;
    }
    let word = u32::from_ne_bytes(key);
    let wide = u128::from(word) * 0x0000_0001_0000_0001_0000_0001_0000_0001;
    let (blocks, rest) = payload.as_chunks_mut::<16>();
    for block in blocks {
        *block = (u128::from_ne_bytes(*block) ^ wide).to_ne_bytes();
    }
    let (words, rest) = rest.as_chunks_mut::<4>();
    for bytes in words {
        *bytes = (u32::from_ne_bytes(*bytes) ^ word).to_ne_bytes();
    }
    for (byte, key) in rest.iter_mut().zip(key) {
        *byte ^= key;
    }
}

/// The key as it applies to the byte `done` bytes further on.
#[inline]
pub fn advance(mut key: [u8; 4], done: usize) -> [u8; 4] {
    key.rotate_left(done % 4);
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_length_offset_and_split_agrees_with_the_definition() {
        let key = [0x37, 0xfa, 0x21, 0x3d];
        let source: Vec<u8> = (0..=255).cycle().take(400).map(|byte: u8| byte.wrapping_mul(31)).collect();
        for start in 0..17 {
            for len in 0..100 {
                let plain = &source[start..start + len];
                let expected: Vec<u8> = plain.iter().enumerate().map(|(i, byte)| byte ^ key[i % 4]).collect();
                let mut whole = source.clone();
                apply(&mut whole[start..start + len], key);
                assert_eq!(&whole[start..start + len], expected, "start {start}, length {len}");
                assert_eq!(&whole[..start], &source[..start]);
                assert_eq!(&whole[start + len..], &source[start + len..]);

                let split = len / 3;
                let mut parts = plain.to_vec();
                apply(&mut parts[..split], key);
                apply(&mut parts[split..], advance(key, split));
                assert_eq!(parts, expected);
            }
        }
    }

    #[test]
    fn zero_key_changes_nothing() {
        let mut payload = *b"left as it is";
        apply(&mut payload, [0; 4]);
        assert_eq!(&payload, b"left as it is");
    }
}
