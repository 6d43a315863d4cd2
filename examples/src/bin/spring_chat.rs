//! A chat moved from Spring: front ends that speak STOMP over SockJS connect unchanged.
//!
//! `cargo run -p everywire-examples --bin spring_chat -- 127.0.0.1:8080`, then `new SockJS("http://127.0.0.1:8080/gs-guide-websocket")`
//! with `@stomp/stompjs` or any other client of STOMP; a plain WebSocket is at `/gs-guide-websocket/websocket`. What each part is
//! in Spring stands beside it; `docs/stomp.md` has them all.

use std::error::Error;

use everywire::{
    App, Args, Connection, EventError, Identity, RawArgs, Reason, Refusal, StompOptions, sockjs_stomp,
};
use serde::{Deserialize, Serialize};

/// `record HelloMessage(String name)`
#[derive(Deserialize)]
struct HelloMessage {
    name: String,
}

/// `record Greeting(String content)`
#[derive(Serialize)]
struct Greeting {
    content: String,
}

/// What CONNECT shows. (`StompHeaderAccessor.getLogin()`)
#[derive(Deserialize, Default)]
struct Shown {
    login: Option<String>,
}

#[tokio::main]
async fn main() -> Result<(), Box<dyn Error>> {
    // registry.addEndpoint("/gs-guide-websocket").withSockJS()
    let endpoint = sockjs_stomp().stomp(StompOptions { sends_to_users: true, ..StompOptions::default() });
    let app = App::builder()
        .mount("/gs-guide-websocket", endpoint)
        // ChannelInterceptor.preSend: accessor.setUser(…) on CONNECT
        .authenticate(|credentials| {
            let shown: Result<(Shown,), _> = credentials.auth.read(everywire::Extras::Ignore);
            async move {
                match shown.unwrap_or_default().0.login.as_deref() {
                    Some("") => Err(Refusal::unauthenticated("a login has a name")),
                    Some(name) => Ok(Identity::user(name)),
                    None => Ok(Identity::default()),
                }
            }
        })
        // @Controller, with config.setApplicationDestinationPrefixes("/app")
        .namespace("/", |ns| {
            // @MessageMapping("/hello") @SendTo("/topic/greetings")
            ns.on("hello", async |conn: Connection, Args((message,)): Args<(HelloMessage,)>| {
                if message.name.trim().is_empty() {
                    return Err(EventError::refuse("say who you are")); // @MessageExceptionHandler @SendToUser("/queue/errors")
                }
                let greeting = Greeting { content: format!("Hello, {}!", message.name) };
                conn.within().to("greetings").emit("greeting", greeting)?;
                Ok(())
            });
            // @MessageMapping("/private") @SendToUser("/queue/reply")
            ns.on("private", async |conn: Connection, Args((text,)): Args<(String,)>| {
                conn.emit("reply", format!("only you hear {text}"))?;
                Ok(())
            });
            // @SubscribeMapping("/rooms")
            ns.on("rooms", async |_: Connection, _: RawArgs| Ok(["greetings", "news"]));
            // @EventListener SessionConnectedEvent, SessionDisconnectEvent
            ns.on_disconnect(async |conn: Connection, _: Reason| {
                // messagingTemplate.convertAndSend("/topic/news", …); nobody may be left to hear it.
                let who = conn.user().unwrap_or("somebody");
                let _ = conn.within().to("news").emit("left", format!("{who} has left"));
            });
        })
        .build()?;
    everywire_examples::serve(app).await
}
