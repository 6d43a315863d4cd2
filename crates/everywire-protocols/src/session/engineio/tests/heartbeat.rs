//! Pings, pongs, and clients that are gone, to the millisecond.

use super::*;

fn quick() -> EngineIoOptions {
    EngineIoOptions {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        ..all()
    }
}

fn at(milliseconds: u64, out: &[&str]) -> (u64, Vec<String>) {
    (milliseconds, out.iter().map(ToString::to_string).collect())
}

const ENDS: [&str; 2] = ["0 ends: idle timeout", "closed: idle timeout"];

#[test]
fn on_a_websocket() {
    let mut peer = Peer::websocket();
    for _ in 0..3 {
        assert_eq!(peer.wait(PING_INTERVAL), [at(PING_INTERVAL, &["0> 2"])]);
        assert_eq!(peer.wait(PING_TIMEOUT - 1), []);
        assert_eq!(peer.text(0, "3"), NOTHING);
    }
    let expected = [at(PING_INTERVAL, &["0> 2"]), at(PING_INTERVAL + PING_TIMEOUT, &ENDS)];
    assert_eq!(peer.wait(100_000), expected);
}

#[test]
fn over_polls() {
    let mut peer = Peer::polling_with(quick(), "EIO=4");
    peer.poll(1);
    assert_eq!(peer.wait(300), [at(300, &["1: 200 2", "hold"])]);
    assert_eq!(peer.poll(2), ["release"]);
    assert_eq!(peer.post(3, "3"), ["3: 200 ok"]);
    // Nobody polls: the ping waits, and so does not the timeout.
    peer.send(&[A]);
    assert_eq!(peer.wait(300), [at(300, &[])]);
    assert_eq!(peer.send(&[B]), NOTHING);
    assert_eq!(peer.poll(4), ["4: 200 2␞4b", "hold"]);
    peer.poll(5);
    assert_eq!(peer.wait(300), [at(200, &["5: 200 1", "closed: idle timeout"])]);
}

#[test]
fn another_packet_gives_more_time_once_a_ping() {
    for message in ["4a", "bAQID", "6"] {
        let mut peer = Peer::websocket_with(quick(), "EIO=4");
        assert_eq!(peer.wait(420), [at(300, &["0> 2"])]);
        peer.text(0, message);
        assert_eq!(peer.wait(100), []);
        peer.text(0, message);
        assert_eq!(peer.wait(100), [at(100, &ENDS)], "closed at 620 instead of 500");
    }
    let mut peer = Peer::websocket_with(quick(), "EIO=4");
    for _ in 0..3 {
        assert_eq!(peer.wait(420), [at(300, &["0> 2"])]);
        peer.text(0, "4a");
        assert_eq!(peer.wait(199), []);
        peer.text(0, "3");
    }
}

#[test]
fn another_packet_does_not_put_the_ping_off() {
    let mut peer = Peer::websocket_with(quick(), "EIO=4");
    peer.wait(200);
    peer.text(0, "4a");
    peer.bytes(0, &[1]);
    assert_eq!(peer.wait(100), [at(100, &["0> 2"])]);
}

#[test]
fn a_pong_that_nobody_asked_for_puts_the_ping_off() {
    let mut peer = Peer::websocket_with(quick(), "EIO=4");
    peer.wait(200);
    peer.text(0, "3");
    assert_eq!(peer.wait(300), [at(300, &["0> 2"])]);
}

#[test]
fn requests_are_no_packets() {
    let mut peer = Peer::polling_with(quick(), "EIO=4");
    peer.poll(1);
    assert_eq!(peer.wait(420), [at(300, &["1: 200 2", "hold"])]);
    peer.poll(2);
    assert_eq!(peer.wait(100), [at(80, &["2: 200 1", "closed: idle timeout"])]);
}

#[test]
fn clients_of_revision_3_ping() {
    let mut peer = Peer::websocket_with(quick(), "EIO=3");
    peer.wait(499);
    assert_eq!(peer.text(0, "2"), ["0> 3"]);
    peer.wait(300);
    assert_eq!(peer.text(0, "2hello"), ["0> 3"], "no echo");
    peer.wait(300);
    assert_eq!(peer.bytes(0, &[2, 1]), ["0> 3"]);
    // Nothing else counts.
    assert_eq!(peer.text(0, "4a"), ["text a"]);
    assert_eq!(peer.wait(500), [at(500, &ENDS)]);

    let mut peer = Peer::websocket_with(quick(), "EIO=3");
    assert_eq!(peer.text(0, "3"), ["0 ends: protocol error", "closed: protocol error"]);
}

#[test]
fn clients_of_revision_3_ping_in_bodies() {
    let mut peer = Peer::polling_with(quick(), "EIO=3");
    peer.poll(1);
    peer.wait(400);
    assert_eq!(peer.post(2, "1:2"), ["1: 200 1:3", "hold", "2: 200 ok"]);
    assert_eq!(peer.post(3, "2:4a1:2"), ["text a", "3: 200 ok"]);
    assert_eq!(peer.poll(4), ["4: 200 1:3", "hold"]);
    peer.poll(5);
    assert_eq!(peer.wait(500), [at(500, &["5: 200 1:1", "closed: idle timeout"])]);
}

#[test]
fn pongs_that_nobody_fetches_are_one() {
    let mut peer = Peer::polling_with(quick(), "EIO=3");
    assert_eq!(peer.post(1, &"1:2".repeat(1000)), ["1: 200 ok"]);
    assert_eq!(peer.post(2, "1:21:2"), ["2: 200 ok"]);
    peer.send(&[A]);
    assert_eq!(peer.post(3, "1:21:2"), ["3: 200 ok"]);
    assert_eq!(peer.poll(4), ["4: 200 1:32:4a1:3", "hold"]);
}

#[test]
fn no_time_at_all_is_a_little() {
    let none = EngineIoOptions { ping_interval: Duration::ZERO, ping_timeout: Duration::ZERO, ..all() };
    let mut peer = Peer::websocket_with(none, "EIO=4");
    assert_eq!(peer.wait(10), [at(1, &["0> 2"]), at(2, &ENDS)]);
    let ages = EngineIoOptions { ping_interval: Duration::MAX, ping_timeout: Duration::MAX, ..all() };
    let peer = Peer::websocket_with(ages, "EIO=3");
    assert_eq!(peer.session.deadline(), Some(Time(u64::MAX)));
}
