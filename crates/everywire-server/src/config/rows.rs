//! The keys of the rows: `[[mount]]`, `[[retention]]`, `[[rule]]`.

use std::time::Duration;

use everywire::Verb;

use super::key::{Key, Row, field};
use super::kind::{Bytes, Flag, Text, Wait, Whole, Word};
use super::mount::{self, MountRow, Protocol, Session};
use super::rooms::{RetentionRow, Rule};

const ROOMS: Text =
    Text { expected: "a room's name, with * for any characters, such as \"chat/*\"", check: |_| true };
const PATH: Text = Text {
    expected: "a path such as \"/ws\", \"/raw/{room}\" or \"/hubs/{namespace}\": it begins with a slash, and at most one whole segment is {room} or {namespace}",
    check: mount::is_path,
};
const NAMESPACE: Text = Text {
    expected: "a namespace such as \"/\" or \"/admin\": it begins with a slash and has no control characters",
    check: |text| text.starts_with('/') && !text.contains(char::is_control),
};

const VERBS: Word<Verb> = Word(&[
    ("subscribe", Verb::Subscribe),
    ("publish", Verb::Publish),
    ("presence", Verb::Presence),
    ("history", Verb::History),
    ("send", Verb::Send),
    ("consume", Verb::Consume),
]);
const SESSIONS: Word<Session> = Word(&[
    ("websocket", Session::WebSocket),
    ("sse", Session::Sse),
    ("poll", Session::Poll),
    ("publish", Session::Publish),
    ("engineio", Session::EngineIo),
    ("signalr", Session::SignalR),
    ("sockjs", Session::SockJs),
]);
const PROTOCOLS: Word<Protocol> = Word(&[
    ("raw", Protocol::Raw),
    ("jsonrpc", Protocol::JsonRpc),
    ("socketio", Protocol::SocketIo),
    ("signalr", Protocol::SignalR),
    ("stomp", Protocol::Stomp),
]);

impl Row for MountRow {
    const NAME: &'static str = "mount";
    const DOC: &'static str = "What is served where. Rows replace the default ones, all of them; the first that fits a request answers it.";
    const NEEDED: &'static [&'static str] = &["path", "session"];
    const SAMPLE: &'static str = "";

    fn keys() -> Vec<Key<Self>> {
        vec![
            Key::<Self>::new("path", PATH, field!(path), "The path of its URL. `{room}` stands for the name of a room: needed by `publish`, and by `raw` on WebSocket to publish every message in that room. `{namespace}`, for the session `signalr`, stands for a namespace, `default` for `/`; clients name it as their hub.").needed(),
            Key::<Self>::new("session", SESSIONS, field!(session), "How a conversation is carried: `sse` and `poll` receive only, `publish` is one POST, `engineio` is Socket.IO's polls and WebSockets, `signalr` SignalR's negotiation, WebSockets, events and polls, `sockjs` all that SockJS has, on the paths below.").needed(),
            Key::new("protocol", PROTOCOLS, field!(protocol), "What its messages mean. `jsonrpc` needs the session `websocket` or `sockjs`, which carries `raw`, too; `socketio` and the session `engineio` need each other; `signalr` needs the session `signalr`, which carries `raw`, too; `stomp` needs `websocket` or `sockjs`. A `websocket` of `jsonrpc` takes clients of `stomp`, too, that offer one of its subprotocols."),
            Key::new("namespace", NAMESPACE, field!(namespace), "The namespace that its clients enter; those of Socket.IO name theirs themselves."),
            Key::new("choose_namespace", Flag, field!(choose_namespace), "Whether clients may name another namespace that is mounted: `?namespace=`."),
        ]
    }

    fn faults(&self) -> Vec<(&'static str, String)> {
        MountRow::faults(self)
    }
}

impl Row for RetentionRow {
    const NAME: &'static str = "retention";
    const DOC: &'static str = "How much of what it heard a room keeps, for history and for clients that come back. The first row whose pattern fits a room decides; a room that none fits keeps what the defaults here say. Whatever exceeds the first of the three bounds goes, oldest first.";
    const NEEDED: &'static [&'static str] = &["rooms"];
    const SAMPLE: &'static str = "rooms = \"chat/*\"\nmessages = 1000\nbytes = \"4MiB\"\nage = \"1h\"\n";

    fn keys() -> Vec<Key<Self>> {
        vec![
            Key::<Self>::new(
                "rooms",
                ROOMS,
                field!(rooms.0),
                "Which rooms: a name in which `*` stands for any characters.",
            )
            .needed(),
            Key::new(
                "messages",
                Whole(0..=1_000_000_000),
                field!(messages),
                "At most so many messages; 0 keeps nothing.",
            ),
            Key::new(
                "bytes",
                Bytes(0..=1 << 30),
                field!(bytes),
                "At most so many bytes of payload and names, and 128 for each message; 0 keeps nothing.",
            ),
            Key::new(
                "age",
                Wait(Duration::from_millis(10)..=Duration::from_secs(30 * 24 * 3600)),
                field!(age),
                "At most so long.",
            ),
        ]
    }
}

impl Row for Rule {
    const NAME: &'static str = "rule";
    const DOC: &'static str = "Who may do what with which rooms and queues. The first rule whose pattern fits the name decides, whatever else it allows; what none fits is closed. Without any rule every room and queue is open to everybody, and the server listens on loopback only.";
    const NEEDED: &'static [&'static str] = &["rooms", "allow"];
    const SAMPLE: &'static str = "rooms = \"news/*\"\nallow = [\"subscribe\", \"history\"]\n";

    fn keys() -> Vec<Key<Self>> {
        vec![
            Key::<Self>::new("rooms", ROOMS, field!(rooms.0), "Which rooms, and for `send` and `consume` which queues: a name in which `*` stands for any characters.").needed(),
            Key::<Self>::new("allow", VERBS, field!(allow), "What everybody may do with them: hear (also what was said since they last did), publish, see who is there, read what was said; of queues, send to them and take messages from them. An empty list closes them.").needed(),
        ]
    }
}
