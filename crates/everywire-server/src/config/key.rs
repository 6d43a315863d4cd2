//! A key of the configuration: its name, what it means, how it is written, and which field it sets. The tables
//! of keys (`keys.rs`) are the one source of the parser, of the example, of the reference and of what start-up
//! says about the defaults.

use super::kind::{Item, Kind, Wrong};

/// A key of a table that is read into `T`.
pub(crate) struct Key<T> {
    pub(crate) name: &'static str,
    /// What it means, with the source of its default. Markdown, without line breaks.
    pub(crate) doc: &'static str,
    /// What holds while the key is absent, where its default is no one value.
    pub(crate) otherwise: Option<&'static str>,
    /// And a value to show in the example.
    pub(crate) sample: &'static str,
    slot: Box<dyn Slot<T>>,
}

/// Where a value goes to and comes from, whatever its type is.
trait Slot<T> {
    fn read(&self, to: &mut T, item: &Item<'_>) -> Result<(), Wrong>;
    fn show(&self, from: &T) -> Option<String>;
    fn expected(&self) -> String;
}

/// A field of `T`, and how its values are written.
struct Written<T, V, K> {
    field: Field<T, V>,
    kind: K,
}

/// A field of `T`.
#[derive(Clone, Copy)]
pub(crate) struct Field<T, V> {
    pub(crate) of: fn(&T) -> &V,
    pub(crate) of_mut: fn(&mut T) -> &mut V,
}

/// The field at this path.
macro_rules! field {
    ($($path:tt).+) => {
        $crate::config::key::Field { of: |c| &c.$($path).+, of_mut: |c| &mut c.$($path).+ }
    };
}
pub(crate) use field;

impl<T, V, K: Kind<V>> Slot<T> for Written<T, V, K> {
    fn read(&self, to: &mut T, item: &Item<'_>) -> Result<(), Wrong> {
        *(self.field.of_mut)(to) = self.kind.read(item)?;
        Ok(())
    }

    fn show(&self, from: &T) -> Option<String> {
        self.kind.show((self.field.of)(from))
    }

    fn expected(&self) -> String {
        self.kind.expected()
    }
}

impl<T: 'static> Key<T> {
    pub(crate) fn new<V: 'static>(
        name: &'static str,
        kind: impl Kind<V> + 'static,
        field: Field<T, V>,
        doc: &'static str,
    ) -> Self {
        Self { name, doc, otherwise: None, sample: "", slot: Box::new(Written { field, kind }) }
    }

    /// The key has no default that could be written down.
    pub(crate) fn otherwise(self, otherwise: &'static str, sample: &'static str) -> Self {
        Self { otherwise: Some(otherwise), sample, ..self }
    }

    /// The key must be there.
    pub(crate) fn needed(self) -> Self {
        self.otherwise("needed", "")
    }

    /// Sets the field from a value of the file.
    pub(crate) fn read(&self, to: &mut T, item: &Item<'_>) -> Result<(), Wrong> {
        self.slot.read(to, item)
    }

    /// The field as TOML. None if it is not set.
    pub(crate) fn show(&self, from: &T) -> Option<String> {
        self.slot.show(from)
    }

    /// What a good value is.
    pub(crate) fn expected(&self) -> String {
        self.slot.expected()
    }
}

/// A table of the file: `[name]`, or what stands above all tables if the name is empty.
pub(crate) struct Section<T> {
    pub(crate) name: &'static str,
    pub(crate) doc: &'static str,
    pub(crate) keys: Vec<Key<T>>,
}

impl<T> Section<T> {
    /// The key as error texts and start-up lines name it.
    pub(crate) fn path(&self, key: &str) -> String {
        if self.name.is_empty() { key.to_owned() } else { format!("{}.{key}", self.name) }
    }
}

/// A row of a list of tables: `[[name]]`.
pub(crate) trait Row: Default + 'static {
    const NAME: &'static str;
    const DOC: &'static str;
    /// Keys without which a row says nothing.
    const NEEDED: &'static [&'static str];
    /// Rows to show in the example where there are none by default.
    const SAMPLE: &'static str;

    fn keys() -> Vec<Key<Self>>;

    /// What of a row does not go together, and the key that says it.
    fn faults(&self) -> Vec<(&'static str, String)> {
        Vec::new()
    }
}
