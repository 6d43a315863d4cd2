//! Paths of the mount table.

/// A path of the mount table: literal segments, and names in braces that stand for one segment each.
#[derive(Debug, Clone)]
pub(crate) struct Pattern(Vec<Segment>);

#[derive(Debug, Clone, PartialEq, Eq)]
enum Segment {
    Literal(String),
    Param,
}

impl Pattern {
    pub(crate) fn parse(path: &str) -> Result<Self, String> {
        let Some(rest) = path.strip_prefix('/') else {
            return Err(format!("the mount path {path:?} does not begin with a slash"));
        };
        let segment = |segment: &str| match (segment.strip_prefix('{'), segment.contains(['{', '}'])) {
            (Some(name), _) if name.ends_with('}') => Ok(Segment::Param),
            (_, true) => Err(format!("the mount path {path:?}: a name in braces is a whole segment")),
            _ => Ok(Segment::Literal(segment.to_owned())),
        };
        rest.split('/').map(segment).collect::<Result<_, _>>().map(Self)
    }

    /// The same for a path that lies below one of the pattern: what comes behind, too, which is empty or begins with a slash.
    pub(crate) fn matches_above<'p>(&self, path: &'p str) -> Option<(Vec<&'p str>, &'p str)> {
        let slashes = path.match_indices('/').map(|(at, _)| at).chain([path.len()]);
        let end = slashes.skip(1).nth(self.0.len() - 1)?;
        let (own, rest) = path.split_at(end);
        Some((self.matches(own)?, rest))
    }

    /// The values of the pattern's names, undecoded, if the path is one of it.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        self.matches_by(path, str::eq)
    }

    /// The same, where the case of literal segments does not matter.
    pub(crate) fn matches_in_any_case<'p>(&self, path: &'p str) -> Option<Vec<&'p str>> {
        self.matches_by(path, str::eq_ignore_ascii_case)
    }

    fn matches_by<'p>(&self, path: &'p str, same: fn(&str, &str) -> bool) -> Option<Vec<&'p str>> {
        let mut params = Vec::new();
        let mut parts = path.strip_prefix('/')?.split('/');
        for segment in &self.0 {
            let part = parts.next()?;
            match segment {
                Segment::Literal(literal) if same(literal, part) => {}
                Segment::Param if !part.is_empty() => params.push(part),
                Segment::Literal(_) | Segment::Param => return None,
            }
        }
        parts.next().is_none().then_some(params)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_may_have_paths_below() {
        let pattern = Pattern::parse("/sock/{name}").unwrap();
        for (path, expected) in [
            ("/sock/a", Some((vec!["a"], ""))),
            ("/sock/a/", Some((vec!["a"], "/"))),
            ("/sock/a/b//c", Some((vec!["a"], "/b//c"))),
            ("/sock", None),
            ("/sock/", None),
            ("/sock//b", None),
            ("/socks/a/b", None),
            ("/", None),
            ("", None),
            ("*", None),
        ] {
            assert_eq!(pattern.matches_above(path), expected, "{path}");
        }
    }

    #[test]
    fn a_pattern_matches_whole_segments() {
        let pattern = Pattern::parse("/raw/{room}").unwrap();
        assert_eq!(pattern.matches("/raw/lobby"), Some(vec!["lobby"]));
        assert_eq!(pattern.matches("/raw/a%2Fb"), Some(vec!["a%2Fb"]));
        for path in ["/raw", "/raw/", "/raw/a/b", "raw/a", "/Raw/a", "//raw/a", "/raw/a/"] {
            assert_eq!(pattern.matches(path), None, "{path}");
        }
        assert_eq!(pattern.matches_in_any_case("/RAW/Lobby"), Some(vec!["Lobby"]));
        assert_eq!(Pattern::parse("/").unwrap().matches("/"), Some(vec![]));
        assert!(Pattern::parse("raw").is_err());
        assert!(Pattern::parse("/raw/x{room}").is_err());
    }
}
