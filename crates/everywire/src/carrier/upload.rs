//! Bodies of requests: read whole, within a bound and a time.

use std::fmt;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderValue, Response, StatusCode, header};
use http_body_util::BodyExt;

use super::body::Body;

/// Why a body could not be read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Fault {
    #[error("the body has more than {0} bytes")]
    TooLarge(usize),
    #[error("the body did not come within {0:?}")]
    TooSlow(Duration),
    #[error("bodies of this session that are on their way have more than {0} bytes together")]
    TooMany(usize),
    #[error("the body broke off: {0}")]
    Broken(String),
}

impl Fault {
    pub(crate) fn status(&self) -> StatusCode {
        match self {
            Self::TooLarge(_) => StatusCode::PAYLOAD_TOO_LARGE,
            Self::TooMany(_) => StatusCode::TOO_MANY_REQUESTS,
            Self::TooSlow(_) => StatusCode::REQUEST_TIMEOUT,
            Self::Broken(_) => StatusCode::BAD_REQUEST,
        }
    }

    /// The answer to who sent it: a status, without words.
    pub(crate) fn response(&self) -> Response<Body> {
        let mut response = Response::new(Body::empty());
        *response.status_mut() = self.status();
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain"));
        response
    }
}

/// Reads a whole body, as far as it may go; nothing is reserved by a length that the peer wrote.
pub(crate) async fn read<B>(body: B, most: usize, within: Duration) -> Result<Bytes, Fault>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    read_counted(body, most, within, |_| Ok(())).await
}

/// The same of one of several at once: `count` hears of the bytes that have come, and may not want them.
pub(crate) async fn read_counted<B>(
    body: B,
    most: usize,
    within: Duration,
    count: impl FnMut(usize) -> Result<(), Fault>,
) -> Result<Bytes, Fault>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let all = tokio::time::timeout(within, all(body, most, most, count));
    let all = all.await.map_err(|_| Fault::TooSlow(within))??;
    Ok(all.unwrap_or_default())
}

/// The same of a body of which nobody wants to know if it has more than `kept` bytes: it is none then, and was thrown away.
pub(crate) async fn read_short<B>(
    body: B,
    kept: usize,
    most: usize,
    within: Duration,
) -> Result<Option<Bytes>, Fault>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let all = tokio::time::timeout(within, all(body, kept, most, |_| Ok(())));
    all.await.map_err(|_| Fault::TooSlow(within))?
}

async fn all<B>(
    mut body: B,
    kept: usize,
    most: usize,
    mut count: impl FnMut(usize) -> Result<(), Fault>,
) -> Result<Option<Bytes>, Fault>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let (mut all, mut len) = (Some(BytesMut::new()), 0);
    while let Some(frame) = body.frame().await {
        let frame = frame.map_err(|error| Fault::Broken(error.to_string()))?;
        if let Ok(data) = frame.into_data() {
            count(data.len())?;
            len += data.len();
            if len > most {
                return Err(Fault::TooLarge(most));
            }
            if len > kept {
                all = None;
            }
            if let Some(all) = &mut all {
                all.extend_from_slice(&data);
            }
        }
    }
    Ok(all.map(BytesMut::freeze))
}
