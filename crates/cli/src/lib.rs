//! The command line, described once.
//!
//! Nothing here parses: the parser is an *argparse* parser, because locustfiles add options of their own to it
//! through `events.init_command_line_parser`. This crate holds what every parser, help page, reference page and
//! test must agree on, and hands it out as JSON:
//!
//! * [`options`]: the one table of every option, its groups, and the order in which its sources win;
//! * [`env_vars`]: every environment variable that is read;
//! * [`exit`]: every exit code.
//!
//! A flag, a variable or a code that is not here does not exist.
#![forbid(unsafe_code)]

pub mod env_vars;
pub mod exit;
pub mod options;

mod catalog;

pub use catalog::{Catalog, CatalogError};
