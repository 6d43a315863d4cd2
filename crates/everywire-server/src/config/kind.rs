//! The kinds of values: how each is read from TOML, how it is shown as TOML, and what a good one is.

use std::net::SocketAddr;
use std::ops::{Range, RangeInclusive};
use std::time::Duration;

use toml::Spanned;
use toml::de::DeValue;

use super::suggest::nearest;

/// A value as it stands in the file.
pub(crate) type Item<'i> = Spanned<DeValue<'i>>;

/// What is wrong with a value: the place, what it is not, and what it may have been meant to be.
#[derive(Debug)]
pub(crate) struct Wrong {
    pub(crate) span: Range<usize>,
    pub(crate) expected: String,
    pub(crate) meant: Option<&'static str>,
}

/// How values of a type are written.
pub(crate) trait Kind<V> {
    /// What a good value is, as the end of the sentence "this is not …".
    fn expected(&self) -> String;

    /// The value, if it is a good one.
    fn read(&self, item: &Item<'_>) -> Result<V, Wrong>;

    /// The value as TOML. None if there is none.
    fn show(&self, value: &V) -> Option<String>;

    /// That an item is no good value.
    fn wrong<T>(&self, item: &Item<'_>) -> Result<T, Wrong> {
        Err(Wrong { span: item.span(), expected: self.expected(), meant: None })
    }
}

/// `true` or `false`.
pub(crate) struct Flag;

impl Kind<bool> for Flag {
    fn expected(&self) -> String {
        "true or false".into()
    }

    fn read(&self, item: &Item<'_>) -> Result<bool, Wrong> {
        item.get_ref().as_bool().map_or_else(|| self.wrong(item), Ok)
    }

    fn show(&self, value: &bool) -> Option<String> {
        Some(value.to_string())
    }
}

/// A text; `check` says which, `expected` in words.
pub(crate) struct Text {
    pub(crate) expected: &'static str,
    pub(crate) check: fn(&str) -> bool,
}

impl Kind<String> for Text {
    fn expected(&self) -> String {
        self.expected.into()
    }

    fn read(&self, item: &Item<'_>) -> Result<String, Wrong> {
        match item.get_ref().as_str() {
            Some(text) if (self.check)(text) => Ok(text.to_owned()),
            _ => Kind::<String>::wrong(self, item),
        }
    }

    fn show(&self, value: &String) -> Option<String> {
        Some(quote(value))
    }
}

/// A list of such texts.
impl Kind<Vec<String>> for Text {
    fn expected(&self) -> String {
        format!("a list of texts, each {}", self.expected)
    }

    fn read(&self, item: &Item<'_>) -> Result<Vec<String>, Wrong> {
        let Some(items) = item.get_ref().as_array() else {
            return Kind::<Vec<String>>::wrong(self, item);
        };
        items.iter().map(|item| Kind::<String>::read(self, item)).collect()
    }

    fn show(&self, value: &Vec<String>) -> Option<String> {
        Some(list(value.iter().map(|text| quote(text))))
    }
}

/// An address to listen on.
pub(crate) struct Address;

impl Kind<SocketAddr> for Address {
    fn expected(&self) -> String {
        "an IP address with a port, such as \"127.0.0.1:8000\" or \"[::1]:8000\"".into()
    }

    fn read(&self, item: &Item<'_>) -> Result<SocketAddr, Wrong> {
        let address = item.get_ref().as_str().and_then(|text| text.parse().ok());
        address.map_or_else(|| self.wrong(item), Ok)
    }

    fn show(&self, value: &SocketAddr) -> Option<String> {
        Some(quote(&value.to_string()))
    }
}

/// A whole number within bounds.
pub(crate) struct Whole(pub(crate) RangeInclusive<u64>);

impl<N: Number> Kind<N> for Whole {
    fn expected(&self) -> String {
        format!("a whole number from {} to {}", self.0.start(), self.0.end())
    }

