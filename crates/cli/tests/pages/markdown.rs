//! The pages of docs/reference.

use std::fmt::Write as _;

use gregaria_cli::Catalog;
use gregaria_cli::options::{Action, Fallback, Group, Opt, TABLE};

use crate::command::flag_of;

const NOTE: &str = "<!-- Written by `make reference` out of crates/cli: change it there. -->\n\n";

/// Their names and texts.
pub(crate) fn pages() -> [(&'static str, String); 3] {
    [("options.md", options()), ("environment.md", environment()), ("exit-codes.md", exit_codes())]
}

fn options() -> String {
    let catalog = Catalog::new();
    let mut text = format!(
        "# Options\n\n{NOTE}Of the command `locust`, and of `gregaria`, which is the same program. `locust --help` lists them too, \
         with those that the script and its plugins add.\n\nEach can also be set elsewhere. From the weakest to the strongest: the \
         default, {}, the file that `--config` names, the environment variable, the command line. In files the key is the long name \
         (`users = 10`); a file that ends in `.toml` has them in the table `[{}]`.\n\nOptions marked with + are not Locust's.\n",
        catalog.config_files.iter().map(|file| format!("`{file}`")).collect::<Vec<_>>().join(", "),
        catalog.toml_section
    );
    for group in Group::ALL {
        let info = group.info();
        let rows: Vec<&Opt> = TABLE.iter().filter(|row| row.group == *group && row.help.is_some()).collect();
        let _ = write!(text, "\n## {}\n\n", info.title);
        if let Some(description) = info.description {
            let _ = write!(text, "{description}\n\n");
        }
        text.push_str("| Option | Variable | Default | |\n|---|---|---|---|\n");
        for row in rows {
            let _ = writeln!(
                text,
                "| {} | {} | {} | {} |",
                spelling(row),
                row.env.map(|name| format!("`{name}`")).unwrap_or_default(),
                default(row),
                cell(row.help.unwrap_or_default())
            );
        }
    }
    text.push_str("\n## Known and not shown\n\n| Option | Variable | |\n|---|---|---|\n");
    for row in TABLE.iter().filter(|row| row.help.is_none()) {
        let said = row.hint.map_or_else(
            || "Locust's, without a text there too".to_owned(),
            |hint| format!("refused: {}", cell(hint)),
        );
        let _ = writeln!(
            text,
            "| {} | {} | {said} |",
            spelling(row),
            row.env.map(|name| format!("`{name}`")).unwrap_or_default()
        );
    }
    text
}

fn spelling(row: &Opt) -> String {
    let value = match row.action {
        Action::Store | Action::StoreMany | Action::ConfigFile | Action::RemovedWithValue => {
            format!(" `{}`", row.metavar.map_or_else(|| row.dest.to_uppercase(), str::to_owned))
        }
        _ => String::new(),
    };
    let flags: Vec<String> = row.flags.iter().map(|flag| format!("`{flag}`")).collect();
    let name =
        if flags.is_empty() { format!("`{}`", row.metavar.unwrap_or(row.dest)) } else { flags.join(", ") };
    format!("{name}{value}{}", if row.ours { " +" } else { "" })
}

fn default(row: &Opt) -> String {
    match row.default {
        Fallback::Text("") | Fallback::Nothing | Fallback::Off(_) | Fallback::List(_) => String::new(),
        Fallback::Text(text) => format!("`{text}`"),
        Fallback::Integer(number) => format!("`{number}`"),
    }
}

fn environment() -> String {
    let mut text = format!(
        "# Environment variables\n\n{NOTE}A switch is on with `true`, `yes`, `on` or `1`. Variables are stronger than configuration files, \
         and weaker than the command line.\n\n| Variable | |\n|---|---|\n"
    );
    for variable in Catalog::new().env_vars {
        let meaning = variable.option.map_or_else(
            || cell(variable.meaning),
            |dest| match flag_of(dest) {
                flag if flag.starts_with('-') => format!("sets [`{flag}`](options.md)"),
                words => format!("sets {words}, separated by spaces"),
            },
        );
        let _ = writeln!(text, "| `{}` | {meaning} |", variable.name);
    }
    text
}

fn exit_codes() -> String {
    let mut text = format!(
        "# Exit codes\n\n{NOTE}`process_exit_code` of the environment, set by a script, wins over those of a run that has \
         ended, unless the engine has died.\n\n| Code | When |\n|---|---|\n"
    );
    for exit in Catalog::new().exit_codes {
        let _ = writeln!(text, "| {} | {} |", exit.code, cell(exit.reason));
    }
    text
}

/// Text as it may stand in a cell of a table.
fn cell(text: &str) -> String {
    text.replace('|', "\\|").replace('<', "&lt;").replace('\n', " ").replace('*', "\\*")
}
