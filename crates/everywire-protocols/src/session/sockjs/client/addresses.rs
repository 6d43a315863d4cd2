//! The addresses of a mount's sessions, and the names that clients give them.

/// What names of sessions are made of: 32 characters, of which each stands for five bits.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz012345";

/// Where something of a mount's is, and the mount's query with it.
pub(super) fn under(mount: &str, path: &str, buster: Option<u64>) -> String {
    let mount = mount.split('#').next().unwrap_or_default();
    let (base, query) = mount.split_once('?').unwrap_or((mount, ""));
    let mut url = format!("{}{path}", base.trim_end_matches('/'));
    let buster = buster.map(|number| format!("t={number}")).unwrap_or_default();
    for (i, part) in [query, &buster].into_iter().filter(|part| !part.is_empty()).enumerate() {
        url.push(if i == 0 { '?' } else { '&' });
        url.push_str(part);
    }
    url
}

/// The name of a server, for load balancers: three digits.
pub(super) fn server(random: u64) -> String {
    format!("{:03}", random % 1000)
}

/// The name of a session: 40 random bits.
pub(super) fn session(random: u64) -> String {
    (0..8).map(|i| char::from(ALPHABET[(random >> (5 * i) & 31) as usize])).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_kept_and_a_fragment_is_not() {
        for (mount, buster, expected) in [
            ("/s", None, "/s/info"),
            ("http://a:1/s//", None, "http://a:1/s/info"),
            ("", None, "/info"),
            ("/s?token=a/b", None, "/s/info?token=a/b"),
            ("/s/?token=a#x?y", Some(7), "/s/info?token=a&t=7"),
            ("/s?", Some(7), "/s/info?t=7"),
        ] {
            assert_eq!(under(mount, "/info", buster), expected, "{mount}");
        }
    }

    #[test]
    fn names_are_as_official_clients_choose_them() {
        assert_eq!(
            (server(7), server(123_456), server(u64::MAX)),
            ("007".into(), "456".into(), "615".into())
        );
        assert_eq!(session(0), "aaaaaaaa");
        assert_eq!(session(u64::MAX), "55555555");
        assert_eq!(session(1 | 26 << 35 | 1 << 40), "baaaaaa0");
    }
}
