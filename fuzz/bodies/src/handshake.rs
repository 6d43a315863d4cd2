//! The opening handshake: any head is answered or refused, and both sides of an accepted one agree.

use everywire_websocket::handshake::{accept_key, client, server};
use everywire_websocket::{Agreed, DeflateOptions, DeflateParams};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, StatusCode, Uri, Version};

const NONCE: [u8; 16] = *b"the sample nonce";
const SUBPROTOCOLS: [&str; 2] = ["chat", "superchat"];

/// `[ours, theirs, head…]`: what server and client want of permessage-deflate, and header lines.
pub fn handshake(data: &[u8]) {
    let [ours, theirs, head @ ..] = data else { return };
    let server = server::ServerOptions {
        subprotocols: SUBPROTOCOLS.map(String::from).into(),
        deflate: deflate(*ours),
    };
    let client = client::ClientOptions {
        subprotocols: SUBPROTOCOLS.map(String::from).into(),
        deflate: deflate(*theirs),
        headers: HeaderMap::new(),
    };
    any_head(headers(head), &server, &client);
    both_sides(&server, &client);
}

/// The same lines as a request's head over HTTP/1.1 and HTTP/2, and as the head of an answer.
fn any_head(headers: HeaderMap, server: &server::ServerOptions, client: &client::ClientOptions) {
    let mut request = Request::new(());
    *request.headers_mut() = headers.clone();
    if let Ok(accepted) = server::accept(&request, server) {
        assert_eq!(accepted.response.status(), StatusCode::SWITCHING_PROTOCOLS);
        check(&accepted.agreed);
    }
    *request.method_mut() = Method::CONNECT;
    *request.version_mut() = Version::HTTP_2;
    if let Ok(accepted) = server::accept_connect(&request, Some("websocket"), server) {
        assert_eq!(accepted.response.status(), StatusCode::OK);
        check(&accepted.agreed);
    }

    let mut response = Response::new(());
    *response.headers_mut() = headers;
    if let Ok(agreed) = client::confirm_connect(&response, client) {
        check(&agreed);
        assert!(agreed.deflate.is_none() || client.deflate.is_some(), "agreed to what was not offered");
    }
    *response.status_mut() = StatusCode::SWITCHING_PROTOCOLS;
    if let Ok(agreed) = client::confirm(&response, NONCE, client) {
        check(&agreed);
    }
}

/// Our client's request is accepted by our server, and what the two then hold agreed is the same.
fn both_sides(server: &server::ServerOptions, client: &client::ClientOptions) {
    let uri = Uri::from_static("ws://example.com/chat");
    let request = client::request(&uri, NONCE, client).expect("a fixed address and tokens");
    assert_eq!(accept_key(request.headers()["sec-websocket-key"].as_bytes()).len(), 28);
    let accepted = server::accept(&request, server).expect("our own request");
    assert_eq!(client::confirm(&accepted.response, NONCE, client).as_ref(), Ok(&accepted.agreed));

    let request = client::connect_request(&uri, client).expect("a fixed address and tokens");
    let accepted = server::accept_connect(&request, Some("websocket"), server).expect("our own request");
    assert_eq!(client::confirm_connect(&accepted.response, client).as_ref(), Ok(&accepted.agreed));
}

fn check(agreed: &Agreed) {
    if let Some(subprotocol) = &agreed.subprotocol {
        assert!(SUBPROTOCOLS.contains(&subprotocol.as_str()), "agreed on {subprotocol}");
    }
    if let Some(DeflateParams { server, client }) = agreed.deflate {
        assert!((8..=15).contains(&server.window_bits) && (8..=15).contains(&client.window_bits));
    }
}

fn deflate(setting: u8) -> Option<DeflateOptions> {
    (setting & 1 != 0).then(|| DeflateOptions {
        server_no_context_takeover: setting & 2 != 0,
        client_no_context_takeover: setting & 4 != 0,
        server_max_window_bits: 8 + (setting >> 3 & 7),
        client_max_window_bits: 15 - (setting >> 5),
    })
}

/// Lines of `name: value`; what no HTTP parser would let through is left out.
fn headers(head: &[u8]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for line in head.split(|byte| *byte == b'\n') {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    headers
}
