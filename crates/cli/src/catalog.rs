//! Everything this crate knows as one JSON document: what the Python side builds its parser from.

use serde::Serialize;

use crate::env_vars::{self, EnvVar};
use crate::exit::{self, ExitCode};
use crate::options::{
    CONFIG_FILES, DOCUMENTATION_URL, EXAMPLES, Group, GroupInfo, Opt, SOURCES, Source, TABLE, TOML_SECTION,
    USAGE,
};

/// The whole description of the command line.
#[derive(Debug, Clone, Serialize)]
pub struct Catalog {
    /// First line of `--help`.
    pub usage: &'static str,
    /// Example command lines at the end of `--help`, each with an optional remark.
    pub examples: &'static [(&'static str, Option<&'static str>)],
    /// Where `--help` sends the reader for more.
    pub documentation: &'static str,
    /// Titles and introductions of the groups, in the order of `--help`.
    pub groups: Vec<GroupInfo>,
    /// The option table.
    pub options: &'static [Opt],
    /// Every environment variable.
    pub env_vars: Vec<EnvVar>,
    /// Every exit code.
    pub exit_codes: &'static [ExitCode],
    /// Configuration files that are read when they exist, weakest first.
    pub config_files: &'static [&'static str],
    /// Dotted name of the table read from files that end in `.toml`.
    pub toml_section: &'static str,
    /// Where a value can come from, weakest first.
    pub sources: &'static [Source],
}

/// The catalog could not be written as JSON.
#[derive(Debug, thiserror::Error)]
#[error("could not write the option table as JSON")]
pub struct CatalogError(#[source] serde_json::Error);

impl Catalog {
    /// The catalog of this build.
    pub fn new() -> Self {
        Self {
            usage: USAGE,
            examples: EXAMPLES,
            documentation: DOCUMENTATION_URL,
            groups: Group::ALL.iter().map(|group| group.info()).collect(),
            options: TABLE,
            env_vars: env_vars::all().collect(),
            exit_codes: exit::ALL,
            config_files: CONFIG_FILES,
            toml_section: TOML_SECTION,
            sources: SOURCES,
        }
    }

    /// The catalog as one line of JSON.
    ///
    /// # Errors
    /// Fails only if a value cannot be represented in JSON, which a test excludes for the built-in table.
    pub fn to_json(&self) -> Result<String, CatalogError> {
        serde_json::to_string(self).map_err(CatalogError)
    }
}

impl Default for Catalog {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use super::Catalog;

    #[test]
    fn the_json_form_holds_every_option_with_its_columns() {
        let json = Catalog::new().to_json().unwrap();
        let value: serde_json::Value = serde_json::from_str(&json).unwrap();
        let options = value["options"].as_array().unwrap();
        assert_eq!(options.len(), crate::options::TABLE.len());
        let stop_timeout = options.iter().find(|option| option["dest"] == "stop_timeout").unwrap();
        assert_eq!(stop_timeout["flags"], serde_json::json!(["-s", "--stop-timeout"]));
        assert_eq!(stop_timeout["kind"], "timespan");
        assert_eq!(stop_timeout["default"], "0");
        assert_eq!(stop_timeout["env"], "LOCUST_STOP_TIMEOUT");
        assert_eq!(value["exit_codes"][0]["name"], "OK");
    }
}
