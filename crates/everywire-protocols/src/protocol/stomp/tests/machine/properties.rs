//! What holds for whatever clients send: where pieces end makes no difference, nothing makes the machine panic, what others
//! write to its socket is what it writes itself, and each token is answered once at most.

use proptest::prelude::*;

use super::*;

/// Options whose bounds chance comes to.
fn tight() -> StompOptions {
    StompOptions {
        limits: Limits { headers: 8, line_bytes: 80, head_bytes: 300, body_bytes: 60, first_bytes: 200 },
        subscriptions: 3,
        transactions: 2,
        transaction_frames: 3,
        transaction_bytes: 1_000,
        ..StompOptions::default()
    }
}

const COMMANDS: [&str; 13] = [
    "STOMP",
    "SEND",
    "SEND",
    "SEND",
    "SUBSCRIBE",
    "SUBSCRIBE",
    "UNSUBSCRIBE",
    "ACK",
    "NACK",
    "BEGIN",
    "COMMIT",
    "ABORT",
    "DISCONNECT",
];

const HEADERS: [&str; 29] = [
    "id:0",
    "id:0",
    "id:1",
    "id:q1.1",
    "id:c2.3",
    "id:r1.1f-1",
    "message-id:q1.1",
    "destination:/topic/a",
    "destination:/topic/a",
    "destination:/topic/b",
    "destination:/queue/q",
    "destination:/app/chat",
    "destination:/user/queue/errors",
    "destination:/user/ann/queue/x",
    "destination:/temp-queue/a",
    "destination:/topic/*",
    "reply-to:/temp-queue/a",
    "reply-to:/topic/a",
    "transaction:t",
    "transaction:t",
    "transaction:u",
    "ack:client",
    "ack:client-individual",
    "since:1f-0",
    "content-type:application/json",
    "content-type:image/png",
    "x:y",
    "event:chat",
    "prefetch-count:1",
];

/// A frame of a client's, right or wrong.
#[derive(Debug, Clone)]
struct Any {
    command: &'static str,
    headers: Vec<&'static str>,
    body: Vec<u8>,
}

fn a_frame() -> impl Strategy<Value = Any> {
    let headers = prop::collection::vec(prop::sample::select(&HEADERS[..]), 0..5);
    let body = prop_oneof![
        6 => Just(Vec::new()),
        1 => Just(b"[1]".to_vec()),
        1 => prop::collection::vec(1..=u8::MAX, 0..8),
    ];
    let command = prop::sample::select(&COMMANDS[..]);
    (command, headers, body).prop_map(|(command, headers, body)| Any { command, headers, body })
}

impl Any {
    /// With this receipt, as it is sent.
    fn bytes(&self, receipt: usize) -> Vec<u8> {
        let mut frame = format!("{}\nreceipt:{receipt}\n", self.command).into_bytes();
        for header in &self.headers {
            frame.extend_from_slice(format!("{header}\n").as_bytes());
        }
        frame.push(b'\n');
        frame.extend_from_slice(&self.body);
        frame.push(0);
        frame
    }

    fn is_held(&self) -> bool {
        let has = |name: &str| self.headers.iter().any(|header| header.starts_with(name));
        has("transaction:") && ["SEND", "ACK", "NACK"].contains(&self.command)
    }
}

fn a_connect() -> impl Strategy<Value = Vec<u8>> {
    let version = prop::sample::select(&["", "accept-version:1.1\n", "accept-version:1.2\n"][..]);
    let beat = prop::sample::select(&["", "heart-beat:1000,2000\n"][..]);
    (version, beat).prop_map(|(version, beat)| format!("CONNECT\n{version}{beat}\n\0").into_bytes())
}

