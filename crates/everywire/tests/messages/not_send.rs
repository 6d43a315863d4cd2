//! What must not move between threads is held while something is awaited.

use std::rc::Rc;

use everywire::{Args, Connection, NamespaceBuilder};

async fn enter(conn: Connection, Args(()): Args<()>) -> everywire::Result<usize> {
    let name = Rc::new("lobby");
    conn.join("lobby").await?;
    Ok(name.len())
}

pub fn define(ns: &mut NamespaceBuilder) {
    ns.on("enter", enter);
}

fn main() {}
