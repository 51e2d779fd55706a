//! The paths of Locust's routes and of ours, and what each may be asked by.

/// What a Prometheus server asks for. The only path of ours that a script may have, too; its own is the one that answers then.
pub(crate) const METRICS: &str = "/metrics";

/// Paths that are ours even when everything else goes through the script's application.
pub(crate) fn is_ours_alone(path: &str) -> bool {
    ["/live", "/runs", "/assets", "/token"]
        .iter()
        .any(|ours| path.strip_prefix(ours).is_some_and(|rest| rest.is_empty() || rest.starts_with('/')))
}

/// Locust's own paths, and what a Prometheus server asks for.
const PATHS: [&str; 17] = [
    "/",
    "/swarm",
    "/stop",
    "/user",
    "/stats/reset",
    "/stats/requests",
    "/stats/requests/csv",
    "/stats/requests_full_history/csv",
    "/stats/failures/csv",
    "/stats/report",
    "/exceptions",
    "/exceptions/csv",
    "/tasks",
    "/logs",
    "/worker-count",
    "/login",
    METRICS,
];

/// Whether a path is one of Locust's own, or ours alone.
pub(crate) fn is_built_in(path: &str) -> bool {
    PATHS.contains(&path) || is_ours_alone(path)
}

/// The one of Locust's paths that is meant by a path below `base`, however it is written: with characters encoded that
/// need not be, or with slashes too many (`$BASE/` and `/swarm`). The script's application would understand it, so what is
/// asked of a sender must not depend on how it is written.
pub(crate) fn meant(base: &str, path: &str) -> Option<&'static str> {
    if !(path.contains('%') || path.contains("//")) {
        return None;
    }
    let decoded = percent_encoding::percent_decode_str(path).decode_utf8().ok()?;
    let mut plain: String =
        decoded.split('/').filter(|part| !part.is_empty()).flat_map(|part| ["/", part]).collect();
    if decoded.ends_with('/') {
        plain.push('/');
    }
    let rest = plain.strip_prefix(base)?;
    PATHS.into_iter().find(|&known| known == rest)
}

/// Paths by which those who watch over the program ask whether it lives.
pub(crate) fn is_health(path: &str) -> bool {
    matches!(path, "/healthz" | "/readyz")
}

/// What `--web-read-open` lets programs read: the numbers of the test, and nothing that the script or its log may have put there.
pub(crate) fn is_numbers(path: &str) -> bool {
    const NUMBERS: [&str; 8] = [
        "/stats/requests",
        "/stats/requests/csv",
        "/stats/failures/csv",
        "/exceptions",
        "/exceptions/csv",
        "/tasks",
        "/worker-count",
        METRICS,
    ];
    NUMBERS.contains(&path)
}

/// GET requests that change something, as in older Locusts.
pub(crate) fn changes_by_get(path: &str) -> bool {
    matches!(path, "/stop" | "/stats/reset")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_known_however_it_is_written() {
        for (base, path, expected) in [
            ("", "//swarm", Some("/swarm")),
            ("", "/%73top", Some("/stop")),
            ("", "/stats%2Freset", Some("/stats/reset")),
            ("", "///stats//requests", Some("/stats/requests")),
            ("", "//", Some("/")),
            ("/base", "/%62ase/stop", Some("/stop")),
            ("/base", "//base//stop", Some("/stop")),
            // What needs no help, and what is none of ours.
            ("", "/stop", None),
            ("", "//stop/", None),
            ("", "/%2573top", None),
            ("", "/x/..//stop", None),
            ("", "/%ff//stop", None),
            ("/base", "//stop", None),
            ("/base", "//based/stop", None),
        ] {
            assert_eq!(meant(base, path), expected, "{base} {path}");
        }
    }
}
