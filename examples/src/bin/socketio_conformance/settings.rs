//! The options of `app.md`, as ours.

use std::time::Duration;

use everywire::{EngineIoCookie, EngineIoOptions, Options, Parser, SocketIoOptions};
use serde::Deserialize;

use crate::BoxError;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Settings {
    ping_interval: u64,
    ping_timeout: u64,
    upgrade_timeout: u64,
    connect_timeout: u64,
    max_http_buffer_size: usize,
    transports: Vec<String>,
    allow_upgrades: bool,
    #[serde(rename = "allowEIO3")]
    allow_eio3: bool,
    cookie: serde_json::Value,
    cors: Option<Cors>,
    http_compression: serde_json::Value,
    pub(crate) connection_state_recovery: Option<Recovery>,
    parser: String,
    legacy_browser_transports: bool,
}

#[derive(Deserialize)]
struct Cors {
    origin: OneOrMany,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum OneOrMany {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct Recovery {
    pub(crate) max_disconnection_duration: u64,
}

impl Default for Recovery {
    fn default() -> Self {
        Self { max_disconnection_duration: 120_000 }
    }
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ping_interval: 25_000,
            ping_timeout: 20_000,
            upgrade_timeout: 10_000,
            connect_timeout: 45_000,
            max_http_buffer_size: 1_000_000,
            transports: vec!["polling".into(), "websocket".into()],
            allow_upgrades: true,
            allow_eio3: false,
            cookie: false.into(),
            cors: None,
            http_compression: true.into(),
            connection_state_recovery: None,
            parser: "json".into(),
            legacy_browser_transports: false,
        }
    }
}

impl Settings {
    pub(crate) fn engine(&self) -> Result<EngineIoOptions, BoxError> {
        let ms = Duration::from_millis;
        Ok(EngineIoOptions {
            ping_interval: ms(self.ping_interval),
            ping_timeout: ms(self.ping_timeout),
            upgrade_timeout: ms(self.upgrade_timeout),
            max_payload: self.max_http_buffer_size,
            polling: self.transports.iter().any(|transport| transport == "polling"),
            websocket: self.transports.iter().any(|transport| transport == "websocket"),
            allow_upgrades: self.allow_upgrades,
            allow_eio3: self.allow_eio3,
            jsonp: self.legacy_browser_transports,
            cookie: cookie(&self.cookie)?,
            ..EngineIoOptions::default()
        })
    }

    pub(crate) fn protocol(&self) -> SocketIoOptions {
        SocketIoOptions {
            parser: if self.parser == "msgpack" { Parser::MsgPack } else { Parser::Json },
            connect_timeout: Duration::from_millis(self.connect_timeout),
            recovery: self.connection_state_recovery.is_some(),
            ..SocketIoOptions::default()
        }
    }

    pub(crate) fn options(&self) -> Options {
        let origins = match &self.cors {
            None => Vec::new(),
            Some(Cors { origin: OneOrMany::One(origin) }) => vec![origin.clone()],
            Some(Cors { origin: OneOrMany::Many(origins) }) => origins.clone(),
        };
        Options { origins, ..Options::default() }
    }

    pub(crate) fn compress_from(&self) -> Option<usize> {
        match &self.http_compression {
            serde_json::Value::Bool(false) => None,
            serde_json::Value::Object(object) => Some(object.get("threshold")?.as_u64()? as usize),
            _ => Some(1024),
        }
    }
}

fn cookie(setting: &serde_json::Value) -> Result<Option<EngineIoCookie>, BoxError> {
    let object = match setting {
        serde_json::Value::Object(object) => object,
        serde_json::Value::Bool(true) => return Ok(Some(EngineIoCookie::default())),
        _ => return Ok(None),
    };
    let text = |key: &str, default: &str| {
        object.get(key).and_then(|value| value.as_str()).unwrap_or(default).to_owned()
    };
    let mut attributes = Vec::new();
    if let Some(age) = object.get("maxAge").and_then(serde_json::Value::as_u64) {
        attributes.push(format!("Max-Age={age}"));
    }
    attributes.push(format!("Path={}", text("path", "/")));
    if object.get("httpOnly").and_then(serde_json::Value::as_bool) != Some(false) {
        attributes.push("HttpOnly".to_owned());
    }
    let same_site = text("sameSite", "lax");
    let capital = same_site[..1].to_ascii_uppercase() + &same_site[1..];
    attributes.push(format!("SameSite={capital}"));
    Ok(Some(EngineIoCookie::new(text("name", "io"), attributes.join("; "))?))
}
