//! The closing handshake (RFC 6455, section 7) in all its orders.

use everywire_websocket::{ClosingHandshake, Role, Transport};

const ROLES: [Role; 2] = [Role::Server, Role::Client];

/// What to do once both close frames have travelled.
fn after_both(role: Role) -> Transport {
    match role {
        Role::Server => Transport::Close,
        Role::Client => Transport::AwaitEnd,
    }
}

#[test]
fn we_begin() {
    for role in ROLES {
        let mut closing = ClosingHandshake::new(role);
        assert_eq!(closing.transport(), Transport::Keep);
        assert!(closing.send());
        assert_eq!(closing.transport(), Transport::Keep, "the answer is awaited");
        assert!(!closing.receive(), "an answer is not answered");
        assert_eq!(closing.transport(), after_both(role));
    }
}

#[test]
fn the_peer_begins() {
    for role in ROLES {
        let mut closing = ClosingHandshake::new(role);
        assert!(closing.receive());
        assert_eq!(closing.transport(), Transport::Keep, "the answer has to go first");
        assert!(closing.send());
        assert_eq!(closing.transport(), after_both(role));
        assert!(!closing.send());
    }
}

#[test]
fn both_begin_at_once() {
    for role in ROLES {
        let mut closing = ClosingHandshake::new(role);
        assert!(closing.send());
        assert!(!closing.receive(), "what crossed ours counts as its answer");
        assert!(!closing.send());
        assert_eq!(closing.transport(), after_both(role));
    }
}

#[test]
fn a_violation_is_told_once_and_no_answer_is_awaited() {
    for role in ROLES {
        let mut closing = ClosingHandshake::new(role);
        closing.fail();
        assert_eq!(closing.transport(), Transport::Keep, "the code has to be told");
        assert!(closing.send());
        assert_eq!(closing.transport(), Transport::Close);

        // After our own close frame there is nothing left to say.
        let mut closing = ClosingHandshake::new(role);
        assert!(closing.send());
        closing.fail();
        assert!(!closing.send());
        assert_eq!(closing.transport(), Transport::Close);
    }
}
