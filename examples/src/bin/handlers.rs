//! Each form of handler, and each form of answer.

use std::error::Error;

use everywire::{
    App, Args, Connection, EventError, Name, RawArgs, RawReply, Reason, Result, Values, jsonrpc, raw,
};
use serde::Deserialize;

/// An error of the application's own: becomes an internal error by `?`, logged and not shown.
#[derive(Debug, thiserror::Error)]
#[error("the shelf {0} is empty")]
struct EmptyShelf(u32);

#[derive(Deserialize)]
struct Order {
    item: String,
    count: Option<u32>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder()
        .namespace("/", |ns| {
            // When clients come and go. An error sends the client away.
            ns.on_connect(async |conn: Connection| Ok(conn.emit("welcome", (conn.id(),))?));
            ns.on_disconnect(async |conn: Connection, reason: Reason| {
                // (The tests read this line.)
                println!("{} left: {reason}", conn.id());
            });
            // Before every event: an error is the event's answer.
            ns.before_event(async |_conn: Connection, event: Name| match &*event {
                "forbidden" => Err(EventError::refuse("not you")),
                _ => Ok(()),
            });
            // No arguments, no answer.
            ns.on("nothing", async |_conn: Connection, Args(()): Args<()>| Ok(()));
            // Arguments by position; the last may be absent.
            ns.on("greet", async |_conn: Connection, Args((name, title)): Args<(String, Option<String>)>| {
                Ok(format!("Hello, {}{name}!", title.map(|title| title + " ").unwrap_or_default()))
            });
            // One argument that is an object.
            ns.on("order", async |_conn: Connection, Args((order,)): Args<(Order,)>| {
                Ok(format!("{} × {}", order.count.unwrap_or(1), order.item))
            });
            // A function.
            ns.on("take", take);
            // A plain closure, for state of its own.
            let motto = String::from("one room, every wire");
            ns.on("motto", move |_conn: Connection, Args(()): Args<()>| {
                let motto = motto.clone();
                async move { Ok(motto) }
            });
            // Several values as one answer.
            ns.on("both", async |_conn: Connection, Args(()): Args<()>| Ok(Values(("one", 2))));
            // Whatever came, unread, and sent back as it is.
            ns.on("echo", async |_conn: Connection, RawArgs(args): RawArgs| Ok(RawReply(args)));
            ns.on("forbidden", async |_conn: Connection, Args(()): Args<()>| Ok("unreachable"));
            // Every event that has no handler of its own.
            ns.on_any(async |_conn: Connection, event: Name, RawArgs(args)| {
                Ok(format!("{event} with {} arguments", args.len()))
            });
        })
        .mount("/ws", jsonrpc())
        .mount("/raw", raw())
        .build()?;
    everywire_examples::serve(app).await
}

async fn take(_conn: Connection, Args((shelf,)): Args<(u32,)>) -> Result<&'static str> {
    if shelf == 0 {
        return Err(EmptyShelf(shelf).into());
    }
    Ok("a book")
}
