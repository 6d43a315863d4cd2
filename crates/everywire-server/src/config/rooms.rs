//! What a configuration says of rooms: how much they keep, and who may do what with them.

use std::time::Duration;

use everywire::{Identity, Retention, RoomKey, Verb};

use super::Config;

/// The rooms whose name fits a pattern: a star stands for any characters, also none and also slashes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Pattern(pub(crate) String);

impl Pattern {
    pub(crate) fn fits(&self, room: &str) -> bool {
        let Some((first, rest)) = self.0.split_once('*') else { return self.0 == room };
        let Some(mut room) = room.strip_prefix(first) else { return false };
        let mut parts = rest.split('*').peekable();
        // Each part is taken as early as it comes, the last one at the end: no other choice leaves more.
        while let Some(part) = parts.next() {
            if parts.peek().is_none() {
                return room.ends_with(part);
            }
            let Some(at) = room.find(part) else { return false };
            room = &room[at + part.len()..];
        }
        true
    }
}

/// A `[[retention]]` row.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct RetentionRow {
    pub(crate) rooms: Pattern,
    pub(crate) messages: u32,
    pub(crate) bytes: u32,
    pub(crate) age: Duration,
}

impl Default for RetentionRow {
    fn default() -> Self {
        let Retention { messages, bytes, age } = Retention::RECENT;
        Self { rooms: Pattern::default(), messages, bytes, age: Duration::from_millis(age) }
    }
}

/// A `[[rule]]` row.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Rule {
    pub(crate) rooms: Pattern,
    pub(crate) allow: Vec<Verb>,
}

impl Config {
    /// How much a room keeps: what the first row that fits says, else [`Retention::RECENT`], or more where clients may
    /// come back later than that. Rooms of one connection or user have no name that a row could fit.
    pub(crate) fn retention(&self) -> impl Fn(&str, &RoomKey) -> Retention + Send + Sync + 'static {
        let rows = self.retention.clone();
        let else_kept = self.socketio.recovery.map_or(Retention::RECENT, |window| {
            let needed = Retention::for_recovery(window);
            Retention { age: needed.age.max(Retention::RECENT.age), ..needed }
        });
        move |_, room| {
            let RoomKey::Named(name) = room else { return else_kept };
            rows.iter().find(|row| row.rooms.fits(name)).map_or(else_kept, |row| Retention {
                messages: row.messages,
                bytes: row.bytes,
                age: u64::try_from(row.age.as_millis()).unwrap_or(u64::MAX),
            })
        }
    }

    /// Who may do what with a room or a queue: what the first rule that fits its name says, else nothing. Without any rule, everything.
    pub(crate) fn rights(&self) -> impl Fn(&Identity, &str, Verb) -> bool + Send + Sync + 'static {
        let rules = self.rules.clone();
        move |_, room, verb| {
            let rule = rules.iter().find(|rule| rule.rooms.fits(room));
            rules.is_empty() || rule.is_some_and(|rule| rule.allow.contains(&verb))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_star_stands_for_anything() {
        let fits = |pattern: &str, room: &str| Pattern(pattern.into()).fits(room);
        for (pattern, room) in [
            ("*", ""),
            ("*", "a/b"),
            ("news", "news"),
            ("news/*", "news/"),
            ("news/*", "news/a/b"),
            ("*/private", "a/private"),
            ("a*b*c", "abc"),
            ("a*b*c", "a-b-b-c"),
            ("a**c", "ac"),
            ("*aab", "aaab"),
            ("a*ab", "aab"),
        ] {
            assert!(fits(pattern, room), "{pattern} {room}");
        }
        for (pattern, room) in [
            ("", "a"),
            ("news", "news/a"),
            ("news/*", "news"),
            ("News/*", "news/a"),
            ("*/private", "a/private/b"),
            ("a*b*c", "acb"),
            ("ab*b", "ab"),
            ("a*b*c", "ac"),
        ] {
            assert!(!fits(pattern, room), "{pattern} {room}");
        }
    }

    #[test]
    fn the_first_rule_that_fits_decides() {
        let rule = |rooms: &str, allow: &[Verb]| Rule { rooms: Pattern(rooms.into()), allow: allow.to_vec() };
        let may = |rules: &[Rule], room: &str, verb| {
            let config = Config { rules: rules.to_vec(), ..Config::default() };
            config.rights()(&Identity::default(), room, verb)
        };
        let rules = [rule("news/drafts", &[]), rule("news/*", &[Verb::Subscribe, Verb::History])];
        assert!(may(&rules, "news/today", Verb::Subscribe));
        assert!(may(&rules, "news/today", Verb::History));
        assert!(!may(&rules, "news/today", Verb::Publish));
        assert!(!may(&rules, "news/drafts", Verb::Subscribe), "the first rule decides");
        assert!(!may(&rules, "lobby", Verb::Subscribe), "no rule fits");
        for verb in [Verb::Presence, Verb::Send, Verb::Consume] {
            assert!(may(&[], "lobby", verb), "no rules at all: a playground");
        }
        let rules = [rule("jobs/*", &[Verb::Send]), rule("*", &[Verb::Subscribe, Verb::Consume])];
        assert!(may(&rules, "jobs/1", Verb::Send) && !may(&rules, "jobs/1", Verb::Consume));
        assert!(may(&rules, "other", Verb::Consume) && !may(&rules, "other", Verb::Send));
    }

    #[test]
    fn the_first_retention_that_fits_decides() {
        let row = |rooms: &str, messages| RetentionRow {
            rooms: Pattern(rooms.into()),
            messages,
            ..RetentionRow::default()
        };
        let config = Config { retention: vec![row("chat/big", 7), row("chat/*", 0)], ..Config::default() };
        let messages = |room: &str| config.retention()("/", &RoomKey::from(room)).messages;
        assert_eq!((messages("chat/big"), messages("chat/small"), messages("lobby")), (7, 0, 100));
        assert_eq!(config.retention()("/", &"lobby".into()), Retention::RECENT);
    }
}
