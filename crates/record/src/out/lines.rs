//! A file with a line for each request, or for a share of them.
//!
//! Whoever counts a request leaves it in a list; a thread takes the list and writes. If the disk does not keep up, lines are left out
//! and counted: nobody waits.

use std::fs::File;
use std::io::{self, BufWriter, Write};
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use flate2::Compression;
use flate2::write::GzEncoder;
use gregaria_report::{Cell, write_row};
use serde::Serialize;

/// Lines that may wait to be written.
const MOST: usize = 65_536;
/// So many are written at once, even if the thread was not to look yet.
const MANY: usize = 8_192;
/// How often the thread looks.
const OFTEN: Duration = Duration::from_millis(250);

/// What a line looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineForm {
    /// Comma, quotes where needed, CRLF; the first line names the columns.
    Csv,
    /// An object each.
    Json,
}

/// Columns of the CSV file, and keys of the objects.
pub const LINE_COLUMNS: [&str; 7] =
    ["time", "method", "name", "response_time_ms", "response_length", "status", "error"];

/// One request.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Line {
    /// When it began, unix seconds.
    pub time: f64,
    /// Method.
    pub method: Box<str>,
    /// Name.
    pub name: Box<str>,
    /// How long it took; `None` for one without a time.
    pub response_time_ms: Option<f64>,
    /// Bytes of the content.
    pub response_length: i64,
    /// Status of the response; 0 without one.
    pub status: u16,
    /// What went wrong.
    pub error: Option<Box<str>>,
}

#[derive(Debug, Default)]
struct State {
    lines: Vec<Line>,
    left_out: u64,
    closing: bool,
    broken: Option<String>,
    told: bool,
}

#[derive(Debug, Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A file and the thread that writes it.
#[derive(Debug)]
pub struct Lines {
    shared: Arc<Shared>,
    thread: Mutex<Option<JoinHandle<u64>>>,
    /// Share of the requests that did not fail, and how many of those there were.
    share: f64,
    seen: AtomicU64,
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Written {
    /// Lines in it, the heading apart.
    pub lines: u64,
    /// Lines for which there was no time, or no place.
    pub left_out: u64,
    /// The file could not be written on.
    pub broken: Option<String>,
}

impl Lines {
    /// Makes the file anew. `share`: of the requests that did not fail, above 0 and up to 1. A name that ends in `.gz` is packed.
    ///
    /// # Errors
    /// If there can be no such file, or no thread.
    pub fn create(path: &Path, form: LineForm, share: f64) -> io::Result<Self> {
        let file = BufWriter::with_capacity(1 << 16, File::create(path)?);
        let is_packed = path.extension().is_some_and(|ending| ending == "gz");
        let mut file = if is_packed {
            Sink::Packed(Box::new(GzEncoder::new(file, Compression::fast())))
        } else {
            Sink::Plain(file)
        };
        if form == LineForm::Csv {
            let mut heading = String::new();
            write_row(&mut heading, &LINE_COLUMNS.map(Cell::from));
            file.write_all(heading.as_bytes())?;
            file.flush()?;
        }
        let shared = Arc::<Shared>::default();
        let writer = Writer { shared: Arc::clone(&shared), file, form };
        let thread = std::thread::Builder::new().name("gregaria-lines".into()).spawn(move || writer.run())?;
        Ok(Self { shared, thread: Mutex::new(Some(thread)), share, seen: AtomicU64::new(0) })
    }

    /// Whether the next request is to have a line. Those that failed always have.
    pub fn wants(&self, failed: bool) -> bool {
        if failed || self.share >= 1.0 {
            return true;
        }
        let seen = self.seen.fetch_add(1, Ordering::Relaxed) as f64;
        (seen * self.share).floor() < ((seen + 1.0) * self.share).floor()
    }

    /// Has it written, without waiting.
    pub fn put(&self, line: Line) {
        let mut state = self.shared.lock();
        if state.lines.len() >= MOST || state.broken.is_some() || state.closing {
            state.left_out += 1;
            return;
        }
        state.lines.push(line);
        if state.lines.len() == MANY {
            self.shared.changed.notify_all();
        }
    }

    /// Writes what is left and closes the file.
    pub fn finish(&self) -> Written {
        self.shared.lock().closing = true;
        self.shared.changed.notify_all();
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        let lines = thread.and_then(|thread| thread.join().ok()).unwrap_or_default();
        let state = self.shared.lock();
        Written { lines, left_out: state.left_out, broken: state.broken.clone() }
    }

    /// What the user has to know, once.
    pub fn take_words(&self) -> Option<String> {
        let mut state = self.shared.lock();
        let broken = state.broken.clone().filter(|_| !state.told);
        state.told |= broken.is_some();
        broken
    }
}

enum Sink {
    Plain(BufWriter<File>),
    Packed(Box<GzEncoder<BufWriter<File>>>),
}

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        match self {
            Self::Plain(file) => file.write(bytes),
            Self::Packed(file) => file.write(bytes),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match self {
            Self::Plain(file) => file.flush(),
            // A packed file that is flushed each second is no smaller than a plain one.
            Self::Packed(_) => Ok(()),
        }
    }
}

