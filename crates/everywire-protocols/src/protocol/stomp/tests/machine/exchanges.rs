//! Whole exchanges, byte for byte, as official clients have them: what they say, and what they are answered.

use super::*;

/// One step of an exchange.
enum Step<'s> {
    /// The client says this, and it comes to that.
    Client(&'s str, &'s [&'s str]),
    /// What was asked first is answered, and the client hears that.
    Done(Payload, &'s [&'s str]),
    /// It is let in, and hears that.
    Enters(Option<&'s str>, &'s str),
    /// The mark of a subscription has come.
    Marked,
    /// This comes to the client, and it hears that.
    Comes(Item, &'s [&'s str]),
    /// So many milliseconds later, that has happened.
    Later(u64, &'s [&'s str]),
}

use Step::{Client, Comes, Done, Enters, Later, Marked};

fn play(options: StompOptions, steps: Vec<Step<'_>>) {
    let mut peer = Peer::silent_with(options, &Facts::default());
    for step in steps {
        match step {
            Client(frames, expected) => assert_eq!(peer.hear(frames), expected, "{frames}"),
            Done(payload, expected) => assert_eq!(peer.answer(Outcome::Done(payload)), expected),
            Enters(user, expected) => {
                let own =
                    format!("session:{}\nserver:everywire/{}\n", public_id(), env!("CARGO_PKG_VERSION"));
                assert_eq!(peer.enter(user), [expected.replace("OWN\n", &own)]);
            }
            Marked => peer.mark(),
            Comes(item, expected) => assert_eq!(peer.say(item), expected),
            Later(milliseconds, expected) => {
                let ticked: Vec<String> =
                    peer.wait(milliseconds).into_iter().flat_map(|(_, said)| said).collect();
                assert_eq!(ticked, expected);
            }
        }
    }
}

fn nothing() -> Payload {
    Payload::empty()
}

/// `@stomp/stompjs`: no host, its three versions, heart-beats; `content-length` behind its headers; a receipt for its goodbye.
#[test]
fn as_stompjs() {
    let joined = || Payload::from_args(&("1f-6", false)).expect("it serialises");
    let publication =
        Publication { from: Some(public_id()), ..broadcast(7, &["chat.1"], "hi").publication.clone() };
    let chat = Broadcast::new(Offset { epoch: 0x1f, seq: 7 }, publication);
    let message = format!(
        "MESSAGE\nsubscription:sub-0\ndestination:/topic/chat.1\nmessage-id:r1.1f-7\nevent:message\noffset:1f-7\ntime:1700000000123\nfrom:{}\ncontent-type:text/plain;charset=utf-8\ncontent-length:2\n\nhi␀",
        public_id()
    );
    play(
        StompOptions::default(),
        vec![
            Client(
                "CONNECT\nlogin:ann\npasscode:secret\naccept-version:1.2,1.1,1.0\nheart-beat:10000,10000\n\n␀",
                &[
                    r#"connect /world ({"accept-version":"1.2,1.1,1.0","heart-beat":"10000,10000","login":"ann","passcode":"secret"})"#,
                    "beats 8000 true",
                ],
            ),
            Enters(Some("ann"), "CONNECTED\nversion:1.2\nheart-beat:10000,10000\nOWN\nuser-name:ann\n\n␀"),
            Client(
                "SUBSCRIBE\nid:sub-0\ndestination:/topic/chat.1\nreceipt:sub\n\n␀",
                &["task subscribe chat.1 with mark 1 joined 1 #sub"],
            ),
            Marked,
            Done(joined(), &["RECEIPT\nreceipt-id:sub\noffset:1f-6\nrecovered:false\n\n␀"]),
            Later(8_000, &["pulse"]),
            Client("\n", &[]),
            Client(
                "SEND\ndestination:/topic/chat.1\ncontent-length:2\n\nhi␀",
                &["task publish chat.1 message(\"hi\")"],
            ),
            Comes(Item::Broadcast { broadcast: chat.into(), meta: true }, &[&message]),
            Done(nothing(), &[]),
            Client("UNSUBSCRIBE\nid:sub-0\n\n␀", &["task unsubscribe chat.1 stopped 1"]),
            Done(nothing(), &[]),
            Client("DISCONNECT\nreceipt:close-1\n\n␀", &["task nothing goodbye #close-1"]),
            Done(nothing(), &["RECEIPT\nreceipt-id:close-1\n\n␀"]),
            Later(2_000, &["close (client closed) the client has said goodbye"]),
        ],
    );
}

