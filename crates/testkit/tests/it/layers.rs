//! No arrow upwards: what each crate may depend on, checked against `cargo metadata`.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

/// Each crate and the crates of ours it may depend on.
const MAY_DEPEND_ON: &[(&str, &[&str])] = &[
    ("gregaria-stats", &[]),
    ("gregaria-http", &[]),
    ("gregaria-demo", &[]),
    ("gregaria-engine", &["gregaria-stats"]),
    ("gregaria-report", &["gregaria-stats"]),
    ("gregaria-cluster", &[]),
    ("gregaria-wake", &[]),
    ("gregaria-record", &["gregaria-report", "gregaria-stats"]),
    ("gregaria-web", &["gregaria-record", "gregaria-report", "gregaria-stats"]),
    ("gregaria-terminal", &["gregaria-record", "gregaria-report"]),
    ("gregaria-cli", &[]),
    (
        "gregaria-python",
        &[
            "gregaria-cli",
            "gregaria-cluster",
            "gregaria-demo",
            "gregaria-engine",
            "gregaria-http",
            "gregaria-record",
            "gregaria-report",
            "gregaria-stats",
            "gregaria-terminal",
            "gregaria-wake",
            "gregaria-web",
        ],
    ),
];

/// For development only: may depend on anything, and only development dependencies may point at them.
const DEVELOPMENT: &[&str] = &["gregaria-testkit", "gregaria-bench"];

/// Crates of others that only some of ours may name, development apart: deny.toml's list of bans, which cargo-deny holds against
/// the whole tree. An empty list of ours forbids them everywhere.
fn only_under() -> BTreeMap<String, Vec<String>> {
    let list: toml::Table = include_str!("../../../../deny.toml").parse().unwrap();
    let bans = list["bans"]["deny"].as_array().unwrap().iter();
    let of_ours = |ban: &toml::Value| {
        let wrappers = ban.get("wrappers").and_then(toml::Value::as_array).into_iter().flatten();
        wrappers
            .filter_map(|name| name.as_str().filter(|name| name.starts_with("gregaria-")).map(str::to_owned))
            .collect()
    };
    bans.map(|ban| (ban["crate"].as_str().unwrap().to_owned(), of_ours(ban))).collect()
}

#[derive(Debug)]
struct Arrow {
    from: String,
    to: String,
    development: bool,
}

fn metadata() -> Value {
    let cargo = std::env::var("CARGO").unwrap_or_else(|_| "cargo".into());
    let manifest = concat!(env!("CARGO_MANIFEST_DIR"), "/../../Cargo.toml");
    let output = Command::new(cargo)
        .args(["metadata", "--format-version", "1", "--no-deps", "--offline", "--manifest-path", manifest])
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    serde_json::from_slice(&output.stdout).unwrap()
}

fn arrows(metadata: &Value) -> Vec<Arrow> {
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .flat_map(|package| {
            package["dependencies"].as_array().unwrap().iter().map(|dependency| Arrow {
                from: package["name"].as_str().unwrap().to_owned(),
                to: dependency["name"].as_str().unwrap().to_owned(),
                development: dependency["kind"] == "dev",
            })
        })
        .collect()
}

fn problems(crates: &BTreeSet<String>, arrows: &[Arrow]) -> Vec<String> {
    let may: BTreeMap<&str, &[&str]> = MAY_DEPEND_ON.iter().copied().collect();
    let only = only_under();
    let mut problems = Vec::new();
    for name in crates {
        if !may.contains_key(name.as_str()) && !DEVELOPMENT.contains(&name.as_str()) {
            problems.push(format!("{name} has no layer: add it to this test and to ARCHITECTURE.md"));
        }
    }
    for Arrow { from, to, development } in arrows {
        let (from_development, ours) = (DEVELOPMENT.contains(&from.as_str()), to.starts_with("gregaria-"));
        if ours && DEVELOPMENT.contains(&to.as_str()) {
            if !development && !from_development {
                problems.push(format!("{from} -> {to}: only as a development dependency"));
            }
        } else if ours && !development && !from_development {
            let allowed = may.get(from.as_str()).copied().unwrap_or_default();
            if !allowed.contains(&to.as_str()) {
                problems.push(format!("{from} -> {to}: an arrow upwards"));
            }
        }
        if let Some(allowed) = only.get(to.as_str())
            && !allowed.contains(from)
            && !from_development
            // What a test compares with (hyper on tokio, say) is no part of the house; what is forbidden is so even there.
            && (!*development || allowed.is_empty())
        {
            problems.push(format!("{from} -> {to}: only under {allowed:?}"));
        }
    }
    problems
}

