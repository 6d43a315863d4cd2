//! Reading a file: every fault of it at once, each with its place.

use std::collections::{HashMap, HashSet};
use std::fmt;
use std::ops::Range;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::Config;
use super::key::{Key, Row, Section};
use super::keys::sections;
use super::kind::{Item, quote};
use super::mount::MountRow;
use super::rooms::{RetentionRow, Rule};
use super::suggest::nearest;

/// What is wrong with a file, and where: line and column count from 1, the column in characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Fault {
    pub(crate) line: usize,
    pub(crate) column: usize,
    pub(crate) text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.text)
    }
}

/// The configuration in a file's text, or all that is wrong with it.
pub(crate) fn parse(source: &str) -> Result<Config, Vec<Fault>> {
    let mut reader = Reader { source, faults: Vec::new(), places: HashMap::new() };
    let (document, syntax) = DeTable::parse_recoverable(source);
    for error in &syntax {
        reader.fault(error.span().unwrap_or(0..0), error.message().replace('\n', ", "));
    }
    // What a broken line was meant to say can only be guessed: its consequences are no faults of their own.
    let config = if syntax.is_empty() { reader.config(document.get_ref()) } else { Config::default() };
    let mut faults = reader.faults;
    faults.sort_by_key(|(at, _)| *at);
    if faults.is_empty() {
        return Ok(config);
    }
    Err(faults.into_iter().map(|(at, text)| place(source, at, text)).collect())
}

fn place(source: &str, at: usize, text: String) -> Fault {
    let before = &source[..source.floor_char_boundary(at)];
    let line_start = before.rfind('\n').map_or(0, |newline| newline + 1);
    Fault { line: before.matches('\n').count() + 1, column: before[line_start..].chars().count() + 1, text }
}

struct Reader<'s> {
    source: &'s str,
    /// What is wrong, and at which byte.
    faults: Vec<(usize, String)>,
    /// Where each value stands, for faults that show only when everything is read.
    places: HashMap<String, Range<usize>>,
}

impl Reader<'_> {
    fn fault(&mut self, span: Range<usize>, text: String) {
        self.faults.push((span.start, text));
    }

    fn config(&mut self, document: &DeTable<'_>) -> Config {
        let mut config = Config::default();
        let sections = sections();
        let mut known: HashSet<&str> = HashSet::from([MountRow::NAME, RetentionRow::NAME, Rule::NAME]);
        known.extend(sections.iter().map(|section| section.name));
        for section in &sections {
            if section.name.is_empty() {
                self.keys(section, document, &known, &sections, &mut config);
            } else if let Some(table) = document.get(section.name) {
                match table.get_ref() {
                    DeValue::Table(table) => {
                        self.keys(section, table, &HashSet::new(), &sections, &mut config);
                    }
                    _ => self.fault(
                        table.span(),
                        format!("{0}: is a table; write [{0}] above its keys", section.name),
                    ),
                }
            }
        }
        if let Some(mounts) = self.rows(document, &sections) {
            config.mounts = mounts;
        }
        config.retention = self.rows(document, &sections).unwrap_or_default();
        config.rules = self.rows(document, &sections).unwrap_or_default();
        if self.faults.is_empty() {
            for (key, text) in config.faults() {
                let span = self.places.get(&key).cloned().unwrap_or(0..0);
                self.fault(span, format!("{key}: {text}"));
            }
        }
        config
    }

    /// Reads the keys of one section; `others` may stand beside them.
    fn keys(
        &mut self,
        section: &Section<Config>,
        table: &DeTable<'_>,
        others: &HashSet<&str>,
        sections: &[Section<Config>],
        config: &mut Config,
    ) {
        for (name, item) in table {
            if others.contains(name.get_ref().as_ref()) {
                continue;
            }
            match section.keys.iter().find(|key| key.name == name.get_ref()) {
                Some(key) => self.key(key, section.path(key.name), item, config),
                None => {
                    let known = section.keys.iter().map(|key| key.name).chain(others.iter().copied());
                    self.unknown(name, section.name, known.collect(), sections);
                }
            }
        }
    }

    fn key<T: 'static>(&mut self, key: &Key<T>, path: String, item: &Item<'_>, to: &mut T) {
        if let Err(wrong) = key.read(to, item) {
            let given = self.source.get(wrong.span.clone()).unwrap_or_default();
            let given = given.lines().next().unwrap_or_default();
            let given: String = given.chars().take(60).collect();
            let meant =
                wrong.meant.map_or_else(String::new, |meant| format!("; did you mean {}?", quote(meant)));
            self.fault(wrong.span, format!("{path}: {given} is not {}{meant}", wrong.expected));
        }
        self.places.insert(path, item.span());
    }

    fn unknown(
        &mut self,
        name: &Spanned<impl AsRef<str>>,
        section: &str,
        mut known: Vec<&str>,
        sections: &[Section<Config>],
    ) {
        let given = name.get_ref().as_ref();
        let place = if section.is_empty() { String::new() } else { format!(" in {section}") };
        known.retain(|known| !known.is_empty());
        let elsewhere = sections.iter().find(|other| other.keys.iter().any(|key| key.name == given));
        let hint = match (nearest(given, known.iter().copied()), elsewhere) {
            (Some(meant), _) => format!("did you mean {}?", quote(meant)),
            (None, Some(Section { name: "", .. })) => "it belongs above all tables".to_owned(),
            (None, Some(other)) => format!("it belongs in [{}]", other.name),
            (None, None) => {
                known.sort_unstable();
                format!("known are {}", known.join(", "))
            }
        };
        self.fault(name.span(), format!("unknown key {}{place}; {hint}", quote(given)));
    }

    /// Reads the rows of one list of tables. None if the file has none.
    fn rows<T: Row>(&mut self, document: &DeTable<'_>, sections: &[Section<Config>]) -> Option<Vec<T>> {
        let list = document.get(T::NAME)?;
        let Some(items) = list.get_ref().as_array() else {
            self.fault(list.span(), format!("{0}: is a list of tables; write [[{0}]] above each", T::NAME));
            return None;
        };
        let keys = T::keys();
        let mut rows = Vec::new();
        for (i, item) in items.iter().enumerate() {
            let Some(table) = item.get_ref().as_table() else {
                self.fault(
                    item.span(),
                    format!("{0}: is a list of tables; write [[{0}]] above each", T::NAME),
                );
                continue;
            };
            rows.push(self.row(&keys, i, item.span(), table, sections));
        }
        Some(rows)
    }

    fn row<T: Row>(
        &mut self,
        keys: &[Key<T>],
        i: usize,
        span: Range<usize>,
        table: &DeTable<'_>,
        sections: &[Section<Config>],
    ) -> T {
        let before = self.faults.len();
        let path = |key: &str| format!("{}[{i}].{key}", T::NAME);
        let mut row = T::default();
        for (name, item) in table {
            match keys.iter().find(|key| key.name == name.get_ref()) {
                Some(key) => self.key(key, path(key.name), item, &mut row),
                None => self.unknown(name, T::NAME, keys.iter().map(|key| key.name).collect(), sections),
            }
        }
        for needed in T::NEEDED {
            if !table.iter().any(|(name, _)| name.get_ref() == needed) {
                self.fault(span.clone(), format!("{}[{i}] has no {}", T::NAME, quote(needed)));
            }
        }
        if self.faults.len() == before {
            for (key, text) in row.faults() {
                let span = self.places.get(&path(key)).cloned().unwrap_or_else(|| span.clone());
                self.fault(span, format!("{}: {text}", path(key)));
            }
        }
        row
    }
}
