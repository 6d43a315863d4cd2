//! Tests of the configuration: what a file may hold, and what is said of a bad one.

mod faults;

use std::collections::BTreeMap;
use std::time::Duration;

use everywire::{
    Encodings, EngineIoCookie, EngineIoOptions, Overflow, Parser, SignalRConnectionOptions, SignalROptions,
    SignalRTransports, SockJsHeartbeat, SockJsOptions, SocketIoOptions, StompLimits, StompOptions, Verb,
};

use super::document::{example, reference};
use super::key::Row;
use super::keys::sections;
use super::mount::{MountRow, Protocol, Session};
use super::read::parse;
use super::rooms::{Pattern, RetentionRow, Rule};
use super::{Config, Options};

const EVERY_KEY: &str = include_str!("every_key.toml");

fn debug(value: &impl std::fmt::Debug) -> String {
    format!("{value:#?}")
}

#[test]
fn an_empty_file_is_the_default() {
    assert_eq!(debug(&parse("").unwrap()), debug(&Config::default()));
}

#[test]
fn the_example_is_the_default() {
    assert_eq!(debug(&parse(&example()).unwrap()), debug(&Config::default()));
}

#[test]
fn what_the_example_has_commented_out_is_right_too() {
    let uncommented: String = example()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(code) if code.starts_with("[[") || code.split(' ').nth(1) == Some("=") => {
                format!("{code}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let config = parse(&uncommented).unwrap();
    assert_eq!(config.workers, Some(4));
    assert_eq!(config.tls.cert.as_deref(), Some("/etc/everywire/cert.pem"));
    assert_eq!((config.retention.len(), config.rules.len()), (1, 1));
}

#[test]
fn every_key_is_read() {
    let config = parse(EVERY_KEY).unwrap();
    let differ: Vec<_> = config.differences().into_iter().map(|(key, ..)| key).collect();
    let all: Vec<_> =
        sections().iter().flat_map(|section| section.keys.iter().map(|key| section.path(key.name))).collect();
    assert_eq!(differ, all);

    assert_eq!(config.listen, "[::1]:9000".parse().unwrap());
    assert_eq!(config.workers(), 3);
    assert_eq!(config.actions, ["subscribe"]);
    assert_eq!(config.shutdown, Duration::from_secs(30));
    assert!(!config.playground());
    let row = MountRow {
        path: "/rpc".into(),
        session: Session::WebSocket,
        protocol: Protocol::JsonRpc,
        namespace: "/admin".into(),
        choose_namespace: true,
    };
    assert_eq!(config.mounts, [row]);
    let rooms = Pattern("chat/*".into());
    let row = RetentionRow { rooms, messages: 7, bytes: 4 << 20, age: Duration::from_secs(3600) };
    assert_eq!(config.retention, [row]);
    let rooms = Pattern("news/*".into());
    assert_eq!(config.rules, [Rule { rooms, allow: vec![Verb::Subscribe, Verb::History] }]);

    let options = config.options();
    assert_eq!(options.message_bytes, 65537);
    assert_eq!(options.inbound_queue, 128 * 1024);
    assert_eq!(options.rooms_per_connection, 16);
    assert_eq!(options.mailbox.overflow, Overflow::DropOldest);
    assert_eq!(options.websocket.ping_interval, Duration::from_secs(90));
    assert_eq!(options.close_timeout, Duration::from_millis(250));
    assert_eq!(options.deflate.unwrap().agree.client_max_window_bits, 9);
}

#[test]
fn a_message_may_be_longer_than_all_that_waits() {
    // Clients are told the one, and the other is no promise to them: so they need not agree.
    let config = parse("socketio.max_payload = \"10MiB\"\nlimits.inbound_bytes = \"1MiB\"").unwrap();
    assert_eq!(config.socketio.engine().max_payload, 10 << 20);
    assert_eq!(config.options().inbound_bytes, 1 << 20);
}

#[test]
fn every_option_of_socketio_has_a_key() {
    let changed = parse(EVERY_KEY).unwrap().socketio;
    assert_eq!(changed.recovery, Some(Duration::from_secs(180)));
    let (engine, protocol) = (changed.engine(), changed.protocol());
    let ms = Duration::from_millis;
    assert_eq!(
        engine,
        EngineIoOptions {
            ping_interval: ms(5000),
            ping_timeout: ms(4000),
            upgrade_timeout: ms(3000),
            max_payload: 10 << 20,
            max_packets: 1000,
            polling: false,
            websocket: true,
            allow_upgrades: false,
            allow_eio3: true,
            jsonp: true,
            cookie: EngineIoCookie::new("io", "Path=/chat").ok(),
            close_grace: ms(6000),
        }
    );
    assert_eq!(
        protocol,
        SocketIoOptions {
            parser: Parser::MsgPack,
            // The application's builder sets it.
            recovery: false,
            connect_timeout: ms(2000),
            attachments: 4,
            attachment_bytes: 2 << 20,
            namespaces: 8,
            held_bytes: 64 << 10,
        }
    );
}

#[test]
fn every_option_of_signalr_has_a_key() {
    let changed = parse(EVERY_KEY).unwrap().signalr;
    let ms = Duration::from_millis;
    let hub = SignalROptions {
        keep_alive: ms(5000),
        client_timeout: ms(11_000),
        handshake_timeout: ms(4000),
        message_bytes: 64 << 10,
        encodings: Encodings { json: false, msgpack: true },
        // One of the application's options turns it on.
        detailed_errors: false,
        exception: "ChatError".into(),
    };
    assert_eq!(debug(&changed.hub()), debug(&hub));
    let connections = SignalRConnectionOptions {
        transports: SignalRTransports { websockets: false, server_sent_events: true, long_polling: false },
        minimum_version: 1,
        poll_timeout: ms(30_000),
        disconnect_timeout: ms(20_000),
        stateful_reconnect: true,
        buffer_bytes: 50 << 10,
        body_bytes: 2 << 20,
    };
    assert_eq!(debug(&changed.connections()), debug(&connections));
}

#[test]
fn every_option_of_sockjs_has_a_key() {
    let changed = parse(EVERY_KEY).unwrap().sockjs;
    let expected = |websocket_heartbeat| SockJsOptions {
        websocket: false,
        legacy: true,
        response_limit: 64 << 10,
        heartbeat: Duration::from_secs(10),
        websocket_heartbeat,
        disconnect_delay: Duration::from_secs(7),
        cookie: true,
        script: "/sockjs.min.js".into(),
        base_url: Some("https://node1.example.org/sockjs".into()),
        body_bytes: 2 << 20,
    };
    assert_eq!(debug(&changed.options(true)), debug(&expected(SockJsHeartbeat::Frame)));
    let pings = EVERY_KEY.replace("\"frame\"", "\"ping\"");
    let beat = SockJsHeartbeat::Ping { timeout: Duration::from_secs(3) };
    assert_eq!(debug(&parse(&pings).unwrap().sockjs.options(true)), debug(&expected(beat)));
}

#[test]
fn every_option_of_stomp_has_a_key() {
    let expected = StompOptions {
        limits: StompLimits {
            headers: 32,
            line_bytes: 4 << 10,
            head_bytes: 32 << 10,
            body_bytes: 2 << 20,
            first_bytes: 16 << 10,
        },
        login_timeout: Duration::from_secs(5),
        heartbeat: Duration::ZERO,
        client_heartbeat: Duration::from_secs(20),
        tolerance: 7,
        subscriptions: 10,
        same_destination: 3,
        prefetch: 5,
        most_prefetch: 50,
        transactions: 2,
        transaction_frames: 20,
        transaction_bytes: 1 << 20,
        sends_to_users: true,
        spring: true,
        lenient_unsubscribe: true,
    };
    assert_eq!(parse(EVERY_KEY).unwrap().stomp.options, expected);
}

/// The fields of the library's options, by name, as `Debug` shows them.
fn leaves(options: &Options) -> BTreeMap<String, String> {
    let text = debug(options);
    let fields = text.lines().filter_map(|line| line.trim().split_once(": "));
    let leaves = fields.filter(|(_, value)| !value.ends_with(['{', '(']));
    leaves.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

#[test]
fn every_option_of_the_library_has_a_key() {
    // What is off by default is on in both, so that its fields show.
    let mut default = Config { compress: true, ..Config::default() }.options();
    default.queues.deliveries = Some(u32::MAX);
    let default = leaves(&default);
    let changed = leaves(&parse(EVERY_KEY).unwrap().options());
    assert!(default.len() >= 26, "{default:?}");
    assert_eq!(default.keys().collect::<Vec<_>>(), changed.keys().collect::<Vec<_>>());
    for (name, value) in &default {
        assert_ne!(
            Some(value),
            changed.get(name),
            "{name} has no key: a file with every key leaves it as it is"
        );
    }
}

#[test]
fn what_is_shown_can_be_read() {
    let config = parse(EVERY_KEY).unwrap();
    let mut shown = String::new();
    for section in sections() {
        if !section.name.is_empty() {
            shown += &format!("[{}]\n", section.name);
        }
        for key in &section.keys {
            shown += &format!("{} = {}\n", key.name, key.show(&config).unwrap());
        }
    }
    shown += &rows(&config.mounts);
    shown += &rows(&config.retention);
    shown += &rows(&config.rules);
    assert_eq!(debug(&parse(&shown).unwrap()), debug(&config));
}

fn rows<T: Row>(rows: &[T]) -> String {
    let mut shown = String::new();
    for row in rows {
        shown += &format!("[[{}]]\n", T::NAME);
        for key in T::keys() {
            shown += &format!("{} = {}\n", key.name, key.show(row).unwrap());
        }
    }
    shown
}

#[test]
fn actions_can_be_turned_off() {
    assert_eq!(parse("actions = false").unwrap().actions, Vec::<&str>::new());
    assert_eq!(parse("actions = []").unwrap().actions, Vec::<&str>::new());
}

#[test]
fn only_loopback_is_open_without_rules() {
    let refusal = |source: &str| parse(source).unwrap().refusal();
    for source in [
        "",
        "listen = \"[::1]:80\"",
        "listen = \"127.1.2.3:0\"",
        "listen = \"[::ffff:127.0.0.1]:80\"",
        "listen = \"0.0.0.0:80\"\ninsecure_open = true",
        "listen = \"0.0.0.0:80\"\n[[rule]]\nrooms = \"*\"\nallow = []",
    ] {
        assert_eq!(refusal(source), None, "{source}");
    }
    for address in ["0.0.0.0:8000", "[::]:8000", "192.0.2.7:8000"] {
        let text = refusal(&format!("listen = \"{address}\"")).unwrap();
        assert_eq!(
            text,
            format!(
                "refusing to listen on {address}: other machines can reach it, and nothing says who may do what, so \
                 that everybody could read and write every room. Do one of these:\n  \
                 * listen on loopback only: --listen 127.0.0.1:8000\n  \
                 * say who may do what: [[rule]] rows in a file for --config; `everywire config example` shows one\n  \
                 * let everybody do everything: --insecure-open, or insecure_open = true in the file"
            )
        );
    }
}

#[test]
fn the_playground_is_on_where_only_this_machine_sees_it() {
    let playground = |source: &str| parse(source).unwrap().playground();
    assert!(playground(""));
    assert!(!playground("listen = \"0.0.0.0:80\""));
    assert!(playground("listen = \"0.0.0.0:80\"\nplayground = true"));
    assert!(!playground("playground = false"));
}

/// `everywire config reference > docs/configuration.md` brings the page up to date.
#[test]
fn the_documentation_is_up_to_date() {
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/configuration.md");
    let written = std::fs::read_to_string(file).unwrap();
    assert!(
        written == reference(),
        "docs/configuration.md is not what `everywire config reference` prints; write it anew"
    );
}
