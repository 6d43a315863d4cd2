//! The page at `/`: files from the folder `playground`, carried in the binary.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;
use rust_embed::{EmbeddedFile, RustEmbed};

/// Nothing but the page's own files and its own server: no inline code, no other host, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; \
    font-src 'self'; manifest-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

const HEADERS: [(HeaderName, &str); 5] = [
    (header::CONTENT_SECURITY_POLICY, POLICY),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    // Kept, and asked for again each time: the tag says whether a new binary has another file.
    (header::CACHE_CONTROL, "no-cache"),
];

// In a build for development the files are read anew for each request: no build step between edit and reload.
#[derive(RustEmbed)]
#[folder = "playground/"]
struct Files;

/// A file of the playground.
pub(crate) struct Page {
    file: EmbeddedFile,
    kind: &'static str,
}

impl Page {
    /// The file at a path: `/` is the page, the others are below `/playground/`.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let name = match path {
            "/" => "index.html",
            "/favicon.ico" => "favicon.ico",
            _ => path.strip_prefix("/playground/")?,
        };
        Some(Self { file: Files::get(name)?, kind: kind(name) })
    }

    /// The answer to a request for it.
    pub(crate) fn answer(self, method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
        let mut response = Response::new(Full::default());
        if method != Method::GET && method != Method::HEAD {
            *response.status_mut() = StatusCode::METHOD_NOT_ALLOWED;
            response.headers_mut().insert(header::ALLOW, HeaderValue::from_static("GET, HEAD"));
            return response;
        }
        let hash = self.file.metadata.sha256_hash();
        let tag = hash[..16].iter().fold(String::from("\""), |tag, byte| format!("{tag}{byte:02x}")) + "\"";
        let has_it = holds(headers, &tag);
        for (name, value) in HEADERS {
            response.headers_mut().insert(name, HeaderValue::from_static(value));
        }
        let tag = HeaderValue::from_str(&tag).expect("hexadecimal digits may stand in a header");
        response.headers_mut().insert(header::ETAG, tag);
        if has_it {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static(self.kind));
        // hyper leaves the body of a HEAD out, and keeps its length.
        *response.body_mut() = Full::new(match self.file.data {
            std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
            std::borrow::Cow::Owned(data) => data.into(),
        });
        response
    }
}

/// Whether the client has the file with this tag already (RFC 9110, section 13.1.2).
fn holds(headers: &HeaderMap, tag: &str) -> bool {
    let values = headers.get_all(header::IF_NONE_MATCH).iter().filter_map(|value| value.to_str().ok());
    let mut tags = values.flat_map(|value| value.split(',')).map(str::trim);
    tags.any(|given| given == "*" || given.strip_prefix("W/").unwrap_or(given) == tag)
}

fn kind(name: &str) -> &'static str {
    match name.rsplit_once('.').map_or("", |(_, extension)| extension) {
        "html" => "text/html; charset=utf-8",
        "js" | "mjs" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "ico" => "image/x-icon",
        "json" => "application/json",
        "webmanifest" => "application/manifest+json",
        "woff2" => "font/woff2",
        "txt" | "md" => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use http_body_util::BodyExt;

    use super::*;

    fn get(path: &str, headers: &[(HeaderName, &str)]) -> Response<Full<Bytes>> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        Page::at(path).unwrap().answer(&Method::GET, &headers)
    }

    #[test]
    fn the_page_is_sent_once() {
        let page = get("/", &[]);
        assert_eq!(page.status(), StatusCode::OK);
        assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
        assert_eq!(page.headers()["cache-control"], "no-cache");
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        assert!(policy.starts_with("default-src 'none'; script-src 'self'"), "{policy}");
        assert!(!policy.contains("unsafe"), "{policy}");
        let tag = page.headers()["etag"].to_str().unwrap().to_owned();
        assert!(size(page.into_body()) > 0);

        for held in [tag.clone(), format!("W/{tag}"), format!("\"old\", {tag}"), "*".to_owned()] {
            let again = get("/", &[(header::IF_NONE_MATCH, &held)]);
            assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{held}");
            assert_eq!(again.headers()["etag"], tag.as_str());
            assert_eq!(size(again.into_body()), 0);
        }
        assert_eq!(get("/", &[(header::IF_NONE_MATCH, "\"old\"")]).status(), StatusCode::OK);
    }

    #[test]
    fn every_file_has_a_type_and_a_place() {
        for name in Files::iter() {
            assert_ne!(kind(&name), "application/octet-stream", "{name}");
            assert!(Page::at(&format!("/playground/{name}")).is_some(), "{name}");
        }
    }

    #[test]
    fn there_is_nothing_else() {
        for path in [
            "",
            "/ws",
            "/index.html",
            "/playground",
            "/playground/",
            "/playground/../Cargo.toml",
            "/playground//etc/passwd",
        ] {
            assert!(Page::at(path).is_none(), "{path}");
        }
        let refused = Page::at("/").unwrap().answer(&Method::POST, &HeaderMap::new());
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }

    fn size(body: Full<Bytes>) -> u64 {
        http_body::Body::size_hint(&body.boxed()).exact().unwrap()
    }
}
