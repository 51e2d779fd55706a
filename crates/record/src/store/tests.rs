use super::*;
use crate::course::Course;
use crate::series::Record;
use proptest::prelude::*;
use serde_json::json;

struct Folder(PathBuf);

impl Folder {
    fn new(name: &str) -> Self {
        Self(std::env::temp_dir().join(format!("gregaria-store-{name}-{}", std::process::id())))
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

fn run(started: f64, seconds: u32) -> StoredRun {
    let mut course = Course::new(started);
    let record = |offset, requests| Record {
        offset,
        users: 2,
        requests,
        failures: 1,
        sum_us: 5_000 * requests,
        slots: vec![(4_000, requests)],
        ..Record::default()
    };
    for offset in 0..seconds {
        course.total.push(record(offset, 10));
    }
    course.names = vec![course.total.clone()];
    course.until = started + f64::from(seconds);
    course.note_classes(started + 2.0, &[("Reader".to_owned(), 2)].into());
    StoredRun {
        summary: dto::RunSummary { started, requests: u64::from(seconds) * 10, ..dto::RunSummary::default() },
        info: json!({"tasks": {"total": {}}}),
        fractions: vec![0.5, 0.99],
        chart_fractions: vec![0.5],
        elapsed: f64::from(seconds),
        names: vec![dto::Name { id: 0, method: "GET".into(), name: "/é".into() }],
        total: dto::Rows::default(),
        rows: dto::Rows::default(),
        errors: vec![dto::Failure { error: "bad".into(), ..dto::Failure::default() }],
        exceptions: Vec::new(),
        phases: dto::Phases::default(),
        thresholds: Vec::new(),
        verdict: dto::Verdict::default(),
        arrivals: Some(dto::Arrivals { due: 7, begun: 6, dropped: 1, ..dto::Arrivals::default() }),
        measures: Vec::new(),
        statuses: [("200".to_owned(), 9), ("404".to_owned(), 1)].into(),
        course,
    }
}

#[test]
fn what_is_kept_is_what_is_opened() {
    let folder = Folder::new("same");
    let store = Store::new(&folder.0, 1 << 20);
    let run = run(1_795_401_039.0, 100);
    let id = store.save(&run).unwrap();
    assert!(id.starts_with("20261123T023039Z-"), "{id}");
    let back = store.open(&id).unwrap();
    assert_eq!((back.detail().names, back.info.clone()), (run.detail().names, run.info.clone()));
    let (kept, was) = (back.detail(), run.detail());
    assert_eq!(
        (kept.statuses, kept.classes, kept.fan, kept.bands),
        (was.statuses, was.classes, was.fan, was.bands)
    );
    assert_eq!(back.course.total.to_bytes(), run.course.total.to_bytes());
    assert_eq!(
        back.course.window(Some(0), None, None, &[0.5]),
        run.course.window(Some(0), None, None, &[0.5])
    );
    assert_eq!(back.summary.id, id);
    let left: Vec<_> = fs::read_dir(&folder.0).unwrap().collect();
    assert_eq!(left.len(), 1, "no draft is left");
}

#[test]
fn the_oldest_go_when_it_is_full_but_never_the_newest() {
    let folder = Folder::new("full");
    let store = Store::new(&folder.0, 1 << 20);
    let first = store.save(&run(1_000.0, 50)).unwrap();
    let size = store.list().unwrap().bytes;
    let small = Store::new(&folder.0, 2 * size + size / 2);
    let rest: Vec<String> = (2..5).map(|i| small.save(&run(f64::from(i) * 1_000.0, 50)).unwrap()).collect();
    let kept: Vec<String> = small.list().unwrap().runs.into_iter().map(|run| run.id).collect();
    assert_eq!(kept, [rest[2].clone(), rest[1].clone()]);
    assert!(matches!(small.open(&first), Err(StoreError::NoSuchRun(_))));
    let none = Store::new(&folder.0, 0);
    let last = none.save(&run(9_000.0, 50)).unwrap();
    assert_eq!(none.list().unwrap().runs.into_iter().map(|run| run.id).collect::<Vec<_>>(), [last]);
}

#[test]
fn ids_that_could_lead_elsewhere_are_none() {
    let store = Store::new("/nonexistent", 1);
    for id in ["", "..", "../x", "a/b", "a.b", "a\0", "é", &"x".repeat(65)] {
        assert!(matches!(store.open(id), Err(StoreError::NoSuchRun(_))), "{id:?}");
        assert!(matches!(store.delete(id), Err(StoreError::NoSuchRun(_))), "{id:?}");
    }
    assert_eq!(store.list().unwrap().runs.len(), 0);
}

#[test]
fn a_folder_that_cannot_be_made_is_named() {
    let error = Store::new("/proc/nothing/here", 1).save(&run(1.0, 1)).unwrap_err().to_string();
    assert!(error.starts_with("/proc/nothing/here: "), "{error}");
}

#[test]
fn what_could_not_be_opened_again_is_not_written() {
    let folder = Folder::new("unreadable");
    let store = Store::new(&folder.0, 1 << 20);
    let mut no_number = run(1.0, 5);
    no_number.elapsed = f64::NAN;
    let mut long_head = run(1.0, 5);
    long_head.summary.host = Some("x".repeat(100_000));
    let mut spoiled_head = run(1.0, 5);
    spoiled_head.summary.rps = f64::INFINITY;
    let mut huge = run(1.0, 5);
    huge.info = json!("x".repeat(257 << 20));
    for (run, words) in [
        (no_number, "the tables are damaged: "),
        (long_head, "the run is too large: its summary"),
        (spoiled_head, "the tables are damaged: "),
        (huge, "the run is too large: its tables and its course"),
    ] {
        let error = store.save(&run).unwrap_err().to_string();
        assert!(error.starts_with(words), "{error}");
        assert!(!folder.0.exists(), "nothing is made for what is not kept");
    }
}

#[test]
fn a_bomb_is_not_unpacked() {
    let summary = serde_json::to_vec(&dto::RunSummary::default()).unwrap();
    let body = zstd::bulk::compress(&vec![0; 300 << 20], 1).unwrap();
    let mut bytes = b"GREGRUN1".to_vec();
    bytes.extend((summary.len() as u32).to_le_bytes());
    bytes.extend(crc32fast::hash(&summary).to_le_bytes());
    bytes.extend(&summary);
    bytes.extend(crc32fast::hash(&body).to_le_bytes());
    bytes.extend(&body);
    assert!(decode(&bytes).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    #[test]
    fn no_damage_makes_it_stumble(at in any::<prop::sample::Index>(), value in any::<u8>(), cut in any::<prop::sample::Index>()) {
        let good = encode(&run(1.0, 20), &dto::RunSummary::default()).unwrap();
        let mut bytes = good.clone();
        let at = at.index(bytes.len());
        bytes[at] = value;
        if bytes != good { prop_assert!(decode(&bytes).is_err()); }
        prop_assert!(decode(&good[..cut.index(good.len())]).is_err());
        prop_assert!(decode(&good).is_ok());
    }
}

#[cfg(unix)]
#[test]
fn nobody_else_may_look_at_kept_runs() {
    use std::os::unix::fs::PermissionsExt as _;

    let folder = Folder::new("modes");
    let inner = folder.0.join("state/runs");
    let store = Store::new(&inner, 1 << 20);
    let id = store.save(&run(1_000.0, 3)).unwrap();
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    for made in [&folder.0, &folder.0.join("state"), &inner] {
        assert_eq!(mode(made), 0o700, "{made:?}");
    }
    assert_eq!(mode(&store.place(&id, RUN).unwrap()), 0o600);
    // One that is there already is its owner's business.
    let own = folder.0.join("own");
    fs::create_dir(&own).unwrap();
    fs::set_permissions(&own, fs::Permissions::from_mode(0o750)).unwrap();
    Store::new(&own, 1 << 20).save(&run(1_000.0, 3)).unwrap();
    assert_eq!(mode(&own), 0o750);
}

/// A journal with one run in it, as the recorder begins it.
fn begun(store: &Store, started: f64, seconds: u32) -> JournalFile {
    let mut file = store.journal(started).unwrap();
    file.begin(&run(started, seconds)).unwrap();
    file
}

fn ids(list: &dto::RunList) -> Vec<&str> {
    list.runs.iter().map(|run| run.id.as_str()).collect()
}

fn names_in(folder: &Folder) -> Vec<String> {
    let all = fs::read_dir(&folder.0).unwrap();
    let mut names: Vec<String> = all.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn a_journal_that_nobody_holds_is_a_run_that_was_cut_off() {
    let folder = Folder::new("left");
    let store = Store::new(&folder.0, 1 << 20);
    let file = begun(&store, 1_000.0, 50);
    let id = file.id().to_owned();
    // Nor for another store in the same folder, as another process has it.
    for store in [&store, &Store::new(&folder.0, 1 << 20)] {
        let list = store.list().unwrap();
        assert_eq!((ids(&list), list.problems.len()), (vec![], 0));
        assert!(list.bytes > 0);
        assert!(matches!(store.open(&id), Err(StoreError::NoSuchRun(_))));
        assert!(matches!(store.delete(&id), Err(StoreError::NoSuchRun(_))));
    }
    drop(file);
    assert_eq!(store.open(&id).unwrap().summary.requests, 500);
    let list = store.list().unwrap();
    assert_eq!(ids(&list), [&id]);
    assert!(list.runs[0].cut_off);
    assert_eq!(list.bytes, list.runs[0].bytes);
    assert_eq!(names_in(&folder), [format!("{id}.run")]);
    assert!(store.open(&id).unwrap().detail().summary.cut_off);
    store.delete(&id).unwrap();
    assert_eq!(names_in(&folder), [""; 0]);
}

#[test]
fn a_run_that_is_kept_takes_the_place_of_its_journal() {
    let folder = Folder::new("kept");
    let store = Store::new(&folder.0, 1 << 20);
    let mut file = begun(&store, 1_000.0, 50);
    let id = file.id().to_owned();
    store.save_as(&id, &run(1_000.0, 60)).unwrap();
    // At this very moment both are there.
    assert_eq!(ids(&store.list().unwrap()), [&id]);
    assert_eq!(names_in(&folder), [format!("{id}.journal"), format!("{id}.run")]);
    let killed = begun(&store, 2_000.0, 50);
    store.save_as(killed.id(), &run(2_000.0, 60)).unwrap();
    let other = killed.id().to_owned();
    drop(killed);
    file.remove();
    let list = store.list().unwrap();
    assert_eq!(ids(&list), [&other, &id]);
    assert!(list.runs.iter().all(|run| !run.cut_off && run.requests == 600));
    assert_eq!(names_in(&folder), [format!("{id}.run"), format!("{other}.run")]);
}

#[test]
fn a_journal_that_is_damaged_or_empty_hides_no_other_run() {
    let folder = Folder::new("damaged");
    let store = Store::new(&folder.0, 1 << 20);
    let (good, damaged, empty) =
        (begun(&store, 3_000.0, 5), begun(&store, 2_000.0, 5), begun(&store, 1_000.0, 0));
    let kept = store.save(&run(4_000.0, 5)).unwrap();
    let (id, bad) = (good.id().to_owned(), folder.0.join(format!("{}.journal", damaged.id())));
    drop((good, damaged, empty));
    for bytes in [&b""[..], b"GREGJRN1", b"something else"] {
        fs::write(&bad, bytes).unwrap();
        let list = store.list().unwrap();
        assert_eq!(ids(&list), [&kept, &id]);
        assert_eq!(list.problems.len(), 1, "{:?}", list.problems);
        assert!(list.problems[0].starts_with(bad.to_str().unwrap()));
    }
    assert_eq!(names_in(&folder).len(), 3);
}

#[test]
fn what_goes_on_is_not_removed_for_want_of_room_but_what_was_left_behind_is() {
    let folder = Folder::new("room");
    let store = Store::new(&folder.0, 0);
    let (goes_on, left) = (begun(&store, 1_000.0, 50), begun(&store, 2_000.0, 50));
    let alive = goes_on.id().to_owned();
    drop(left);
    let kept = store.save(&run(3_000.0, 50)).unwrap();
    assert_eq!(names_in(&folder), [format!("{alive}.journal"), format!("{kept}.run")]);
}

#[test]
fn drafts_that_nobody_holds_are_swept() {
    let folder = Folder::new("drafts");
    let store = Store::new(&folder.0, 1 << 20);
    store.save(&run(1_000.0, 5)).unwrap();
    let old = std::time::SystemTime::now() - std::time::Duration::from_hours(1);
    let draft = |name: &str| {
        let file = fs::File::create(folder.0.join(name)).unwrap();
        file.set_modified(old).unwrap();
        file
    };
    let held = draft(".a.1.journal");
    held.lock().unwrap();
    draft(".b.1.run");
    draft(".not-ours");
    fs::File::create(folder.0.join(".new.1.run")).unwrap();
    store.list().unwrap();
    assert_eq!(names_in(&folder)[..3], [".a.1.journal", ".new.1.run", ".not-ours"]);
}

#[test]
fn a_file_that_its_owner_has_just_replaced_is_somebodys() {
    let folder = Folder::new("replaced");
    let store = Store::new(&folder.0, 1 << 20);
    let mut file = begun(&store, 1_000.0, 5);
    let path = store.place(file.id(), JOURNAL).unwrap();
    for _ in 0..50 {
        file.begin(&run(1_000.0, 6)).unwrap();
        assert!(matches!(files::whose(&path).unwrap(), files::Whose::Somebodys));
    }
    assert_eq!(names_in(&folder).len(), 1);
}

#[test]
fn a_run_has_a_name_and_a_pinned_one_stays_when_others_make_room() {
    let folder = Folder::new("labels");
    let store = Store::new(&folder.0, 1 << 20);
    let id = store.save(&run(1_795_401_039.0, 50)).unwrap();
    let before = store.open(&id).unwrap().detail();
    let labels = dto::Labels { name: "before the cache".into(), note: "p95 was fine".into(), pinned: true };
    store.label(&id, &labels).unwrap();
    let detail = store.open(&id).unwrap().detail();
    assert_eq!(
        (detail.summary.name.as_str(), detail.summary.note.as_str()),
        ("before the cache", "p95 was fine")
    );
    assert_eq!(store.list().unwrap().runs[0].name, "before the cache");
    assert_eq!((detail.history, detail.names, detail.errors), (before.history, before.names, before.errors));

    let small = Store::new(&folder.0, 1);
    let plain = small.save(&run(1_795_401_139.0, 5)).unwrap();
    let newest = small.save(&run(1_795_401_239.0, 5)).unwrap();
    let ids: Vec<String> = small.list().unwrap().runs.into_iter().map(|run| run.id).collect();
    assert_eq!(ids, [newest, id], "{plain} has made room");
    assert!(matches!(small.label("nowhere", &labels), Err(StoreError::NoSuchRun(_))));
}

#[test]
fn rows_of_older_files_get_exact_percentiles_and_a_kept_run_is_told_as_junit() {
    let mut old = run(1_795_401_039.0, 50);
    let column = |value: f64| vec![value];
    let rows = |id: i32| dto::Rows {
        id: vec![id],
        requests: vec![500],
        failures: vec![50],
        avg: column(5.0),
        min: column(4.0),
        max: column(6.0),
        size: column(10.0),
        rps: column(0.0),
        fps: column(0.0),
        percentiles: vec![vec![Some(4.0)]; 2],
    };
    old.total = rows(-1);
    old.rows = rows(0);
    old.make_exact();
    let exact = old.course.window(Some(0), None, None, &[0.5, 0.99]).unwrap().percentiles;
    assert_eq!(old.rows.percentiles, vec![vec![exact[0]], vec![exact[1]]]);
    let whole = old.window(Some(0), None, None).unwrap();
    assert_eq!((whole.requests, whole.avg, whole.percentiles), (500, Some(5.0), exact));
    assert_eq!(whole.bins.iter().map(|bin| bin.2).sum::<u64>(), 500);
    let xml = old.junit();
    assert!(xml.contains("name=\"GET /é\"") && xml.contains("50 of 500 requests failed (10.0%)"), "{xml}");
    assert!(xml.contains("min 4.0, average 5.0, max 6.0"), "{xml}");
}
