//! An answer that is not in a `Result`.

use everywire::{Args, Connection, NamespaceBuilder};

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("double", async |_: Connection, Args((n,)): Args<(u32,)>| 2 * n);
}

fn main() {}
