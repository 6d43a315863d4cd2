//! Bad files, and exactly what is said of them.

use super::super::read::parse;

/// What is said of a bad file, a line each.
fn faults(source: &str) -> Vec<String> {
    parse(source).unwrap_err().iter().map(ToString::to_string).collect()
}

#[test]
fn each_kind_of_fault_has_its_text() {
    let size = "a size from 1B to 1GiB, such as 65536, \"64KiB\" or \"1MiB\"";
    let wait = "a time from 10ms to 1day, such as \"250ms\", \"10s\" or \"5m\"";
    let address = "an IP address with a port, such as \"127.0.0.1:8000\" or \"[::1]:8000\"";
    let table: &[(&str, &str)] = &[
        // Names of keys.
        ("lissten = \"a\"", "1:1: unknown key \"lissten\"; did you mean \"listen\"?"),
        (
            "[limits]\nmesage-bytes = 1",
            "2:1: unknown key \"mesage-bytes\" in limits; did you mean \"message_bytes\"?",
        ),
        ("[deflat]", "1:2: unknown key \"deflat\"; did you mean \"deflate\"?"),
        ("handshake = \"1s\"", "1:1: unknown key \"handshake\"; it belongs in [timeouts]"),
        ("[limits]\n\nlisten = \"a\"", "3:1: unknown key \"listen\" in limits; it belongs above all tables"),
        (
            "[mailbox]\nfrobnicate = 1",
            "2:1: unknown key \"frobnicate\" in mailbox; known are bytes, overflow",
        ),
        ("limits.batsh = 1", "1:8: unknown key \"batsh\" in limits; did you mean \"batch\"?"),
        (
            "[[rule]]\nrooms = \"*\"\nallow = []\nroms = 1",
            "4:1: unknown key \"roms\" in rule; did you mean \"rooms\"?",
        ),
        // Tables.
        ("limits = 3", "1:10: limits: is a table; write [limits] above its keys"),
        ("[mount]\npath = \"/\"", "1:1: mount: is a list of tables; write [[mount]] above each"),
        ("rule = [3]", "1:9: rule: is a list of tables; write [[rule]] above each"),
        // Values.
        ("insecure_open = \"yes\"", "1:17: insecure_open: \"yes\" is not true or false"),
        ("[limits]\nbatch = 0", "2:9: limits.batch: 0 is not a whole number from 1 to 1000000000"),
        ("[limits]\nbatch = -1", "2:9: limits.batch: -1 is not a whole number from 1 to 1000000000"),
        ("[limits]\nbatch = 1.5", "2:9: limits.batch: 1.5 is not a whole number from 1 to 1000000000"),
        (
            "workers = 99999999999999999999",
            "1:11: workers: 99999999999999999999 is not a whole number from 1 to 1024",
        ),
        (
            "[deflate]\nserver_max_window_bits = 16",
            "2:26: deflate.server_max_window_bits: 16 is not a whole number from 8 to 15",
        ),
        (
            "[mailbox]\nbytes = \"9MB\"",
            "2:9: mailbox.bytes: \"9MB\" is not a size from 1KiB to 1GiB, such as 65536, \"64KiB\" or \"1MiB\"",
        ),
        ("[limits]\nbatch = [\n1,\n2]", "2:9: limits.batch: [ is not a whole number from 1 to 1000000000"),
        (
            "log = \"inof\"",
            "1:7: log: \"inof\" is not a level (\"error\", \"warn\", \"info\", \"debug\", \"trace\", \"off\") or a filter such as \"warn,everywire=debug\"",
        ),
        (
            "hosts = [\"a\", \"b:80\"]",
            "1:15: hosts: \"b:80\" is not a host without port, such as \"chat.example.org\", or \"*\"",
        ),
        (
            "hosts = \"a\"",
            "1:9: hosts: \"a\" is not a list of texts, each a host without port, such as \"chat.example.org\", or \"*\"",
        ),
        (
            "origins = [\"example.org\"]",
            "1:12: origins: \"example.org\" is not an origin such as \"https://example.org\", or \"*\"",
        ),
        (
            "origins = [\"https://example.org/app\"]",
            "1:12: origins: \"https://example.org/app\" is not an origin such as \"https://example.org\", or \"*\"",
        ),
        // Words.
        (
            "mailbox.overflow = \"drop_oldest\"",
            "1:20: mailbox.overflow: \"drop_oldest\" is not one of \"disconnect\", \"drop-oldest\"; did you mean \"drop-oldest\"?",
        ),
        ("mailbox.overflow = 1", "1:20: mailbox.overflow: 1 is not one of \"disconnect\", \"drop-oldest\""),
        (
            "actions = [\"subscribe\", \"publsh\"]",
            "1:25: actions: \"publsh\" is not one of \"subscribe\", \"unsubscribe\", \"publish\", \"presence\", \"history\"; did you mean \"publish\"?",
        ),
        (
            "actions = true",
            "1:11: actions: true is not false, or a list, each one of \"subscribe\", \"unsubscribe\", \"publish\", \"presence\", \"history\"",
        ),
        // Rows, and what does not go together.
        ("[[mount]]\npath = \"/a\"", "1:1: mount[0] has no \"session\""),
        ("[[rule]]", "1:1: rule[0] has no \"rooms\"|1:1: rule[0] has no \"allow\""),
        (
            "[[mount]]\npath = \"ws\"\nsession = \"sse\"",
            "2:8: mount[0].path: \"ws\" is not a path such as \"/ws\", \"/raw/{room}\" or \"/hubs/{namespace}\": it begins with a slash, and at most one whole segment is {room} or {namespace}",
        ),
        (
            "[[mount]]\npath = \"/p\"\nsession = \"publish\"",
            "2:8: mount[0].path: the session \"publish\" needs {room} in its path, as in \"/pub/{room}\"",
        ),
        (
            "[[mount]]\npath = \"/s/{room}\"\nsession = \"sse\"",
            "2:8: mount[0].path: clients name the rooms in the query, as in ?room=lobby; write a path without {room}",
        ),
        (
            "[[mount]]\npath = \"/j/{room}\"\nsession = \"websocket\"\nprotocol = \"jsonrpc\"",
            "2:8: mount[0].path: \"jsonrpc\" and \"stomp\" clients subscribe to rooms; write a path without {room}",
        ),
        (
            "[[mount]]\npath = \"/s\"\nsession = \"sse\"\nprotocol = \"jsonrpc\"",
            "4:12: mount[0].protocol: only the sessions \"websocket\" and \"sockjs\" carry \"jsonrpc\"; write \"raw\"",
        ),
        (
            "[[mount]]\npath = \"/s\"\nsession = \"sse\"\n[[mount]]\npath = \"/s\"\nsession = \"poll\"",
            "5:8: mount[1].path: mount[0] has this path already",
        ),
        (
            "[[mount]]\npath = \"/\"\nsession = \"sse\"",
            "2:8: mount[0].path: the playground is there; set playground = false, or write another path",
        ),
        ("[tls]\ncert = \"a\"", "2:8: tls.cert: the private key is missing; set tls.key too"),
        ("tls.key = \"a\"", "1:11: tls.key: the certificate is missing; set tls.cert too"),
        (
            "limits.inbound_queue = \"2MiB\"",
            "1:24: limits.inbound_queue: must not be more than limits.inbound_bytes",
        ),
        // Socket.IO.
        (
            "[socketio]\npingInterval = \"1s\"",
            "2:1: unknown key \"pingInterval\" in socketio; did you mean \"ping_interval\"?",
        ),
        ("[socketoi]", "1:2: unknown key \"socketoi\"; did you mean \"socketio\"?"),
        (
            "legacy_browser_transport = true",
            "1:1: unknown key \"legacy_browser_transport\"; did you mean \"legacy_browser_transports\"?",
        ),
        (
            "socketio.transports = [\"webscoket\"]",
            "1:24: socketio.transports: \"webscoket\" is not one of \"polling\", \"websocket\"; did you mean \"websocket\"?",
        ),
        (
            "socketio.transports = []",
            "1:23: socketio.transports: clients need one of them; to serve no Socket.IO, leave its [[mount]] row out",
        ),
        (
            "socketio.compress_polls = true",
            "1:27: socketio.compress_polls: true is not false, or a size from 1B to 1GiB, such as 65536, \"64KiB\" or \"1MiB\"",
        ),
        (
            "socketio.parser = \"jsno\"",
            "1:19: socketio.parser: \"jsno\" is not one of \"json\", \"msgpack\"; did you mean \"json\"?",
        ),
        (
            "socketio.recovery = true",
            "1:21: socketio.recovery: true is not false, or a time from 10ms to 1day, such as \"250ms\", \"10s\" or \"5m\"",
        ),
        (
            "socketio.cookie = \"a b\"",
            "1:19: socketio.cookie: \"a b\" is not the name of a cookie, such as \"io\", with attributes or without: \"io; Path=/; Secure\"",
        ),
        (
            "signalr.transports = [\"websocket\"]",
            "1:23: signalr.transports: \"websocket\" is not one of \"websockets\", \"server-sent-events\", \"long-polling\"; did you mean \"websockets\"?",
        ),
        (
            "signalr.protocols = []",
            "1:21: signalr.protocols: clients need one of them; to serve no SignalR, leave its [[mount]] row out",
        ),
        (
            "signalr.exception = \"a b\"",
            "1:21: signalr.exception: \"a b\" is not the name of a type, such as \"HubException\"",
        ),
        (
            "[[mount]]\npath = \"/s\"\nsession = \"sockjs\"\nprotocol = \"socketio\"",
            "4:12: mount[0].protocol: the session \"engineio\" carries \"socketio\", and nothing else does; write both",
        ),
        (
            "[[mount]]\npath = \"/s\"\nsession = \"sockjs\"\nprotocol = \"signalr\"",
            "4:12: mount[0].protocol: only the session \"signalr\" carries \"signalr\"; write both",
        ),
        (
            "[[mount]]\npath = \"/s/{room}\"\nsession = \"sockjs\"",
            "2:8: mount[0].path: SockJS clients subscribe to rooms; write a path without {room}",
        ),
        (
            "[[mount]]\npath = \"/s\"\nsession = \"sse\"\nprotocol = \"stomp\"",
            "4:12: mount[0].protocol: only the sessions \"websocket\" and \"sockjs\" carry \"stomp\"; write one of them",
        ),
        (
            "[sockjs]\nscript = \"sockjs.js\"",
            "2:10: sockjs.script: \"sockjs.js\" is not an address that browsers reach, such as \"https://example.org/sockjs.min.js\" or \"/sockjs.min.js\"",
        ),
        (
            "[[mount]]\npath = \"/h\"\nsession = \"websocket\"\nprotocol = \"signalr\"",
            "4:12: mount[0].protocol: only the session \"signalr\" carries \"signalr\"; write both",
        ),
        (
            "[[mount]]\npath = \"/h\"\nsession = \"signalr\"\nprotocol = \"jsonrpc\"",
            "4:12: mount[0].protocol: the session \"signalr\" carries \"signalr\" and \"raw\"; write one of them",
        ),
        (
            "[[mount]]\npath = \"/h/{room}\"\nsession = \"signalr\"\nprotocol = \"signalr\"",
            "2:8: mount[0].path: SignalR clients subscribe to rooms; write a path without {room}",
        ),
        (
            "[[mount]]\npath = \"/ws/{namespace}\"\nsession = \"websocket\"",
            "2:8: mount[0].path: only the session \"signalr\" has its namespace in the path; write `namespace`, or `choose_namespace = true`",
        ),
        (
            "[[mount]]\npath = \"/h\"\nsession = \"signalr\"\nprotocol = \"signalr\"\nchoose_namespace = true",
            "5:20: mount[0].choose_namespace: SignalR clients name their namespace in the path; write {namespace} there",
        ),
        (
            "[[mount]]\npath = \"/io/\"\nsession = \"websocket\"\nprotocol = \"socketio\"",
            "4:12: mount[0].protocol: the session \"engineio\" carries \"socketio\", and nothing else does; write both",
        ),
        (
            "[[mount]]\npath = \"/io/\"\nsession = \"engineio\"",
            "1:1: mount[0].protocol: the session \"engineio\" carries \"socketio\", and nothing else does; write both",
        ),
        (
            "[[mount]]\npath = \"/io/{room}\"\nsession = \"engineio\"\nprotocol = \"socketio\"\nnamespace = \"/admin\"",
            "2:8: mount[0].path: Socket.IO clients subscribe to rooms; write a path without {room}|5:13: mount[0].namespace: Socket.IO clients name their namespaces themselves; leave it out",
        ),
        // TOML itself.
        ("listen = ", "1:10: string values must be quoted, expected literal string"),
        ("a = 1\na = 2", "2:1: duplicate key"),
    ];
    for (source, expected) in table {
        assert_eq!(faults(source).join("|"), *expected, "{source}");
    }
    for listen in ["8000", "\"localhost:8000\"", "\"127.0.0.1\"", "\"127.0.0.1:80000\""] {
        let expected = format!("1:10: listen: {listen} is not {address}");
        assert_eq!(faults(&format!("listen = {listen}")), [expected]);
    }
    for bytes in
        ["\"1MB\"", "\"1.5MiB\"", "\"MiB\"", "0", "-1", "\"2GiB\"", "\"99999999999999999GiB\"", "true"]
    {
        let expected = format!("1:24: limits.message_bytes: {bytes} is not {size}");
        assert_eq!(faults(&format!("limits.message_bytes = {bytes}")), [expected]);
    }
    for time in ["10", "\"10\"", "\"\"", "\"0s\"", "\"1 fortnight\"", "\"2days\"", "\"9ms\""] {
        let expected = format!("1:18: timeouts.close: {time} is not {wait}");
        assert_eq!(faults(&format!("timeouts.close = {time}")), [expected]);
    }
}

