//! The state of a game, thirty times a second: a slow client gets only the latest.
//!
//! Players connect to `/ws` (JSON-RPC) and call `move` with `dx` and `dy`; all hear `state`. The state is published
//! with a key, so that in a full mailbox a new state takes the place of the one that waits: nobody is ever
//! more than one state behind, and a slow reader costs one state of memory.

use std::collections::HashMap;
use std::error::Error;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use everywire::{App, Args, Connection, ConnectionId, Reason, Result, jsonrpc};
use serde::Serialize;

/// States a second.
const RATE: f64 = 30.0;

#[derive(Clone, Copy, Default, Serialize)]
struct Position {
    x: i32,
    y: i32,
}

#[derive(Default)]
struct World(Mutex<HashMap<ConnectionId, Position>>);

#[derive(Serialize)]
struct Snapshot<'a> {
    tick: u64,
    players: &'a HashMap<ConnectionId, Position>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    let app = App::builder()
        .state(World::default())
        .namespace("/", |ns| {
            ns.on_connect(async |conn: Connection| {
                with_world(&conn, |world| world.insert(conn.id(), Position::default()));
                conn.join("players").await?;
                Ok(())
            });
            ns.on("move", async |conn: Connection, Args((dx, dy)): Args<(i32, i32)>| {
                with_world(&conn, |world| {
                    let position = world.entry(conn.id()).or_default();
                    position.x = position.x.saturating_add(dx.clamp(-1, 1));
                    position.y = position.y.saturating_add(dy.clamp(-1, 1));
                });
                Ok(())
            });
            ns.on_disconnect(async |conn: Connection, _reason: Reason| {
                with_world(&conn, |world| world.remove(&conn.id()));
            });
        })
        .mount("/ws", jsonrpc())
        .build()?;
    tokio::spawn(run(app.clone()));
    everywire_examples::serve(app).await
}

async fn run(app: App) -> Result<()> {
    let Some(world) = app.state::<World>() else { return Ok(()) };
    let mut clock = tokio::time::interval(Duration::from_secs_f64(1.0 / RATE));
    let mut tick = 0;
    loop {
        clock.tick().await;
        tick += 1;
        let players = snapshot(&world);
        app.to("players").latest("state").emit("state", (Snapshot { tick, players: &players },))?;
    }
}

fn snapshot(world: &Arc<World>) -> HashMap<ConnectionId, Position> {
    world.0.lock().map(|world| world.clone()).unwrap_or_default()
}

fn with_world<R>(conn: &Connection, f: impl FnOnce(&mut HashMap<ConnectionId, Position>) -> R) -> Option<R> {
    let world = conn.state::<World>()?;
    let mut world = world.0.lock().ok()?;
    Some(f(&mut world))
}
