//! Official clients for browsers, from a folder: `--client-assets`. Socket.IO's is below each of its mounts, as Node's server
//! has it; others, which their servers do not have, beside the playground.
//!
//! The names are fixed, and the files are read once, at start-up: no request says what is opened.

use std::collections::HashMap;
use std::hash::{DefaultHasher, Hasher};
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use bytes::Bytes;
use http::header::{self, HeaderName};
use http::{HeaderMap, HeaderValue, Method, Response, StatusCode};
use http_body_util::Full;

use crate::file::{self, File};

/// The bundles of `socket.io-client` 4.
const SOCKETIO: [&str; 8] = [
    "socket.io.js",
    "socket.io.js.map",
    "socket.io.min.js",
    "socket.io.min.js.map",
    "socket.io.esm.min.js",
    "socket.io.esm.min.js.map",
    "socket.io.msgpack.min.js",
    "socket.io.msgpack.min.js.map",
];

/// Those of `@microsoft/signalr`, `sockjs-client` and `@stomp/stompjs`.
const OTHERS: [&str; 11] = [
    "signalr.js",
    "signalr.js.map",
    "signalr.min.js",
    "signalr.min.js.map",
    "sockjs.js",
    "sockjs.js.map",
    "sockjs.min.js",
    "sockjs.min.js.map",
    "stomp.umd.js",
    "stomp.umd.js.map",
    "stomp.umd.min.js",
];

const HEADERS: [(HeaderName, &str); 2] = [
    // Node's: kept, and asked for again each time.
    (header::CACHE_CONTROL, "public, max-age=0"),
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
];

/// The files there are.
#[derive(Debug, Clone, Default)]
pub(crate) struct Assets {
    /// Which are below which path, with a slash at its end.
    folders: Arc<[(String, &'static [&'static str])]>,
    files: Arc<HashMap<&'static str, File>>,
}

/// One of the files that may be there: none if it is not.
#[derive(Debug)]
pub(crate) struct Asset {
    name: &'static str,
    file: Option<File>,
}

impl Assets {
    /// Reads the files from a folder: Socket.IO's to be served below these mounts, the others there, if anywhere.
    ///
    /// # Errors
    ///
    /// If the folder is none, or one of its files cannot be read. That one is missing is no error.
    pub(crate) fn read<'m>(
        folder: Option<&Path>,
        mounts: impl Iterator<Item = &'m str>,
        others: Option<&str>,
    ) -> anyhow::Result<Self> {
        let mut files = HashMap::new();
        if let Some(folder) = folder {
            anyhow::ensure!(folder.is_dir(), "client_assets: {} is not a folder", folder.display());
            for name in SOCKETIO.into_iter().chain(OTHERS) {
                let path = folder.join(name);
                match std::fs::read(&path) {
                    Ok(data) => _ = files.insert(name, asset(name, data)),
                    Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                    Err(error) => {
                        return Err(error).with_context(|| format!("client_assets: {}", path.display()));
                    }
                }
            }
        }
        let folder = |path: &str| format!("{}/", path.trim_end_matches('/'));
        let folders = mounts
            .map(|mount| (folder(mount), &SOCKETIO[..]))
            .chain(others.map(|path| (folder(path), &OTHERS[..])))
            .collect();
        Ok(Self { folders, files: Arc::new(files) })
    }

    /// The file at a path, if one may be there.
    pub(crate) fn at(&self, path: &str) -> Option<Asset> {
        let name = self.folders.iter().find_map(|(folder, names)| {
            let rest = path.strip_prefix(folder.as_str())?;
            names.iter().copied().find(|name| *name == rest)
        })?;
        Some(Asset { name, file: self.files.get(name).cloned() })
    }
}

fn asset(name: &str, data: Vec<u8>) -> File {
    let mut hasher = DefaultHasher::new();
    hasher.write(&data);
    let tag = format!("{:x}-{:016x}", data.len(), hasher.finish());
    File { data: data.into(), kind: file::kind(name), tag }
}

