use super::*;

fn options() -> EngineIoOptions {
    EngineIoOptions {
        ping_interval: Duration::from_millis(300),
        ping_timeout: Duration::from_millis(200),
        ..EngineIoOptions::default()
    }
}

#[test]
fn the_server_pings_in_revision_4() {
    let options = options();
    let mut heartbeat = Heartbeat::begin(Revision::Four, Time(1000), &options);
    assert_eq!(heartbeat.tick(Time(1299), &options), None);
    assert_eq!(heartbeat.tick(Time(1300), &options), Some(Due::Ping));
    assert_eq!(heartbeat.deadline(), Time(1500));
    heartbeat.heard(Time(1420), &options);
    assert_eq!(heartbeat.deadline(), Time(1620));
    heartbeat.heard(Time(1520), &options);
    assert_eq!(heartbeat.deadline(), Time(1620));
    assert!(heartbeat.pong(Time(1600), &options));
    assert_eq!(heartbeat.deadline(), Time(1900));
    heartbeat.heard(Time(1700), &options);
    assert_eq!(heartbeat.deadline(), Time(1900));
    assert!(!heartbeat.ping(Time(1700), &options));
    // A tick that comes late counts from when it comes.
    assert_eq!(heartbeat.tick(Time(2000), &options), Some(Due::Ping));
    assert_eq!(heartbeat.tick(Time(2199), &options), None);
    assert_eq!(heartbeat.tick(Time(2200), &options), Some(Due::End));
}

#[test]
fn the_client_pings_in_revision_3() {
    let options = options();
    let mut heartbeat = Heartbeat::begin(Revision::Three, Time(1000), &options);
    assert_eq!(heartbeat.deadline(), Time(1500));
    assert!(heartbeat.ping(Time(1400), &options));
    heartbeat.heard(Time(1800), &options);
    assert!(!heartbeat.pong(Time(1800), &options));
    assert_eq!(heartbeat.tick(Time(1899), &options), None);
    assert_eq!(heartbeat.tick(Time(1900), &options), Some(Due::End));
}
