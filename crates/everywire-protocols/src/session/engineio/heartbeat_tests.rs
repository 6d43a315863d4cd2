use super::*;

const PACE: Pace = Pace { interval: Duration::from_millis(300), timeout: Duration::from_millis(200) };

#[test]
fn the_server_pings_in_revision_4() {
    let mut heartbeat = Heartbeat::begin(Revision::Four, Time(1000), PACE);
    assert_eq!(heartbeat.tick(Time(1299), PACE), None);
    assert_eq!(heartbeat.tick(Time(1300), PACE), Some(Due::Ping));
    assert_eq!(heartbeat.deadline(), Time(1500));
    heartbeat.heard(Time(1420), PACE);
    assert_eq!(heartbeat.deadline(), Time(1620));
    heartbeat.heard(Time(1520), PACE);
    assert_eq!(heartbeat.deadline(), Time(1620));
    assert!(heartbeat.pong(Time(1600), PACE));
    assert_eq!(heartbeat.deadline(), Time(1900));
    heartbeat.heard(Time(1700), PACE);
    assert_eq!(heartbeat.deadline(), Time(1900));
    assert!(!heartbeat.ping(Time(1700), PACE));
    // A tick that comes late counts from when it comes.
    assert_eq!(heartbeat.tick(Time(2000), PACE), Some(Due::Ping));
    assert_eq!(heartbeat.tick(Time(2199), PACE), None);
    assert_eq!(heartbeat.tick(Time(2200), PACE), Some(Due::End));
}

#[test]
fn the_client_pings_in_revision_3() {
    let mut heartbeat = Heartbeat::begin(Revision::Three, Time(1000), PACE);
    assert_eq!(heartbeat.deadline(), Time(1500));
    assert!(heartbeat.ping(Time(1400), PACE));
    heartbeat.heard(Time(1800), PACE);
    assert!(!heartbeat.pong(Time(1800), PACE));
    assert_eq!(heartbeat.tick(Time(1899), PACE), None);
    assert_eq!(heartbeat.tick(Time(1900), PACE), Some(Due::End));
}

#[test]
fn who_is_not_read_has_time_anew() {
    let mut heartbeat = Heartbeat::begin(Revision::Four, Time(1000), PACE);
    heartbeat.unheard(Time(1300), PACE);
    assert_eq!(heartbeat.tick(Time(1300), PACE), Some(Due::Ping));
    // Clients wait for pings too: they get the next at once.
    for at in [1500, 1700, 1900] {
        heartbeat.unheard(Time(at - 1), PACE);
        assert_eq!(heartbeat.deadline(), Time(at));
        heartbeat.unheard(Time(at), PACE);
        assert_eq!(heartbeat.tick(Time(at), PACE), Some(Due::Ping));
    }
    assert_eq!(heartbeat.tick(Time(2100), PACE), Some(Due::End));
    let mut heartbeat = Heartbeat::begin(Revision::Three, Time(1000), PACE);
    heartbeat.unheard(Time(1500), PACE);
    assert_eq!(heartbeat.tick(Time(1500), PACE), None);
    assert_eq!(heartbeat.deadline(), Time(2000));
}
