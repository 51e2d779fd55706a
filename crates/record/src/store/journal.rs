//! A run that goes on, as it is written down second by second: what is left of it if the program is killed.
//!
//! ```text
//! "GREGJRN1"   magic and version
//! then pieces: u32 length, u32 CRC-32, bytes      (numbers: little endian)
//! the first    the run as it was when this file was begun, as in `format.rs`
//! the others   zstd of:  u32 length, JSON of what has changed since the piece before
//!                        u32 number of series that grew, then each:
//!                            u32 which (0: the total's, then those of the names, the other latency's last), u32 length, bytes for `Series::follow`
//! ```
//!
//! Whatever was not written to its end is cut off by the reader, so what is there counts up to the last whole piece.

use std::collections::HashMap;
use std::hash::Hash;
use std::io::Read as _;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::format::{FormatError, LONGEST_BODY, block, decode, encode, number, take, take_number};
use super::run::{StoredRun, summary};
use crate::course::Course;
use crate::dto;
use crate::run::Run;
use crate::series::{Mark, Series};
use crate::status::HostStatus;

const MAGIC: &[u8; 8] = b"GREGJRN1";
/// Fast: this is done once a second.
const LEVEL: i32 = 1;
/// Names that have courses in a journal; a file may not make its reader take any amount of memory.
const MOST_NAMES: usize = 1 << 20;
/// Which series the other latency's is.
const LATENCY: u32 = MOST_NAMES as u32 + 1;

/// What happened to a run since the piece before.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct Change {
    summary: dto::RunSummary,
    /// If others are known now.
    info: Option<Value>,
    elapsed: f64,
    until: f64,
    names: Vec<dto::Name>,
    total: dto::Rows,
    rows: dto::Rows,
    errors: Vec<dto::Failure>,
    exceptions: Option<Vec<dto::Exception>>,
    phases: dto::Phases,
    thresholds: Vec<dto::Threshold>,
    verdict: dto::Verdict,
    arrivals: Option<dto::Arrivals>,
    measures: Vec<dto::Measure>,
    /// The newest points: in place of those that are not older.
    generator: Vec<dto::Generator>,
    statuses: dto::Counts,
    /// The newest changes: in place of those that are not older.
    classes: dto::ClassUsers,
    /// 0: the total's; then those of the names.
    #[serde(skip)]
    series: Vec<(u32, Vec<u8>)>,
}

/// How far the courses of a run have been written.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    total: Mark,
    latency: Mark,
    names: Vec<Mark>,
    /// Begin of the newest point of what the program saw of itself.
    own: f64,
    /// Newest change of the users of each class.
    classes: f64,
}

impl Marks {
    /// All of it.
    pub(crate) fn of(course: &Course) -> Self {
        let names = course.names.iter().map(Series::mark).collect();
        Self {
            total: course.total.mark(),
            latency: course.latency.mark(),
            names,
            own: course.own.newest(),
            classes: course.classes.newest(),
        }
    }

    /// What has grown since; all of it is marked then.
    fn follow(&mut self, course: &Course) -> Vec<(u32, Vec<u8>)> {
        let mut grown = Vec::new();
        self.names.resize_with(course.names.len().max(self.names.len()), Mark::default);
        let all = [&course.total].into_iter().chain(&course.names).take(MOST_NAMES);
        for ((series, mark), which) in all.zip([&mut self.total].into_iter().chain(&mut self.names)).zip(0..)
        {
            if let Some(tail) = series.since(*mark) {
                *mark = series.mark();
                grown.push((which, tail));
            }
        }
        if let Some(tail) = course.latency.since(self.latency) {
            self.latency = course.latency.mark();
            grown.push((LATENCY, tail));
        }
        self.own = course.own.newest();
        self.classes = course.classes.newest();
        grown
    }
}

impl Change {
    /// What has happened since the look `since`, at which the courses were as far as `marks` says.
    pub(crate) fn of(run: &Run, status: &HostStatus, now: f64, since: u64, marks: &mut Marks) -> Self {
        let mirror = &run.mirror;
        Self {
            summary: summary(run, status, now),
            info: None,
            elapsed: mirror.elapsed(),
            until: run.course.until,
            names: mirror.names_since(since),
            total: mirror.total_row(),
            rows: mirror.rows_since(since),
            errors: mirror.errors_since(since),
            exceptions: None,
            phases: mirror.phases(since),
            thresholds: run.thresholds(),
            verdict: run.verdict(),
            arrivals: run.arrivals().cloned(),
            measures: mirror.measures(),
            generator: run.course.own.since(marks.own).to_vec(),
            statuses: mirror.statuses(),
            classes: run.course.classes.since(marks.classes),
            series: marks.follow(&run.course),
        }
    }

    /// Exceptions, and parameters and environment, are these now.
    pub(crate) fn with(self, exceptions: Option<Vec<dto::Exception>>, info: Option<Value>) -> Self {
        Self { info, exceptions, ..self }
    }