    fn read(&self, item: &Item<'_>) -> Result<N, Wrong> {
        let number = integer(item).filter(|number| self.0.contains(number));
        number.and_then(|number| number.try_into().ok()).map_or_else(|| Kind::<N>::wrong(self, item), Ok)
    }

    fn show(&self, value: &N) -> Option<String> {
        Some(value.to_u64().to_string())
    }
}

/// A number of bytes within bounds.
pub(crate) struct Bytes(pub(crate) RangeInclusive<u64>);

/// Units of sizes, the largest first.
const UNITS: [(&str, u64); 4] = [("GiB", 1 << 30), ("MiB", 1 << 20), ("KiB", 1 << 10), ("B", 1)];

impl<N: Number> Kind<N> for Bytes {
    fn expected(&self) -> String {
        let (from, to) = (size(*self.0.start()), size(*self.0.end()));
        format!("a size from {from} to {to}, such as 65536, \"64KiB\" or \"1MiB\"")
    }

    fn read(&self, item: &Item<'_>) -> Result<N, Wrong> {
        let bytes = match item.get_ref() {
            DeValue::String(text) => parse_size(text),
            _ => integer(item),
        };
        let bytes = bytes.filter(|bytes| self.0.contains(bytes));
        bytes.and_then(|bytes| bytes.try_into().ok()).map_or_else(|| Kind::<N>::wrong(self, item), Ok)
    }

    fn show(&self, value: &N) -> Option<String> {
        Some(match value.to_u64() {
            // A plain number needs no quotes.
            bytes if bytes % 1024 != 0 || bytes == 0 => bytes.to_string(),
            bytes => quote(&size(bytes)),
        })
    }
}

/// A time span within bounds.
pub(crate) struct Wait(pub(crate) RangeInclusive<Duration>);

impl Kind<Duration> for Wait {
    fn expected(&self) -> String {
        let show = |wait: &Duration| humantime::format_duration(*wait).to_string();
        format!(
            "a time from {} to {}, such as \"250ms\", \"10s\" or \"5m\"",
            show(self.0.start()),
            show(self.0.end())
        )
    }

    fn read(&self, item: &Item<'_>) -> Result<Duration, Wrong> {
        let wait = item.get_ref().as_str().and_then(|text| humantime::parse_duration(text).ok());
        wait.filter(|wait| self.0.contains(wait)).map_or_else(|| self.wrong(item), Ok)
    }

