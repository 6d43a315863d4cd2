//! Where a client may send and subscribe to.

use super::*;

const UNKNOWN: &str = "destinations begin with /topic/ or /room/ (rooms), /queue/ (queues), /app/ (events of the application), /user/queue/ or /user/topic/ (a user's own)";
const NAMELESS: &str = "a name has to follow the destination's beginning";
const WILDCARD: &str =
    "destinations have no wildcards; name each room (*, ?, # and > stand for nothing here)";

fn send(destination: &str) -> Vec<String> {
    let options = StompOptions { sends_to_users: true, ..StompOptions::default() };
    Peer::open_as(Version::V1_2, options).hear(&format!("SEND\ndestination:{destination}\n\n␀"))
}

fn subscribe(destination: &str) -> Vec<String> {
    Peer::open(Version::V1_2).hear(&format!("SUBSCRIBE\nid:0\ndestination:{destination}\nreceipt:r\n\n␀"))
}

#[test]
fn what_is_sent_where() {
    for (destination, expected) in [
        ("/topic/lobby", "task publish lobby message()"),
        ("/room/lobby", "task publish lobby message()"),
        // The whole rest is the name.
        ("/topic/a/b c.d", "task publish a/b c.d message()"),
        ("/topic//", "task publish / message()"),
        ("/topic/a%2Fb", "task publish a%2Fb message()"),
        ("/topic/a\\cb", "task publish a:b message()"),
        ("/topic/a:b", "task publish a:b message()"),
        ("/topic/é", "task publish é message()"),
        ("/queue/jobs", "task send jobs message()"),
        ("/app/chat", "event chat()"),
        ("/app/chat/say", "event chat/say()"),
        ("/user/queue/a", "task publish to user \"\" a()"),
        ("/user/topic/a/b", "task publish to user \"\" a/b()"),
        ("/user/ann/queue/a", "task publish to user \"ann\" a()"),
        ("/user/ann/topic/a", "task publish to user \"ann\" a()"),
        ("/user/a%2Fn%2fn%2G/queue/a", "task publish to user \"a/n/n%2G\" a()"),
        ("/user/queue/queue/a", "task publish to user \"\" queue/a()"),
        // An event of the application's has no subscribers.
        ("/app/*", "event *()"),
    ] {
        assert_eq!(send(destination), [expected], "{destination}");
    }
    // Nobody could subscribe to these.
    for destination in ["/topic/*", "/room/a.#", "/queue/jobs*", "/user/queue/a?", "/user/ann/queue/>"] {
        let detail = format!("{destination:?}: {WILDCARD}");
        assert_eq!(send(destination), wrong(Reason::ProtocolError, "No wildcards", &detail, None));
    }
}

#[test]
fn what_is_no_destination() {
    for (destination, message, why) in [
        ("", "Unknown destination", UNKNOWN),
        ("/", "Unknown destination", UNKNOWN),
        ("lobby", "Unknown destination", UNKNOWN),
        ("/topic", "Unknown destination", UNKNOWN),
        ("topic/a", "Unknown destination", UNKNOWN),
        ("/Topic/a", "Unknown destination", UNKNOWN),
        ("/exchange/a", "Unknown destination", UNKNOWN),
        ("/amq/queue/a", "Unknown destination", UNKNOWN),
        ("/user/", "Unknown destination", UNKNOWN),
        ("/user/ann", "Unknown destination", UNKNOWN),
        ("/user/ann/", "Unknown destination", UNKNOWN),
        ("/user/ann/app/a", "Unknown destination", UNKNOWN),
        ("/topic/", "Unknown destination", NAMELESS),
        ("/room/", "Unknown destination", NAMELESS),
        ("/queue/", "Unknown destination", NAMELESS),
        ("/app/", "Unknown destination", NAMELESS),
        ("/temp-queue/", "Unknown destination", NAMELESS),
        ("/user/queue/", "Unknown destination", NAMELESS),
        ("/user/ann/queue/", "Unknown destination", NAMELESS),
        ("/user//queue/a", "Unknown destination", NAMELESS),
    ] {
        let detail = format!("{destination:?}: {why}");
        assert_eq!(send(destination), wrong(Reason::ProtocolError, message, &detail, None), "{destination}");
        assert_eq!(
            subscribe(destination),
            wrong(Reason::ProtocolError, message, &detail, Some("r")),
            "{destination}"
        );
    }
    let detail = "/temp-queue/ is for the header reply-to alone";
    assert_eq!(send("/temp-queue/a"), wrong(Reason::ProtocolError, "Unknown destination", detail, None));
    let missing = Peer::open(Version::V1_2).hear("SEND\n\n␀");
    let detail = "SEND needs the header destination";
    assert_eq!(missing, wrong(Reason::ProtocolError, "Missing header", detail, None));
}

#[test]
fn nobody_subscribes_to_what_is_no_place() {
    for destination in [
        "/topic/*",
        "/topic/a*",
        "/topic/**",
        "/topic/a.*.b",
        "/topic/a?",
        "/topic/#",
        "/topic/a.#",
        "/topic/a/#/b",
        "/topic/>",
        "/topic/a.>",
        "/queue/*",
        "/app/?",
        "/user/queue/*",
        "/room/#",
    ] {
        let detail = format!("{destination:?}: {WILDCARD}");
        let expected = wrong(Reason::ProtocolError, "No wildcards", &detail, Some("r"));
        assert_eq!(subscribe(destination), expected, "{destination}");
    }
    // These mean themselves.
    for destination in ["/topic/a#b", "/topic/->", "/topic/a.#b", "/topic/%2A"] {
        assert_eq!(subscribe(destination).len(), 1, "{destination}");
    }
    for (destination, detail) in [
        ("/user/ann/queue/a", "one hears what is its own; subscribe to /user/queue/… without a name"),
        ("/temp-queue/a", "what comes to /temp-queue/… needs no subscription"),
    ] {
        let expected = wrong(Reason::ProtocolError, "Unknown destination", detail, Some("r"));
        assert_eq!(subscribe(destination), expected);
    }
}

#[test]
fn clients_send_to_other_users_only_where_they_may() {
    let heard = Peer::open(Version::V1_2).hear("SEND\ndestination:/user/ann/queue/a\nreceipt:1\n\n␀");
    let detail = "clients may not send to other users here";
    assert_eq!(heard, wrong(Reason::Refused, "Not allowed", detail, Some("1")));
    let own = Peer::open(Version::V1_2).hear("SEND\ndestination:/user/queue/a\nreceipt:1\n\n␀");
    assert_eq!(own, ["task publish to user \"\" a() #1"]);
}
