//! What an application is told of beside its events: what leaves, and where a client was when it left; and what it is not told of.

mod support;

use everywire::{
    App, Args, Connection, EventError, Extras, Name, NamespaceBuilder, Payload, Reason, RoomKey, jsonrpc, raw,
};
use everywire_websocket::Opcode;
use support::{Tcp, call, frame, serve, until, upgrade_head, within};
use tokio::sync::mpsc::unbounded_channel;

fn application(define: impl FnOnce(&mut NamespaceBuilder)) -> App {
    App::builder().namespace("/", define).mount("/ws", jsonrpc()).mount("/raw", raw()).build().unwrap()
}

#[tokio::test]
async fn what_leaves_is_told_of() {
    let (tell, mut told) = unbounded_channel();
    let app = application(|ns| {
        ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
        ns.on_any_outgoing(move |conn: &Connection, event: &Name, args: &Payload| {
            let (text,): (String,) = args.read(Extras::Ignore).unwrap();
            tell.send((conn.id(), format!("{event} {text}"))).unwrap();
        });
        ns.on("message", async |conn: Connection, Args((text,)): Args<(String,)>| {
            conn.emit("message", (&text,))?;
            conn.within().to("lobby").emit("message", ("to all",))?;
            Ok(())
        });
    });
    let address = serve(&app).await;
    let mut first = Tcp::websocket(address, "/raw").await;
    let mut second = Tcp::websocket(address, "/ws").await;
    let lobby = app.hub().namespace("/");
    until("both are in", || lobby.local_members(&"lobby".into()).len() == 2).await;
    first.text("hello").await;
    assert_eq!(first.next_text().await, "hello");
    assert_eq!(first.next_text().await, "to all");
    assert_eq!(
        serde_json::from_str::<serde_json::Value>(&second.next_text().await).unwrap()["params"][0],
        "to all"
    );
    let mut of_both = Vec::new();
    for _ in 0..3 {
        of_both.push(within("what leaves", told.recv()).await.unwrap());
    }
    let (one, _) = of_both[0].clone();
    let of_one: Vec<&str> = of_both.iter().filter(|(id, _)| *id == one).map(|(_, said)| &**said).collect();
    let of_other: Vec<&str> = of_both.iter().filter(|(id, _)| *id != one).map(|(_, said)| &**said).collect();
    let (own, others) = if of_one.len() == 2 { (of_one, of_other) } else { (of_other, of_one) };
    assert_eq!((own, others), (vec!["message hello", "message to all"], vec!["message to all"]));
    assert!(told.try_recv().is_err(), "nothing else left");
}

#[tokio::test]
async fn the_rooms_of_the_end_are_known() {
    let (tell, mut told) = unbounded_channel();
    let app = application(|ns| {
        ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
        ns.on_disconnect(move |conn: Connection, _: Reason| {
            tell.send(conn.rooms()).unwrap();
            std::future::ready(())
        });
        ns.on("message", async |conn: Connection, Args((room,)): Args<(String,)>| {
            conn.leave("lobby").await;
            conn.join(room).await?;
            Ok(())
        });
    });
    let address = serve(&app).await;
    let mut client = Tcp::websocket(address, "/raw").await;
    client.text("attic").await;
    client.close(1000).await;
    assert_eq!(within("the end", told.recv()).await, Some(vec![RoomKey::from("attic")]));
    assert_eq!(app.hub().namespace("/").rooms(), [], "and nobody is in it any more");
}

/// In one segment with the event whose handler sends the client away, or waiting for that handler.
#[tokio::test]
async fn nothing_is_heard_of_who_was_sent_away() {
    let (heard, mut all_heard) = unbounded_channel();
    let app = application(|ns| {
        ns.on("leave", async |conn: Connection, Args((rounds,)): Args<(u32,)>| {
            for _ in 0..rounds {
                tokio::task::yield_now().await;
            }
            conn.emit("the last", ())?;
            conn.disconnect();
            Ok(())
        });
        ns.on("say", move |_: Connection, Args((n,)): Args<(u32,)>| {
            let heard = heard.clone();
            async move { Ok(heard.send(n)?) }
        });
    });
    let address = serve(&app).await;
    for rounds in [0, 20] {
        let mut client = Tcp::websocket(address, "/ws").await;
        let said = [call(1, "say", "[1]"), call(2, "leave", &format!("[{rounds}]")), call(3, "say", "[2]")];
        client
            .send(said.iter().flat_map(|text| frame(Opcode::Text, text.as_bytes())).collect::<Vec<_>>())
            .await;
        assert!(client.next_text().await.contains("\"id\":1"));
        assert!(client.next_text().await.contains("the last"));
        assert_eq!(client.close_code().await, Some(1000));
    }
    until("the sessions to be none", || app.session_count() == 0).await;
    let mut numbers = Vec::new();
    while let Ok(number) = all_heard.try_recv() {
        numbers.push(number);
    }
    assert_eq!(numbers, [1, 1]);
}

/// In one segment with the request that is refused, before anybody has been asked.
#[tokio::test]
async fn nothing_is_heard_of_who_is_not_let_in() {
    let app = App::builder()
        .namespace("/", |ns| {
            ns.on_connect(async |_: Connection| Err(EventError::refuse("not today")));
        })
        .mount("/raw/{room}", raw())
        .build()
        .unwrap();
    let address = serve(&app).await;
    let mut wire = Tcp::connect(address).await;
    let mut said = upgrade_head("/raw/quiet", "").into_bytes();
    said.extend(frame(Opcode::Text, b"from outside"));
    wire.send(said).await;
    assert_eq!(wire.head().await.status, 101);
    assert_eq!(wire.close_code().await, Some(1008));
    let first = app.to("quiet").publish("message", "the first").await.unwrap();
    assert_eq!(first.seq, 1, "nothing was published before");
}
