//! A handler that takes no connection.

use everywire::{Args, NamespaceBuilder};

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("double", async |Args((n,)): Args<(u32,)>| Ok(2 * n));
}

fn main() {}
