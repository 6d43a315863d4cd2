//! The page at `/`: files from the folder `playground`, carried in the binary.

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Response};
use http_body_util::Full;
use rust_embed::RustEmbed;

use crate::file::{File, kind};

/// Nothing but the page's own files and its own server, and one file each of Socket.IO's, SignalR's, SockJS's and stompjs's,
/// whose hashes the page knows: no inline code, no other host, no frame around it.
const POLICY: &str = "default-src 'none'; script-src 'self' https://cdn.socket.io/4.8.4/socket.io.min.js \
    https://cdn.jsdelivr.net/npm/@microsoft/signalr@10.0.11/dist/browser/signalr.min.js \
    https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js \
    https://cdn.jsdelivr.net/npm/@stomp/stompjs@7.5.0/bundles/stomp.umd.min.js; style-src 'self'; img-src 'self' data:; \
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
pub(crate) struct Page(File);

impl Page {
    /// The file at a path: `/` is the page, the others are below `/playground/`.
    pub(crate) fn at(path: &str) -> Option<Self> {
        let name = match path {
            "/" => "index.html",
            "/favicon.ico" => "favicon.ico",
            _ => path.strip_prefix("/playground/")?,
        };
        let file = Files::get(name)?;
        let hash = file.metadata.sha256_hash();
        let tag = hash[..16].iter().fold(String::new(), |tag, byte| format!("{tag}{byte:02x}"));
        let data = match file.data {
            std::borrow::Cow::Borrowed(data) => Bytes::from_static(data),
            std::borrow::Cow::Owned(data) => data.into(),
        };
        Some(Self(File { data, kind: kind(name), tag }))
    }

    /// The answer to a request for it.
    pub(crate) fn answer(self, method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
        self.0.answer(method, headers, &HEADERS)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
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
    fn the_page_and_its_policy_name_the_same_scripts_of_others() {
        let page = Files::get("index.html").unwrap();
        let page = std::str::from_utf8(&page.data).unwrap();
        let sources = |policy: &str| {
            let at = policy.find("script-src ").unwrap();
            policy[at..].split(';').next().unwrap().to_owned()
        };
        let scripts = page.split("<script src=\"").skip(1).map(|script| {
            let (url, rest) = script.split_once('"').unwrap();
            assert!(rest.starts_with(" integrity=\"sha384-"), "{rest}");
            url
        });
        let scripts = scripts.collect::<Vec<_>>();
        assert_eq!(scripts.len(), 4);
        assert_eq!(sources(POLICY), format!("script-src 'self' {}", scripts.join(" ")));
        assert_eq!(sources(page), sources(POLICY));
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
