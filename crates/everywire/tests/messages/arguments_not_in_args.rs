//! The argument itself instead of `Args`.

use everywire::{Connection, NamespaceBuilder};

struct Greeting;

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("greet", async |_: Connection, greeting: Greeting| Ok(drop(greeting)));
}

fn main() {}
