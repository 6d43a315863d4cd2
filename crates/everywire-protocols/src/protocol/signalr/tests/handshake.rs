//! What is agreed on, and what is not.

use super::*;

fn agreed(record: &str) -> Result<(Encoding, u64), String> {
    let request = HandshakeRequest::read(record).map_err(|fault| fault.to_string())?;
    Ok((request.agree()?, request.version))
}

#[test]
fn versions_and_names() {
    assert_eq!(agreed(r#"{"protocol":"json","version":1}"#), Ok((Encoding::Json, 1)));
    assert_eq!(agreed(r#"{"version":0,"protocol":"JSON","more":[]}"#), Ok((Encoding::Json, 0)));
    assert_eq!(agreed(r#"{"protocol":"MessagePack","version":2}"#), Ok((Encoding::MsgPack, 2)));
    for (record, error) in [
        (r#"{"protocol":"blazorpack","version":1}"#, "The protocol 'blazorpack' is not supported."),
        (
            r#"{"protocol":"json","version":3}"#,
            "The server does not support version 3 of the 'json' protocol.",
        ),
        (r#"{"version":1}"#, "Missing required property 'protocol'."),
        (r#"{"protocol":"json"}"#, "Missing required property 'version'."),
        (r#"{"protocol":1,"version":1}"#, "Expected 'protocol' to be of type String."),
        (r#"{"protocol":"json","version":"1"}"#, "Expected 'version' to be of type Number."),
        (r#"{"protocol":"json","version":-1}"#, "Expected 'version' to be of type Number."),
    ] {
        assert_eq!(agreed(record), Err(error.to_owned()), "{record}");
    }
    for record in ["", "{", "[]", "json", "{}x"] {
        let error = agreed(record).expect_err("no handshake");
        assert!(
            error.starts_with("Error reading JSON. ") || error.starts_with("Missing"),
            "{record}: {error}"
        );
    }
}

#[test]
fn both_sides_understand_each_other() {
    for (protocol, version) in [("json", 1), ("messagepack", 2), ("a \"name\"", 0)] {
        let request = HandshakeRequest { protocol: protocol.into(), version };
        let mut bytes = Vec::new();
        request.append(&mut bytes);
        assert_eq!(bytes.pop(), Some(RECORD_SEPARATOR));
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(HandshakeRequest::read(&text), Ok(request));
    }
    for (error, expected) in [(None, "{}\u{1e}"), (Some("no"), "{\"error\":\"no\"}\u{1e}")] {
        let response = HandshakeResponse { error: error.map(Into::into) };
        let mut bytes = Vec::new();
        response.append(&mut bytes);
        let text = String::from_utf8(bytes).expect("text");
        assert_eq!(text, expected);
        assert_eq!(HandshakeResponse::read(text.trim_end_matches('\u{1e}')), Ok(response));
    }
    let fault = HandshakeResponse::read(r#"{"type":6}"#).expect_err("a hub message");
    assert_eq!(fault.to_string(), "Expected a handshake response from the server.");
}
