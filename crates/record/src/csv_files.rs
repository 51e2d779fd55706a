//! The CSV files of a run: Locust's bytes, and one file more with exact percentiles.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek as _, SeekFrom, Write as _};
use std::path::{Path, PathBuf};

use gregaria_report::{
    Cell, MEASURES_COLUMNS, exact, failure_rows, history_rows, measure_rows, requests_rows, write_row,
};
use gregaria_stats::Snapshot;

use crate::numbers::Numbers;
use crate::snapshot::{Wanted, take};

/// The history is written to its file when so many bytes wait, or when it is to be flushed.
const BUFFER: usize = 8 << 10;
/// More than this is not kept for a disk that takes nothing.
const MOST_WAITING: usize = 4 << 20;

/// Which of the files.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Kind {
    /// A row for each entry and the total; replaced as a whole.
    Requests,
    /// Rows for each moment; appended.
    History,
    /// A row for each failure; replaced as a whole.
    Failures,
    /// A row for each exception; replaced as a whole.
    Exceptions,
}

/// All of them.
const KINDS: [Kind; 4] = [Kind::Requests, Kind::History, Kind::Failures, Kind::Exceptions];

/// What is to be written.
#[derive(Debug, Clone, Default)]
pub struct Wish {
    /// Unix time of the moment, in seconds.
    pub at: f64,
    /// Users that run.
    pub users: i64,
    /// Percentiles.
    pub fractions: Vec<f64>,
    /// Whether the history has rows for each entry, not for the total alone.
    pub full_history: bool,
    /// Whether the history gets rows at all.
    pub history: bool,
    /// The rows of the exceptions, which the statistics do not know.
    pub exceptions: Vec<u8>,
}

/// The files, open for writing.
#[derive(Debug)]
pub struct CsvFiles {
    files: [Open; 4],
}

#[derive(Debug)]
struct Open {
    file: File,
    header: Vec<u8>,
    /// Whether the header is there.
    begun: bool,
    /// What waits to be appended.
    waiting: Vec<u8>,
}

impl CsvFiles {
    /// Opens files that are there, and empty: those of requests, history, failures and exceptions. Each gets its header with its
    /// first rows.
    ///
    /// # Errors
    /// If one cannot be written; with its place among the paths.
    pub fn open(paths: &[PathBuf; 4], headers: &[Vec<u8>; 4]) -> Result<Self, (usize, io::Error)> {
        let open = |index: usize| {
            let header = headers[index].clone();
            Open::new(&paths[index], KINDS[index], header).map_err(|error| (index, error))
        };
        Ok(Self { files: [open(0)?, open(1)?, open(2)?, open(3)?] })
    }

    /// Writes all files, each as far as the disk lets it. What could not be written, by its place among the paths.
    pub fn write(&mut self, numbers: &Numbers, wish: &Wish) -> Vec<(usize, io::Error)> {
        let wanted = Wanted {
            entries: usize::MAX,
            errors: usize::MAX,
            entry_times: wish.history && wish.full_history,
            current_times: wish.history && wish.full_history,
            ..Wanted::default()
        };
        let snapshot = take(numbers, &wanted, wish.at);
        let fractions = &wish.fractions;
        let history = if wish.history {
            text(&history_rows(&snapshot, fractions, wish.users, wish.full_history))
        } else {
            String::new()
        };
        let rows = [
            text(&requests_rows(&snapshot, fractions)).into_bytes(),
            history.into_bytes(),
            text(&failure_rows(&snapshot.errors)).into_bytes(),
            wish.exceptions.clone(),
        ];
        let all = self.files.iter_mut().zip(KINDS).zip(&rows).enumerate();
        all.filter_map(|(index, ((open, kind), rows))| {
            open.write(kind, rows).err().map(|error| (index, error))
        })
        .collect()
    }

    /// Has the files hold everything that was written.
    pub fn flush(&mut self) -> Vec<(usize, io::Error)> {
        let all = self.files.iter_mut().enumerate();
        all.filter_map(|(index, open)| open.flush().err().map(|error| (index, error))).collect()
    }
}

impl Open {
    fn new(path: &Path, kind: Kind, header: Vec<u8>) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        // Whatever a script appends to the history by a handle of its own stands between our rows.
        let file = options.write(true).append(kind == Kind::History).open(path)?;
        Ok(Self { file, header, begun: false, waiting: Vec::new() })
    }

    fn write(&mut self, kind: Kind, rows: &[u8]) -> io::Result<()> {
        if kind == Kind::History {
            if !std::mem::replace(&mut self.begun, true) {
                self.waiting.extend_from_slice(&self.header);
            }
            self.waiting.extend_from_slice(rows);
            return if self.waiting.len() > BUFFER { self.flush() } else { Ok(()) };
        }
        if !self.begun {
            self.file.seek(SeekFrom::Start(0))?;
            self.file.write_all(&self.header)?;
            self.begun = true;
        }
        let data = self.header.len() as u64;
        self.file.seek(SeekFrom::Start(data))?;
        self.file.write_all(rows)?;
        self.file.set_len(data + rows.len() as u64)
    }

    /// What cannot be written is tried again the next time, unless it gets too much.
    fn flush(&mut self) -> io::Result<()> {
        while !self.waiting.is_empty() {
            match self.file.write(&self.waiting) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(written) => drop(self.waiting.drain(..written)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => {
                    if self.waiting.len() > MOST_WAITING {
                        self.waiting.clear();
                    }
                    return Err(error);
                }
            }
        }
        Ok(())
    }
}

