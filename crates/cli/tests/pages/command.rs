//! The option table as clap's words for it, which its writers of completions and man pages understand.

use std::io;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, Command, ValueHint};
use clap_mangen::Man;
use clap_mangen::roff::{Roff, bold, roman};
use gregaria_cli::Catalog;
use gregaria_cli::options::{Action, Kind, Opt, TABLE};

const LEVELS: [&str; 5] = ["DEBUG", "INFO", "WARNING", "ERROR", "CRITICAL"];

/// The program under one of its names.
pub(crate) fn command(name: &'static str) -> Command {
    let arguments = TABLE.iter().filter(|option| option.help.is_some()).map(argument);
    Command::new(name)
        .about("runs load tests that are written as Python scripts, as Locust does")
        .disable_help_flag(true)
        .disable_version_flag(true)
        .args(arguments)
}

fn argument(option: &'static Opt) -> Arg {
    let mut argument = Arg::new(option.dest).help_heading(option.group.info().title);
    if let Some(help) = option.help {
        argument = argument.help(help);
    }
    for flag in option.flags {
        let (long, short) =
            (flag.strip_prefix("--"), flag.strip_prefix('-').and_then(|rest| rest.chars().next()));
        argument = match (long, short) {
            (Some(long), _) if argument.get_long().is_none() => argument.long(long),
            (Some(long), _) => argument.visible_alias(long),
            (None, Some(short)) => argument.short(short),
            (None, None) => argument,
        };
    }
    match option.action {
        Action::StoreTrue | Action::Help | Action::Version => return argument.action(ArgAction::SetTrue),
        Action::StoreMany | Action::Positional => argument = argument.num_args(0..).action(ArgAction::Append),
        _ => argument = argument.action(ArgAction::Set),
    }
    if let Some(metavar) = option.metavar {
        argument = argument.value_name(metavar.trim_start_matches('<').trim_end_matches('>'));
    }
    argument = match option.metavar {
        Some("<filename>") => argument.value_hint(ValueHint::FilePath),
        Some("<directory>") => argument.value_hint(ValueHint::DirPath),
        Some("<hostname>") => argument.value_hint(ValueHint::Hostname),
        _ => argument.value_hint(ValueHint::Other),
    };
    if option.kind == Kind::LogLevel {
        return argument.value_parser(PossibleValuesParser::new(LEVELS)).ignore_case(true);
    }
    argument
}

/// `man locust`.
pub(crate) fn man_page() -> io::Result<Vec<u8>> {
    let man = Man::new(command("locust")).date("").source("gregaria").manual("Load tests");
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    // clap's would name each option, which those below do.
    let mut synopsis = Roff::new();
    synopsis.control("SH", ["SYNOPSIS"]);
    for name in ["locust", "gregaria"] {
        synopsis.text([bold(name), roman(" [options] [UserClass ...]")]);
        synopsis.control("br", []);
    }
    synopsis.to_writer(&mut page)?;
    man.render_options_section(&mut page)?;
    rest().to_writer(&mut page)?;
    Ok(page)
}

/// What clap has no words for.
fn rest() -> Roff {
    let catalog = Catalog::new();
    let mut roff = Roff::new();
    roff.control("SH", ["ENVIRONMENT"]);
    for variable in &catalog.env_vars {
        let meaning = variable.option.map(|dest| format!("sets {}", flag_of(dest)));
        roff.control("TP", []);
        roff.text([bold(variable.name)]);
        roff.text([roman(meaning.unwrap_or_else(|| variable.meaning.to_owned()))]);
    }
    roff.control("SH", ["FILES"]);
    roff.text([roman(format!(
        "Settings, where there are these files, the weakest first: {}. A key is the long name of an option; in a file of \
         TOML they are in the table [{}]. Variables are stronger than files, and the command line than variables.",
        catalog.config_files.join(", "),
        catalog.toml_section
    ))]);
    roff.control("SH", ["EXIT STATUS"]);
    for exit in catalog.exit_codes {
        roff.control("TP", []);
        roff.text([bold(exit.code.to_string())]);
        roff.text([roman(exit.reason)]);
    }
    roff.control("SH", ["EXAMPLES"]);
    for (line, remark) in catalog.examples {
        roff.control("TP", []);
        roff.text([bold(*line)]);
        roff.text([roman(remark.unwrap_or_default())]);
    }
    roff
}

/// The long name of an option, or what stands for the words at the end of the line.
pub(crate) fn flag_of(dest: &str) -> &'static str {
    let option = TABLE.iter().find(|option| option.dest == dest);
    let flags = option.map_or(&[][..], |option| option.flags);
    flags.iter().find(|flag| flag.starts_with("--")).copied().unwrap_or("the User classes to run")
}
