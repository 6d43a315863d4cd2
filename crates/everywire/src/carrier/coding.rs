//! Bodies of responses, compressed for clients that can read that.

use std::io::Write as _;

use http::{HeaderMap, header};

/// How a body is compressed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Coding {
    Gzip,
    Deflate,
}

impl Coding {
    /// The first that the client can read (RFC 9110, section 12.5.3); none where it says that it wants none.
    pub(super) fn of(headers: &HeaderMap) -> Option<Self> {
        let accepted = headers.get(header::ACCEPT_ENCODING)?.to_str().ok()?;
        accepted.split(',').find_map(|part| {
            let (name, parameters) = part.split_once(';').unwrap_or((part, ""));
            let refused = parameters.trim().strip_prefix("q=").is_some_and(|q| q.parse() == Ok(0.0));
            match name.trim().to_ascii_lowercase().as_str() {
                "gzip" if !refused => Some(Self::Gzip),
                "deflate" if !refused => Some(Self::Deflate),
                _ => None,
            }
        })
    }

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Deflate => "deflate",
        }
    }

    pub(super) fn encode(self, body: &[u8]) -> Option<Vec<u8>> {
        use flate2::Compression;
        use flate2::write::{GzEncoder, ZlibEncoder};
        // A `Vec` takes every write; and what could not be compressed may go as it is.
        match self {
            Self::Gzip => {
                let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body).ok()?;
                encoder.finish().ok()
            }
            Self::Deflate => {
                let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
                encoder.write_all(body).ok()?;
                encoder.finish().ok()
            }
        }
    }
}