    fn show(&self, value: &Duration) -> Option<String> {
        Some(quote(&humantime::format_duration(*value).to_string()))
    }
}

/// One of a few words.
pub(crate) struct Word<V: 'static>(pub(crate) &'static [(&'static str, V)]);

impl<V: Copy + PartialEq> Kind<V> for Word<V> {
    fn expected(&self) -> String {
        format!("one of {}", list(self.0.iter().map(|(word, _)| quote(word))).trim_matches(['[', ']']))
    }

    fn read(&self, item: &Item<'_>) -> Result<V, Wrong> {
        let Some(text) = item.get_ref().as_str() else { return Kind::<V>::wrong(self, item) };
        let known = || self.0.iter().map(|(word, _)| *word);
        match self.0.iter().find(|(word, _)| *word == text) {
            Some((_, value)) => Ok(*value),
            None => Err(Wrong {
                span: item.span(),
                expected: Kind::<V>::expected(self),
                meant: nearest(text, known()),
            }),
        }
    }

    fn show(&self, value: &V) -> Option<String> {
        self.0.iter().find(|(_, known)| known == value).map(|(word, _)| quote(word))
    }
}

/// A list of such words.
impl<V: Copy + PartialEq> Kind<Vec<V>> for Word<V> {
    fn expected(&self) -> String {
        format!("a list, each {}", Kind::<V>::expected(self))
    }

    fn read(&self, item: &Item<'_>) -> Result<Vec<V>, Wrong> {
        let Some(items) = item.get_ref().as_array() else { return Kind::<Vec<V>>::wrong(self, item) };
        items.iter().map(|item| Kind::<V>::read(self, item)).collect()
    }

    fn show(&self, value: &Vec<V>) -> Option<String> {
        Some(list(value.iter().filter_map(|value| Kind::<V>::show(self, value))))
    }
}

/// What may be switched off: `false` for none of it.
pub(crate) struct OrFalse<K>(pub(crate) K);

/// A list of words, or none of them.
impl<V: Copy + PartialEq> Kind<Vec<V>> for OrFalse<Word<V>> {
    fn expected(&self) -> String {
        format!("false, or {}", Kind::<Vec<V>>::expected(&self.0))
    }

    fn read(&self, item: &Item<'_>) -> Result<Vec<V>, Wrong> {
        match item.get_ref() {
            DeValue::Boolean(false) => Ok(Vec::new()),
            DeValue::Array(_) => self.0.read(item),
            _ => Kind::<Vec<V>>::wrong(self, item),
        }
    }

    fn show(&self, value: &Vec<V>) -> Option<String> {
        if value.is_empty() { Some("false".into()) } else { self.0.show(value) }
    }
}

/// One value, such as a size, or none.
impl<V, K: Kind<V>> Kind<Option<V>> for OrFalse<K> {
    fn expected(&self) -> String {
        format!("false, or {}", self.0.expected())
    }

    fn read(&self, item: &Item<'_>) -> Result<Option<V>, Wrong> {
        match item.get_ref() {
            DeValue::Boolean(false) => Ok(None),
            _ => match self.0.read(item) {
                Ok(value) => Ok(Some(value)),
                Err(_) => Kind::<Option<V>>::wrong(self, item),
            },
        }
    }

    fn show(&self, value: &Option<V>) -> Option<String> {
        value.as_ref().map_or_else(|| Some("false".into()), |value| self.0.show(value))
    }
}

/// What need not be there.
pub(crate) struct Maybe<K>(pub(crate) K);

impl<V, K: Kind<V>> Kind<Option<V>> for Maybe<K> {
    fn expected(&self) -> String {
        self.0.expected()
    }

    fn read(&self, item: &Item<'_>) -> Result<Option<V>, Wrong> {
        self.0.read(item).map(Some)
    }

    fn show(&self, value: &Option<V>) -> Option<String> {
        value.as_ref().and_then(|value| self.0.show(value))
    }
}

/// The types of the library's numbers.
pub(crate) trait Number: Copy + TryFrom<u64> {
    fn to_u64(self) -> u64;
}

impl Number for u8 {
    fn to_u64(self) -> u64 {
        self.into()
    }
}

impl Number for u32 {
    fn to_u64(self) -> u64 {
        self.into()
    }
}

impl Number for usize {
    fn to_u64(self) -> u64 {
        self as u64
    }
}

fn integer(item: &Item<'_>) -> Option<u64> {
    let integer = item.get_ref().as_integer()?;
    u64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn parse_size(text: &str) -> Option<u64> {
    let (number, unit) =
        UNITS.iter().find_map(|(unit, bytes)| Some((text.strip_suffix(unit)?, *bytes))).unwrap_or((text, 1));
    number.trim_end().parse::<u64>().ok()?.checked_mul(unit)
}

fn size(bytes: u64) -> String {
    let fits = UNITS.iter().find(|(_, unit)| bytes >= *unit && bytes.is_multiple_of(*unit));
    fits.map_or_else(|| format!("{bytes}B"), |(name, unit)| format!("{}{name}", bytes / unit))
}

/// A text as TOML.
pub(crate) fn quote(text: &str) -> String {
    toml::Value::from(text).to_string()
}

fn list(values: impl Iterator<Item = String>) -> String {
    format!("[{}]", values.collect::<Vec<_>>().join(", "))
}