impl Asset {
    /// The answer to a request for it.
    pub(crate) fn answer(self, method: &Method, request: &HeaderMap) -> Response<Full<Bytes>> {
        match self.file {
            Some(file) => file.answer(method, request, &HEADERS),
            None => file::refuse_method(method).unwrap_or_else(|| missing(self.name)),
        }
    }
}

/// Says how to get a file that is not there.
fn missing(name: &str) -> Response<Full<Bytes>> {
    let (package, archive, folder) = match name.split('.').next() {
        Some("signalr") => ("@microsoft/signalr", "microsoft-signalr", "package/dist/browser"),
        Some("sockjs") => ("sockjs-client", "sockjs-client", "package/dist"),
        Some("stomp") => ("@stomp/stompjs", "stomp-stompjs", "package/bundles"),
        _ => ("socket.io-client", "socket.io-client", "package/dist"),
    };
    let text = format!(
        "{name} is not here: it comes with the npm package {package}, and not with this server. Run\n\
         \n  npm pack {package} && tar -xzf {archive}-*.tgz\n\n\
         and start the server with --client-assets {folder}, or set client_assets to that folder.\n"
    );
    let mut response = Response::new(Full::from(text));
    *response.status_mut() = StatusCode::NOT_FOUND;
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_nothing_but_the_fixed_names() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("socket.io.js"), "io").unwrap();
        std::fs::write(folder.path().join("secret.js"), "secret").unwrap();
        let assets = Assets::read(Some(folder.path()), ["/socket.io/", "/chat"].into_iter(), None).unwrap();
        for path in ["/socket.io/socket.io.js", "/chat/socket.io.js"] {
            assert!(assets.at(path).unwrap().file.is_some(), "{path}");
        }
        assert!(assets.at("/socket.io/socket.io.min.js").unwrap().file.is_none(), "the folder has none");
        for path in [
            "",
            "/",
            "/socket.io",
            "/socket.io/",
            "/socket.io.js",
            "/socket.io/secret.js",
            "/socket.io/../socket.io.js",
            "/socket.io//socket.io.js",
            "/socket.io/x/../socket.io.js",
            "/socket.io/socket.io.js/",
            "/socket.io/socket%2Eio.js",
            "/other/socket.io.js",
        ] {
            assert!(assets.at(path).is_none(), "{path}");
        }
    }

    #[tokio::test]
    async fn what_is_missing_is_told_with_where_it_comes_from() {
        use http_body_util::BodyExt;

        let assets = Assets::read(None, ["/socket.io/"].into_iter(), Some("/playground/")).unwrap();
        for (path, words) in [
            ("/socket.io/socket.io.js", "npm pack socket.io-client && tar -xzf socket.io-client-*.tgz"),
            ("/playground/signalr.min.js", "npm pack @microsoft/signalr && tar -xzf microsoft-signalr-*.tgz"),
            ("/playground/sockjs.min.js", "npm pack sockjs-client && tar -xzf sockjs-client-*.tgz"),
            ("/playground/stomp.umd.min.js", "npm pack @stomp/stompjs && tar -xzf stomp-stompjs-*.tgz"),
        ] {
            let response = assets.at(path).unwrap().answer(&Method::GET, &HeaderMap::new());
            assert_eq!(response.status(), StatusCode::NOT_FOUND);
            let body = response.into_body().collect().await.unwrap().to_bytes();
            let body = std::str::from_utf8(&body).unwrap();
            assert!(body.contains(words), "{path}: {body}");
        }
    }

    #[test]
    fn a_folder_that_is_none_is_told() {
        let error = Assets::read(Some(Path::new("/nowhere/at/all")), std::iter::empty(), None).unwrap_err();
        assert_eq!(error.to_string(), "client_assets: /nowhere/at/all is not a folder");
    }
}