#[test]
fn all_faults_are_told_in_order() {
    let source = "insecure_open = 1\n[timeouts]\nwrit = \"1s\"\n[[rule]]\nrooms = \"ä\"\nallow = [\"é\", 3]\n[limits]\nbatch = 0\n";
    assert_eq!(
        faults(source),
        [
            "1:17: insecure_open: 1 is not true or false",
            "3:1: unknown key \"writ\" in timeouts; did you mean \"write\"?",
            "6:10: rule[0].allow: \"é\" is not one of \"subscribe\", \"publish\", \"presence\", \"history\", \"send\", \"consume\"",
            "8:9: limits.batch: 0 is not a whole number from 1 to 1000000000",
        ]
    );
}

#[test]
fn columns_count_characters() {
    assert_eq!(faults("hosts = [\"ä\", 1]").len(), 1);
    let column = |source: &str| faults(source)[0].split(':').nth(1).unwrap().to_owned();
    assert_eq!(column("origins = [\"*\", 1]"), "17");
    assert_eq!(column("actions_prefix = \"äöü\"; x"), column("actions_prefix = \"aou\"; x"));
}

#[test]
fn no_file_is_a_panic() {
    // Whatever is cut off or doubled, it is read or refused.
    let whole = include_str!("every_key.toml");
    for at in whole.char_indices().map(|(at, _)| at) {
        let cut = &whole[..at];
        let doubled = format!("{cut}{whole}");
        for source in [cut, &doubled] {
            if let Err(faults) = parse(source) {
                assert!(!faults.is_empty());
            }
        }
    }
}
