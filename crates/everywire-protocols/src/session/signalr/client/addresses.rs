//! The addresses of a hub, made from its own.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use super::super::negotiate::NegotiateRequest;

/// What stays as it is in a part of a query: as JavaScript's `encodeURIComponent` has it.
const COMPONENT: &AsciiSet = &NON_ALPHANUMERIC
    .remove(b'-')
    .remove(b'_')
    .remove(b'.')
    .remove(b'!')
    .remove(b'~')
    .remove(b'*')
    .remove(b'\'')
    .remove(b'(')
    .remove(b')');

/// Where it negotiates: `/negotiate` behind the path, and the query kept. One that names a version of the negotiation keeps
/// it, as with the official client.
pub(super) fn negotiation(url: &str, stateful_reconnect: bool) -> String {
    let (path, query) = url.split_once('?').unwrap_or((url, ""));
    let slash = if path.ends_with('/') { "" } else { "/" };
    let mut url = format!("{path}{slash}negotiate");
    let named = |name: &str| query.split('&').any(|pair| pair.split('=').next() == Some(name));
    let ours = NegotiateRequest {
        version: u8::from(!named("negotiateVersion")),
        stateful_reconnect: stateful_reconnect && !named("useStatefulReconnect"),
    };
    for (i, part) in [query, &ours.query()].into_iter().filter(|part| !part.is_empty()).enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        url.push_str(part);
    }
    url
}

/// Where it connects that was given this token.
pub(super) fn connection(url: &str, token: Option<&str>) -> String {
    let Some(token) = token else { return url.to_owned() };
    let sign = if url.contains('?') { '&' } else { '?' };
    format!("{url}{sign}id={}", utf8_percent_encode(token, COMPONENT))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept() {
        for (url, stateful, expected) in [
            ("/h", false, "/h/negotiate?negotiateVersion=1"),
            ("/h/", true, "/h/negotiate?negotiateVersion=1&useStatefulReconnect=true"),
            ("http://a/h?x=1", false, "http://a/h/negotiate?x=1&negotiateVersion=1"),
            ("/h?negotiateVersion=0", false, "/h/negotiate?negotiateVersion=0"),
            (
                "/h?useStatefulReconnect=false",
                true,
                "/h/negotiate?useStatefulReconnect=false&negotiateVersion=1",
            ),
        ] {
            assert_eq!(negotiation(url, stateful), expected, "{url}");
        }
        assert_eq!(connection("/h", None), "/h");
        assert_eq!(connection("/h", Some("a-_b")), "/h?id=a-_b");
        assert_eq!(connection("/h?x=1", Some("a+/=&ä")), "/h?x=1&id=a%2B%2F%3D%26%C3%A4");
    }
}
