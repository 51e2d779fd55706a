//! The processor time of our threads, as Linux tells it.

use std::collections::{BTreeMap, HashMap};
use std::fs;

/// What each thread has used so far; those that have ended count on.
#[derive(Debug, Default)]
pub(super) struct Threads {
    seen: HashMap<u32, u64>,
    nanos: BTreeMap<String, u64>,
}

impl Threads {
    /// Processor time of each kind of thread since the program began, in seconds. Empty where nobody tells.
    pub(super) fn look(&mut self) -> Vec<(String, f64)> {
        let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
        let mut seen = HashMap::new();
        for task in tasks.flatten() {
            let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            // The first number is the time on a processor, in nanoseconds.
            let used = fs::read_to_string(task.path().join("schedstat"));
            let used = used.ok().and_then(|text| text.split_whitespace().next()?.parse::<u64>().ok());
            let Some(used) = used else { continue };
            let kind = if id == std::process::id() {
                "main".to_owned()
            } else {
                kind_of(&fs::read_to_string(task.path().join("comm")).unwrap_or_default())
            };
            let before = self.seen.get(&id).copied().unwrap_or_default();
            *self.nanos.entry(kind).or_default() += used.saturating_sub(before);
            seen.insert(id, used);
        }
        self.seen = seen;
        self.nanos.iter().map(|(kind, &nanos)| (kind.clone(), nanos as f64 / 1e9)).collect()
    }
}

/// Our own threads say what they are for; all others are others.
fn kind_of(name: &str) -> String {
    let kind = name
        .trim()
        .strip_prefix("gregaria-")
        .map(|kind| kind.trim_end_matches(|c: char| c.is_ascii_digit() || c == '-'));
    match kind {
        Some(kind) if !kind.is_empty() => kind.to_owned(),
        _ => "other".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn threads_are_told_by_their_names() {
        let names = [
            ("gregaria-io-0\n", "io"),
            ("gregaria-record", "record"),
            ("python3", "other"),
            ("gregaria-1", "other"),
        ];
        for (name, kind) in names {
            assert_eq!(kind_of(name), kind);
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn what_a_thread_has_used_counts_after_its_end() {
        let mut threads = Threads::default();
        let used =
            |seen: &[(String, f64)]| seen.iter().find(|(kind, _)| kind == "test").map(|(_, used)| *used);
        let before = used(&threads.look());
        let (sender, receiver) = std::sync::mpsc::channel::<()>();
        let waits = std::thread::Builder::new().name("gregaria-test-1".to_owned()).spawn(move || {
            let begin = std::time::Instant::now();
            while begin.elapsed() < std::time::Duration::from_millis(30) {}
            let _ = receiver.recv();
        });
        let while_it_lives = loop {
            if let Some(used) = used(&threads.look()).filter(|used| *used > 0.005) {
                break used;
            }
        };
        drop(sender);
        waits.unwrap().join().unwrap();
        assert_eq!(before, None);
        assert!(used(&threads.look()) >= Some(while_it_lives));
    }
}
