//! Load generator, floor and peers, measured side by side in one run.

fn main() {}
