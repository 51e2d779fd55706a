//! What is written out of the option table: completions, the man page, the reference in docs/reference.
//!
//! These files are kept in the repository. The test holds them against the table; `make reference` writes them anew.

mod command;
mod markdown;

use std::env;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap_complete::Shell;

/// Each file below the root of the repository, and what it should say.
fn pages() -> io::Result<Vec<(PathBuf, Vec<u8>)>> {
    let share = Path::new("python/data/data/share");
    let mut pages = Vec::new();
    for name in ["locust", "gregaria"] {
        for (shell, path) in [
            (Shell::Bash, format!("bash-completion/completions/{name}")),
            (Shell::Zsh, format!("zsh/site-functions/_{name}")),
            (Shell::Fish, format!("fish/vendor_completions.d/{name}.fish")),
        ] {
            let mut text = Vec::new();
            clap_complete::generate(shell, &mut command::command(name), name, &mut text);
            pages.push((share.join(path), text));
        }
    }
    pages.push((share.join("man/man1/locust.1"), command::man_page()?));
    pages.push((share.join("man/man1/gregaria.1"), b".so man1/locust.1\n".to_vec()));
    for (name, text) in markdown::pages() {
        pages.push((Path::new("docs/reference").join(name), text.into_bytes()));
    }
    Ok(pages)
}

#[test]
fn what_is_written_out_of_the_option_table_says_what_the_table_says() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let write = env::var_os("GREGARIA_WRITE_REFERENCE").is_some();
    let mut stale = Vec::new();
    for (path, text) in pages().unwrap() {
        let place = root.join(&path);
        if fs::read(&place).ok().as_ref() == Some(&text) {
            continue;
        }
        if write {
            fs::create_dir_all(place.parent().unwrap()).unwrap();
            fs::write(&place, text).unwrap();
        } else {
            stale.push(path);
        }
    }
    assert!(stale.is_empty(), "{stale:?} are not what the option table gives: run make reference");
}

#[test]
fn clap_finds_no_fault_with_the_table() {
    for name in ["locust", "gregaria"] {
        command::command(name).debug_assert();
    }
}

#[test]
fn each_option_that_is_shown_is_in_each_page() {
    let pages = pages().unwrap();
    let text = |ending: &str| {
        let (_, text) = pages.iter().find(|(path, _)| path.ends_with(ending)).unwrap();
        String::from_utf8(text.clone()).unwrap()
    };
    let man = text("man1/locust.1").replace('\\', "");
    let others = ["completions/locust", "site-functions/_locust", "reference/options.md"].map(text);
    let shown = gregaria_cli::options::TABLE.iter().filter(|option| option.help.is_some());
    for flag in shown.flat_map(|option| option.flags) {
        for page in others.iter().chain([&man]) {
            assert!(page.contains(flag), "{flag}");
        }
    }
}
