use super::*;

#[test]
fn scripts() {
    let rows = [
        (0, "", r#"___eio[0]("");"#),
        (12, "4a", r#"___eio[12]("4a");"#),
        (1, "4\"\\\n\u{1e}é", "___eio[1](\"4\\\"\\\\\\n\\u001eé\");"),
        (1, "4\u{2028}\u{2029}", r#"___eio[1]("4\u2028\u2029");"#),
    ];
    for (index, body, expected) in rows {
        assert_eq!(String::from_utf8(script(index, body)).as_deref(), Ok(expected), "{body:?}");
    }
}

#[test]
fn forms() {
    let some = |body: &str| Some(body.to_owned());
    assert_eq!(body("d=4a"), some("4a"));
    assert_eq!(body("a=b&d=4a%26b+c%2B&d=x"), some("4a&b c+"));
    assert_eq!(body("d="), some(""));
    for form in ["", "4a", "e=4a", "d=%ff"] {
        assert_eq!(body(form), None, "{form}");
    }
}

/// What the official client does to a body before it puts it into a form.
fn escape(body: &str) -> String {
    body.replace("\\n", "\\\n").replace('\n', "\\n")
}

#[test]
fn line_breaks_come_back() {
    for body in ["a\nb", r"a\nb", "\\\n", r"\\n", r"\\\n", "n", "\\", "\n\n", r"\n\n", "\\\\\n"] {
        let escaped = escape(body);
        // Where a `\` stands before a line break, the client itself cannot tell them apart.
        if !body.contains("\\\n") {
            assert_eq!(unescape(&escaped), body, "{escaped}");
        }
    }
}