    fn to_bytes(&self) -> Result<Vec<u8>, FormatError> {
        let mut plain = Vec::new();
        block(&mut plain, &serde_json::to_vec(self)?)?;
        number(&mut plain, self.series.len())?;
        for (which, tail) in &self.series {
            number(&mut plain, *which as usize)?;
            block(&mut plain, tail)?;
        }
        Ok(plain)
    }

    fn from_bytes(mut bytes: &[u8]) -> Result<Self, FormatError> {
        let rest = &mut bytes;
        let length = take_number(rest)?;
        let mut change: Self = serde_json::from_slice(take(rest, length)?)?;
        for _ in 0..take_number(rest)? {
            let which = take_number(rest)?;
            let length = take_number(rest)?;
            change.series.push((which, take(rest, length)?.to_vec()));
        }
        Ok(change)
    }
}

/// How a journal begins: with the run as it is.
pub fn begin(run: &StoredRun) -> Result<Vec<u8>, FormatError> {
    let mut bytes = MAGIC.to_vec();
    piece(&mut bytes, &encode(run, &run.summary)?)?;
    Ok(bytes)
}

/// The piece for a change. An error rather than one that [`read`] would not take: it would take nothing of what follows, either.
pub(crate) fn next(change: &Change) -> Result<Vec<u8>, FormatError> {
    let plain = change.to_bytes()?;
    Change::from_bytes(&plain)?;
    change_of(&plain)
}

/// The piece of a change that is bytes already, whatever they are.
pub fn change_of(plain: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut bytes = Vec::new();
    piece(&mut bytes, &zstd::bulk::compress(plain, LEVEL)?)?;
    Ok(bytes)
}

fn piece(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), FormatError> {
    number(out, bytes.len())?;
    out.extend_from_slice(&crc32fast::hash(bytes).to_le_bytes());
    out.extend_from_slice(bytes);
    Ok(())
}

fn take_piece<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], FormatError> {
    let length = take_number(bytes)?;
    let crc = take_number(bytes)?;
    let piece = take(bytes, length)?;
    if crc32fast::hash(piece) == crc { Ok(piece) } else { Err(FormatError::Crc) }
}

/// What is left of a run, up to the last whole piece: it was cut off.
///
/// # Errors
/// If not even its first piece is whole.
pub fn read(mut bytes: &[u8]) -> Result<StoredRun, FormatError> {
    let rest = &mut bytes;
    *rest = rest.strip_prefix(MAGIC).ok_or(FormatError::Magic)?;
    let mut reader = Reader::new(decode(take_piece(rest)?)?);
    while let Ok(piece) = take_piece(rest) {
        let Ok(change) = unpack(piece).and_then(|plain| Change::from_bytes(&plain)) else { break };
        if reader.take(change).is_none() {
            break;
        }
    }
    let mut run = reader.run;
    run.summary.cut_off = true;
    Ok(run)
}

fn unpack(piece: &[u8]) -> Result<Vec<u8>, FormatError> {
    let mut plain = Vec::new();
    zstd::stream::read::Decoder::new(piece)?.take(LONGEST_BODY).read_to_end(&mut plain)?;
    Ok(plain)
}

/// The run as far as it was read.
struct Reader {
    run: StoredRun,
    rows: HashMap<i32, usize>,
    phases: HashMap<i32, usize>,
    errors: HashMap<String, usize>,
}

/// The place of each key.
fn places<K: Hash + Eq>(keys: impl IntoIterator<Item = K>) -> HashMap<K, usize> {
    keys.into_iter().zip(0..).collect()
}

impl Reader {
    fn new(run: StoredRun) -> Self {
        Self {
            rows: places(run.rows.id.iter().copied()),
            phases: places(run.phases.id.iter().copied()),
            errors: places(run.errors.iter().map(|error| error.key.clone())),
            run,
        }
    }

