//! Any chunking gives the same; what one side writes the other reads; nothing makes the parser panic.

use proptest::prelude::*;

use super::*;

/// Small, so that they are reached.
const TIGHT: Limits = Limits { headers: 4, line_bytes: 24, head_bytes: 60, body_bytes: 30, first_bytes: 50 };

/// A frame, with a name of each sort and any value that its version can spell.
#[derive(Debug, Clone)]
struct Any {
    command: usize,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

fn a_frame(version: Version) -> impl Strategy<Value = Any> {
    let (name, value) = match version {
        Version::V1_0 => ("[a-e\\\\ é]{1,3}", "([!-~é🙂][ -~\té]{0,8})?"),
        Version::V1_1 => ("[a-e:\\\\\n é]{1,3}", "[ -~\n\té🙂]{0,8}"),
        Version::V1_2 => ("[a-e:\\\\\n\r é]{1,3}", "[ -~\n\r\té🙂]{0,8}"),
    };
    let headers = prop::collection::vec((name, value), 0..6);
    let body = prop_oneof![
        prop::collection::vec(any::<u8>(), 0..20),
        "[a-z\n\0é]{0,10}".prop_map(String::into_bytes)
    ];
    (0..Command::KNOWN.len() + 1, headers, body).prop_map(|(command, headers, body)| Any {
        command,
        headers,
        body,
    })
}

fn frames() -> impl Strategy<Value = (Version, Vec<Any>)> {
    prop::sample::select(&Version::ALL[..])
        .prop_flat_map(|version| (Just(version), prop::collection::vec(a_frame(version), 1..6)))
}

impl Any {
    fn command(&self) -> Command<'static> {
        Command::KNOWN.get(self.command).cloned().unwrap_or(Command::Unknown("PÎNG".into()))
    }

    /// What is to be read of it: without repeated names, and with a length.
    fn expected(&self) -> Frame<'static> {
        let mut frame =
            Frame { command: self.command(), headers: Headers::new(), body: self.body.clone().into() };
        let length = self.body.len().to_string();
        let length = (!self.body.is_empty()).then(|| ("content-length".to_owned(), length));
        for (name, value) in self.headers.clone().into_iter().chain(length) {
            if frame.header(&name).is_none() {
                frame.headers.push((name.into(), value.into()));
            }
        }
        frame
    }

    fn append(&self, version: Version, out: &mut Vec<u8>) {
        let headers = self.headers.iter().map(|(name, value)| (name.as_str(), value.as_str()));
        write_frame(version, &self.command(), headers, &self.body, out);
    }
}

/// Whether the frame has escapes at all: else the names and values of later versions do not come back.
fn is_spelled(frame: &Any, version: Version) -> bool {
    let raw = matches!(frame.command(), Command::Connect | Command::Stomp | Command::Connected);
    version == Version::V1_0 || !raw
}

fn cut<'a>(bytes: &'a [u8], cuts: &[usize]) -> Vec<&'a [u8]> {
    let mut places: Vec<usize> = cuts.iter().map(|cut| cut % (bytes.len() + 1)).collect();
    places.extend([0, bytes.len()]);
    places.sort_unstable();
    places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect()
}

/// What a stream of STOMP is made of.
const WORDS: &[&[u8]] = &[
    b"\n",
    b"\r\n",
    b"\r",
    b"\0",
    b":",
    b"\\",
    b"\\c",
    b"SEND\n",
    b"CONNECT\n",
    b"content-length:",
    b"accept-version:1.2\n",
    b"1",
    b"10",
    b"a: b\n",
    b"\n\n",
    b"\xc3",
    b"\xa9",
    b"\n\n\0",
];

fn noise() -> impl Strategy<Value = Vec<u8>> {
    let word = prop_oneof![
        4 => prop::sample::select(WORDS).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 0..4),
    ];
    prop::collection::vec(word, 0..24).prop_map(|words| words.concat())
}

proptest! {
    #[test]
    fn what_is_written_is_read_however_it_is_cut(
        (version, frames) in frames(),
        cuts in prop::collection::vec(any::<usize>(), 0..12),
    ) {
        let mut bytes = Vec::new();
        let mut expected = Vec::new();
        for frame in frames.iter().filter(|frame| is_spelled(frame, version)) {
            frame.append(version, &mut bytes);
            expected.push(show(&Event::Frame(frame.expected())));
        }
        let whole = heard(parser(version), [&bytes[..]]);
        prop_assert_eq!(&whole, &(expected, None));
        prop_assert_eq!(heard(parser(version), cut(&bytes, &cuts)), whole);
    }

    #[test]
    fn what_is_read_is_written_the_same((version, frames) in frames()) {
        for frame in &frames {
            let mut first = Vec::new();
            frame.append(version, &mut first);
            let mut input = &first[..];
            let event = parser(version).next(&mut input).expect("no fault").expect("a frame");
            prop_assert!(input.is_empty());
            let Event::Frame(read) = event else { panic!("a frame") };
            let mut second = Vec::new();
            read.append(version, &mut second);
            let again = parser(version).next(&mut &second[..]).map(|event| event.map(|event| show(&event)));
            prop_assert_eq!(again, Ok(Some(show(&Event::Frame(read)))));
        }
    }

    #[test]
    fn anything_leaves_as_one_frame(
        version in prop::sample::select(&Version::ALL[..]),
        command in 0..Command::KNOWN.len(),
        headers in prop::collection::vec((any::<String>(), any::<String>()), 0..6),
        body in prop::collection::vec(any::<u8>(), 0..20),
    ) {
        let frame = Any { command, headers, body };
        let mut bytes = Vec::new();
        frame.append(version, &mut bytes);
        let mut input = &bytes[..];
        let event = parser(version).next(&mut input).expect("no fault").expect("a frame");
        prop_assert!(input.is_empty(), "{}", bytes.escape_ascii());
        let Event::Frame(read) = event else { panic!("a frame") };
        prop_assert_eq!((read.command, &*read.body), (frame.command(), &frame.body[..]));
    }

    #[test]
    fn no_bytes_make_it_panic(
        version in prop::sample::select(&Version::ALL[..]),
        logged_in in any::<bool>(),
        bytes in prop_oneof![noise(), prop::collection::vec(any::<u8>(), 0..200)],
        cuts in prop::collection::vec(any::<usize>(), 0..6),
    ) {
        for limits in [TIGHT, Limits::default()] {
            let parser = || {
                let mut parser = Parser::new(limits);
                parser.switch(version);
                if logged_in {
                    parser.log_in();
                }
                parser
            };
            let whole = heard(parser(), [&bytes[..]]);
            prop_assert_eq!(&heard(parser(), cut(&bytes, &cuts)), &whole, "any chunking gives the same");
            prop_assert_eq!(&heard(parser(), bytes.chunks(1)), &whole, "byte by byte");
            if let Some(fault) = whole.1 {
                prop_assert!(!fault.to_string().is_empty() && [1002, 1009].contains(&fault.reason().close_code()));
            }
        }
    }

    #[test]
    fn no_spoiled_frame_makes_it_panic((version, frames) in frames(), at in any::<usize>(), byte in any::<u8>()) {
        let mut bytes = Vec::new();
        frames.iter().for_each(|frame| frame.append(version, &mut bytes));
        let at = at % bytes.len();
        bytes[at] = byte;
        let whole = heard(parser(version), [&bytes[..]]);
        prop_assert_eq!(heard(parser(version), bytes.chunks(1)), whole);
    }
}
