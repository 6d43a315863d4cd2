//! What CI runs: check, test, bench, soak, tidy.

fn main() {}
