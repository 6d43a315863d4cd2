//! The page at `/`: files from the folder `playground`, carried in the binary.
//!
//! Its policy is in headers alone, as it depends on the server: what SockJS has for old browsers works by frames, forms and
//! scripts, which the page has no other use for.

use std::borrow::Cow;

use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, Method, Response};
use http_body_util::Full;
use rust_embed::RustEmbed;

use crate::file::{File, kind};

/// Nothing but the page's own files and its own server, and one file each of Socket.IO's, SignalR's, SockJS's and stompjs's,
/// whose hashes the page knows: no inline code, no other host, no frame around it. The rest is what else holds.
macro_rules! policy {
    ($rest:literal) => {
        concat!(
            "default-src 'none'; script-src 'self' https://cdn.socket.io/4.8.4/socket.io.min.js ",
            "https://cdn.jsdelivr.net/npm/@microsoft/signalr@10.0.11/dist/browser/signalr.min.js ",
            "https://cdn.jsdelivr.net/npm/sockjs-client@1.6.1/dist/sockjs.min.js ",
            "https://cdn.jsdelivr.net/npm/@stomp/stompjs@7.5.0/bundles/stomp.umd.min.js; style-src 'self'; ",
            "img-src 'self'; connect-src 'self'; base-uri 'none'; frame-ancestors 'none'; ",
            $rest
        )
    };
}

const POLICY: &str = policy!("form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'");
/// `iframe-*` and `htmlfile` listen by frames of this server's; `jsonp-polling` sends by forms whose answers go into such
/// frames, and listens by scripts whose addresses are plain texts.
const LEGACY_POLICY: &str = policy!("form-action 'self'; frame-src 'self'");

const REFERRER_POLICY: &str = "no-referrer";
/// Without a referrer, the origin of a form is `null`, which the server refuses as it does other sites.
const LEGACY_REFERRER_POLICY: &str = "same-origin";

/// What the page says of the transports for old browsers, and what it says where the server has them.
const LEGACY_IS_OFF: &str = "<optgroup label=\"with legacy_browser_transports\" disabled>";
const LEGACY_IS_ON: &str = "<optgroup label=\"with legacy_browser_transports\">";

// In a build for development the files are read anew for each request: no build step between edit and reload.
#[derive(RustEmbed)]
#[folder = "playground/"]
struct Files;

/// The playground of a server.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Playground {
    /// Whether SockJS has what only old browsers need.
    pub(crate) legacy: bool,
}

