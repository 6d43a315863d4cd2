//! Speaks by requests, for who hears by responses that go on. At most one request is on its way, and what is said meanwhile
//! waits and goes with the next one, all together: so do the clients (`BufferedSender` of sockjs-client).

use std::io::{ErrorKind, Read};
use std::mem;

use anyhow::{Result, bail, ensure};
use mio::net::TcpStream;

use super::socket::Socket;

/// Longest head of an answer.
const MAX_HEAD: usize = 4096;

#[derive(Debug)]
pub(super) struct Poster {
    socket: Socket,
    /// A request up to the length of its body.
    head: Vec<u8>,
    outbox: Outbox,
    /// The beginning of an answer.
    partial: Vec<u8>,
}

/// What there is to be said: texts, each with a comma behind it.
#[derive(Debug, Default)]
struct Outbox {
    waiting: Vec<u8>,
    on_its_way: bool,
}

impl Poster {
    pub(super) fn new(stream: TcpStream, head: Vec<u8>) -> Self {
        Self { socket: Socket::new(stream), head, outbox: Outbox::default(), partial: Vec::new() }
    }

    /// Says these texts, at once or with the next request.
    pub(super) fn send(&mut self, texts: &[u8]) -> Result<()> {
        self.outbox.waiting.extend_from_slice(texts);
        self.post()
    }

    fn post(&mut self) -> Result<()> {
        match self.outbox.next(&self.head) {
            Some(request) => self.socket.send(&request),
            None => Ok(()),
        }
    }

    pub(super) fn flush(&mut self) -> Result<()> {
        self.socket.flush()
    }

    /// Reads the answer, if it is there, and asks again if there is anything to say.
    pub(super) fn read(&mut self) -> Result<()> {
        let mut some = [0; 1024];
        loop {
            match self.socket.stream.read(&mut some) {
                Ok(0) => bail!("closed by the peer"),
                Ok(n) => self.partial.extend_from_slice(&some[..n]),
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) => return Err(error.into()),
            }
            if is_answer(&self.partial)? {
                ensure!(mem::take(&mut self.outbox.on_its_way), "an answer to nothing");
                self.partial.clear();
                self.post()?;
            }
        }
    }
}

impl Outbox {
    /// The next request, unless there is nothing to say or one is on its way.
    fn next(&mut self, head: &[u8]) -> Option<Vec<u8>> {
        if self.on_its_way || self.waiting.is_empty() {
            return None;
        }
        let texts = mem::take(&mut self.waiting);
        // The brackets instead of the last comma.
        let length = (texts.len() + 1).to_string();
        self.on_its_way = true;
        Some([head, length.as_bytes(), b"\r\n\r\n[", &texts[..texts.len() - 1], b"]"].concat())
    }
}

/// Whether this is a whole answer, which has no body.
fn is_answer(bytes: &[u8]) -> Result<bool> {
    let Some(end) = memchr::memmem::find(bytes, b"\r\n\r\n") else {
        ensure!(bytes.len() < MAX_HEAD, "no end of the response head in {MAX_HEAD} bytes");
        return Ok(false);
    };
    let head = String::from_utf8_lossy(&bytes[..end]);
    ensure!(head.starts_with("HTTP/1.1 204 "), "a request was refused:\n{head}");
    ensure!(bytes.len() == end + 4, "bytes behind an answer without a body:\n{head}");
    Ok(true)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_request_is_on_its_way_and_the_next_has_all_that_waits() {
        const HEAD: &[u8] = b"POST / HTTP/1.1\r\nContent-Length: ";
        let mut outbox = Outbox::default();
        let say = |outbox: &mut Outbox, texts: &[u8]| {
            outbox.waiting.extend_from_slice(texts);
            outbox.next(HEAD).map(|request| String::from_utf8(request).unwrap())
        };
        let request = |body: &str| format!("POST / HTTP/1.1\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        assert_eq!(say(&mut outbox, b""), None);
        assert_eq!(say(&mut outbox, b"\"a\","), Some(request(r#"["a"]"#)));
        assert_eq!(say(&mut outbox, b"\"b\",\"c\","), None);
        assert_eq!(say(&mut outbox, b"\"d\","), None);
        outbox.on_its_way = false;
        assert_eq!(say(&mut outbox, b""), Some(request(r#"["b","c","d"]"#)));
        outbox.on_its_way = false;
        assert_eq!(say(&mut outbox, b""), None);
    }

    #[test]
    fn an_answer_is_a_head_and_nothing_else() {
        const ANSWER: &[u8] = b"HTTP/1.1 204 No Content\r\ncontent-type: text/plain\r\n\r\n";
        for cut in 0..ANSWER.len() {
            assert!(!is_answer(&ANSWER[..cut]).unwrap());
        }
        assert!(is_answer(ANSWER).unwrap());
        assert!(is_answer(&[ANSWER, b"x"].concat()).is_err());
        assert!(is_answer(b"HTTP/1.1 404 Not Found\r\n\r\n").is_err());
        assert!(is_answer(&[b'x'; MAX_HEAD]).is_err());
    }
}
