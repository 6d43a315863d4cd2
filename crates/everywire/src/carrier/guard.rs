//! Who may talk to the server at all: `Host` against DNS rebinding, `Origin` against other sites' pages.

use std::net::{IpAddr, SocketAddr};

use http::header::{self, HOST, HeaderName, ORIGIN, REFERER};
use http::uri::Authority;
use http::{HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Uri};

use super::body::Body;

/// What browsers say about a request's origin even where they send no `Origin` (Fetch Metadata).
const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Why a request is refused, for the client and the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Foreign {
    #[error(
        "the host {0:?} is not one of this server's names; if it should be, add it to the option `hosts`"
    )]
    Host(String),
    #[error(
        "pages of the origin {0:?} may not use this server; if they should, add it to the option `origins`"
    )]
    Origin(String),
}

/// Whether the request names this server: an allowed host, or one of loopback's names on a loopback address, or the
/// address that is listened on. Nothing is checked for a service inside another server that was given no hosts.
pub(crate) fn check_host<B>(
    request: &Request<B>,
    allowed: &[String],
    listening: Option<SocketAddr>,
) -> Result<(), Foreign> {
    if allowed.is_empty() && listening.is_none() || allowed.iter().any(|host| host == "*") {
        return Ok(());
    }
    let given = host_of(request);
    let name = given.map_or("", |host| without_port(host));
    let is_own = |listening: SocketAddr| {
        let loopback_name = name.eq_ignore_ascii_case("localhost")
            || name.trim_matches(['[', ']']).parse().is_ok_and(|ip: IpAddr| ip.is_loopback());
        loopback_name || name.trim_matches(['[', ']']).parse() == Ok(listening.ip())
    };
    if allowed.iter().any(|host| host.eq_ignore_ascii_case(name)) || listening.is_some_and(is_own) {
        return Ok(());
    }
    Err(Foreign::Host(given.unwrap_or_default().to_owned()))
}

/// Whether the page that sent the request may: no page at all, one of this server's own origin, or of an
/// allowed one. Scripts and frames that a page has from elsewhere name no `Origin`, but most name the page (`Referer`),
/// which it may hide but not choose.
pub(crate) fn check_origin<B>(request: &Request<B>, allowed: &[String]) -> Result<(), Foreign> {
    if allowed.iter().any(|origin| origin == "*") {
        return Ok(());
    }
    let headers = request.headers();
    let is_own = |origin: &str| {
        let uri = origin.parse::<Uri>().ok();
        let authority = uri.as_ref().and_then(Uri::authority).map(Authority::as_str);
        authority.is_some_and(|own| host_of(request).is_some_and(|host| host.eq_ignore_ascii_case(own)))
    };
    let is_known = |origin: &str| {
        allowed.iter().any(|allowed| allowed.trim_end_matches('/').eq_ignore_ascii_case(origin))
    };
    let page = |referrer| origin_of(referrer).unwrap_or("(not an address)");
    let site = headers.get(SEC_FETCH_SITE).map(HeaderValue::as_bytes);
    let (origin, may) = match (headers.get(ORIGIN), site, headers.get(REFERER)) {
        (Some(origin), ..) => {
            let origin = origin.to_str().unwrap_or("(not text)");
            (origin.into(), is_own(origin) || is_known(origin))
        }
        (None, Some(b"same-origin" | b"none"), _) | (None, None, None) => return Ok(()),
        (None, None, Some(referrer)) => {
            (page(referrer).into(), is_own(page(referrer)) || is_known(page(referrer)))
        }
        // A page of our own that is of another site is not our own: a redirect by another site is between.
        (None, Some(_), Some(referrer)) => (page(referrer).into(), is_known(page(referrer))),
        (None, Some(site), None) => (String::from_utf8_lossy(site), false),
    };
    if may { Ok(()) } else { Err(Foreign::Origin(origin.into_owned())) }
}

