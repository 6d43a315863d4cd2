//! `Sec-WebSocket-Extensions` (RFC 6455, section 9.1): one pass, no backtracking.

use http::{HeaderMap, header::SEC_WEBSOCKET_EXTENSIONS};

use super::{Malformed, is_token_byte};

/// One offer, or one answer.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Extension<'a> {
    pub(crate) name: &'a str,
    pub(crate) params: Vec<Param<'a>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Param<'a> {
    pub(crate) name: &'a str,
    pub(crate) value: Option<&'a str>,
}

/// All extensions of all lines of the header, in order.
pub(super) fn read(headers: &HeaderMap) -> Result<Vec<Extension<'_>>, Malformed> {
    let mut extensions = Vec::new();
    for value in headers.get_all(SEC_WEBSOCKET_EXTENSIONS) {
        let mut scanner = Scanner { rest: value.to_str().map_err(|_| Malformed)? };
        loop {
            scanner.skip_space();
            if scanner.take(b',') {
                continue;
            }
            if scanner.rest.is_empty() {
                break;
            }
            extensions.push(scanner.extension()?);
            scanner.skip_space();
            if !scanner.rest.is_empty() && !scanner.take(b',') {
                return Err(Malformed);
            }
        }
    }
    Ok(extensions)
}

struct Scanner<'a> {
    rest: &'a str,
}

impl<'a> Scanner<'a> {
    fn extension(&mut self) -> Result<Extension<'a>, Malformed> {
        let name = self.token()?;
        let mut params = Vec::new();
        loop {
            self.skip_space();
            if !self.take(b';') {
                return Ok(Extension { name, params });
            }
            self.skip_space();
            let name = self.token()?;
            self.skip_space();
            let value = if self.take(b'=') {
                self.skip_space();
                Some(self.value()?)
            } else {
                None
            };
            params.push(Param { name, value });
        }
    }

    /// A token, or a token in quotes: the grammar allows no other quoted string.
    fn value(&mut self) -> Result<&'a str, Malformed> {
        if !self.take(b'"') {
            return self.token();
        }
        let value = self.token()?;
        if self.take(b'"') { Ok(value) } else { Err(Malformed) }
    }

    fn token(&mut self) -> Result<&'a str, Malformed> {
        let end = self.rest.bytes().position(|byte| !is_token_byte(byte)).unwrap_or(self.rest.len());
        let (token, rest) = self.rest.split_at(end);
        self.rest = rest;
        if token.is_empty() { Err(Malformed) } else { Ok(token) }
    }

    fn take(&mut self, byte: u8) -> bool {
        let found = self.rest.as_bytes().first() == Some(&byte);
        if found {
            self.rest = &self.rest[1..];
        }
        found
    }

    fn skip_space(&mut self) {
        self.rest = self.rest.trim_start_matches([' ', '\t']);
    }
}
