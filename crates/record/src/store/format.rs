//! The bytes of a file.
//!
//! ```text
//! "GREGRUN1"   magic and version
//! u32          length of the head      (numbers: little endian)
//! u32          CRC-32 of the head
//! head         RunSummary as JSON, readable without the rest
//! u32          CRC-32 of the body
//! body         zstd of:  u32 length, JSON of tables and settings
//!                        u32 number of series, then each: u32 length, bytes of `Series` (the first is the total's)
//!                        of an open run: u32 length, bytes of `Series`: the other latency's
//! ```

use std::io::{self, Read as _};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::run::StoredRun;
use crate::classes::ClassCourse;
use crate::course::Course;
use crate::dto;
use crate::own::OwnCourse;
use crate::series::Series;

const MAGIC: &[u8; 8] = b"GREGRUN1";
/// A head is never longer.
pub(crate) const LONGEST_HEAD: usize = 64 << 10;
/// A body is never longer, unpacked.
pub(super) const LONGEST_BODY: u64 = 256 << 20;
/// Fast; a better one saves a tenth.
const LEVEL: i32 = 3;

/// Why bytes are not a run.
#[derive(Debug, thiserror::Error)]
pub enum FormatError {
    /// Something else.
    #[error("this is not a run of this version")]
    Magic,
    /// Not all is there.
    #[error("the file ends too early")]
    Short,
    /// Something has changed.
    #[error("the file is damaged: its check sum is wrong")]
    Crc,
    /// It cannot be packed or unpacked.
    #[error("what is packed is damaged: {0}")]
    Packed(#[from] io::Error),
    /// The tables are none, or would be none.
    #[error("the tables are damaged: {0}")]
    Json(#[from] serde_json::Error),
    /// The course is none.
    #[error("the file is damaged: the course of the run is not readable")]
    Series,
    /// The file cannot be read.
    #[error("the file cannot be read: {0}")]
    Unreadable(io::Error),
    /// It would not be read again.
    #[error("the run is too large: {0}")]
    TooLarge(&'static str),
}

impl FormatError {
    pub(crate) fn unreadable(error: io::Error) -> Self {
        Self::Unreadable(error)
    }
}

/// What stands in the body as JSON.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
struct Tables {
    info: Value,
    fractions: Vec<f64>,
    chart_fractions: Vec<f64>,
    elapsed: f64,
    names: Vec<dto::Name>,
    total: dto::Rows,
    rows: dto::Rows,
    errors: Vec<dto::Failure>,
    exceptions: Vec<dto::Exception>,
    phases: dto::Phases,
    thresholds: Vec<dto::Threshold>,
    verdict: dto::Verdict,
    arrivals: Option<dto::Arrivals>,
    measures: Vec<dto::Measure>,
    base: f64,
    began: f64,
    until: f64,
    stride: u32,
    names_stride: u32,
    generator: Vec<dto::Generator>,
    statuses: dto::Counts,
    classes: dto::ClassUsers,
    /// Whether the percentiles of the rows are exact.
    exact: bool,
}

/// A run's bytes, under that summary. An error rather than bytes that [`decode`] would not take.
pub fn encode(run: &StoredRun, summary: &dto::RunSummary) -> Result<Vec<u8>, FormatError> {
    let course = &run.course;
    let tables = Tables {
        info: run.info.clone(),
        fractions: run.fractions.clone(),
        chart_fractions: run.chart_fractions.clone(),
        elapsed: run.elapsed,
        names: run.names.clone(),
        total: run.total.clone(),
        rows: run.rows.clone(),
        errors: run.errors.clone(),
        exceptions: run.exceptions.clone(),
        phases: run.phases.clone(),
        thresholds: run.thresholds.clone(),
        verdict: run.verdict.clone(),
        arrivals: run.arrivals.clone(),
        measures: run.measures.clone(),
        base: course.base,
        began: course.began,
        until: course.until,
        stride: course.stride,
        names_stride: course.names_stride,
        generator: course.own.points().to_vec(),
        statuses: run.statuses.clone(),
        classes: course.classes.told().clone(),
        exact: true,
    };
    let mut body = Vec::new();
    block(&mut body, &serde_json::to_vec(&tables)?)?;
    number(&mut body, course.names.len() + 1)?;
    for series in [&course.total].into_iter().chain(&course.names) {
        block(&mut body, &series.to_bytes())?;
    }
    if !course.latency.is_empty() {
        block(&mut body, &course.latency.to_bytes())?;
    }
    if body.len() as u64 > LONGEST_BODY {
        return Err(FormatError::TooLarge("its tables and its course exceed 256 MiB"));
    }
    let packed = zstd::bulk::compress(&body, LEVEL)?;
    take_tables(&mut &body[..])?;
    let mut out = MAGIC.to_vec();
    put_head(&mut out, summary)?;
    out.extend_from_slice(&crc32fast::hash(&packed).to_le_bytes());
    out.extend_from_slice(&packed);
    Ok(out)
}

pub(super) fn number(out: &mut Vec<u8>, value: usize) -> Result<(), FormatError> {
    let value = u32::try_from(value).map_err(|_| FormatError::TooLarge("a part of it exceeds 4 GiB"))?;
    out.extend_from_slice(&value.to_le_bytes());
    Ok(())
}

pub(super) fn block(out: &mut Vec<u8>, bytes: &[u8]) -> Result<(), FormatError> {
    number(out, bytes.len())?;
    out.extend_from_slice(bytes);
    Ok(())
}

pub(super) fn take_number(bytes: &mut &[u8]) -> Result<u32, FormatError> {
    let (number, rest) = bytes.split_first_chunk::<4>().ok_or(FormatError::Short)?;
    *bytes = rest;
    Ok(u32::from_le_bytes(*number))
}

pub(super) fn take<'a>(bytes: &mut &'a [u8], length: u32) -> Result<&'a [u8], FormatError> {
    let (taken, rest) = bytes.split_at_checked(length as usize).ok_or(FormatError::Short)?;
    *bytes = rest;
    Ok(taken)
}

fn take_tables(bytes: &mut &[u8]) -> Result<Tables, FormatError> {
    let length = take_number(bytes)?;
    Ok(serde_json::from_slice(take(bytes, length)?)?)
}

fn take_head<'a>(bytes: &mut &'a [u8]) -> Result<&'a [u8], FormatError> {
    *bytes = bytes.strip_prefix(MAGIC).ok_or(FormatError::Magic)?;
    let length = take_number(bytes)?;
    if length as usize > LONGEST_HEAD {
        return Err(FormatError::Magic);
    }
    let crc = take_number(bytes)?;
    let head = take(bytes, length)?;
    if crc32fast::hash(head) == crc { Ok(head) } else { Err(FormatError::Crc) }
}