/// The origin of the page that a `Referer` names (RFC 9110, section 10.1.3).
fn origin_of(referrer: &HeaderValue) -> Option<&str> {
    let address = referrer.to_str().ok()?;
    let (scheme, rest) = address.split_once("://")?;
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    address.get(..scheme.len() + 3 + end)
}

/// The headers that let an allowed page of another origin read the response.
pub(crate) fn allow_reading<B>(request: &Request<B>, headers: &mut HeaderMap) {
    allow_origin(request.headers().get(ORIGIN), headers);
}

/// The same, for pages of this origin.
pub(super) fn allow_origin(origin: Option<&HeaderValue>, headers: &mut HeaderMap) {
    if let Some(origin) = origin {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin.clone());
        headers.insert(header::ACCESS_CONTROL_ALLOW_CREDENTIALS, HeaderValue::from_static("true"));
        headers.append(header::VARY, HeaderValue::from_static("Origin"));
    }
}

/// The header that lets pages of these origins, and of the server's own, show the response in a frame, and no others
/// (Content Security Policy Level 3, section 6.4.2): it counts for what a browser has kept, too.
pub(super) fn allow_framing(allowed: &[String], headers: &mut HeaderMap) {
    if allowed.iter().any(|origin| origin == "*") {
        return;
    }
    let mut policy = "frame-ancestors 'self'".to_owned();
    for origin in allowed.iter().map(|origin| origin.trim_end_matches('/')) {
        // A policy ends at a semicolon, or a comma.
        if !origin.contains([';', ',', ' ']) {
            policy.push(' ');
            policy.push_str(origin);
        }
    }
    if let Ok(policy) = HeaderValue::try_from(policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
}

/// The host that a request names: in its target over HTTP/2, in the one `Host` header over HTTP/1.1.
fn host_of<B>(request: &Request<B>) -> Option<&str> {
    if let Some(authority) = request.uri().authority() {
        return Some(authority.as_str());
    }
    let mut hosts = request.headers().get_all(HOST).iter();
    let host = hosts.next()?.to_str().ok()?;
    hosts.next().is_none().then_some(host)
}

fn without_port(host: &str) -> &str {
    if let Some(end) = host.strip_prefix('[').and_then(|rest| rest.find(']')) {
        return &host[..end + 2];
    }
    host.rsplit_once(':').map_or(host, |(name, _)| name)
}

/// Answers a browser that asks whether a page of another origin may use the server; whether it may was looked at before.
pub(super) fn preflight(head: &Request<()>) -> Option<Response<Body>> {
    if head.method() != Method::OPTIONS {
        return None;
    }
    head.headers().get(header::ACCESS_CONTROL_REQUEST_METHOD)?;
    let mut response = Response::new(Body::empty());
    *response.status_mut() = StatusCode::NO_CONTENT;
    let headers = response.headers_mut();
    let methods = HeaderValue::from_static("GET,HEAD,PUT,PATCH,POST,DELETE");
    headers.insert(header::ACCESS_CONTROL_ALLOW_METHODS, methods);
    allow_reading(head, headers);
    if let Some(asked) = head.headers().get(header::ACCESS_CONTROL_REQUEST_HEADERS) {
        headers.insert(header::ACCESS_CONTROL_ALLOW_HEADERS, asked.clone());
        headers.append(header::VARY, HeaderValue::from_static("Access-Control-Request-Headers"));
    }
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from_static("0"));
    Some(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(headers: &[(&str, &str)]) -> Request<()> {
        let mut request = Request::get("/ws");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        request.body(()).unwrap()
    }

    #[test]
    fn a_foreign_host_is_refused() {
        let listening = Some("127.0.0.1:8000".parse().unwrap());
        let check = |host: &str, allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            check_host(&request(&[("host", host)]), &allowed, listening)
        };
        for host in ["127.0.0.1:8000", "localhost:8000", "LOCALHOST", "[::1]:8000", "[::1]", "127.0.0.1"] {
            assert_eq!(check(host, &[]), Ok(()), "{host}");
        }
        for host in
            ["evil.example", "evil.example:8000", "localhost.evil.example", "", "[::1", "127.0.0.1.evil"]
        {
            assert_eq!(check(host, &[]), Err(Foreign::Host(host.to_owned())), "{host}");
        }
        assert_eq!(check("chat.example:443", &["chat.example"]), Ok(()));
        assert_eq!(check("anything", &["*"]), Ok(()));
        assert!(check_host(&request(&[("host", "a"), ("host", "localhost")]), &[], listening).is_err());
        assert!(check_host(&request(&[]), &[], listening).is_err());
        assert_eq!(check_host(&request(&[("host", "anything")]), &[], None), Ok(()));
    }

    #[test]
    fn a_foreign_page_is_refused() {
        let check = |headers: &[(&str, &str)], allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            check_origin(&request(headers), &allowed).is_ok()
        };
        let host = ("host", "chat.example:8000");
        assert!(check(&[host], &[]), "no page");
        assert!(check(&[host, ("origin", "http://chat.example:8000")], &[]), "our own");
        assert!(!check(&[host, ("origin", "http://chat.example")], &[]), "another port is another origin");
        assert!(!check(&[host, ("origin", "https://evil.example")], &[]));
        assert!(!check(&[host, ("origin", "null")], &[]));
        assert!(check(&[host, ("origin", "https://app.example")], &["https://app.example/"]));
        assert!(check(&[host, ("origin", "https://evil.example")], &["*"]));
        assert!(check(&[host, ("sec-fetch-site", "same-origin")], &[]));
        assert!(check(&[host, ("sec-fetch-site", "none")], &[]));
        assert!(!check(&[host, ("sec-fetch-site", "cross-site")], &[]));
        assert!(!check(&[host, ("sec-fetch-site", "same-site")], &[]));
        let own = ("referer", "http://chat.example:8000/");
        assert!(!check(&[host, ("sec-fetch-site", "cross-site"), own], &[]), "another site's redirect");
        let app = "https://app.example";
        assert!(check(&[host, ("referer", "http://chat.example:8000/iframe.html")], &[]), "our own page");
        for (page, may) in [
            ("https://app.example/", true),
            ("https://app.example", true),
            ("https://app.example/chat?a=b://c", true),
            ("https://app.example.evil/", false),
            ("https://evil.example/?https://app.example/", false),
            ("https://evil.example#https://app.example", false),
            ("https://app.example@evil.example/", false),
            ("app.example", false),
            ("", false),
        ] {
            assert_eq!(check(&[host, ("referer", page)], &[app]), may, "{page}");
            assert!(!check(&[host, ("referer", page)], &[]), "{page}");
            let site = ("sec-fetch-site", "cross-site");
            assert_eq!(check(&[host, site, ("referer", page)], &[app]), may, "{page}");
            assert!(!check(&[host, site, ("referer", page)], &[]), "{page}");
            let origin = ("origin", "https://evil.example");
            assert!(!check(&[host, site, origin, ("referer", page)], &[app]), "{page}: the origin counts");
        }
    }

    #[test]
    fn a_foreign_page_shows_nothing_in_a_frame() {
        let policy = |allowed: &[&str]| {
            let allowed: Vec<String> = allowed.iter().map(ToString::to_string).collect();
            let mut headers = HeaderMap::new();
            allow_framing(&allowed, &mut headers);
            headers.get("content-security-policy").map(|policy| policy.to_str().unwrap().to_owned())
        };
        assert_eq!(policy(&[]).as_deref(), Some("frame-ancestors 'self'"));
        let allowed =
            ["https://app.example/", "http://a.example:8000", "https://a.example; script-src *", "b,c"];
        let expected = "frame-ancestors 'self' https://app.example http://a.example:8000";
        assert_eq!(policy(&allowed).as_deref(), Some(expected));
        assert_eq!(policy(&["https://app.example", "*"]), None);
    }
}
