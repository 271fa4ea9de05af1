//! The order of levels, an addition to the language of event-ruler.

/// How serious an event is, from least to most.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Level {
    Debug,
    Info,
    Warning,
    Error,
    Critical,
}

impl Level {
    pub(crate) const NAMES: [&str; 5] = ["debug", "info", "warning", "error", "critical"];

    pub(crate) fn parse(name: &str) -> Option<Level> {
        Some(match name {
            "debug" => Level::Debug,
            "info" => Level::Info,
            "warning" => Level::Warning,
            "error" => Level::Error,
            "critical" => Level::Critical,
            _ => return None,
        })
    }

    pub(crate) fn name(self) -> &'static str {
        match self {
            Level::Debug => "debug",
            Level::Info => "info",
            Level::Warning => "warning",
            Level::Error => "error",
            Level::Critical => "critical",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_in_order() {
        let levels: Vec<_> = Level::NAMES.iter().filter_map(|name| Level::parse(name)).collect();
        assert!(levels.is_sorted());
        assert!(levels.iter().map(|level| level.name()).eq(Level::NAMES));
        assert_eq!(Level::parse("Warning"), None);
    }
}
