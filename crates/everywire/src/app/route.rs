//! The mount table: which path is whose, and which namespace a path names.

use std::sync::Arc;

use super::AppState;
use super::mount::Mount;
use super::namespace::Handlers;
use super::pattern::Pattern;

/// A path, and what is there.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) pattern: Pattern,
    pub(crate) mount: Arc<Mount>,
    /// Whether clients only ask there how they may connect.
    pub(crate) negotiates: bool,
}

impl Route {
    /// The values of the names in its path, and what comes behind it, if a path is its own.
    pub(crate) fn matches<'p>(&self, path: &'p str) -> Option<(Vec<&'p str>, &'p str)> {
        if self.mount.sockjs.is_some() {
            return self.pattern.matches_above(path);
        }
        if self.mount.hub.is_some() {
            // As ASP.NET Core's routes: a slash more is no other path, and case does not matter.
            let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
            return self.pattern.matches_in_any_case(path).map(|params| (params, ""));
        }
        self.pattern.matches(path).map(|params| (params, ""))
    }
}

impl AppState {
    /// What happens in this namespace, if there is one of this name.
    pub(crate) fn handlers_of(&self, namespace: &str) -> Option<Arc<Handlers>> {
        if let Some(handlers) = self.handlers.get(namespace) {
            return Some(handlers.clone());
        }
        self.patterns.iter().find(|(matches, _)| matches(namespace)).map(|(_, handlers)| handlers.clone())
    }

    /// The namespace that a path names as a hub; case matters only where two names differ in nothing else.
    pub(crate) fn hub_named(&self, name: &str) -> Option<Arc<str>> {
        let slashed = format!("/{name}");
        let names = [name, &*slashed];
        if name != "default"
            && let Some(name) = names.into_iter().find(|name| self.handlers_of(name).is_some())
        {
            return Some(Arc::from(name));
        }
        if name.eq_ignore_ascii_case("default") {
            return Some("/".into());
        }
        let mut known = self.handlers.keys();
        known
            .find(|known| names.iter().any(|name| known.eq_ignore_ascii_case(name)))
            .map(|known| Arc::from(&**known))
    }
}
