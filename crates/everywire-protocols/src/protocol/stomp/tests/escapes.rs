//! Escapes of each version, both ways.

use super::*;

/// The header of a SEND as it is written, and what is read; none if it is a fault.
fn value(version: Version, written: &str) -> Option<String> {
    let stream = format!("SEND\na:{written}\n\n\0");
    let (mut events, fault) = heard(parser(version), [stream.as_bytes()]);
    match fault {
        None => Some(events.remove(0).strip_prefix("SEND|a=")?.strip_suffix("|\"\"")?.to_owned()),
        Some(fault) => {
            assert_eq!(fault.flaw, Flaw::Escape(version));
            None
        }
    }
}

#[test]
fn each_version_reads_its_own() {
    for (written, in_1_0, later) in [
        ("a:b:c", "a:b:c", Some("a:b:c")),
        ("a\\cb", "a\\cb", Some("a:b")),
        ("a\\nb", "a\\nb", Some("a\nb")),
        // In 1.1 too, for peers write it.
        ("a\\rb", "a\\rb", Some("a\rb")),
        ("a\\\\b", "a\\\\b", Some("a\\b")),
        // From the left, once: no n and no c are made of what was escaped.
        ("\\\\n\\\\\\c", "\\\\n\\\\\\c", Some("\\n\\:")),
        ("\\c\\c", "\\c\\c", Some("::")),
        ("é\\cé", "é\\cé", Some("é:é")),
        ("a\\tb", "a\\tb", None),
        ("\\C", "\\C", None),
        ("\\0", "\\0", None),
        ("\\é", "\\é", None),
        ("a\\", "a\\", None),
        ("\\\\\\", "\\\\\\", None),
    ] {
        assert_eq!(value(Version::V1_0, written).as_deref(), Some(in_1_0), "{written}");
        assert_eq!(value(Version::V1_1, written).as_deref(), later, "{written}");
        assert_eq!(value(Version::V1_2, written).as_deref(), later, "{written}");
    }
}

#[test]
fn names_have_them_too() {
    let stream = b"SEND\na\\cb:c:d\n\n\0";
    assert_eq!(read(Version::V1_0, stream), ["SEND|a\\cb=c:d|\"\""]);
    for version in [Version::V1_1, Version::V1_2] {
        assert_eq!(read(version, stream), ["SEND|a:b=c:d|\"\""]);
        let fault = fault(version, b"SEND\nx:\na\\b:\n\n\0");
        assert_eq!((&fault.flaw, fault.place, fault.offset), (&Flaw::Escape(version), Place::Header(2), 9));
    }
}

#[test]
fn frames_that_agree_on_a_version_have_none() {
    for version in Version::ALL {
        for command in ["CONNECT", "STOMP", "CONNECTED"] {
            let stream = format!("{command}\nlogin:a\\b\\c\nversion:1.2\naccept-version:1.2\n\n\0");
            let expected = format!("{command}|login=a\\b\\c|version=1.2|accept-version=1.2|\"\"");
            assert_eq!(read(version, stream.as_bytes()), [expected]);
        }
    }
}

#[test]
fn each_version_is_written_its_own() {
    let headers = [("a:b", "c:d\\e"), ("f", "g\nh"), ("i", "j\rk"), ("l", "m\0n"), ("o", " é ")];
    for (version, expected) in [
        (Version::V1_0, "SEND\\nf:gh\\ni:jk\\nl:mn\\no: \\xc3\\xa9 \\n\\n\\x00"),
        (Version::V1_1, "SEND\\na\\cb:c\\cd\\\\e\\nf:g\\nh\\ni:jk\\nl:mn\\no: \\xc3\\xa9 \\n\\n\\x00"),
        (Version::V1_2, "SEND\\na\\cb:c\\cd\\\\e\\nf:g\\nh\\ni:j\\rk\\nl:mn\\no: \\xc3\\xa9 \\n\\n\\x00"),
    ] {
        assert_eq!(written(version, &Command::Send, &headers, b""), expected, "{version}");
    }
    for version in Version::ALL {
        for command in [Command::Connect, Command::Stomp, Command::Connected] {
            let name = command.as_str();
            let expected = format!("{name}\\nf:gh\\ni:jk\\nl:mn\\no: \\xc3\\xa9 \\n\\n\\x00");
            assert_eq!(written(version, &command, &headers, b""), expected, "{version}");
        }
    }
    assert_eq!(written(Version::V1_0, &Command::Send, &[("a", "b:c\\d")], b""), "SEND\\na:b:c\\d\\n\\n\\x00");
}

#[test]
fn a_name_that_cannot_be_spelled_is_no_other_name() {
    for (name, versions) in [
        ("", &[][..]),
        ("a\0", &[]),
        ("a\n", &[Version::V1_1, Version::V1_2]),
        ("a:", &[Version::V1_1, Version::V1_2]),
        ("a\r", &[Version::V1_2]),
        ("a\\", &Version::ALL),
    ] {
        for version in Version::ALL {
            let mut out = Vec::new();
            write_frame(version, &Command::Send, [(name, "x")], b"", &mut out);
            let expected = format!(
                "SEND{}|\"\"",
                if versions.contains(&version) { format!("|{name}=x") } else { String::new() }
            );
            assert_eq!(read(version, &out), [expected], "{name:?} in {version}");
        }
    }
}
