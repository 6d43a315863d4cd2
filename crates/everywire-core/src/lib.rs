//! Everywire's vocabulary, hub, mailboxes and broker: no sockets, no runtime.
