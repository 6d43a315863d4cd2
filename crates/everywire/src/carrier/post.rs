//! Publishing by plain HTTP: `POST /pub/{room}`, with the event's name in the query.

use std::fmt;
use std::sync::Arc;

use bytes::Bytes;
use everywire_core::{Class, Payload, PayloadRef, RoomKey, Target, Verb};
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, header};

use super::body::Body;
use super::request::query_values;
use super::service::{Arrival, plain};
use super::{guard, upload};
use crate::app::AppState;

/// Publishes a request's body in the room that its path names.
///
/// The event is the query's `event`, `message` if there is none. The body is JSON where its type says so, text
/// where it says that, and bytes otherwise; without a type it is JSON if it can be, else text, else bytes.
pub(crate) async fn publish<B>(app: &Arc<AppState>, arrival: Arrival, body: B) -> Response<Body>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    let mut response = match try_publish(app, &arrival, body).await {
        Ok(offset) => {
            let mut response = Response::new(Body::whole(format!("{{\"offset\":\"{offset}\"}}\n")));
            let json = HeaderValue::from_static("application/json");
            response.headers_mut().insert(header::CONTENT_TYPE, json);
            response
        }
        Err((status, text)) => {
            tracing::warn!(peer = %arrival.peer, status = status.as_u16(), "{text}");
            let mut response = plain(status, &text);
            if status == StatusCode::METHOD_NOT_ALLOWED {
                response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("POST, OPTIONS"));
            }
            response
        }
    };
    guard::allow_reading(&arrival.head, response.headers_mut());
    response
}

async fn try_publish<B>(
    app: &Arc<AppState>,
    arrival: &Arrival,
    body: B,
) -> Result<crate::Offset, (StatusCode, String)>
where
    B: http_body::Body<Data = Bytes> + Unpin,
    B::Error: fmt::Display,
{
    if arrival.head.method() != Method::POST {
        return Err((StatusCode::METHOD_NOT_ALLOWED, "publish with POST".into()));
    }
    let Some(room) = &arrival.room else {
        return Err((StatusCode::NOT_FOUND, "the path names no room".into()));
    };
    if !app.allows(&arrival.identity, room, Verb::Publish) {
        return Err((StatusCode::FORBIDDEN, format!("you may not publish to the room {room:?}")));
    }
    let options = &app.options;
    let body = upload::read(body, options.message_bytes, options.handshake_timeout)
        .await
        .map_err(|fault| (fault.status(), fault.to_string()))?;
    let payload = payload(arrival.head.headers(), &body)
        .map_err(|error| (StatusCode::BAD_REQUEST, format!("the body cannot be published: {error}")))?;
    let event = query_values(arrival.head.uri().query(), "event").next();
    let event = event.map_or(everywire_core::Name::MESSAGE, |event| event.into_owned().into());
    let namespace = app.hub.namespace(&arrival.namespace);
    let target = Target::room(RoomKey::Named(room.clone()));
    namespace.publish(None, target, event, payload, Class::Event).await.map_err(|error| match error {
        crate::PublishError::Refused(refused) => (StatusCode::BAD_REQUEST, refused.to_string()),
        crate::PublishError::Broker(error) => (StatusCode::SERVICE_UNAVAILABLE, error.to_string()),
    })
}

fn payload(headers: &HeaderMap, body: &Bytes) -> Result<Payload, String> {
    let kind = headers.get(header::CONTENT_TYPE).and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    let kind = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    let text = || std::str::from_utf8(body).map_err(|error| error.to_string());
    let json =
        |text: &str| PayloadRef::json_value(text).map(PayloadRef::into_owned).map_err(|e| e.to_string());
    match kind.as_str() {
        "application/json" => json(text()?),
        // What `curl -d` and HTML forms send without being asked says nothing about the body.
        "" | "application/x-www-form-urlencoded" => Ok(match text() {
            Ok(text) => json(text).unwrap_or_else(|_| Payload::text(text.to_owned())),
            Err(_) => Payload::binary(body.clone()),
        }),
        kind if kind.starts_with("text/") => Ok(Payload::text(text()?.to_owned())),
        _ => Ok(Payload::binary(body.clone())),
    }
}

/// Answers a browser that asks whether a page of an allowed origin may publish.
pub(crate) fn preflight(request: &Request<()>) -> Response<Body> {
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, HeaderValue::from_static("POST"));
    headers.insert(
        header::ACCESS_CONTROL_ALLOW_HEADERS,
        HeaderValue::from_static("authorization, content-type"),
    );
    guard::allow_reading(request, headers);
    response
}
