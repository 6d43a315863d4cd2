//! What the tables of keys say in words: the example file, and the reference for the documentation.

use std::fmt::Write;

use super::Config;
use super::key::{Key, Row};
use super::keys::sections;
use super::mount::MountRow;
use super::rooms::{RetentionRow, Rule};

/// How wide the comments of the example are.
const WIDTH: usize = 96;

/// A file with every key, its meaning and its default.
pub(crate) fn example() -> String {
    let mut out = String::from(
        "# The configuration of `everywire serve --config FILE`. Each value here is the default: a file need\n\
         # hold only what differs. Times are written \"250ms\", \"10s\", \"5m\", sizes 65536, \"64KiB\", \"1MiB\".\n",
    );
    let default = Config::default();
    for section in sections() {
        if section.name.is_empty() {
            out.push('\n');
        } else {
            comment(&mut out, "\n", section.doc);
            writeln!(out, "[{}]", section.name).expect("a text takes what it is given");
        }
        for key in &section.keys {
            let otherwise = key.otherwise.map_or_else(String::new, |text| format!(" Default: {text}."));
            comment(&mut out, "", &format!("{}{otherwise}", key.doc));
            let line = match key.show(&default) {
                Some(value) => format!("{} = {value}", key.name),
                // It has no default that could be written down: an example, commented out.
                None => format!("# {} = {}", key.name, key.sample),
            };
            out.push_str(&line);
            out.push_str("\n\n");
        }
        out.truncate(out.trim_end().len());
        out.push('\n');
    }
    rows::<MountRow>(&mut out, &default.mounts);
    rows::<RetentionRow>(&mut out, &default.retention);
    rows::<Rule>(&mut out, &default.rules);
    out
}

fn rows<T: Row>(out: &mut String, rows: &[T]) {
    comment(out, "\n", T::DOC);
    for key in T::keys() {
        comment(out, "", &format!("* {}: {}", key.name, key.doc));
    }
    for row in rows {
        writeln!(out, "\n[[{}]]", T::NAME).expect("a text takes what it is given");
        for key in T::keys() {
            let value = key.show(row);
            if value != key.show(&T::default()) || T::NEEDED.contains(&key.name) {
                writeln!(out, "{} = {}", key.name, value.unwrap_or_default())
                    .expect("a text takes what it is given");
            }
        }
    }
    if rows.is_empty() {
        let sample = T::SAMPLE.trim_end().replace('\n', "\n# ");
        writeln!(out, "#\n# [[{}]]\n# {sample}", T::NAME).expect("a text takes what it is given");
    }
}

/// Writes a text as comment lines.
fn comment(out: &mut String, before: &str, text: &str) {
    out.push_str(before);
    let mut line = String::from("#");
    for word in text.split(' ') {
        if line.len() + 1 + word.len() > WIDTH {
            out.push_str(&line);
            out.push('\n');
            "#".clone_into(&mut line);
        }
        line.push(' ');
        line.push_str(word);
    }
    out.push_str(&line);
    out.push('\n');
}

/// The reference of every key, as Markdown.
pub(crate) fn reference() -> String {
    let mut out = String::from(include_str!("reference.md"));
    let default = Config::default();
    for section in sections() {
        let title =
            if section.name.is_empty() { "Above all tables".into() } else { format!("`[{}]`", section.name) };
        table(&mut out, &title, section.doc, &section.keys, &default);
    }
    row_table::<MountRow>(&mut out);
    out.push_str("\nThe default rows:\n\n```toml\n");
    let mut mounts = String::new();
    rows::<MountRow>(&mut mounts, &default.mounts);
    for line in mounts.lines().filter(|line| !line.starts_with('#') && !line.is_empty()) {
        out.push_str(line);
        out.push('\n');
    }
    out.push_str("```\n");
    row_table::<RetentionRow>(&mut out);
    row_table::<Rule>(&mut out);
    out
}

fn row_table<T: Row>(out: &mut String) {
    table(out, &format!("`[[{}]]`", T::NAME), T::DOC, &T::keys(), &T::default());
    if !T::SAMPLE.is_empty() {
        write!(out, "\n```toml\n[[{}]]\n{}```\n", T::NAME, T::SAMPLE).expect("a text takes what it is given");
    }
}

fn table<T: 'static>(out: &mut String, title: &str, doc: &str, keys: &[Key<T>], default: &T) {
    write!(out, "\n## {title}\n\n{doc}\n\n| key | default | what it is | values |\n|---|---|---|---|\n")
        .expect("a text takes what it is given");
    for key in keys {
        let default = match (key.otherwise, key.show(default)) {
            (Some(otherwise), _) => otherwise.to_owned(),
            (None, value) => format!("`{}`", value.unwrap_or_default()),
        };
        let expected = key.expected().replace('|', "\\|");
        writeln!(out, "| `{}` | {default} | {} | {expected} |", key.name, key.doc)
            .expect("a text takes what it is given");
    }
}