fn names(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn arrow(from: &str, to: &str, development: bool) -> Arrow {
    Arrow { from: from.into(), to: to.into(), development }
}

#[test]
fn no_dependency_of_the_workspace_points_upwards() {
    let metadata = metadata();
    let crates = metadata["packages"].as_array().unwrap().iter();
    let crates: BTreeSet<String> = crates.map(|p| p["name"].as_str().unwrap().to_owned()).collect();
    assert!(crates.len() >= 8, "cargo metadata saw only {crates:?}");
    let problems = problems(&crates, &arrows(&metadata));
    assert!(problems.is_empty(), "{}", problems.join("\n"));
}

#[test]
fn an_arrow_upwards_a_banned_crate_and_an_unknown_layer_are_noticed() {
    let crates = names(&["gregaria-stats", "gregaria-novel"]);
    let found = problems(
        &crates,
        &[
            arrow("gregaria-stats", "gregaria-engine", false),
            arrow("gregaria-engine", "pyo3", false),
            arrow("gregaria-http", "gregaria-testkit", false),
            arrow("gregaria-http", "ring", true),
        ],
    );
    assert_eq!(found.len(), 5, "{found:#?}");
}

#[test]
fn development_dependencies_may_point_at_the_test_kit() {
    let crates = names(&["gregaria-engine"]);
    let arrows = [
        arrow("gregaria-engine", "gregaria-testkit", true),
        arrow("gregaria-testkit", "gregaria-engine", false),
    ];
    assert_eq!(problems(&crates, &arrows), Vec::<String>::new());
}

/// Rust files below a folder of `crates/`.
fn sources(folder: &str) -> Vec<(String, String)> {
    let mut folders = vec![std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(folder)];
    let mut found = Vec::new();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|ending| ending == "rs") {
                found.push((path.display().to_string(), std::fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

#[test]
fn surfaces_take_snapshots_in_pieces() {
    // A whole one keeps the statistics' lock, which the main thread wants for each request, while it is sorted.
    let whole = "lock().snapshot(";
    let all = ["python/src", "web/src"].into_iter().flat_map(sources);
    let found: Vec<String> = all.filter(|(_, text)| text.contains(whole)).map(|(path, _)| path).collect();
    assert!(found.is_empty(), "use gregaria_record::snapshot: {found:?}");
    assert!(sources("python/src").len() > 30);
}

/// Files that know which system they run on, and what there is elsewhere.
const SYSTEMS: &[(&str, &str)] = &[
    ("cluster/src/transport/bind.rs", "an address is used again at once on Unix"),
    (
        "http/src/conn/arrival.rs",
        "when responses arrived, as the kernel says; elsewhere as the I/O thread says",
    ),
    (
        "http/src/conn/connect.rs",
        "a socket that keeps nobody waiting, by one call or by two; a number of an error that the standard library has no name for",
    ),
    (
        "http/src/conn/in_place.rs",
        "a body is read to its place as it is; elsewhere that is filled with zeros first",
    ),
    ("python/src/gevent/capi.rs", "memory that is free is kept, where the library of C can be told"),
    ("python/src/http/bounds.rs", "how much memory there is; without an answer a fixed bound"),
    ("record/src/fork.rs", "a fork, where there are forks"),
    ("record/src/own/threads.rs", "processor time of threads; elsewhere none is told"),
    ("record/src/store/files.rs", "files for the user alone, where files have owners"),
    ("record/src/store/mod.rs", "a folder for the user alone"),
    ("record/src/verdict/limits.rs", "limits of the machine; elsewhere none is told"),
    ("wake/src/system/linux.rs", "the wake-up"),
    ("wake/src/system/mod.rs", "which wake-up; the one place without which nothing runs"),
    ("web/src/bind.rs", "an address is used again at once on Unix"),
    (
        "web/src/security/owner.rs",
        "whose a socket is; elsewhere nobody's, and everybody of the machine is let in",
    ),
];

#[test]
fn what_is_of_one_system_stands_where_it_is_said() {
    let words = ["target_os", "\"/proc", "eventfd(", "timerfd_create(", "cfg(unix)"];
    let crates = [
        "cli", "cluster", "demo", "engine", "http", "python", "record", "report", "stats", "terminal",
        "wake", "web",
    ];
    for (path, text) in crates.iter().flat_map(|name| sources(&format!("{name}/src"))) {
        // Tests may ask the system that they run on.
        let is_test = path.ends_with("tests.rs");
        let text = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
        let named = SYSTEMS.iter().any(|(known, _)| path.ends_with(known));
        let found = words.iter().find(|word| text.contains(**word));
        assert!(
            is_test || found.is_none() || named,
            "{path}: {found:?}: behind crates/wake/src/system, or into this list"
        );
    }
    for (known, _) in SYSTEMS {
        assert!(std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join(known).exists(), "{known}");
    }
}