/// What a client sends: frames, now and then with a byte changed.
fn a_stream() -> impl Strategy<Value = Vec<u8>> {
    let spoiled = prop::option::weighted(0.3, (any::<usize>(), any::<u8>()));
    (prop::collection::vec((a_frame(), "\n{0,2}"), 0..12), spoiled).prop_map(|(frames, spoiled)| {
        let frames = frames.iter().enumerate();
        let mut stream: Vec<u8> = frames
            .flat_map(|(i, (frame, end))| [frame.bytes(i), end.clone().into_bytes()].concat())
            .collect();
        if let Some((at, byte)) = spoiled.filter(|_| !stream.is_empty()) {
            let at = at % stream.len();
            stream[at] = byte;
        }
        stream
    })
}

/// All that it comes to, in words, if it comes in these pieces: to one that is in behind `connect`, or to one that is not.
fn outputs<'a>(connect: Option<&[u8]>, pieces: impl IntoIterator<Item = &'a [u8]>) -> Vec<String> {
    let mut peer = Peer::silent_with(tight(), &Facts::default());
    if let Some(connect) = connect {
        peer.message(Message::Binary(connect));
        peer.enter(None);
    }
    let mut all: Vec<_> = pieces.into_iter().flat_map(|piece| peer.message(Message::Binary(piece))).collect();
    all.push(format!("{:?}", peer.machine.deadline()));
    all
}

fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// A client of each version, with and without binary, and the same again.
fn twins(version: Version, text_only: bool, subscriptions: &[(String, usize)]) -> [Peer; 2] {
    const DESTINATIONS: [&str; 5] =
        ["/topic/a", "/room/a", "/topic/b", "/user/queue/chat", "/queue/a\nack:client"];
    [(); 2].map(|()| {
        let facts = Facts { text_only, ..Facts::default() };
        let options = StompOptions { subscriptions: 100, ..StompOptions::default() };
        let mut peer = Peer::open_with(version, options, &facts);
        for (i, (id, destination)) in subscriptions.iter().enumerate() {
            let mut written = Vec::new();
            write_frame(version, &Command::Send, [("id", &*format!("{id}{i}"))], b"", &mut written);
            let written = String::from_utf8(written).expect("text");
            let id = written
                .strip_prefix("SEND\nid:")
                .and_then(|rest| rest.strip_suffix("\n\n\0"))
                .expect("an id");
            peer.subscribe(id, DESTINATIONS[destination % DESTINATIONS.len()]);
        }
        peer
    })
}

const ROOMS: &[&[&str]] = &[&["a"], &["b"], &["a", "b"], &["c"]];

fn a_payload() -> impl Strategy<Value = Payload> {
    prop_oneof![
        Just(Payload::empty()),
        any::<String>().prop_map(Payload::text),
        prop::collection::vec(any::<u8>(), 0..9).prop_map(Payload::binary),
        prop::collection::vec(any::<i32>(), 0..4)
            .prop_map(|args| Payload::from_args(&args).expect("it serialises")),
    ]
}

fn an_original() -> impl Strategy<Value = Option<Arc<Original>>> {
    let text = || any::<String>().prop_map(String::into_boxed_str);
    let headers = prop::collection::vec((text(), text()), 0..3);
    prop::option::of(
        (headers, prop::option::of(text()))
            .prop_map(|(headers, content_type)| Arc::new(Original { headers, content_type, body: None })),
    )
}

