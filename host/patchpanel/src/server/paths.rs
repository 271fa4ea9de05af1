//! Every path with its methods, for requests that go astray.

/// In this order: a path has the methods of the first one that fits.
const PATHS: [(&str, &str); 28] = [
    ("/v1/events", "GET and POST"),
    ("/v1/events/query", "GET and POST"),
    ("/v1/events/{id}", "GET"),
    ("/v1/events/{id}/deliveries", "GET"),
    ("/v1/deliveries", "GET"),
    ("/v1/deliveries/status", "POST"),
    ("/v1/deliveries/{*id}", "GET"),
    ("/v1/dead-letters", "GET"),
    ("/v1/dead-letters/redrive", "POST"),
    ("/v1/dead-letters/discard", "POST"),
    ("/v1/dead-letters/{*id}", "GET"),
    ("/v1/replays", "GET and POST"),
    ("/v1/replays/{number}", "GET and DELETE"),
    ("/v1/subscriptions", "GET and POST"),
    ("/v1/subscriptions/{name}", "GET and DELETE"),
    ("/v1/subscriptions/{name}/pull", "POST"),
    ("/v1/subscriptions/{name}/ack", "POST"),
    ("/v1/subscriptions/{name}/nack", "POST"),
    ("/v1/subscriptions/{name}/extend", "POST"),
    ("/v1/channels", "GET"),
    ("/v1/channels/{name}/check", "POST"),
    ("/v1/plugins", "GET"),
    ("/v1/plugins/{name}/promote", "POST"),
    ("/v1/plugins/{name}/discard", "POST"),
    ("/v1/plugins/{name}/release", "POST"),
    ("/v1/stats", "GET"),
    ("/healthz", "GET"),
    ("/readyz", "GET"),
];

/// The methods that a path answers to.
pub(super) fn methods(path: &str) -> &'static str {
    let found = PATHS.iter().find(|(pattern, _)| fits(pattern, path));
    found.map_or("none", |(_, methods)| methods)
}

/// Those without anything to fill in.
pub(super) fn plain() -> String {
    let plain = PATHS.iter().map(|(path, _)| *path).filter(|path| !path.contains('{'));
    plain.collect::<Vec<_>>().join(", ")
}

fn fits(pattern: &str, path: &str) -> bool {
    let (mut pattern, mut path) = (pattern.split('/'), path.split('/'));
    loop {
        match (pattern.next(), path.next()) {
            (None, None) => return true,
            (Some(rest), Some(_)) if rest.starts_with("{*") => return true,
            (Some(part), Some(given)) if part == given || part.starts_with('{') => {}
            _ => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_has_the_methods_of_the_first_that_fits() {
        for (path, expected) in [
            ("/v1/events", "GET and POST"),
            ("/v1/events/query", "GET and POST"),
            ("/v1/events/e1", "GET"),
            ("/v1/events/e1/deliveries", "GET"),
            ("/v1/deliveries/e1/all", "GET"),
            ("/v1/dead-letters/a/b/c", "GET"),
            ("/v1/replays/1", "GET and DELETE"),
            ("/v1/subscriptions/a/pull", "POST"),
            ("/v1/subscriptions/a/push", "none"),
            ("/", "none"),
        ] {
            assert_eq!(methods(path), expected, "{path}");
        }
        assert!(plain().contains("/v1/replays, /v1/subscriptions, ") && !plain().contains('{'));
    }
}