impl Sink {
    fn close(self) -> io::Result<()> {
        match self {
            Self::Plain(mut file) => file.flush(),
            Self::Packed(file) => file.finish()?.flush(),
        }
    }
}

struct Writer {
    shared: Arc<Shared>,
    file: Sink,
    form: LineForm,
}

impl Writer {
    /// Writes until the end; how many lines.
    fn run(mut self) -> u64 {
        let mut written = 0;
        let mut text = String::new();
        let mut spare = Vec::new();
        loop {
            let closing = self.take(&mut spare);
            let count = spare.len() as u64;
            text.clear();
            for line in spare.drain(..) {
                self.lay_out(&mut text, &line);
            }
            match self.file.write_all(text.as_bytes()).and_then(|()| self.file.flush()) {
                Ok(()) => written += count,
                Err(error) => {
                    let mut state = self.shared.lock();
                    state.broken = Some(error.to_string());
                    state.left_out += count + state.lines.len() as u64;
                    state.lines.clear();
                    return written;
                }
            }
            if closing {
                break;
            }
        }
        if let Err(error) = self.file.close() {
            self.shared.lock().broken = Some(error.to_string());
        }
        written
    }

    /// Takes what waits; whether it is the last.
    fn take(&self, into: &mut Vec<Line>) -> bool {
        let state = self.shared.lock();
        let waiting = |state: &mut State| state.lines.len() < MANY && !state.closing;
        let waited = self.shared.changed.wait_timeout_while(state, OFTEN, waiting);
        let mut state = waited.unwrap_or_else(PoisonError::into_inner).0;
        std::mem::swap(&mut state.lines, into);
        state.closing
    }

    fn lay_out(&self, text: &mut String, line: &Line) {
        match self.form {
            LineForm::Json => {
                // Neither a number that is none nor a text can fail to be written.
                text.push_str(&serde_json::to_string(line).unwrap_or_default());
                text.push('\n');
            }
            LineForm::Csv => {
                let ms = line.response_time_ms.map_or_else(|| Cell::from(""), Cell::from);
                let cells = [
                    Cell::Text(format!("{:.6}", line.time)),
                    Cell::from(&*line.method),
                    Cell::from(&*line.name),
                    ms,
                    Cell::Int(line.response_length),
                    Cell::Int(line.status.into()),
                    Cell::from(line.error.as_deref().unwrap_or_default()),
                ];
                write_row(text, &cells);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read as _;

    fn line(name: &str, error: Option<&str>) -> Line {
        Line {
            time: 1_000.25,
            method: "GET".into(),
            name: name.into(),
            response_time_ms: Some(12.5),
            response_length: 42,
            status: 200,
            error: error.map(Into::into),
        }
    }

    #[test]
    fn a_line_has_what_a_request_had() {
        let folder = tempfile::tempdir().unwrap();
        let (csv, json) = (folder.path().join("a.csv"), folder.path().join("a.jsonl.gz"));
        for (path, form) in [(&csv, LineForm::Csv), (&json, LineForm::Json)] {
            let lines = Lines::create(path, form, 1.0).unwrap();
            lines.put(line("/a,b", None));
            lines.put(line("/c", Some("no\n\"way\"")));
            assert_eq!(lines.finish(), Written { lines: 2, left_out: 0, broken: None });
            // Too late.
            lines.put(line("/d", None));
            assert_eq!(lines.finish().left_out, 1);
        }
        assert_eq!(
            std::fs::read_to_string(csv).unwrap(),
            "time,method,name,response_time_ms,response_length,status,error\r\n\
             1000.250000,GET,\"/a,b\",12.5,42,200,\r\n\
             1000.250000,GET,/c,12.5,42,200,\"no\n\"\"way\"\"\"\r\n"
        );
        let mut text = String::new();
        flate2::read::GzDecoder::new(File::open(json).unwrap()).read_to_string(&mut text).unwrap();
        let objects: Vec<serde_json::Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        assert_eq!((&objects[0]["name"], &objects[1]["error"]), (&"/a,b".into(), &"no\n\"way\"".into()));
        assert!(LINE_COLUMNS.iter().all(|key| objects[0].get(key).is_some()));
    }

    #[test]
    fn a_share_is_that_share_and_failures_are_all_there() {
        let folder = tempfile::tempdir().unwrap();
        let lines = Lines::create(&folder.path().join("a"), LineForm::Csv, 0.1).unwrap();
        assert_eq!((0..1_000).filter(|_| lines.wants(false)).count(), 100);
        assert_eq!((0..10).filter(|_| lines.wants(true)).count(), 10);
    }

    #[test]
    fn a_full_disk_costs_lines_and_nothing_else() {
        let full = Path::new("/dev/full");
        if !full.exists() {
            return;
        }
        // The heading is the first that has no room.
        assert!(Lines::create(full, LineForm::Csv, 1.0).is_err());
        let lines = Lines::create(full, LineForm::Json, 1.0).unwrap();
        for _ in 0..100_000 {
            lines.put(line("/", None));
        }
        let written = lines.finish();
        assert_eq!((written.lines, written.left_out), (0, 100_000));
        assert!(written.broken.is_some() && lines.take_words().is_some() && lines.take_words().is_none());
    }
}
