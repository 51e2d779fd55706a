//! Where the value of an option comes from, described once.
//!
//! The order is the one Locust really has (ConfigArgParse with its file list), not the one its manual states: a
//! `pyproject.toml` beats a `locust.conf`.

use serde::Serialize;

/// A place that can set an option.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// The default in the table.
    Default,
    /// `~/.locust.conf`.
    HomeFile,
    /// `locust.conf` in the working directory.
    WorkingFile,
    /// `[tool.locust]` of `pyproject.toml` in the working directory.
    Pyproject,
    /// The file named by `--config`.
    ConfigOption,
    /// The environment variable of the option.
    Environment,
    /// The command line.
    CommandLine,
}

/// All sources, the weakest first: a later one overrides an earlier one.
pub const SOURCES: &[Source] = &[
    Source::Default,
    Source::HomeFile,
    Source::WorkingFile,
    Source::Pyproject,
    Source::ConfigOption,
    Source::Environment,
    Source::CommandLine,
];

/// Files that are read when they exist, the weakest first. A leading `~` is the home directory; others are relative
/// to the working directory.
pub const CONFIG_FILES: &[&str] = &["~/.locust.conf", "locust.conf", "pyproject.toml"];

/// The table that is read from files whose name ends in `.toml`; a file without it is simply empty.
pub const TOML_SECTION: &str = "tool.locust";
