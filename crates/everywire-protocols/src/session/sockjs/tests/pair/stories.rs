//! Stories of one session each.

use everywire_testkit::Random;

use super::*;
use crate::session::SockJsRequest;

fn open(options: SockJsClientOptions, server: SockJsOptions, random: &mut Random) -> Network {
    let mut network = Network::new(options, server);
    network.settle(random, Duration::ZERO);
    assert!(network.opened.is_some());
    network
}

#[test]
fn every_transport_carries_both_ways() {
    for transport in Transport::ALL {
        let mut random = Random::new(1);
        let mut network = open(only(transport), SockJsOptions::default(), &mut random);
        for i in 0..2 {
            network.server.says.extend(numbered("server", 5));
            for text in numbered("client", 5) {
                assert!(network.say(&text));
            }
            network.settle(&mut random, Duration::from_secs(1));
            assert_eq!(network.heard.len(), 5 * (i + 1), "{transport:?}");
        }
        let twice = |what| [numbered(what, 5), numbered(what, 5)].concat();
        assert_eq!(network.heard, twice("server"), "{transport:?}");
        assert_eq!(network.server_heard(), twice("client"), "{transport:?}");
        assert_eq!((network.closed, network.opened), (None, Some(transport)));
        let posts = if transport == Transport::WebSocket { None } else { Some(&4) };
        assert_eq!(network.asked.get("send"), posts, "the first alone, the rest together, twice");
    }
}

#[test]
fn what_does_not_get_through_is_followed_by_the_next() {
    use SockJsRequest::{Events, Poll, Streaming, WebSocket};
    let cases: [(&[SockJsRequest], &[SockJsRequest], Option<Transport>); 7] = [
        (&[], &[], Some(Transport::WebSocket)),
        (&[WebSocket], &[], Some(Transport::Streaming)),
        (&[WebSocket], &[Streaming], Some(Transport::EventSource)),
        (&[WebSocket], &[Streaming, Events], Some(Transport::Polling)),
        (&[WebSocket, Streaming, Events], &[], Some(Transport::Polling)),
        (&[WebSocket, Streaming, Events, Poll], &[], None),
        (&[WebSocket, Poll], &[Streaming, Events], None),
    ];
    for (blocked, buffered, expected) in cases {
        for seed in 0..20 {
            let mut random = Random::new(seed);
            let mut network = Network::new(SockJsClientOptions::new("/s"), SockJsOptions::default());
            (network.blocked, network.buffered) = (blocked.to_vec(), buffered.to_vec());
            assert!(network.say("said before"));
            network.settle(&mut random, Duration::from_secs(4));
            assert_eq!(network.opened, expected, "{blocked:?} {buffered:?}");
            let mut names = network.sessions_asked.clone();
            names.dedup();
            let tried = expected.map_or(4, |transport| {
                1 + Transport::ALL.iter().position(|one| *one == transport).expect("one of all")
            });
            assert_eq!(names.len(), tried, "a name for each: {names:?}");
            match expected {
                None => assert_eq!(network.closed.as_ref().map(|(code, ..)| *code), Some(2000)),
                Some(_) => {
                    network.server.says.push("hello".to_owned());
                    network.settle(&mut random, Duration::from_secs(10));
                    assert_eq!(network.heard, ["hello"]);
                    assert_eq!(network.server_heard(), ["said before"]);
                    assert_eq!(network.closed, None);
                }
            }
            // Of what was given up nothing is left on the server.
            let left = network.server_closed().iter().filter(|closed| closed.is_none()).count();
            assert_eq!(left, usize::from(expected.is_some()), "{:?}", network.server_closed());
        }
    }
}

#[test]
fn an_hour_of_silence() {
    for transport in Transport::ALL {
        for beats in [SockJsHeartbeat::Frame, SockJsOptions::default().websocket_heartbeat] {
            let mut random = Random::new(1);
            let options = SockJsClientOptions { silence: Some(Duration::from_secs(60)), ..only(transport) };
            let server = SockJsOptions { websocket_heartbeat: beats, ..SockJsOptions::default() };
            let mut network = open(options, server, &mut random);
            network.settle(&mut random, Duration::from_secs(3600));
            assert_eq!(network.closed, None, "{transport:?}");
            let pings = transport == Transport::WebSocket && beats != SockJsHeartbeat::Frame;
            assert_eq!(network.heartbeats, if pings { 0 } else { 144 }, "{transport:?}");
            // And then the server is stuck.
            network.server.stuck = true;
            network.settle(&mut random, Duration::from_secs(59));
            assert_eq!(network.closed, None);
            network.settle(&mut random, Duration::from_secs(2));
            let (code, reason, _) = network.closed.take().expect("an end");
            assert_eq!((code, reason), (1006, Reason::IdleTimeout));
        }
    }
}

#[test]
fn a_client_that_ends_has_said_goodbye() {
    for transport in Transport::ALL {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let mut network = open(only(transport), SockJsOptions::default(), &mut random);
            for text in numbered("client", 7) {
                assert!(network.say(&text));
            }
            network.tell(Told::Close);
            assert!(!network.say("too late"));
            network.settle(&mut random, Duration::ZERO);
            assert_eq!(network.server_heard(), numbered("client", 7), "{transport:?}, seed {seed}");
            let (code, reason, _) = network.closed.take().expect("an end");
            assert_eq!((code, reason), (1000, Reason::ClientClosed));
            // It was listening, and a client that goes then has closed: none is lost.
            assert_eq!(network.server_closed(), [Some(Reason::ClientClosed)], "{transport:?}, seed {seed}");
        }
    }
}

#[test]
fn a_server_that_ends_it_says_all_before() {
    for transport in Transport::ALL {
        for seed in 0..50 {
            let mut random = Random::new(seed);
            let mut network = open(only(transport), SockJsOptions::default(), &mut random);
            network.server.says = numbered("server", 7);
            network.server.end();
            network.settle(&mut random, Duration::from_secs(10));
            assert_eq!(network.heard, numbered("server", 7), "{transport:?}, seed {seed}");
            let end = (1000, Reason::ServerClosed, "Normal closure".to_owned());
            assert_eq!(network.closed, Some(end), "{transport:?}, seed {seed}");
            assert_eq!(network.server_closed(), [Some(Reason::ServerClosed)]);
        }
    }
}

#[test]
fn a_session_that_has_expired_is_not_taken_for_the_old_one() {
    for transport in [Transport::Streaming, Transport::EventSource, Transport::Polling] {
        let mut random = Random::new(1);
        let server = SockJsOptions { response_limit: 20, ..SockJsOptions::default() };
        let mut network = open(only(transport), server, &mut random);
        // The response that ends here brings the next request, which takes too long to arrive.
        network.server.says.push("a message that makes it long enough".to_owned());
        while network.heard.is_empty() || network.sessions_asked.len() < 2 {
            assert!(network.step(&mut random));
        }
        network.now = network.now.after(Duration::from_secs(5));
        network.server.tick(network.now);
        network.settle(&mut random, Duration::from_secs(1));
        let end = (1006, Reason::Lost, "Server lost session".to_owned());
        assert_eq!(network.closed, Some(end), "{transport:?}");
        assert_eq!(network.server_closed()[0], Some(Reason::Lost));
    }
}
