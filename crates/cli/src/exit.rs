//! Exit codes of the command, equal to Locust's. One constant per reason, even where the numbers coincide.

use serde::Serialize;

/// The run ended (or was stopped by a signal) and nothing failed.
pub const OK: i32 = 0;
/// The run ended and a request failed or a task raised; the default of `--exit-code-on-error`.
pub const FAILURES: i32 = 1;
/// The program could not start: no locustfile, no user class, a broken locustfile, an unwritable output file.
pub const STARTUP: i32 = 1;
/// `--fail-on-empty` was given, and no request was counted. Locust has no such option.
pub const EMPTY: i32 = 1;
/// An option is unknown, malformed, or impossible in this combination.
pub const USAGE: i32 = 2;
/// The run ended without failures, but a listener or a background greenlet raised.
pub const UNHANDLED: i32 = 2;
/// A threshold was broken, or there was nothing that it could be measured by. Locust has no thresholds; its plugins end with the same.
pub const THRESHOLD: i32 = 3;
/// `--fail-on-invalid` was given, and the generator was a limit of the run. Locust does not know.
pub const INVALID: i32 = 4;
/// An I/O thread of the engine has died, so that nothing could be sent any more. Locust has no such threads.
pub const ENGINE: i32 = 2;
/// Interrupted by `SIGINT` before the run began (128 + the number of the signal, as shells count).
pub const INTERRUPTED: i32 = 130;
/// `--config-users` could not be applied, options exclude each other, or no master answers (`sys.exit(-1)` in Locust).
pub const CONFIGURATION: i32 = 255;

/// One exit code with its name and its reason, for documentation and for Python.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct ExitCode {
    /// Name of the constant in this module.
    pub name: &'static str,
    /// What the operating system is told.
    pub code: i32,
    /// When it is used, as a sentence fragment.
    pub reason: &'static str,
}

/// Every exit code, in order of the number.
pub const ALL: &[ExitCode] = &[
    ExitCode { name: "OK", code: OK, reason: "nothing failed" },
    ExitCode {
        name: "FAILURES",
        code: FAILURES,
        reason: "requests failed or tasks raised (see --exit-code-on-error)",
    },
    ExitCode {
        name: "STARTUP",
        code: STARTUP,
        reason: "the program could not start or could not write its results",
    },
    ExitCode { name: "EMPTY", code: EMPTY, reason: "no request was counted (see --fail-on-empty)" },
    ExitCode { name: "USAGE", code: USAGE, reason: "an option is wrong" },
    ExitCode { name: "UNHANDLED", code: UNHANDLED, reason: "a listener or a background greenlet raised" },
    ExitCode { name: "ENGINE", code: ENGINE, reason: "an I/O thread of the engine has died" },
    ExitCode {
        name: "THRESHOLD",
        code: THRESHOLD,
        reason: "a threshold was broken, or nothing was measured that it is about (see --threshold)",
    },
    ExitCode {
        name: "INVALID",
        code: INVALID,
        reason: "the generator was a limit of the run, so that its numbers are not the server's (see --fail-on-invalid)",
    },
    ExitCode { name: "INTERRUPTED", code: INTERRUPTED, reason: "interrupted before the run began" },
    ExitCode {
        name: "CONFIGURATION",
        code: CONFIGURATION,
        reason: "--config-users could not be applied, --master and --worker exclude each other, or a worker's master does not answer",
    },
];

#[cfg(test)]
mod tests {
    use super::ALL;

    #[test]
    fn names_are_unique_and_codes_ascend() {
        for pair in ALL.windows(2) {
            assert!(pair[0].code <= pair[1].code, "{} and {}", pair[0].name, pair[1].name);
            assert_ne!(pair[0].name, pair[1].name);
        }
    }

    #[test]
    fn every_code_fits_what_a_process_can_return() {
        assert!(ALL.iter().all(|exit| (0..=255).contains(&exit.code)));
    }
}
