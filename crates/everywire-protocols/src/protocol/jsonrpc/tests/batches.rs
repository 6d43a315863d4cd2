//! Batches: when their array leaves, and what they may hold until then.

use super::*;

const OPTIONS: JsonRpcOptions = JsonRpcOptions { batch: 3, batch_bytes: 1000 };

fn request(id: u32) -> String {
    format!(r#"{{"jsonrpc":"2.0","method":"m","id":{id}}}"#)
}

fn batch(requests: &[String]) -> String {
    format!("[{}]", requests.join(","))
}

fn member(group: u32, place: u32) -> Token {
    Token::Member { group, place }
}

#[test]
fn one_array_leaves_when_the_last_is_answered() {
    let mut machine = JsonRpc::default();
    let sent = batch(&[
        request(1),
        r#"{"jsonrpc":"2.0","method":"note"}"#.to_owned(),
        "7".to_owned(),
        r#"{"jsonrpc":"2.0","result":true,"id":5}"#.to_owned(),
        request(2),
    ]);
    assert_eq!(
        hear(&mut machine, &sent),
        ["m() 0.0", "note()", "answer 5: true", "m() 0.1", "ignore a request is an object"]
    );
    assert_eq!(say(&mut machine, reply(member(0, 1), done("[2]"))), None);
    assert_eq!(
        say(&mut machine, reply(member(0, 0), failed(-32000, "no"))).as_deref(),
        Some(concat!(
            r#"[{"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","data":"a request is an object"},"#,
            r#""id":null},{"jsonrpc":"2.0","result":2,"id":2},"#,
            r#"{"jsonrpc":"2.0","error":{"code":-32000,"message":"no"},"id":1}]"#
        ))
    );
}

#[test]
fn open_batches_do_not_touch_each_other() {
    let mut machine = JsonRpc::default();
    assert_eq!(hear(&mut machine, &batch(&[request(1), request(2)])), ["m() 0.0", "m() 0.1"]);
    assert_eq!(hear(&mut machine, &batch(&[request(3)])), ["m() 1.0"]);
    assert_eq!(hear(&mut machine, &request(4)), ["m() #4"]);
    assert_eq!(say(&mut machine, reply(member(0, 0), done("[1]"))), None);
    assert_eq!(
        say(&mut machine, reply(member(1, 0), done("[3]"))).as_deref(),
        Some(r#"[{"jsonrpc":"2.0","result":3,"id":3}]"#)
    );
    assert_eq!(
        say(&mut machine, reply(member(0, 1), done("[2]"))).as_deref(),
        Some(r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":2,"id":2}]"#)
    );
    assert_eq!(machine.batches.held(), 0);
}

#[test]
fn an_answer_that_nobody_awaits_says_nothing() {
    let mut machine = JsonRpc::default();
    hear(&mut machine, &batch(&[request(1), request(2)]));
    assert_eq!(say(&mut machine, reply(member(0, 0), done("[1]"))), None);
    for token in [member(0, 0), member(0, 2), member(1, 0)] {
        assert_eq!(say(&mut machine, reply(token, done("[0]"))), None);
    }
    assert_eq!(
        say(&mut machine, reply(member(0, 1), done("[2]"))).as_deref(),
        Some(r#"[{"jsonrpc":"2.0","result":1,"id":1},{"jsonrpc":"2.0","result":2,"id":2}]"#)
    );
    assert_eq!(say(&mut machine, reply(member(0, 1), done("[2]"))), None);
}

#[test]
fn a_batch_has_so_many_elements() {
    let mut machine = JsonRpc::new(OPTIONS);
    let four: Vec<String> = (0..4).map(request).collect();
    assert_eq!(hear(&mut machine, &batch(&four[..3])), ["m() 0.0", "m() 0.1", "m() 0.2"]);
    assert_eq!(
        hear(&mut machine, &batch(&four)),
        [concat!(
            r#"send {"jsonrpc":"2.0","error":{"code":-32600,"message":"Invalid Request","#,
            r#""data":"a batch of 4, at most 3 requests are allowed"},"id":null}"#
        )]
    );
    // It must be JSON all the same.
    let broken = hear(&mut machine, &format!("[{},]", four.join(",")));
    assert!(broken[0].contains("-32700"), "{broken:?}");
    assert_eq!(JsonRpcOptions::default().batch, 100);
}

#[test]
fn what_is_held_is_bounded() {
    let mut machine = JsonRpc::new(OPTIONS);
    hear(&mut machine, &batch(&[request(1), request(2), request(3)]));
    // Held: a place for each of three, and now the first reply.
    assert_eq!(say(&mut machine, reply(member(0, 0), done("[1]"))), None);
    let large = Outcome::Done(Payload::text("x".repeat(1000)));
    assert_eq!(say(&mut machine, reply(member(0, 1), large.clone())), None);
    assert!(machine.batches.held() < 1000, "{}", machine.batches.held());

    // No further request of a batch while so much is held, but whatever needs no holding.
    let busy = r#"{"jsonrpc":"2.0","error":{"code":-32009,"message":"Server is busy","data":"as many batches wait for answers as may: wait for some"},"id":"#;
    assert_eq!(hear(&mut machine, &batch(&[request(8)])), ["m() 1.0"]);
    assert_eq!(hear(&mut machine, &batch(&[request(8)])), ["m() 2.0"]);
    assert!(machine.batches.held() >= 1000, "{}", machine.batches.held());
    assert_eq!(
        hear(&mut machine, &batch(&[request(9), r#"{"jsonrpc":"2.0","method":"note"}"#.to_owned()])),
        ["note()".to_owned(), format!("send [{busy}9}}]")]
    );
    assert_eq!(hear(&mut machine, &request(10)), ["m() #10"]);

    // The last need not be held, however large.
    let array = say(&mut machine, reply(member(0, 2), large)).expect("the array");
    let replies: Vec<serde_json::Value> = serde_json::from_str(&array).expect("JSON");
    assert_eq!((replies.len(), &replies[0]["result"], &replies[1]["id"]), (3, &1.into(), &2.into()));
    assert_eq!(replies[1]["error"]["code"], code::REPLY_TOO_LARGE);
    assert_eq!(replies[2]["result"].as_str().map(str::len), Some(1000));

    assert_eq!(hear(&mut machine, &batch(&[request(11)])), ["m() 3.0"]);
    for group in 1..=3 {
        assert!(say(&mut machine, reply(member(group, 0), done("[]"))).is_some());
    }
    assert_eq!(machine.batches.held(), 0);
}
