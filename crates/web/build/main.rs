//! Puts the built page (`ui/dist`) into the library, compressed. Builds it first if it is not there and Node is.

#![expect(clippy::print_stdout, reason = "cargo reads what a build script prints")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs, io};

mod pack;

fn main() {
    println!("cargo::rerun-if-env-changed=GREGARIA_UI_DIST");
    println!("cargo::rerun-if-env-changed=GREGARIA_UI_BUILD");
    println!("cargo::rerun-if-changed=build");
    let out = PathBuf::from(env::var_os("OUT_DIR").expect("cargo sets OUT_DIR"));
    let here = PathBuf::from(env::var_os("CARGO_MANIFEST_DIR").expect("cargo sets CARGO_MANIFEST_DIR"));
    let ui = here.join("../../ui");
    let given = env::var_os("GREGARIA_UI_DIST").map(PathBuf::from);
    let dist = given.clone().unwrap_or_else(|| ui.join("dist"));
    let missing = if dist.join("index.html").is_file() {
        if given.is_none() {
            warn_if_stale(&ui, &dist);
        }
        None
    } else if given.is_some() {
        Some(format!("GREGARIA_UI_DIST is {}, which has no index.html", dist.display()))
    } else {
        build_page(&ui, &dist).err()
    };
    println!("cargo::rerun-if-changed={}", dist.display());
    if let Some(why) = &missing {
        println!("cargo::warning=the web page is left out: {why}");
    }
    let code = match &missing {
        None => pack::pack(&dist, &out),
        Some(why) => Ok(format!(
            "pub(crate) static FILES: &[File] = &[];\npub(crate) static MISSING: Option<&str> = Some({why:?});\n"
        )),
    };
    let code = code.unwrap_or_else(|error| panic!("{}: {error}", dist.display()));
    fs::write(out.join("page.rs"), code).expect("OUT_DIR can be written to");
}

/// Builds the page with Node. Errors: what is missing, and the way out.
fn build_page(ui: &Path, dist: &Path) -> Result<(), String> {
    let wanted = env::var("GREGARIA_UI_BUILD").unwrap_or_default();
    if wanted == "no" {
        return Err("GREGARIA_UI_BUILD is \"no\"".to_owned());
    }
    if !ui.join("package.json").is_file() {
        return Err(format!("{} is not there", ui.display()));
    }
    let node = Command::new("npm").arg("--version").output();
    if !node.is_ok_and(|output| output.status.success()) {
        return Err(
            "there is no npm. Install Node 20 or newer and build again, or get a wheel, which has the page"
                .into(),
        );
    }
    if !ui.join("node_modules").is_dir() {
        npm(ui, &["ci", "--no-audit", "--no-fund"])?;
    }
    npm(ui, &["run", "build"])?;
    if dist.join("index.html").is_file() {
        Ok(())
    } else {
        Err("`npm run build` made no ui/dist/index.html".into())
    }
}

fn npm(ui: &Path, arguments: &[&str]) -> Result<(), String> {
    let what = format!("`npm {}` in ui/", arguments.join(" "));
    let output = Command::new("npm").args(arguments).current_dir(ui).output();
    let output = output.map_err(|error| format!("{what} could not be started: {error}"))?;
    if output.status.success() {
        return Ok(());
    }
    let mut words = String::new();
    for text in [&output.stdout, &output.stderr] {
        let text = String::from_utf8_lossy(text);
        let last: Vec<&str> = text.lines().rev().filter(|line| !line.trim().is_empty()).take(4).collect();
        for line in last.iter().rev() {
            let _ = write!(words, " | {}", line.trim());
        }
    }
    Err(format!("{what} failed{words}"))
}

/// A page older than its sources is still put in, but not silently.
fn warn_if_stale(ui: &Path, dist: &Path) {
    let built = fs::metadata(dist.join("index.html")).and_then(|data| data.modified());
    let changed = newest(&ui.join("src"));
    if let (Ok(built), Ok(Some(changed))) = (built, changed)
        && changed > built
    {
        println!(
            "cargo::warning=ui/dist is older than ui/src: run `make ui`, or remove ui/dist to have it built"
        );
    }
}

fn newest(folder: &Path) -> io::Result<Option<std::time::SystemTime>> {
    let mut latest = None;
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let time = if entry.file_type()?.is_dir() {
            newest(&entry.path())?
        } else {
            Some(entry.metadata()?.modified()?)
        };
        latest = latest.max(time);
    }
    Ok(latest)
}
