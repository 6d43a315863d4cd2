//! Two nodes of one application: what each tells the other, and what no client hears.

mod support;

use std::sync::Arc;
use std::time::Duration;

use everywire::{Acks, App, Args, Connection, NamespaceBuilder, ServersError, raw};
use everywire_core::broker::{BrokerError, Command};
use everywire_testkit::{Clock, DelayedBroker};
use support::{Tcp, serve, until, within};
use tokio::sync::mpsc::unbounded_channel;

const PATIENCE: Duration = Duration::from_secs(20);

/// A node of this broker, which knows it.
fn node(broker: &Arc<DelayedBroker>, define: impl FnOnce(&mut NamespaceBuilder)) -> App {
    let app =
        App::builder().namespace("/", define).mount("/raw", raw()).broker(broker.clone()).build().unwrap();
    drop(app.hub().namespace("/").history([], None, 1));
    app
}

#[tokio::test]
async fn what_one_server_emits_the_others_hear_and_no_client() {
    let broker = Arc::new(DelayedBroker::prompt(1, &Clock::new()));
    let (tell, mut told) = unbounded_channel();
    let define = |who: &'static str| {
        let tell = tell.clone();
        move |ns: &mut NamespaceBuilder| {
            ns.on_connect(async |conn: Connection| Ok(conn.join("lobby").await.map(drop)?));
            ns.on_server_event("hello", move |_: App, Args((text, n)): Args<(String, u32)>| {
                tell.send(format!("{who} hears {text} {n}")).unwrap();
                std::future::ready(Ok(()))
            });
        }
    };
    let nodes =
        [node(&broker, define("first")), node(&broker, define("second")), node(&broker, define("third"))];
    let mut client = Tcp::websocket(serve(&nodes[1]).await, "/raw").await;
    serve(&nodes[0]).await;
    serve(&nodes[2]).await;
    until("the client is in", || nodes[1].hub().namespace("/").local_members(&"lobby".into()).len() == 1)
        .await;
    assert_eq!(nodes[0].servers("/").count(), 2);
    for n in 0..3 {
        nodes[0].servers("/").emit("hello", ("from the first", n)).await.unwrap();
    }
    let mut heard = Vec::new();
    for _ in 0..6 {
        heard.push(within("what others hear", told.recv()).await.unwrap());
    }
    for who in ["second", "third"] {
        let its: Vec<_> = heard.iter().filter(|heard| heard.starts_with(who)).cloned().collect();
        assert_eq!(its, [0, 1, 2].map(|n| format!("{who} hears from the first {n}")), "in order");
    }
    // The client hears what is published, over the same broker, and nothing of that.
    nodes[0].to("lobby").emit("message", ("to clients",)).unwrap();
    assert_eq!(client.next_text().await, "to clients");
    assert!(told.try_recv().is_err(), "nobody hears itself, or twice");
    // Nobody handles this, or can read that; the log says so, and the servers go on.
    nodes[0].servers("/").emit("unknown", ()).await.unwrap();
    nodes[0].servers("/elsewhere").emit("hello", ("x", 1)).await.unwrap();
    nodes[0].servers("/").emit("hello", ("no number",)).await.unwrap();
    nodes[2].servers("/").emit("hello", ("from the third", 1)).await.unwrap();
    let mut last = [told.recv().await.unwrap(), told.recv().await.unwrap()];
    last.sort();
    assert_eq!(last, ["first hears from the third 1", "second hears from the third 1"]);
}

#[tokio::test]
async fn answers_of_other_servers_are_gathered() {
    let broker = Arc::new(DelayedBroker::prompt(1, &Clock::new()));
    let define = |load: Option<u32>| {
        move |ns: &mut NamespaceBuilder| {
            ns.on_server_event("load", move |_: App, _: Args| {
                std::future::ready(load.ok_or_else(|| std::io::Error::other("it cannot be told").into()))
            });
            ns.on_server_event("never", async |_: App, _: Args| {
                std::future::pending::<()>().await;
                Ok(())
            });
        }
    };
    let nodes = [None, Some(7), Some(8), None].map(|load| node(&broker, define(load)));
    for node in &nodes {
        serve(node).await;
    }
    let servers = nodes[0].servers("/");
    let mut acks: Acks<u32> = within("answers", servers.ask("load", (), PATIENCE)).await.unwrap();
    acks.answers.sort_unstable();
    assert_eq!(acks, Acks { answers: vec![7, 8], missing: 1, unable: 0 }, "one failed, at once");
    let acks: Acks<u32> = within("answers", servers.ask("unknown", (), PATIENCE)).await.unwrap();
    assert_eq!((acks.answers.len(), acks.missing), (0, 3), "nobody needs to be waited for");
    tokio::time::pause();
    let acks: Acks<()> = servers.ask("never", (), Duration::from_secs(5)).await.unwrap();
    assert_eq!((acks.answers.len(), acks.missing), (0, 3));
}

#[tokio::test]
async fn a_server_without_clients_may_ask() {
    let broker = Arc::new(DelayedBroker::prompt(1, &Clock::new()));
    let asking = node(&broker, |_| {});
    let asked = node(&broker, |ns| {
        ns.on_server_event("load", async |_: App, _: Args| Ok(7));
    });
    serve(&asked).await;
    let acks = within("answers", asking.servers("/").ask("load", (), PATIENCE)).await.unwrap();
    assert_eq!(acks, Acks { answers: vec![7], missing: 0, unable: 0 });
}

#[tokio::test]
async fn what_cannot_be_told_is_an_error() {
    let broker = Arc::new(DelayedBroker::prompt(1, &Clock::new()));
    let app = node(&broker, |_| {});
    let servers = app.servers("/");
    assert!(matches!(servers.emit("", ()).await, Err(ServersError::Refused(_))));
    broker.refuse(|command| {
        matches!(command, Command::Tell { .. }).then(|| BrokerError::Unreachable("no route".into()))
    });
    let error = servers.emit("hello", ()).await.unwrap_err();
    assert_eq!(error.to_string(), "the broker cannot be reached: no route");
    // By itself there is nobody to be told, or asked.
    let alone = App::builder().namespace("/", |_| {}).mount("/raw", raw()).build().unwrap();
    alone.servers("/").emit("hello", (1,)).await.unwrap();
    let acks: Acks<u32> = within("nobody", alone.servers("/").ask("hello", (1,), PATIENCE)).await.unwrap();
    assert_eq!(acks, Acks { answers: vec![], missing: 0, unable: 0 });
}

#[test]
fn two_handlers_of_one_event_are_an_error() {
    let built = App::builder()
        .namespace("/", |ns| {
            ns.on_server_event("a", async |_: App, _: Args| Ok(()));
            ns.on_server_event("a", async |_: App, _: Args| Ok(()));
        })
        .mount("/raw", raw())
        .build();
    let error = built.unwrap_err().to_string();
    assert!(error.contains("\"a\" of other servers has two handlers"), "{error}");
}
