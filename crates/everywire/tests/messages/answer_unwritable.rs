//! An answer of a type that serde cannot write.

use everywire::{Args, Connection, NamespaceBuilder};

struct Double(u32);

async fn double(_: Connection, Args((n,)): Args<(u32,)>) -> everywire::Result<Double> {
    Ok(Double(2 * n))
}

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("double", double);
}

fn main() {}
