//! Opening a connection as a client, over HTTP/1.1.

use std::io::{self, ErrorKind};

use http::{HeaderName, HeaderValue, Request, Response, StatusCode, Uri, Version};
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};

use super::{StreamOptions, WebSocket};
use crate::{
    Agreed, Role,
    handshake::client::{ClientOptions, InvalidRequest, InvalidResponse, confirm, request},
};

/// Header lines of a response that are accepted (Apache and hyper: 100).
const MAX_HEADERS: usize = 100;

/// Opens a WebSocket over `io`, a TCP or TLS stream to the host of `uri`: sends the upgrade request and checks the
/// answer to it.
///
/// It has no time limit of its own: wrap it in `tokio::time::timeout`, together with the making of `io`.
///
/// ```no_run
/// use everywire_websocket::stream::{StreamOptions, connect};
///
/// # async fn example() -> Result<(), Box<dyn std::error::Error>> {
/// let tcp = tokio::net::TcpStream::connect("localhost:8000").await?;
/// let uri = "ws://localhost:8000/ws".parse()?;
/// let (mut socket, agreed) = connect(tcp, &uri, &Default::default(), StreamOptions::default()).await?;
/// socket.send("hello").await?;
/// println!("{:?}, with {agreed:?}", socket.recv().await?);
/// # Ok(())
/// # }
/// ```
///
/// # Errors
///
/// See [`ConnectError`].
pub async fn connect<S: AsyncRead + AsyncWrite + Unpin>(
    mut io: S,
    uri: &Uri,
    client: &ClientOptions,
    options: StreamOptions,
) -> Result<(WebSocket<S>, Agreed), ConnectError> {
    let mut nonce = [0; 16];
    getrandom::fill(&mut nonce).map_err(|error| ConnectError::Io(io::Error::other(error)))?;
    let request = request(uri, nonce, client).map_err(ConnectError::Request)?;
    io.write_all(&encode(&request)).await?;
    io.flush().await?;
    let (response, leftover) = read_head(&mut io, options.response_head).await?;
    let agreed = confirm(&response, nonce, client).map_err(ConnectError::Response)?;
    let socket = WebSocket::new(io, Role::Client, &agreed, &leftover, options);
    Ok((socket, agreed))
}

fn encode(request: &Request<()>) -> Vec<u8> {
    let mut head = format!("GET {} HTTP/1.1\r\n", request.uri()).into_bytes();
    for (name, value) in request.headers() {
        head.extend_from_slice(name.as_str().as_bytes());
        head.extend_from_slice(b": ");
        head.extend_from_slice(value.as_bytes());
        head.extend_from_slice(b"\r\n");
    }
    head.extend_from_slice(b"\r\n");
    head
}

/// The response's head, and what was read behind it.
async fn read_head<S: AsyncRead + Unpin>(
    io: &mut S,
    limit: usize,
) -> Result<(Response<()>, Vec<u8>), ConnectError> {
    let mut bytes = Vec::new();
    let mut piece = [0; 2048];
    let end = loop {
        let count = io.read(&mut piece).await?;
        if count == 0 {
            return Err(io::Error::from(ErrorKind::UnexpectedEof).into());
        }
        // Only the new bytes, and three before them, can complete the blank line: a head that comes byte by byte
        // costs no more (CVE-2023-43669).
        let start = bytes.len().saturating_sub(3);
        bytes.extend_from_slice(&piece[..count]);
        match bytes[start..].windows(4).position(|window| window == b"\r\n\r\n") {
            Some(at) if start + at + 4 <= limit => break start + at + 4,
            None if bytes.len() <= limit => {}
            _ => return Err(ConnectError::HeadTooLarge { limit }),
        }
    };
    let leftover = bytes.split_off(end);
    Ok((decode(&bytes).ok_or(ConnectError::HeadMalformed)?, leftover))
}

fn decode(head: &[u8]) -> Option<Response<()>> {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut parsed = httparse::Response::new(&mut headers);
    if !parsed.parse(head).ok()?.is_complete() || parsed.version != Some(1) {
        return None;
    }
    let mut response = Response::new(());
    *response.version_mut() = Version::HTTP_11;
    *response.status_mut() = StatusCode::from_u16(parsed.code?).ok()?;
    for header in parsed.headers.iter() {
        let name = HeaderName::from_bytes(header.name.as_bytes()).ok()?;
        response.headers_mut().append(name, HeaderValue::from_bytes(header.value).ok()?);
    }
    Some(response)
}

/// Why no connection was opened.
#[derive(Debug)]
#[non_exhaustive]
pub enum ConnectError {
    /// The stream failed, or ended before the answer was complete.
    Io(io::Error),
    /// The caller's URI or options make no request.
    Request(InvalidRequest),
    /// The server did not open a WebSocket, or not as the protocol demands.
    Response(InvalidResponse),
    /// The head of the answer is longer than [`StreamOptions::response_head`].
    HeadTooLarge {
        /// The limit in bytes.
        limit: usize,
    },
    /// The answer is not HTTP/1.1, or has more than 100 header lines.
    HeadMalformed,
}

impl std::fmt::Display for ConnectError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Io(error) => write!(f, "the connection failed during the WebSocket handshake: {error}"),
            Self::Request(error) => error.fmt(f),
            Self::Response(error) => error.fmt(f),
            Self::HeadTooLarge { limit } => {
                write!(f, "the head of the server's answer exceeds {limit} bytes")
            }
            Self::HeadMalformed => f.write_str("the server's answer is not HTTP/1.1"),
        }
    }
}

impl std::error::Error for ConnectError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Io(error) => Some(error),
            Self::Request(error) => Some(error),
            Self::Response(error) => Some(error),
            Self::HeadTooLarge { .. } | Self::HeadMalformed => None,
        }
    }
}

impl From<io::Error> for ConnectError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}
