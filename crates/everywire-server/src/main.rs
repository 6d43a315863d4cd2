//! The everywire binary: a realtime server for backends in any language.

fn main() {}
