//! Whatever happens, and whenever.

use everywire_testkit::Random;

use super::*;

const SEEDS: u64 = 300;
const MESSAGES: usize = 25;

/// What may go wrong on the way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Happens {
    Nothing,
    /// A lane breaks at some time.
    Cut,
    ClientEnds,
    ServerEnds,
}

/// A conversation in which both say things at any time, and this happens at some time.
fn converse(transport: Transport, happens: Happens, seed: u64) -> (Network, Vec<String>) {
    let mut random = Random::new(seed);
    let limit = random.pick(&[1, 30, 200, 131_072]);
    let options = SockJsClientOptions {
        post_bytes: random.pick(&[1, 60, 65_536]),
        pause: Duration::from_millis(random.pick(&[0, 25])),
        ..only(transport)
    };
    let server = SockJsOptions { response_limit: limit, ..SockJsOptions::default() };
    let mut network = Network::new(options, server);
    let (mut says, mut said) = (numbered("server", MESSAGES), numbered("client", MESSAGES));
    says.reverse();
    said.reverse();
    let mut taken = Vec::new();
    let when = random.below(2 * MESSAGES);
    for turn in 0..2 * MESSAGES {
        if turn == when {
            happen(&mut network, happens, &mut random);
        }
        if random.chance(50) {
            network.server.says.extend(says.pop());
        }
        if random.chance(50)
            && let Some(text) = said.pop()
            && network.say(&text)
        {
            taken.push(text);
        }
        for _ in 0..random.below(8) {
            network.step(&mut random);
        }
        if random.chance(20) {
            network.now = network.now.after(Duration::from_millis(25));
            network.tell(Told::Tick);
        }
    }
    network.server.says.extend(says.into_iter().rev());
    for text in said.into_iter().rev() {
        if network.say(&text) {
            taken.push(text);
        }
    }
    network.settle(&mut random, Duration::from_secs(120));
    (network, taken)
}

fn happen(network: &mut Network, happens: Happens, random: &mut Random) {
    match happens {
        Happens::Nothing => {}
        Happens::Cut => {
            let lanes = network.lanes();
            if !lanes.is_empty() {
                let lane = random.pick(&lanes);
                network.cut(lane, random.chance(50));
            }
        }
        Happens::ClientEnds => network.tell(Told::Close),
        Happens::ServerEnds => network.server.end(),
    }
}

fn each(happens: Happens, check: impl Fn(&Network, &[String], &str)) {
    for transport in Transport::ALL {
        for seed in 0..SEEDS {
            let (network, taken) = converse(transport, happens, seed);
            let at = format!("{transport:?}, {happens:?}, seed {seed}");
            // Each side has heard the beginning of what the other has said, and each thing once.
            assert!(numbered("server", MESSAGES).starts_with(&network.heard), "{at}: {:?}", network.heard);
            let heard = network.server_heard();
            assert!(taken.starts_with(&heard), "{at}: {heard:?}");
            // And all of it, or both are told of an end.
            let all = network.heard.len() == MESSAGES && heard.len() == taken.len();
            let ended = network.closed.is_some() && !network.server_closed().contains(&None);
            assert!(all || ended, "{at}: neither all nor an end");
            check(&network, &taken, &at);
        }
    }
}

#[test]
fn nothing_is_lost_or_doubled_where_responses_end() {
    let requests = std::cell::Cell::new(0);
    each(Happens::Nothing, |network, taken, at| {
        assert_eq!((network.heard.len(), taken.len()), (MESSAGES, MESSAGES), "{at}");
        assert_eq!(network.server_heard().len(), MESSAGES, "{at}");
        assert_eq!(network.closed, None, "{at}");
        assert_eq!(network.server_closed(), [None], "{at}");
        requests.set(requests.get() + network.sessions_asked.len());
    });
    assert!(requests.get() > 5000, "{} requests that listen", requests.get());
}

#[test]
fn a_cut_is_reported_to_both() {
    let ends = std::cell::Cell::new(0);
    each(Happens::Cut, |network, _, at| {
        let Some((code, reason, text)) = &network.closed else { return };
        assert!(matches!(code, 1002 | 1006 | 2000), "{at}: {code} {text}");
        assert_eq!(*reason, Reason::Lost, "{at}: {text}");
        for closed in network.server_closed() {
            assert!(matches!(closed, Some(Reason::Lost | Reason::ClientClosed)), "{at}: {closed:?}");
        }
        ends.set(ends.get() + 1);
    });
    assert!(ends.get() > 1000, "{} ends", ends.get());
}

#[test]
fn a_client_that_ends_has_said_all_that_was_taken() {
    each(Happens::ClientEnds, |network, taken, at| {
        let (code, reason, text) = network.closed.as_ref().expect("an end");
        assert_eq!((*code, *reason), (1000, Reason::ClientClosed), "{at}: {text}");
        assert_eq!(network.server_heard(), taken, "{at}");
        for closed in network.server_closed() {
            // A poll may have been answered while the client went.
            let gone = matches!(closed, Some(Reason::ClientClosed | Reason::Lost));
            assert!(gone, "{at}: {closed:?}");
        }
    });
}

#[test]
fn a_server_that_ends_has_said_all_that_it_said_before() {
    each(Happens::ServerEnds, |network, _, at| {
        // Without a session there was nothing to end.
        let Some((code, reason, text)) = &network.closed else {
            assert_eq!(network.server_closed(), [None], "{at}");
            return;
        };
        assert_eq!((*code, *reason, &**text), (1000, Reason::ServerClosed, "Normal closure"), "{at}");
        assert_eq!(network.server_closed(), [Some(Reason::ServerClosed)], "{at}");
    });
}
