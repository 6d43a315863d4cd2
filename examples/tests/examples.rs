//! Each example does what it says.

mod common;

use bytes::Bytes;
use common::Example;
use everywire_websocket::stream::Message;
use serde_json::json;

#[tokio::test]
async fn chat() {
    let example = Example::start(env!("CARGO_BIN_EXE_chat")).await;
    let mut ada = example.connect("/ws").await;
    let mut bob = example.connect("/ws").await;
    assert_eq!(ada.result("enter", json!(["kitchen", "ada"])).await, json!(["ada"]));
    assert_eq!(bob.result("enter", json!(["kitchen", "bob"])).await, json!(["ada", "bob"]));
    assert_eq!(ada.json().await["params"], json!(["bob"]));

    let (answer, before) = ada.call("say", json!(["hello"])).await;
    let heard = json!({"jsonrpc": "2.0", "method": "said", "params": ["ada", "hello"]});
    assert_eq!(before, std::slice::from_ref(&heard), "a publisher hears its own message before the answer");
    assert_eq!(answer["result"], json!(null));
    assert_eq!(bob.json().await, heard);

    let (refused, _) = bob.call("enter", json!(["kitchen", " "])).await;
    assert_eq!(refused["error"]["message"], "say who you are");
    drop(bob);
    assert_eq!(ada.json().await, json!({"jsonrpc": "2.0", "method": "left", "params": ["bob"]}));
    assert_eq!(ada.result("who", json!(["kitchen"])).await, json!(["ada"]));
}

#[tokio::test]
async fn request_response() {
    let example = Example::start(env!("CARGO_BIN_EXE_request_response")).await;
    let mut client = example.connect("/ws").await;
    assert_eq!(client.result("add", json!([2, 3])).await, 5);
    let quotient = json!({"quotient": 3, "remainder": 1});
    assert_eq!(client.result("divide", json!({"a": 7, "b": 2})).await, quotient, "by name");
    assert_eq!(client.result("divide", json!([{"a": 7, "b": 2}])).await, quotient, "as one argument");
    let (error, _) = client.call("divide", json!({"a": 7, "b": 0})).await;
    assert_eq!(error["error"], json!({"code": 1, "message": "division by zero", "data": 7}));
    let (error, _) = client.call("add", json!([2])).await;
    assert_eq!(error["error"]["code"], -32602);
    let (error, _) = client.call("subtract", json!([2, 3])).await;
    assert_eq!(error["error"]["code"], -32601);

    let call = client.begin("confirm", json!(["delete"])).await;
    let question = client.json().await;
    assert_eq!((&question["method"], &question["params"]), (&json!("ask"), &json!(["really delete?"])));
    client.send_json(json!({"jsonrpc": "2.0", "id": question["id"], "result": true})).await;
    assert_eq!(client.json().await, json!({"jsonrpc": "2.0", "id": call, "result": "done"}));
}

#[tokio::test]
async fn game_state() {
    let example = Example::start(env!("CARGO_BIN_EXE_game_state")).await;
    let mut player = example.connect("/ws").await;
    for _ in 0..3 {
        player.result("move", json!([1, -5])).await;
    }
    // States come by themselves; the one that shows all three moves comes soon, and ticks only grow.
    let mut last = 0;
    loop {
        let state = player.json().await;
        let snapshot = &state["params"][0];
        assert_eq!(state["method"], "state");
        assert!(snapshot["tick"].as_u64().unwrap() > last);
        last = snapshot["tick"].as_u64().unwrap();
        let players = snapshot["players"].as_object().unwrap();
        if players.values().any(|position| *position == json!({"x": 3, "y": -3})) {
            break;
        }
    }
}

#[tokio::test]
async fn video_relay() {
    let example = Example::start(env!("CARGO_BIN_EXE_video_relay")).await;
    let ready = || Message::Text("ready".into());
    let mut viewer = example.connect("/view").await;
    assert!(viewer.next().await == ready());
    let mut camera = example.connect("/camera").await;
    let chunks: Vec<Bytes> = (0..20u8).map(|i| Bytes::from(vec![i; 50_000])).collect();
    for chunk in &chunks {
        camera.socket.send(chunk.clone()).await.unwrap();
    }
    for chunk in &chunks {
        assert!(viewer.next().await == Message::Binary(chunk.clone()));
    }
    let mut late = example.connect("/view").await;
    assert!(late.next().await == ready());
    assert!(late.next().await == Message::Binary(chunks[0].clone()), "the header of the stream");
}

#[tokio::test]
async fn axum_mount() {
    let example = Example::start(env!("CARGO_BIN_EXE_axum_mount")).await;
    let index = example.request("GET /", "").await;
    assert!(index.ends_with("The realtime part is under /rt.\n"), "{index}");
    let mut client = example.connect("/rt/ws").await;
    client.result("subscribe", json!(["lobby"])).await;
    let answer = example.request("POST /notify/lobby", "lunch is ready").await;
    assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    let notice = client.json().await;
    assert_eq!(notice["method"], "notice");
    assert_eq!(notice["params"][0], "lunch is ready");
    assert_eq!(notice["params"][1]["room"], "lobby");
}

