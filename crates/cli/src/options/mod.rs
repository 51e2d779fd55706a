//! The options of the command line: their vocabulary ([`spec`]), the table itself ([`table`]) and where values come
//! from ([`precedence`]).

mod precedence;
mod spec;
mod table;

#[cfg(test)]
mod tests;

pub use precedence::{CONFIG_FILES, SOURCES, Source, TOML_SECTION};
pub use spec::{Action, Fallback, Group, GroupInfo, Kind, Opt};
pub use table::{DOCUMENTATION_URL, EXAMPLES, TABLE, USAGE};
