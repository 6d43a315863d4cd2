//! Arguments of a type that serde cannot read.

use everywire::{Args, Connection, NamespaceBuilder};

struct Greeting;

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("greet", async |_: Connection, Args((greeting,)): Args<(Greeting,)>| Ok(drop(greeting)));
}

fn main() {}