#[tokio::test]
async fn handlers() {
    let mut example = Example::start(env!("CARGO_BIN_EXE_handlers")).await;
    let mut client = example.connect("/ws").await;
    let welcome = client.json().await;
    assert_eq!(welcome["method"], "welcome");
    let id = welcome["params"][0].as_str().unwrap().to_owned();
    assert_eq!(client.result("nothing", json!([])).await, json!(null));
    assert_eq!(client.result("greet", json!(["Ada"])).await, "Hello, Ada!");
    assert_eq!(client.result("greet", json!(["Lovelace", "Countess"])).await, "Hello, Countess Lovelace!");
    assert_eq!(client.result("order", json!({"item": "tea"})).await, "1 × tea");
    assert_eq!(client.result("take", json!([3])).await, "a book");
    assert_eq!(client.result("motto", json!([])).await, "one room, every wire");
    assert_eq!(client.result("both", json!([])).await, json!(["one", 2]));
    assert_eq!(client.result("echo", json!([1, {"a": null}])).await, json!([1, {"a": null}]));
    assert_eq!(client.result("anything", json!([1, 2, 3])).await, "anything with 3 arguments");
    let (refused, _) = client.call("forbidden", json!([])).await;
    assert_eq!(refused["error"]["message"], "not you");
    let (internal, _) = client.call("take", json!([0])).await;
    assert_eq!(internal["error"]["code"], -32603);
    assert!(!internal.to_string().contains("shelf"), "internal errors are not shown: {internal}");
    client.socket.close(None).await.unwrap();
    assert_eq!(example.lines.next_line().await.unwrap().unwrap(), format!("{id} left: client closed"));
}

#[tokio::test]
async fn autobahn_echo() {
    let example = Example::start(env!("CARGO_BIN_EXE_autobahn_echo")).await;
    let mut client = example.connect("/").await;
    client.socket.send("héllo").await.unwrap();
    assert!(client.next().await == Message::Text("héllo".into()));
}

#[tokio::test]
async fn spring_chat() {
    let example = Example::start(env!("CARGO_BIN_EXE_spring_chat")).await;
    let mut ann = example.connect("/gs-guide-websocket/websocket").await;
    let mut bob = example.connect("/gs-guide-websocket/websocket").await;
    for (client, login) in [(&mut ann, "ann"), (&mut bob, "bob")] {
        client.send_frame(&format!("CONNECT\naccept-version:1.2\nlogin:{login}\n\n")).await;
        assert!(client.frame().await.contains(&format!("\nuser-name:{login}\n")));
        client.send_frame("SUBSCRIBE\nid:0\ndestination:/topic/greetings\nreceipt:s\n\n").await;
        assert!(client.frame().await.starts_with("RECEIPT\nreceipt-id:s\n"));
    }
    ann.send_frame("SUBSCRIBE\nid:1\ndestination:/user/queue/reply\n\n").await;
    ann.send_frame("SUBSCRIBE\nid:2\ndestination:/user/queue/errors\n\n").await;
    ann.send_frame("SEND\ndestination:/app/hello\n\n{\"name\":\"Ann\"}").await;
    for client in [&mut ann, &mut bob] {
        let greeting = client.frame().await;
        assert!(
            greeting.starts_with("MESSAGE\nsubscription:0\ndestination:/topic/greetings\n"),
            "{greeting}"
        );
        assert!(greeting.ends_with("\n\n{\"content\":\"Hello, Ann!\"}\0"), "{greeting}");
    }
    ann.send_frame("SEND\ndestination:/app/private\n\nthis").await;
    assert!(ann.frame().await.ends_with("\n\nonly you hear this\0"));
    bob.send_frame("SEND\ndestination:/user/ann/queue/reply\n\nhi").await;
    assert!(ann.frame().await.ends_with("\n\nhi\0"));
    ann.send_frame("SEND\ndestination:/app/hello\n\n{\"name\":\" \"}").await;
    let error = ann.frame().await;
    assert!(
        error.contains("\ndestination:/user/queue/errors\n") && error.contains("say who you are"),
        "{error}"
    );
    ann.send_frame("SUBSCRIBE\nid:3\ndestination:/app/rooms\n\n").await;
    assert!(ann.frame().await.ends_with("\n\n[\"greetings\",\"news\"]\0"));
    ann.send_frame("SUBSCRIBE\nid:4\ndestination:/topic/news\nreceipt:n\n\n").await;
    assert!(ann.frame().await.starts_with("RECEIPT\nreceipt-id:n\n"));
    drop(bob);
    assert!(ann.frame().await.ends_with("\n\nbob has left\0"));
}
