//! What no honest peer sends: each has .NET's words, and nothing is worse than a fault.

use everywire_core::payload::{MAX_ARGUMENT_DEPTH, MAX_ATTACHMENTS};

use super::*;

#[test]
fn records_that_lack_what_their_kind_needs() {
    for (record, expected) in [
        (r"{}", "Missing required property 'type'."),
        (r#"{"type":"1"}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":1.5}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":-1}"#, "Expected 'type' to be of type Number."),
        (r#"{"type":1,"arguments":[]}"#, "Missing required property 'target'."),
        (r#"{"type":1,"target":null,"arguments":[]}"#, "Expected 'target' to be of type String."),
        (r#"{"type":1,"target":"M"}"#, "Missing required property 'arguments'."),
        (r#"{"type":1,"target":"M","arguments":{}}"#, "Expected 'arguments' to be of type Array."),
        (r#"{"type":1,"target":"M","arguments":null}"#, "Expected 'arguments' to be of type Array."),
        (
            r#"{"type":1,"target":"M","arguments":[],"invocationId":1}"#,
            "Expected 'invocationId' to be of type String.",
        ),
        (
            r#"{"type":1,"target":"M","arguments":[],"streamIds":[1]}"#,
            "Expected 'streamIds' to be of type String.",
        ),
        (
            r#"{"type":1,"target":"M","arguments":[],"streamIds":{}}"#,
            "Expected 'streamIds' to be of type Array.",
        ),
        (r#"{"type":4,"target":"M","arguments":[]}"#, "Missing required property 'invocationId'."),
        (
            r#"{"type":4,"invocationId":"","target":"M","arguments":[]}"#,
            "Missing required property 'invocationId'.",
        ),
        (r#"{"type":2,"item":1}"#, "Missing required property 'invocationId'."),
        (r#"{"type":2,"invocationId":"1"}"#, "Missing required property 'item'."),
        (r#"{"type":3}"#, "Missing required property 'invocationId'."),
        (
            r#"{"type":3,"invocationId":"1","result":null,"error":"E"}"#,
            "The 'error' and 'result' properties are mutually exclusive.",
        ),
        (r#"{"type":3,"invocationId":"1","error":{}}"#, "Expected 'error' to be of type String."),
        (r#"{"type":5}"#, "Missing required property 'invocationId'."),
        (r#"{"type":7,"allowReconnect":1}"#, "Expected 'allowReconnect' to be of type Boolean."),
        (r#"{"type":8}"#, "Missing required property 'sequenceId'."),
        (r#"{"type":9,"sequenceId":-1}"#, "Expected 'sequenceId' to be of type Number."),
        (r#"{"type":9,"sequenceId":18446744073709551616}"#, "Expected 'sequenceId' to be of type Number."),
    ] {
        let fault = HubMessage::read(Encoding::Json, record.as_bytes()).expect_err(record);
        assert_eq!(fault.to_string(), expected, "{record}");
    }
}

#[test]
fn what_is_not_json() {
    for record in [
        "",
        " ",
        "{",
        "[]",
        "null",
        "{\"type\":6",
        "{\"type\":6}}",
        "{'type':6}",
        "{\"type\":6,}",
        "\u{feff}{}",
    ] {
        let fault = HubMessage::read(Encoding::Json, record.as_bytes()).expect_err(record);
        assert!(fault.to_string().starts_with("Error reading JSON. "), "{record}: {fault}");
    }
    let fault = HubMessage::read(Encoding::Json, b"{\"type\":\xff}").expect_err("no UTF-8");
    assert!(fault.to_string().starts_with("Error reading JSON. "), "{fault}");
}

#[test]
fn arrays_that_lack_what_their_kind_needs() {
    for (body, expected) in [
        ("", "Reading array length for 'elementCount' failed."),
        ("80", "Reading array length for 'elementCount' failed."),
        ("06", "Reading array length for 'elementCount' failed."),
        ("90", "Reading 'messageType' as Int32 failed."),
        ("91 a131", "Reading 'messageType' as Int32 failed."),
        ("91 ff", "Reading 'messageType' as Int32 failed."),
        ("91 01", "Reading map length for 'headers' failed."),
        ("92 01 c0", "Reading map length for 'headers' failed."),
        ("92 01 81 01 a161", "Reading 'headers[0].Key' as String failed."),
        ("92 01 81 a161 c0", "Reading 'headers[0].Value' as String failed."),
        ("92 01 df ff ff ff ff", "Reading 'headers[0].Key' as String failed."),
        ("92 01 80", "Reading 'invocationId' as String failed."),
        ("95 01 80 01 a14d 90", "Reading 'invocationId' as String failed."),
        ("95 01 80 c0 c0 90", "Null or empty target for Invocation message."),
        ("95 01 80 c0 a0 90", "Null or empty target for Invocation message."),
        ("95 01 80 c0 01 90", "Reading 'target' as String failed."),
        ("94 01 80 c0 a14d", "Reading array length for 'arguments' failed."),
        ("95 01 80 c0 a14d c0", "Reading array length for 'arguments' failed."),
        ("96 01 80 c0 a14d 90 91 01", "Reading 'streamIds' as String failed."),
        ("96 01 80 c0 a14d 90 01", "Reading array length for 'streamIds' failed."),
        ("96 01 80 c0 a14d 90 dd ff ff ff ff", "Reading 'streamIds' as String failed."),
        ("95 04 80 c0 a14d 90", "Reading 'invocationId' as String failed."),
        ("94 02 80 c0 01", "Reading 'invocationId' as String failed."),
        ("93 02 80 a131", "Reading 'item' as Object failed."),
        ("93 03 80 a131", "Reading 'resultKind' as Int32 failed."),
        ("94 03 80 a131 04", "Invalid invocation result kind."),
        ("94 03 80 a131 01", "Reading 'error' as String failed."),
        ("94 03 80 a131 03", "Reading 'argument' as Object failed."),
        ("92 05 80", "Reading 'invocationId' as String failed."),
        ("91 07", "Reading 'error' as String failed."),
        ("93 07 c0 c0", "Reading 'allowReconnect' as Boolean failed."),
        ("91 08", "Reading 'sequenceId' as Int32 failed."),
        ("92 09 ff", "Reading 'sequenceId' as Int32 failed."),
    ] {
        let fault = HubMessage::read(Encoding::MsgPack, &hex(body)).expect_err(body);
        assert_eq!(fault.to_string(), expected, "{body}");
    }
    // Arguments that stop short, or are promised and are not there.
    for body in
        ["95 01 80 c0 a14d 91", "95 01 80 c0 a14d dd ff ff ff ff", "94 02 80 a131 a5 61", "94 02 80 a131 c1"]
    {
        let fault = HubMessage::read(Encoding::MsgPack, &hex(body)).expect_err(body);
        assert!(fault.to_string().starts_with("Error reading MessagePack. "), "{body}: {fault}");
    }
}

#[test]
fn arguments_that_cannot_be_taken_do_not_hide_the_call() {
    for (count, fits) in [(MAX_ATTACHMENTS, true), (MAX_ATTACHMENTS + 1, false)] {
        let mut body = hex("95 01 80 a137 a14d dc 00");
        body.push(u8::try_from(count).expect("few"));
        body.extend(std::iter::repeat_n([0xc4, 0], count).flatten());
        let Ok(HubMessage::Invocation(call)) = HubMessage::read(Encoding::MsgPack, &body) else {
            panic!("a call, whatever its arguments");
        };
        assert_eq!(
            (call.id.as_deref(), &*call.target, call.args.is_ok()),
            (Some("7"), "M", fits),
            "{count} bytes"
        );
    }
}

#[test]
fn what_is_nested_too_deep_ends_it() {
    let deepest = MAX_ARGUMENT_DEPTH as usize;
    for (depth, fits) in [(deepest, true), (deepest + 1, false)] {
        let value = format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        let record = format!(r#"{{"type":1,"invocationId":"7","target":"M","arguments":[{value}]}}"#);
        assert_eq!(HubMessage::read(Encoding::Json, record.as_bytes()).is_ok(), fits, "depth {depth}");
        let mut body = hex("95 01 80 a137 a14d 91");
        body.extend(std::iter::repeat_n(0x91, depth - 1).chain([0x90]));
        assert_eq!(HubMessage::read(Encoding::MsgPack, &body).is_ok(), fits, "depth {depth}");
    }
    // Nesting without end takes no stack.
    let mut bomb = hex("95 01 80 a137 a14d 91");
    bomb.extend(std::iter::repeat_n(0x91, 1 << 20));
    assert!(HubMessage::read(Encoding::MsgPack, &bomb).is_err());
    let bomb = format!(r#"{{"type":2,"invocationId":"1","item":{}"#, "[".repeat(1 << 20));
    assert!(HubMessage::read(Encoding::Json, bomb.as_bytes()).is_err());
}

/// What another wire could not have fails the call that brings it, and nothing else.
#[test]
fn arguments_that_cannot_cross_fail_alone() {
    // `{true: true}`, `{nil: 1}`, `{1.5: 1}`, a timestamp of three bytes.
    let values: [&[u8]; 4] =
        [b"\x81\xc3\xc3", b"\x81\xc0\x01", b"\x81\xca\x3f\xc0\0\0\x01", b"\xc7\x03\xff\x01\x02\x03"];
    for value in values {
        let call = [b"\x96\x01\x80\xa11\xa1M\x91", value, b"\x90"].concat();
        let Ok(HubMessage::Invocation(Invocation { args: Err(_), id, .. })) =
            HubMessage::read(Encoding::MsgPack, &call)
        else {
            panic!("{value:x?}");
        };
        assert_eq!(id.as_deref(), Some("1"));
        let item = [b"\x94\x02\x80\xa11", value].concat();
        let read = HubMessage::read(Encoding::MsgPack, &item);
        assert!(matches!(read, Ok(HubMessage::StreamItem { item: Err(_), .. })), "{value:x?}");
    }
    // A container as a key is none that could be passed over.
    let call = b"\x96\x01\x80\xa11\xa1M\x91\x81\x90\x01\x90";
    assert!(HubMessage::read(Encoding::MsgPack, call).is_err());
}
