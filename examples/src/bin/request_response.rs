//! A request/response service: typed arguments, typed answers, errors with codes and data, and a question to the client.

use std::error::Error;
use std::time::Duration;

use everywire::{App, Args, AskError, Connection, EventError, Result, jsonrpc};
use serde::{Deserialize, Serialize};

/// An argument that is an object: `{"a":7,"b":2}`, by name in JSON-RPC too.
#[derive(Deserialize)]
struct Division {
    a: i64,
    b: i64,
}

#[derive(Serialize)]
struct Quotient {
    quotient: i64,
    remainder: i64,
}

/// Our own code for it; JSON-RPC keeps −32768 to −32000 for itself.
const DIVISION_BY_ZERO: i32 = 1;

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on("add", async |_conn: Connection, Args((a, b)): Args<(i64, i64)>| {
                a.checked_add(b).ok_or_else(|| EventError::refuse("the sum is too large"))
            });
            ns.on("divide", async |_conn: Connection, Args((of,)): Args<(Division,)>| divide(&of));
            ns.on("confirm", confirm);
        })
        .mount("/ws", jsonrpc())
        .build()?;
    everywire_examples::serve(app).await
}

fn divide(of: &Division) -> Result<Quotient> {
    let (Some(quotient), Some(remainder)) = (of.a.checked_div(of.b), of.a.checked_rem(of.b)) else {
        return Err(EventError::new(DIVISION_BY_ZERO, "division by zero").with_data(of.a));
    };
    Ok(Quotient { quotient, remainder })
}

/// Asks the client back before it answers.
async fn confirm(conn: Connection, Args((what,)): Args<(String,)>) -> Result<&'static str> {
    let question = format!("really {what}?");
    match conn.emit_with_ack::<(bool,)>("ask", (question,), Duration::from_secs(10)).await {
        Ok((true,)) => Ok("done"),
        Ok((false,)) => Ok("left alone"),
        Err(AskError::Ack(error)) => Err(EventError::refuse(error.to_string())),
        Err(error) => Err(error.into()),
    }
}