    /// Takes a change in. `None`: it is none, and the run is to be taken as it was.
    fn take(&mut self, change: Change) -> Option<()> {
        let run = &mut self.run;
        // All of it is looked at before any of it is taken.
        if !rows_fit(&run.rows, &change.rows) || !phases_fit(&change.phases) {
            return None;
        }
        let mut least = 0;
        for (which, tail) in &change.series {
            let fits = match (*which as usize).checked_sub(1) {
                _ if *which == LATENCY => run.course.latency.fits(tail),
                None => run.course.total.fits(tail),
                Some(name) => match run.course.names.get(name) {
                    Some(series) => series.fits(tail),
                    None => name < MOST_NAMES && Series::default().fits(tail),
                },
            };
            if !fits || *which < least {
                return None;
            }
            least = which.checked_add(1)?;
        }
        for (which, tail) in &change.series {
            let series = match (*which as usize).checked_sub(1) {
                _ if *which == LATENCY => &mut run.course.latency,
                None => &mut run.course.total,
                Some(name) => {
                    let count = run.course.names.len().max(name + 1);
                    run.course.names.resize_with(count, Series::default);
                    &mut run.course.names[name]
                }
            };
            series.follow(tail)?;
        }
        (run.summary, run.elapsed, run.course.until) = (change.summary, change.elapsed, change.until);
        (run.total, run.thresholds, run.verdict) = (change.total, change.thresholds, change.verdict);
        (run.arrivals, run.measures, run.statuses) = (change.arrivals, change.measures, change.statuses);
        run.names.extend(change.names);
        put_rows(&mut run.rows, change.rows, &mut self.rows);
        put_phases(&mut run.phases, change.phases, &mut self.phases);
        run.course.own.follow(change.generator);
        run.course.classes.follow(&change.classes);
        run.course.know_longest(&run.total);
        for error in change.errors {
            let place = *self.errors.entry(error.key.clone()).or_insert(run.errors.len());
            put(&mut run.errors, place, error);
        }
        if let Some(exceptions) = change.exceptions {
            run.exceptions = exceptions;
        }
        if let Some(info) = change.info {
            run.info = info;
        }
        Some(())
    }
}

/// In its place, or as the last.
fn put<T>(column: &mut Vec<T>, place: usize, value: T) {
    match column.get_mut(place) {
        Some(old) => *old = value,
        None => column.push(value),
    }
}

/// Puts a column's values in their places.
fn put_all<T>(column: &mut Vec<T>, places: &[usize], values: Vec<T>) {
    for (&place, value) in places.iter().zip(values) {
        put(column, place, value);
    }
}

/// Finds the places of these, behind all others for new ones.
fn find(known: &mut HashMap<i32, usize>, count: usize, ids: &[i32]) -> Vec<usize> {
    let mut next = count;
    let place = |id: &i32| {
        *known.entry(*id).or_insert_with(|| {
            next += 1;
            next - 1
        })
    };
    ids.iter().map(place).collect()
}

/// Whether all columns have a value for each row, and there are as many as before.
fn rows_fit(old: &dto::Rows, new: &dto::Rows) -> bool {
    let dto::Rows { id, requests, failures, avg, min, max, size, rps, fps, percentiles } = new;
    let whole = [avg, min, max, size, rps, fps].iter().all(|column| column.len() == id.len());
    whole
        && [requests, failures].iter().all(|column| column.len() == id.len())
        && percentiles.iter().all(|column| column.len() == id.len())
        && (percentiles.len() == old.percentiles.len() || old.id.is_empty() || id.is_empty())
}

fn put_rows(rows: &mut dto::Rows, new: dto::Rows, known: &mut HashMap<i32, usize>) {
    let places = find(known, rows.id.len(), &new.id);
    put_all(&mut rows.id, &places, new.id);
    put_all(&mut rows.requests, &places, new.requests);
    put_all(&mut rows.failures, &places, new.failures);
    put_all(&mut rows.avg, &places, new.avg);
    put_all(&mut rows.min, &places, new.min);
    put_all(&mut rows.max, &places, new.max);
    put_all(&mut rows.size, &places, new.size);
    put_all(&mut rows.rps, &places, new.rps);
    put_all(&mut rows.fps, &places, new.fps);
    if rows.percentiles.len() < new.percentiles.len() {
        rows.percentiles.resize_with(new.percentiles.len(), Vec::new);
    }
    for (column, values) in rows.percentiles.iter_mut().zip(new.percentiles) {
        put_all(column, &places, values);
    }
}

fn phases_fit(new: &dto::Phases) -> bool {
    let dto::Phases {
        id,
        method,
        name,
        count,
        blocked,
        queue,
        dns,
        connect,
        tls,
        send,
        wait,
        receive,
        times: _,
    } = new;
    let whole = [blocked, queue, dns, connect, tls, send, wait, receive];
    whole.iter().all(|column| column.len() == id.len())
        && (count.len(), method.len(), name.len()) == (id.len(), id.len(), id.len())
}

fn put_phases(phases: &mut dto::Phases, new: dto::Phases, known: &mut HashMap<i32, usize>) {
    let places = find(known, phases.id.len(), &new.id);
    put_all(&mut phases.id, &places, new.id);
    put_all(&mut phases.method, &places, new.method);
    put_all(&mut phases.name, &places, new.name);
    put_all(&mut phases.count, &places, new.count);
    put_all(&mut phases.blocked, &places, new.blocked);
    put_all(&mut phases.queue, &places, new.queue);
    put_all(&mut phases.dns, &places, new.dns);
    put_all(&mut phases.connect, &places, new.connect);
    put_all(&mut phases.tls, &places, new.tls);
    put_all(&mut phases.send, &places, new.send);
    put_all(&mut phases.wait, &places, new.wait);
    put_all(&mut phases.receive, &places, new.receive);
    phases.times = new.times;
}

#[cfg(test)]
mod tests;