/// The whole file of exact percentiles.
pub fn exact_percentiles(numbers: &Numbers, now: f64) -> String {
    let wanted = Wanted { entries: usize::MAX, exact: exact::FRACTIONS.to_vec(), ..Wanted::default() };
    let snapshot: Snapshot = take(numbers, &wanted, now);
    let mut rows = vec![exact::columns().into_iter().map(Cell::Text).collect()];
    rows.extend(exact::rows(&snapshot));
    text(&rows)
}

/// The whole file of checks and metrics; `None`: there are none.
pub fn measures_csv(numbers: &Numbers) -> Option<String> {
    let measures = numbers.current().look().measures().all().to_vec();
    let mut rows = vec![MEASURES_COLUMNS.into_iter().map(Cell::from).collect()];
    rows.extend(measure_rows(&measures));
    (!measures.is_empty()).then(|| text(&rows))
}

fn text(rows: &[Vec<Cell>]) -> String {
    let mut out = String::new();
    for row in rows {
        write_row(&mut out, row);
    }
    out
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use gregaria_stats::RequestStats;

    use super::*;
    use crate::owner_first::OwnerFirst;

    struct Folder(PathBuf);

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    impl Folder {
        fn new(name: &str) -> (Self, [PathBuf; 4]) {
            let folder = std::env::temp_dir().join(format!("gregaria-csv-{name}-{}", std::process::id()));
            std::fs::create_dir_all(&folder).unwrap();
            let paths = ["stats", "history", "failures", "exceptions"].map(|name| folder.join(name));
            for path in &paths {
                File::create(path).unwrap();
            }
            (Self(folder), paths)
        }
    }

    fn numbers(names: u32) -> Numbers {
        let mut stats = RequestStats::new(true, 1_000.0);
        for i in 0..names {
            let id = stats.entry_id("GET", &format!("/{i:04}"), 1_000.0);
            assert!(stats.record(id, Some(10.0), 4, 1_001.0));
        }
        Numbers::new(Arc::new(OwnerFirst::new(stats)))
    }

    fn headers() -> [Vec<u8>; 4] {
        ["requests", "history", "failures", "exceptions"].map(|name| format!("{name}\r\n").into_bytes())
    }

    fn lines(path: &Path) -> usize {
        std::fs::read_to_string(path).unwrap().lines().count()
    }

    #[test]
    fn tables_are_replaced_and_the_history_grows() {
        let (_folder, paths) = Folder::new("grows");
        let mut files = CsvFiles::open(&paths, &headers()).unwrap();
        let wish =
            Wish { at: 1_002.0, fractions: vec![0.5], history: true, full_history: true, ..Wish::default() };
        let exceptions = b"1,a,b,c\r\n".to_vec();
        assert!(files.write(&numbers(200), &Wish { exceptions, ..wish.clone() }).is_empty());
        assert!(files.write(&numbers(2), &wish).is_empty());
        assert!(files.flush().is_empty());
        // A header each; then the names and the total, or nothing.
        assert_eq!((lines(&paths[0]), lines(&paths[1])), (1 + 3, 1 + 201 + 3));
        assert_eq!((lines(&paths[2]), lines(&paths[3])), (1, 1));
        assert!(files.write(&numbers(2), &Wish { history: false, ..wish }).is_empty());
        assert!(files.flush().is_empty());
        assert_eq!(lines(&paths[1]), 1 + 201 + 3);
    }

    #[test]
    fn a_disk_that_is_full_costs_that_file_only() {
        let (folder, mut paths) = Folder::new("full");
        paths[0] = "/dev/full".into();
        let mut files = CsvFiles::open(&paths, &headers()).unwrap();
        let wish = Wish { fractions: vec![0.5], history: true, ..Wish::default() };
        let failed = files.write(&numbers(3), &wish);
        assert_eq!(failed.iter().map(|(index, _)| *index).collect::<Vec<_>>(), [0]);
        assert_eq!(failed[0].1.kind(), io::ErrorKind::StorageFull);
        assert!(files.flush().is_empty());
        assert_eq!(lines(&folder.0.join("history")), 2);
    }
}
