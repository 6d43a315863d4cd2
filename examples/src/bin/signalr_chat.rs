//! A hub moved from ASP.NET Core: official clients connect unchanged.
//!
//! `cargo run -p everywire-examples --bin signalr_chat`, then any SignalR client on <http://127.0.0.1:8000/hubs/chat>. What each
//! call is in .NET stands beside it; `docs/signalr.md` has them all.

use std::error::Error;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use everywire::{App, Args, Connection, EventError, Reason, Result, Uploads, signalr};
use futures_core::Stream;
use tokio::time::{Interval, interval};

/// Counts down. (`async IAsyncEnumerable<int>` with `yield return`)
struct Countdown {
    left: u32,
    pace: Interval,
}

impl Stream for Countdown {
    type Item = Result<u32>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        ready!(self.pace.poll_tick(cx));
        let left = self.left;
        self.left = left.saturating_sub(1);
        Poll::Ready((left > 0).then_some(Ok(left)))
    }
}

#[tokio::main]
async fn main() -> std::result::Result<(), Box<dyn Error>> {
    let app = App::builder()
        // class ChatHub : Hub
        .namespace("/chat", |ns| {
            // override Task OnConnectedAsync()
            ns.on_connect(async |conn: Connection| {
                conn.join("lobby").await?; // Groups.AddToGroupAsync(Context.ConnectionId, "lobby")
                conn.to("lobby").emit("Joined", (conn.id(),))?; // Clients.OthersInGroup("lobby").SendAsync(…)
                Ok(())
            });
            // Task<string> SendMessage(string user, string text)
            ns.on("SendMessage", async |conn: Connection, Args((user, text)): Args<(String, String)>| {
                if text.is_empty() {
                    return Err(EventError::refuse("say something")); // throw new HubException("say something")
                }
                // Clients.Group("lobby").SendAsync("ReceiveMessage", user, text)
                conn.within().to("lobby").emit("ReceiveMessage", (user, text))?;
                Ok("delivered")
            });
            // async Task<string> AskBack(string question): Clients.Caller.InvokeAsync<string>("Answer", question, …)
            ns.on("AskBack", async |conn: Connection, Args((question,)): Args<(String,)>| {
                let answer: String =
                    conn.emit_with_ack("Answer", (question,), Duration::from_secs(5)).await?;
                Ok(answer)
            });
            // async IAsyncEnumerable<int> Countdown(int from, CancellationToken token)
            ns.on_stream("Countdown", async |_: Connection, Args((left,)): Args<(u32,)>, _: Uploads| {
                Ok(Countdown { left, pace: interval(Duration::from_millis(100)) })
            });
            // async Task<int> Sum(IAsyncEnumerable<int> numbers)
            ns.on_upload("Sum", async |_: Connection, Args(()): Args, uploads: Uploads| {
                let [mut numbers] = uploads.exactly()?;
                let mut sum = 0;
                while let Some(number) = numbers.next::<i64>().await {
                    sum += number?;
                }
                Ok(sum)
            });
            // override Task OnDisconnectedAsync(Exception? error)
            ns.on_disconnect(async |conn: Connection, _: Reason| {
                // Nobody is left to hear of it, or somebody is: either is fine.
                let _ = conn.within().to("lobby").emit("Left", (conn.id(),));
            });
        })
        .mount("/hubs/{namespace}", signalr()) // app.MapHub<ChatHub>("/hubs/chat")
        .build()?;
    let listener =
        tokio::net::TcpListener::bind(std::env::args().nth(1).as_deref().unwrap_or("127.0.0.1:8000")).await?;
    println!("listening on http://{}", listener.local_addr()?);
    app.serve_with_shutdown(listener, std::future::pending(), Duration::ZERO).await?;
    Ok(())
}