/// A file of the playground.
pub(crate) struct Page {
    file: File,
    headers: [(HeaderName, &'static str); 5],
}

impl Playground {
    /// The file at a path: `/` is the page, the others are below `/playground/`.
    pub(crate) fn at(self, path: &str) -> Option<Page> {
        let name = match path {
            "/" => "index.html",
            "/favicon.ico" => "favicon.ico",
            _ => path.strip_prefix("/playground/")?,
        };
        let file = Files::get(name)?;
        let hash = file.metadata.sha256_hash();
        let mut tag = hash[..16].iter().fold(String::new(), |tag, byte| format!("{tag}{byte:02x}"));
        let mut data = match file.data {
            Cow::Borrowed(data) => Bytes::from_static(data),
            Cow::Owned(data) => data.into(),
        };
        if self.legacy && name == "index.html" {
            data = String::from_utf8_lossy(&data).replace(LEGACY_IS_OFF, LEGACY_IS_ON).into();
            tag.push_str("-legacy");
        }
        Some(Page { file: File { data, kind: kind(name), tag }, headers: self.headers() })
    }

    fn headers(self) -> [(HeaderName, &'static str); 5] {
        let (policy, referrer) =
            if self.legacy { (LEGACY_POLICY, LEGACY_REFERRER_POLICY) } else { (POLICY, REFERRER_POLICY) };
        [
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (header::REFERRER_POLICY, referrer),
            (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
            // Kept, and asked for again each time: the tag says whether a new binary has another file.
            (header::CACHE_CONTROL, "no-cache"),
        ]
    }
}

impl Page {
    /// The answer to a request for it.
    pub(crate) fn answer(self, method: &Method, headers: &HeaderMap) -> Response<Full<Bytes>> {
        self.file.answer(method, headers, &self.headers)
    }
}

#[cfg(test)]
mod tests {
    use http::StatusCode;
    use http_body_util::BodyExt;

    use super::*;

    const USUAL: Playground = Playground { legacy: false };
    const LEGACY: Playground = Playground { legacy: true };

    fn get(playground: Playground, path: &str, headers: &[(HeaderName, &str)]) -> Response<Full<Bytes>> {
        let headers = headers.iter().map(|(name, value)| (name.clone(), value.parse().unwrap())).collect();
        playground.at(path).unwrap().answer(&Method::GET, &headers)
    }

    #[test]
    fn the_page_is_sent_once() {
        for playground in [USUAL, LEGACY] {
            let page = get(playground, "/", &[]);
            assert_eq!(page.status(), StatusCode::OK);
            assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
            assert_eq!(page.headers()["cache-control"], "no-cache");
            let tag = tag(&page);
            assert!(size(page.into_body()) > 0);

            for held in [tag.clone(), format!("W/{tag}"), format!("\"old\", {tag}"), "*".to_owned()] {
                let again = get(playground, "/", &[(header::IF_NONE_MATCH, &held)]);
                assert_eq!(again.status(), StatusCode::NOT_MODIFIED, "{held}");
                assert_eq!(again.headers()["etag"], tag.as_str());
                assert_eq!(size(again.into_body()), 0);
            }
            let old = get(playground, "/", &[(header::IF_NONE_MATCH, "\"old\"")]);
            assert_eq!(old.status(), StatusCode::OK);
        }
        let held = tag(&get(USUAL, "/", &[]));
        assert_eq!(get(LEGACY, "/", &[(header::IF_NONE_MATCH, &held)]).status(), StatusCode::OK);
    }

    #[test]
    fn the_page_allows_what_it_needs_and_no_more() {
        for path in ["/", "/playground/app.js"] {
            let page = get(USUAL, path, &[]);
            let rest = "form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
            assert_eq!(policy(&page), format!("{BASE}{rest}"), "{path}");
            assert_eq!(page.headers()["referrer-policy"], "no-referrer");

            let page = get(LEGACY, path, &[]);
            assert_eq!(policy(&page), format!("{BASE}form-action 'self'; frame-src 'self'"), "{path}");
            assert_eq!(page.headers()["referrer-policy"], "same-origin");
        }
    }

    /// Without the scripts of others.
    const BASE: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
        base-uri 'none'; frame-ancestors 'none'; ";

    fn policy(page: &Response<Full<Bytes>>) -> String {
        let policy = page.headers()["content-security-policy"].to_str().unwrap();
        let directives = policy.split("; ").map(|directive| directive.split(" https://").next().unwrap());
        directives.collect::<Vec<_>>().join("; ")
    }

    #[tokio::test]
    async fn the_page_offers_the_transports_that_there_are() {
        let text = async |playground| {
            let body = get(playground, "/", &[]).into_body().collect().await.unwrap().to_bytes();
            String::from_utf8(body.into()).unwrap()
        };
        let (usual, legacy) = (text(USUAL).await, text(LEGACY).await);
        assert_eq!(usual.matches(LEGACY_IS_OFF).count(), 1);
        assert_eq!(legacy, usual.replace(LEGACY_IS_OFF, LEGACY_IS_ON));
        let (app, same) = (get(USUAL, "/playground/app.js", &[]), get(LEGACY, "/playground/app.js", &[]));
        assert_eq!(tag(&app), tag(&same));
    }

    #[test]
    fn the_page_and_its_policies_name_the_same_scripts_of_others() {
        let page = Files::get("index.html").unwrap();
        let page = std::str::from_utf8(&page.data).unwrap();
        let scripts = page.split("<script src=\"").skip(1).map(|script| {
            let (url, rest) = script.split_once('"').unwrap();
            assert!(rest.starts_with(" integrity=\"sha384-"), "{rest}");
            url
        });
        let scripts = scripts.collect::<Vec<_>>();
        assert_eq!(scripts.len(), 4);
        for policy in [POLICY, LEGACY_POLICY] {
            let sources = policy.split("; ").find(|directive| directive.starts_with("script-src ")).unwrap();
            assert_eq!(sources, format!("script-src 'self' {}", scripts.join(" ")));
        }
    }

    #[test]
    fn every_file_has_a_type_and_a_place() {
        for name in Files::iter() {
            assert_ne!(kind(&name), "application/octet-stream", "{name}");
            assert!(USUAL.at(&format!("/playground/{name}")).is_some(), "{name}");
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
            assert!(USUAL.at(path).is_none(), "{path}");
        }
        let refused = USUAL.at("/").unwrap().answer(&Method::POST, &HeaderMap::new());
        assert_eq!(refused.status(), StatusCode::METHOD_NOT_ALLOWED);
        assert_eq!(refused.headers()["allow"], "GET, HEAD");
    }

    fn tag(page: &Response<Full<Bytes>>) -> String {
        page.headers()["etag"].to_str().unwrap().to_owned()
    }

    fn size(body: Full<Bytes>) -> u64 {
        http_body::Body::size_hint(&body.boxed()).exact().unwrap()
    }
}