/// The summary alone, from the beginning of a file.
pub(crate) fn summary(mut bytes: &[u8]) -> Result<dto::RunSummary, FormatError> {
    Ok(serde_json::from_slice(take_head(&mut bytes)?)?)
}

/// The same file with other labels.
pub(super) fn labelled(bytes: &[u8], labels: &dto::Labels) -> Result<Vec<u8>, FormatError> {
    let mut rest = bytes;
    let mut summary: dto::RunSummary = serde_json::from_slice(take_head(&mut rest)?)?;
    labels.name.clone_into(&mut summary.name);
    labels.note.clone_into(&mut summary.note);
    summary.pinned = labels.pinned;
    let mut out = MAGIC.to_vec();
    put_head(&mut out, &summary)?;
    out.extend_from_slice(rest);
    Ok(out)
}

fn put_head(out: &mut Vec<u8>, summary: &dto::RunSummary) -> Result<(), FormatError> {
    let head = serde_json::to_vec(summary)?;
    // A number that is none, say, is written as a `null` from which no number can be read.
    serde_json::from_slice::<dto::RunSummary>(&head)?;
    if MAGIC.len() + 8 + head.len() > LONGEST_HEAD {
        return Err(FormatError::TooLarge("its summary exceeds 64 KiB"));
    }
    number(out, head.len())?;
    out.extend_from_slice(&crc32fast::hash(&head).to_le_bytes());
    out.extend_from_slice(&head);
    Ok(())
}

fn take_series(rest: &mut &[u8]) -> Result<Series, FormatError> {
    let length = take_number(rest)?;
    Series::from_bytes(take(rest, length)?).ok_or(FormatError::Series)
}

/// A run from its bytes.
pub fn decode(mut bytes: &[u8]) -> Result<StoredRun, FormatError> {
    let summary = serde_json::from_slice(take_head(&mut bytes)?)?;
    let crc = take_number(&mut bytes)?;
    if crc32fast::hash(bytes) != crc {
        return Err(FormatError::Crc);
    }
    let mut body = Vec::new();
    zstd::stream::read::Decoder::new(bytes)?.take(LONGEST_BODY).read_to_end(&mut body)?;
    let mut rest = &body[..];
    let tables = take_tables(&mut rest)?;
    let count = take_number(&mut rest)?;
    let mut all = Vec::new();
    for _ in 0..count {
        all.push(take_series(&mut rest)?);
    }
    let latency = if rest.is_empty() { Series::default() } else { take_series(&mut rest)? };
    let mut all = all.into_iter();
    let mut course = Course::new(tables.began);
    course.base = tables.base;
    course.until = tables.until;
    course.total = all.next().ok_or(FormatError::Series)?;
    course.latency = latency;
    course.stride = tables.stride.max(1);
    course.names_stride = tables.names_stride.max(1);
    course.names = all.collect();
    course.own = OwnCourse::from_points(tables.generator);
    course.classes = ClassCourse::from_told(tables.classes);
    course.know_longest(&tables.total);
    let mut run = StoredRun {
        summary,
        info: tables.info,
        fractions: tables.fractions,
        chart_fractions: tables.chart_fractions,
        elapsed: tables.elapsed,
        names: tables.names,
        total: tables.total,
        rows: tables.rows,
        errors: tables.errors,
        exceptions: tables.exceptions,
        phases: tables.phases,
        thresholds: tables.thresholds,
        verdict: tables.verdict,
        arrivals: tables.arrivals,
        measures: tables.measures,
        statuses: tables.statuses,
        course,
    };
    if !tables.exact {
        run.make_exact();
    }
    Ok(run)
}
