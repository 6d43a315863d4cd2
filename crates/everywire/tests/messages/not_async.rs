//! A handler that is not async.

use everywire::{Args, Connection, NamespaceBuilder};

fn double(_: Connection, Args((n,)): Args<(u32,)>) -> everywire::Result<u32> {
    Ok(2 * n)
}

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("double", double);
}

fn main() {}
