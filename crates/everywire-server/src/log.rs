//! What is logged: to standard error, as `--log`, `RUST_LOG` or the file says, in this order.

use std::io::IsTerminal;

use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// Whether this is a filter: levels, and targets with levels. A bare word that is no level is a misspelt level
/// more often than a target.
pub(crate) fn is_filter(text: &str) -> bool {
    let is_level =
        |word: &str| !word.is_empty() && word.parse::<tracing::level_filters::LevelFilter>().is_ok();
    let is_directive = |part: &str| part.split_once('=').is_some() || is_level(part);
    text.split(',').all(is_directive) && text.parse::<Targets>().is_ok()
}

/// Begins to log.
///
/// # Errors
///
/// If the environment's filter is none; the others have been checked where they were given.
pub(crate) fn start(option: Option<&str>, config: &str) -> anyhow::Result<()> {
    let environment = std::env::var("RUST_LOG").ok().filter(|filter| !filter.is_empty());
    if let Some(filter) = environment.as_deref().filter(|filter| option.is_none() && !is_filter(filter)) {
        anyhow::bail!(
            "RUST_LOG: {filter:?} is not a level or filter, such as \"info\" or \"warn,everywire=debug\""
        );
    }
    let filter: Targets = option.or(environment.as_deref()).unwrap_or(config).parse()?;
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal());
    tracing_subscriber::registry().with(lines).with(filter).try_init()?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_level_is_no_filter() {
        for filter in ["info", "WARN", "off", "warn,everywire=debug", "hyper=off,trace"] {
            assert!(is_filter(filter), "{filter}");
        }
        for filter in ["", "inof", "debug,everywire", "everywire=loud", "info,"] {
            assert!(!is_filter(filter), "{filter}");
        }
    }
}
