//! What a report says about a run besides its numbers. It comes as JSON from where the options and exceptions are.

use serde::Deserialize;

use crate::{Arrivals, Threshold, Verdict};

/// The run as a whole.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// Parameters and environment.
    pub info: Info,
    /// Exceptions that tasks raised.
    pub exceptions: Vec<Exception>,
    /// What the program tells the operating system.
    pub exit_code: i32,
    /// What the run had to keep to.
    pub thresholds: Vec<Threshold>,
    /// Whether the generator was the limit.
    pub verdict: Verdict,
    /// Whether the run fails if the generator was.
    pub fail_on_invalid: bool,
    /// Whether failed requests alone are no failure of the run: there are thresholds to say what is.
    pub lenient: bool,
    /// What has become of the arrivals, if it was an open run.
    pub arrivals: Option<Arrivals>,
}

/// Parameters and environment of a run; what is not known is left out.
#[derive(Debug, Clone, Default, PartialEq, Deserialize)]
#[serde(default)]
pub struct Info {
    /// Base URL of the system under test.
    pub host: Option<String>,
    /// Script.
    pub locustfile: Option<String>,
    /// Users wanted.
    pub user_count: Option<u64>,
    /// Users started a second.
    pub spawn_rate: Option<f64>,
    /// Length wanted, in seconds.
    pub run_time: Option<f64>,
    /// What was left out at its begin, in words.
    pub warm_up: Option<String>,
    /// Profile.
    pub profile: Option<String>,
    /// User classes.
    pub user_classes: Vec<String>,
    /// Shape class.
    pub shape: Option<String>,
    /// Version of Locust that is imitated.
    pub version: Option<String>,
    /// Version of Python.
    pub python: Option<String>,
    /// Operating system.
    pub platform: Option<String>,
}

/// An exception that tasks raised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(default)]
pub struct Exception {
    /// How often.
    pub count: u64,
    /// Its class, if that is known.
    pub kind: String,
    /// Its text.
    pub msg: String,
    /// User classes in whose tasks it happened, if that is known.
    pub users: String,
    /// The tasks.
    pub tasks: String,
    /// Where it came from.
    pub traceback: String,
}

impl Exception {
    /// The class and the text, as Python says them.
    pub fn title(&self) -> String {
        match (&*self.kind, &*self.msg) {
            ("", msg) => msg.to_owned(),
            (kind, "") => kind.to_owned(),
            (kind, msg) => format!("{kind}: {msg}"),
        }
    }

    /// The user class and the task.
    pub fn place(&self) -> String {
        match (&*self.users, &*self.tasks) {
            (users, "") => users.to_owned(),
            ("", tasks) => tasks.to_owned(),
            (users, tasks) => format!("{users}.{tasks}"),
        }
    }
}

/// The text is not what [`Facts`] are read from.
#[derive(Debug, thiserror::Error)]
#[error("the facts about the run are not as expected")]
pub struct FactsError(#[source] serde_json::Error);

impl Facts {
    /// Reads them from JSON.
    ///
    /// # Errors
    /// If it is not JSON, or a value has the wrong kind.
    pub fn from_json(text: &str) -> Result<Self, FactsError> {
        serde_json::from_str(text).map_err(FactsError)
    }

    /// The script, or how the run is called without one.
    pub fn title(&self) -> &str {
        self.info.locustfile.as_deref().unwrap_or("load test")
    }

    /// Names and values of what is known of the parameters, in the order of reports.
    pub fn parameters(&self) -> Vec<(&'static str, String)> {
        let info = &self.info;
        let classes = (!info.user_classes.is_empty()).then(|| info.user_classes.join(", "));
        let all = [
            ("Host", info.host.clone()),
            ("Profile", info.profile.clone()),
            ("User classes", classes),
            ("Shape", info.shape.clone()),
            ("Users", info.user_count.map(|count| count.to_string())),
            ("Spawn rate", info.spawn_rate.map(|rate| format!("{rate} users/s"))),
            ("Run time limit", info.run_time.map(duration)),
            ("Warm-up", info.warm_up.clone()),
            ("Arrivals", self.arrivals.as_ref().map(Arrivals::in_words)),
            ("gregaria", Some(env!("CARGO_PKG_VERSION").to_owned())),
            ("Compatible with Locust", info.version.clone()),
            ("Python", info.python.clone()),
            ("Platform", info.platform.clone()),
        ];
        all.into_iter().filter_map(|(name, value)| Some((name, value?))).collect()
    }
}

/// `1 h 2 min 3 s` of seconds; fractions are cut off.
pub fn duration(seconds: f64) -> String {
    let whole = seconds.max(0.0) as u64;
    let parts = [(whole / 3_600, "h"), (whole / 60 % 60, "min"), (whole % 60, "s")];
    let said: Vec<String> =
        parts.iter().filter(|(count, _)| *count > 0).map(|(count, unit)| format!("{count} {unit}")).collect();
    if said.is_empty() { "0 s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_are_ignored_and_missing_ones_are_nothing() {
        let facts =
            Facts::from_json(r#"{"info": {"host": "http://h", "tasks": {}, "run_time": 3723}}"#).unwrap();
        assert_eq!(
            facts.parameters(),
            [
                ("Host", "http://h".to_owned()),
                ("Run time limit", "1 h 2 min 3 s".to_owned()),
                ("gregaria", env!("CARGO_PKG_VERSION").to_owned())
            ]
        );
        assert_eq!((facts.title(), facts.exit_code), ("load test", 0));
        assert!(Facts::from_json("[1]").is_err());
    }

    #[test]
    fn durations_leave_out_what_is_zero() {
        assert_eq!(duration(0.9), "0 s");
        assert_eq!(duration(3_600.0), "1 h");
        assert_eq!(duration(61.5), "1 min 1 s");
    }
}
