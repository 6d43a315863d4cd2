//! Chat: rooms, names, who is there, and what was said before.
//!
//! A client speaks JSON-RPC 2.0 at `/ws`: `{"jsonrpc":"2.0","id":1,"method":"enter","params":["kitchen","ada"]}`, then
//! `say` with a text. It hears `said`, `entered` and `left`. At `/sse?room=kitchen` anybody can listen.

use std::error::Error;
use std::sync::Mutex;

use everywire::{App, Args, Connection, EventError, Reason, Result, Retention, jsonrpc, sse};
use serde::Serialize;

/// Where a connection is, and as whom.
#[derive(Clone, Serialize)]
struct Seat {
    room: String,
    name: String,
}

/// All seats, by connection.
#[derive(Default)]
struct Seats(Mutex<std::collections::HashMap<everywire::ConnectionId, Seat>>);

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder()
        .state(Seats::default())
        .retention(|_namespace, _room| Retention::RECENT)
        .namespace("/", |ns| {
            ns.on("enter", enter);
            ns.on("say", say);
            ns.on("who", who);
            ns.on_disconnect(leave);
        })
        .mount("/ws", jsonrpc())
        .mount("/sse", sse())
        .build()?;
    everywire_examples::serve(app).await
}

async fn enter(conn: Connection, Args((room, name)): Args<(String, String)>) -> Result<Vec<String>> {
    if name.trim().is_empty() {
        return Err(EventError::refuse("say who you are"));
    }
    leave(conn.clone(), Reason::ClientClosed).await;
    conn.join(&room).await?;
    conn.to(&room).emit("entered", (&name,))?;
    take_seat(&conn, Some(Seat { room: room.clone(), name }));
    Ok(names_in(&conn, &room))
}

async fn say(conn: Connection, Args((text,)): Args<(String,)>) -> Result<()> {
    let seat = seat_of(&conn).ok_or_else(|| EventError::refuse("enter a room first"))?;
    // Everybody hears it, the speaker too, and before the answer to this call.
    conn.within().to(&seat.room).publish("said", (&seat.name, &text)).await?;
    Ok(())
}

async fn who(conn: Connection, Args((room,)): Args<(String,)>) -> Result<Vec<String>> {
    Ok(names_in(&conn, &room))
}

async fn leave(conn: Connection, _reason: Reason) {
    let Some(seat) = take_seat(&conn, None) else { return };
    conn.leave(&seat.room).await;
    // Nobody is told if nobody is left to be told.
    let _ = conn.to(&seat.room).emit("left", (&seat.name,));
}

fn seat_of(conn: &Connection) -> Option<Seat> {
    conn.state::<Seats>()?.0.lock().ok()?.get(&conn.id()).cloned()
}

/// Gives the connection another seat, or none; gives back the one that it had.
fn take_seat(conn: &Connection, seat: Option<Seat>) -> Option<Seat> {
    let seats = conn.state::<Seats>()?;
    let mut seats = seats.0.lock().ok()?;
    match seat {
        Some(seat) => seats.insert(conn.id(), seat),
        None => seats.remove(&conn.id()),
    }
}

fn names_in(conn: &Connection, room: &str) -> Vec<String> {
    let Some(seats) = conn.state::<Seats>() else { return Vec::new() };
    let Ok(seats) = seats.0.lock() else { return Vec::new() };
    let mut names: Vec<_> = seats.values().filter(|s| s.room == room).map(|s| s.name.clone()).collect();
    names.sort();
    names
}
