//! Which known word a misspelt one was meant to be.

/// The nearest of the known words, if it is near enough to have been meant: at most a third of it is different.
pub(crate) fn nearest<'k>(word: &str, known: impl Iterator<Item = &'k str>) -> Option<&'k str> {
    let word = word.to_lowercase().replace('-', "_");
    let (distance, nearest) = known.map(|known| (distance(&word, known), known)).min_by_key(|(d, _)| *d)?;
    (distance <= (nearest.chars().count() / 3).max(1)).then_some(nearest)
}

/// How many characters must be added, removed, replaced or swapped with their neighbour (optimal string
/// alignment). Long words are cut: nobody misspells a known one so.
fn distance(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().take(64).collect(), b.chars().take(64).collect());
    let mut before_last = vec![0; b.len() + 1];
    let mut last: Vec<usize> = (0..=b.len()).collect();
    for i in 1..=a.len() {
        let mut row = vec![i; b.len() + 1];
        for j in 1..=b.len() {
            let replaced = last[j - 1] + usize::from(a[i - 1] != b[j - 1]);
            row[j] = replaced.min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before_last[j - 2] + 1);
            }
        }
        before_last = std::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_edits() {
        for (a, b, expected) in [
            ("listen", "listen", 0),
            ("lsiten", "listen", 1),
            ("lissten", "listen", 1),
            ("lisen", "listen", 1),
            ("listem", "listen", 1),
            ("", "key", 3),
            ("kitten", "sitting", 3),
        ] {
            assert_eq!(distance(a, b), expected, "{a} {b}");
            assert_eq!(distance(b, a), expected, "{b} {a}");
        }
    }

    #[test]
    fn suggests_only_what_is_near() {
        let known = || ["listen", "log", "message_bytes", "drop-oldest"].into_iter();
        assert_eq!(nearest("lissten", known()), Some("listen"));
        assert_eq!(nearest("message-bytes", known()), Some("message_bytes"));
        assert_eq!(nearest("Listen", known()), Some("listen"));
        assert_eq!(nearest("drop_oldest", known()), Some("drop-oldest"));
        assert_eq!(nearest("frobnicate", known()), None);
        assert_eq!(nearest("x", std::iter::empty()), None);
    }
}