proptest! {
    #[test]
    fn it_makes_no_difference_where_pieces_end(
        connect in a_connect(),
        stream in a_stream(),
        noise in prop::collection::vec(any::<u8>(), 0..100),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let all = [&connect[..], &stream].concat();
        for (connect, stream) in [(Some(&connect[..]), &stream), (None, &all), (None, &noise), (Some(&connect), &noise)] {
            let whole = outputs(connect, [&stream[..]]);
            prop_assert_eq!(&outputs(connect, cut(stream, &cuts)), &whole);
            prop_assert_eq!(&outputs(connect, stream.chunks(1)), &whole, "byte by byte");
        }
    }

    #[test]
    fn who_writes_for_it_writes_the_same(
        version in prop::sample::select(&Version::ALL[..]),
        text_only in any::<bool>(),
        subscriptions in prop::collection::vec((any::<String>(), any::<usize>()), 0..6),
        payload in a_payload(),
        original in an_original(),
        user in prop::option::of(any::<String>()),
        rooms in prop::sample::select(ROOMS),
    ) {
        let subscriptions: Vec<_> = subscriptions.into_iter().map(|(id, to)| (id.replace('␀', ""), to)).collect();
        let [mut writes, written] = twins(version, text_only, &subscriptions);
        let publication = Publication {
            original,
            user: user.map(Arc::from),
            ..of_publication(7, rooms.iter().map(|room| (*room).into()).collect(), "chat", payload).publication.clone()
        };
        let broadcast = Arc::new(Broadcast::new(Offset { epoch: 0x1f, seq: 7 }, publication));
        let mut expected = Vec::new();
        let entry = Entry { slot: 0, item: Item::Broadcast { broadcast: broadcast.clone(), meta: true } };
        writes.machine.encode(&entry, &mut |kind, bytes: &[u8]| expected.push((kind, bytes.to_vec())));
        let (form, mut tail) = (written.machine.form(), Vec::new());
        let mut kinds = Vec::new();
        form.encode(&broadcast, true, &mut |kind, bytes: &[u8]| {
            kinds.push(kind);
            tail.extend_from_slice(bytes);
        });
        prop_assert_eq!(kinds, [form.kind(&broadcast)]);
        let mut heard = Vec::new();
        written.machine.heads().expect("STOMP has heads").heads(&broadcast, &mut |head| {
            heard.push((form.kind(&broadcast), [head, &tail].concat()));
        });
        prop_assert_eq!(&heard, &expected);
        for (kind, bytes) in heard {
            prop_assert!(kind == Kind::Binary || std::str::from_utf8(&bytes).is_ok());
            let mut input = &bytes[..];
            let event = parser(version).next(&mut input).expect("no fault").expect("a frame");
            prop_assert!(input.is_empty(), "one whole frame");
            let Event::Frame(frame) = event else { panic!("a frame") };
            prop_assert_eq!(frame.header("message-id").map(|id| id.ends_with(".1f-7")), Some(true));
            prop_assert_eq!(frame.header("event"), Some("chat"));
        }
    }

    #[test]
    fn each_receipt_comes_once(connect in a_connect(), frames in prop::collection::vec(a_frame(), 0..16)) {
        let mut peer = Peer::silent_with(tight(), &Facts::default());
        peer.message(Message::Binary(&connect));
        peer.enter(None);
        let (mut due, mut held) = (Vec::new(), Vec::new());
        for (i, frame) in frames.iter().enumerate() {
            let outputs = peer.message(Message::Binary(&frame.bytes(i)));
            if let [.., error, close] = &outputs[..]
                && close.starts_with("close ")
            {
                prop_assert!(error.contains(&format!("\nreceipt-id:{i}\n")), "{}", error);
                break;
            }
            if frame.is_held() {
                held.push(i.to_string());
            } else if !outputs.iter().any(|output| output.starts_with("send for ") || output.starts_with("ignore ")) {
                due.push(i.to_string());
            }
            if frame.command == "DISCONNECT" {
                break;
            }
        }
        let mut receipts = Vec::new();
        while !peer.asked.is_empty() {
            receipts.extend(peer.done().iter().filter_map(|said| {
                let id = said.strip_prefix("RECEIPT\nreceipt-id:")?;
                Some(id.lines().next().unwrap_or_default().to_owned())
            }));
        }
        // What was held comes in its transaction's place, or never.
        receipts.retain(|receipt| match held.iter().position(|held| held == receipt) {
            Some(at) => {
                held.swap_remove(at);
                false
            }
            None => true,
        });
        prop_assert_eq!(receipts, due);
    }
}
