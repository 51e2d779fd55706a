//! The processor time of our threads, as Linux tells it.

use std::collections::{BTreeMap, HashMap};
use std::fs;

/// What the threads of a kind have used so far, in seconds.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Used {
    /// `main` runs the users; `io` sends.
    pub(crate) kind: String,
    /// On a processor.
    pub(crate) busy: f64,
    /// Ready to go on, but without a processor.
    pub(crate) waited: f64,
    /// On a processor since the last look: the one of them that was most.
    pub(crate) busiest: f64,
}

/// Of one thread, or of all of a kind, in nanoseconds.
#[derive(Debug, Clone, Copy, Default)]
struct Nanos {
    busy: u64,
    waited: u64,
}

impl Nanos {
    /// From the first two numbers of a thread's `schedstat`.
    fn parse(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().map(str::parse);
        Some(Self { busy: numbers.next()?.ok()?, waited: numbers.next()?.ok()? })
    }
}

/// What each thread has used so far; those that have ended count on.
#[derive(Debug, Default)]
pub(super) struct Threads {
    seen: HashMap<u32, Nanos>,
    all: BTreeMap<String, Nanos>,
}

impl Threads {
    /// What each kind of thread has used since the program began. Empty where nobody tells.
    pub(super) fn look(&mut self) -> Vec<Used> {
        let Ok(tasks) = fs::read_dir("/proc/self/task") else { return Vec::new() };
        let mut seen = HashMap::new();
        let mut busiest: HashMap<String, u64> = HashMap::new();
        for task in tasks.flatten() {
            let Some(id) = task.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
            let used = fs::read_to_string(task.path().join("schedstat"));
            let Some(used) = used.ok().and_then(|text| Nanos::parse(&text)) else { continue };
            let kind = if id == std::process::id() {
                "main".to_owned()
            } else {
                kind_of(&fs::read_to_string(task.path().join("comm")).unwrap_or_default())
            };
            let before = self.seen.get(&id).copied().unwrap_or_default();
            let since = used.busy.saturating_sub(before.busy);
            let all = self.all.entry(kind.clone()).or_default();
            all.busy += since;
            all.waited += used.waited.saturating_sub(before.waited);
            let most = busiest.entry(kind).or_default();
            *most = since.max(*most);
            seen.insert(id, used);
        }
        self.seen = seen;
        let seconds = |nanos: u64| nanos as f64 / 1e9;
        let used = self.all.iter().map(|(kind, all)| Used {
            kind: kind.clone(),
            busy: seconds(all.busy),
            waited: seconds(all.waited),
            busiest: busiest.get(kind).copied().map_or(0.0, seconds),
        });
        used.collect()
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
        let used = |seen: &[Used]| seen.iter().find(|used| used.kind == "test").map(|used| used.busy);
        let before = used(&threads.look());
        // Busy until it is told to end: how much of a processor it gets until then is not for it to say.
        let is_over = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
        let end = std::sync::Arc::clone(&is_over);
        let busy = std::thread::Builder::new().name("gregaria-test-1".to_owned()).spawn(move || {
            while !end.load(std::sync::atomic::Ordering::Relaxed) {
                std::hint::spin_loop();
            }
        });
        let while_it_lives = loop {
            if let Some(used) = used(&threads.look()).filter(|used| *used > 0.005) {
                break used;
            }
            std::thread::yield_now();
        };
        is_over.store(true, std::sync::atomic::Ordering::Relaxed);
        busy.unwrap().join().unwrap();
        assert_eq!(before, None);
        assert!(used(&threads.look()) >= Some(while_it_lives));
    }
}
