//! Every environment variable that is read.
//!
//! Those that set an option are columns of the option table; the others are listed here.

use serde::Serialize;

use crate::options::TABLE;

/// One environment variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct EnvVar {
    /// Its name, as exported.
    pub name: &'static str,
    /// Key (`dest`) of the option that it sets, if it sets one.
    pub option: Option<&'static str>,
    /// What it does and the form of its value.
    pub meaning: &'static str,
}

/// Variables that no option stands for.
pub const OTHER: &[EnvVar] = &[
    other(
        "LOCUST_SKIP_MONKEY_PATCH",
        "any value but a no: import locust without patching the standard library for gevent",
    ),
    other(
        "LOCUST_SKIP_URLLIB3_PATCH",
        "any value but a no: leave the queue class of urllib3's connection pools alone",
    ),
    other(
        "LOCUST_PLAYWRIGHT",
        "any value but a no: prepare for Playwright users (imports trio before patching)",
    ),
    other(
        "LOCUST_PLAIN",
        "any value but a no: print to a terminal what goes into a file or a pipe, without a block of figures",
    ),
    other("LOCUST_WEB_TOKEN", "the access token of the web interface; a random one without it"),
    other(
        "LOCUST_WEB_TOKEN_FILE",
        "a file that holds that token instead, as secrets of containers are mounted",
    ),
    other(
        "LOCUST_CLUSTER_TOKEN",
        "the token that workers on other machines show their master; without it they cannot join, unless it is open",
    ),
    other("LOCUST_CLUSTER_TOKEN_FILE", "a file that holds that token instead"),
    other("LOCUST_OUT_TOKEN", "the token that receivers of --out are shown"),
    other("LOCUST_OUT_TOKEN_FILE", "a file that holds that token instead"),
    other(
        "LOCUST_BODY_BUDGET",
        "MiB that the bodies of all responses may take together; half of the memory without it",
    ),
    other(
        "LOCUST_WAIT_FOR_WORKERS_REPORT_AFTER_RAMP_UP",
        "seconds, or `<n> * WORKER_REPORT_INTERVAL`: how long a master waits for user counts after a ramp; default 1.0",
    ),
    other(
        "LOCUST_WORKER_ADDITIONAL_WAIT_BEFORE_READY_AFTER_STOP",
        "whole seconds: pause of a worker between stopping a test and reporting ready; default 0",
    ),
];

const fn other(name: &'static str, meaning: &'static str) -> EnvVar {
    EnvVar { name, option: None, meaning }
}

/// All variables: those of the option table in its order, then [`OTHER`].
pub fn all() -> impl Iterator<Item = EnvVar> {
    let of_options = TABLE.iter().filter_map(|option| {
        option.env.map(|name| EnvVar {
            name,
            option: Some(option.dest),
            meaning: option.help.unwrap_or("not shown in --help"),
        })
    });
    of_options.chain(OTHER.iter().copied())
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::all;

    #[test]
    fn every_variable_is_named_once_and_in_locusts_way() {
        let mut seen = BTreeSet::new();
        for variable in all() {
            assert!(variable.name.starts_with("LOCUST_"), "{}", variable.name);
            assert!(seen.insert(variable.name), "{} is listed twice", variable.name);
        }
        assert!(seen.contains("LOCUST_HOST") && seen.contains("LOCUST_SKIP_MONKEY_PATCH"));
    }
}