/// `stomp-py`: the STOMP command, one version, a host; line ends behind its frames.
#[test]
fn as_stomp_py() {
    let job = everywire_core::hub::QueueMessage {
        event: Name::MESSAGE,
        payload: Payload::from_args(&(1,)).expect("it serialises"),
        from: None,
        user: None,
        time: 1_700_000_000_123,
        original: None,
    };
    let job = Arc::new(job);
    let delivery =
        |redelivered| Item::Delivery { consumer: 1, delivery: 3, redelivered, message: job.clone() };
    play(
        StompOptions::default(),
        vec![
            Client(
                "STOMP\naccept-version:1.2\nhost:localhost\nlogin:guest\npasscode:guest\n\n␀",
                &[
                    r#"connect /world ({"accept-version":"1.2","host":"localhost","login":"guest","passcode":"guest"})"#,
                ],
            ),
            Enters(None, "CONNECTED\nversion:1.2\nheart-beat:10000,10000\nOWN\n\n␀"),
            Client(
                "SUBSCRIBE\nack:client-individual\ndestination:/queue/jobs\nid:1\nprefetch-count:1\n\n␀\n",
                &["task consume jobs as 1, settles 1"],
            ),
            Done(nothing(), &[]),
            Client(
                "SEND\ncontent-length:1\ncontent-type:application/json\ndestination:/queue/jobs\nreceipt:a\n\n1␀\n",
                &["task send jobs message(1) #a"],
            ),
            Done(nothing(), &["RECEIPT\nreceipt-id:a\n\n␀"]),
            Comes(
                delivery(false),
                &[
                    "MESSAGE\nsubscription:1\ndestination:/queue/jobs\nmessage-id:q1.3\nack:q1.3\nevent:message\ntime:1700000000123\ncontent-type:application/json\ncontent-length:1\n\n1␀",
                ],
            ),
            Client("NACK\nid:q1.3\n\n␀\n", &["task settle 1.3 return"]),
            Done(nothing(), &[]),
            Comes(
                delivery(true),
                &[
                    "MESSAGE\nsubscription:1\ndestination:/queue/jobs\nmessage-id:q1.3\nack:q1.3\nredelivered:true\nevent:message\ntime:1700000000123\ncontent-type:application/json\ncontent-length:1\n\n1␀",
                ],
            ),
            Client(
                "BEGIN\ntransaction:t\n\n␀\nACK\nid:q1.3\ntransaction:t\n\n␀\nCOMMIT\nreceipt:c\ntransaction:t\n\n␀\n",
                &["task settle 1.3 done", "task nothing #c"],
            ),
            Done(nothing(), &[]),
            Done(nothing(), &["RECEIPT\nreceipt-id:c\n\n␀"]),
            Client("DISCONNECT\nreceipt:d\n\n␀\n", &["task stop 1", "task nothing goodbye #d"]),
            Done(nothing(), &[]),
            Done(nothing(), &["RECEIPT\nreceipt-id:d\n\n␀"]),
        ],
    );
}

/// A page written for Spring: an application's answers go to topics, and its own to `/user/queue`.
#[test]
fn as_a_page_for_spring() {
    play(
        StompOptions { spring: true, ..StompOptions::default() },
        vec![
            Client(
                "CONNECT\naccept-version:1.1,1.0\nheart-beat:0,0\n\n␀",
                &[r#"connect /world ({"accept-version":"1.1,1.0","heart-beat":"0,0"})"#],
            ),
            Enters(None, "CONNECTED\nversion:1.1\nheart-beat:10000,10000\nOWN\n\n␀"),
            Client(
                "SUBSCRIBE\nid:sub-0\ndestination:/topic/greetings\n\n␀SUBSCRIBE\nid:sub-1\ndestination:/user/queue/errors\n\n␀",
                &["task subscribe greetings with mark 1 joined 1", "task nothing mark 2"],
            ),
            Marked,
            Done(nothing(), &[]),
            Done(nothing(), &[]),
            Client(
                "SEND\ndestination:/app/greetings\ncontent-length:14\n\n{\"name\":\"ann\"}␀",
                &["task call greetings({\"name\":\"ann\"}) for room greetings, asked: false"],
            ),
            Comes(
                Item::Broadcast {
                    broadcast: of_publication(1, vec!["greetings".into()], "greetings", Payload::text("hello ann")),
                    meta: true,
                },
                &[
                    "MESSAGE\nsubscription:sub-0\ndestination:/topic/greetings\nmessage-id:r1.1f-1\nevent:greetings\noffset:1f-1\ntime:1700000000123\ncontent-type:text/plain;charset=utf-8\ncontent-length:9\n\nhello ann␀",
                ],
            ),
            Done(Payload::text("hello ann"), &[]),
            Client("SEND\ndestination:/queue\n\n␀", &wrong(
                Reason::ProtocolError,
                "Unknown destination",
                "\"/queue\": destinations begin with /topic/ or /room/ (rooms), /queue/ (queues), /app/ (events of the application), /user/queue/ or /user/topic/ (a user's own)",
                None,
            ).each_ref().map(String::as_str)),
        ],
    );
}

/// A client of 1.0: no ids, no escapes, blanks before values.
#[test]
fn as_of_2008() {
    play(
        StompOptions::default(),
        vec![
            Client(
                "CONNECT\nlogin: ann\npasscode: p\n\n␀\n",
                &[r#"connect /world ({"login":"ann","passcode":"p"})"#],
            ),
            Enters(None, "CONNECTED\nversion:1.0\nOWN\n\n␀"),
            Client(
                "SUBSCRIBE\ndestination: /topic/a:b\nack: auto\n\n␀\n",
                &["task subscribe a:b with mark 1 joined 1"],
            ),
            Marked,
            Done(nothing(), &[]),
            Comes(
                Item::Broadcast { broadcast: broadcast(1, &["a:b"], "x\\y"), meta: true },
                &[
                    "MESSAGE\ndestination:/topic/a:b\nmessage-id:r1.1f-1\nevent:message\noffset:1f-1\ntime:1700000000123\ncontent-type:text/plain;charset=utf-8\ncontent-length:3\n\nx\\y␀",
                ],
            ),
            Later(3_600_000, &[]),
            Client(
                "UNSUBSCRIBE\ndestination: /topic/a:b\nreceipt: 1\n\n␀\n",
                &["task unsubscribe a:b stopped 1 #1"],
            ),
            Done(nothing(), &["RECEIPT\nreceipt-id:1\n\n␀"]),
            Client("DISCONNECT\n\n␀\n", &["task nothing goodbye"]),
            Later(2_000, &[]),
            Done(nothing(), &[]),
            Later(2_000, &["close (client closed) the client has said goodbye"]),
        ],
    );
}
