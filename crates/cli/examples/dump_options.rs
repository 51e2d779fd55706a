//! Prints the option table and its companions as JSON: `cargo run -p gregaria-cli --example dump_options`.

use std::error::Error;
use std::io::{Write, stdout};

fn main() -> Result<(), Box<dyn Error>> {
    let json = gregaria_cli::Catalog::new().to_json()?;
    writeln!(stdout(), "{json}")?;
    Ok(())
}
