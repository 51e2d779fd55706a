//! Open runs as Python begins, changes and ends them.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use gregaria_engine::arrivals::{Lane, Pattern, Pool, Profile, Schedule, Share};
use gregaria_record::Delays;
use gregaria_wake::Awake;
use pyo3::exceptions::PyValueError;
use pyo3::intern;
use pyo3::prelude::*;
use pyo3::types::PyDict;

use super::latency::Book;
use super::{IS_ON, Open, RUN, with};
use crate::gevent::Bridge;
use crate::user::after;

/// Open runs of this process.
static RUNS: AtomicU64 = AtomicU64::new(0);

/// Looks at the arrivals anew, in the next turn of the hub.
fn look_again(py: Python<'_>) -> PyResult<()> {
    Bridge::current(py)?.arrive_soon();
    Ok(())
}

fn read(text: &str) -> PyResult<Profile> {
    Profile::parse(text).map_err(|wrong| PyValueError::new_err(wrong.to_string()))
}

/// Of a lane: empty, if nothing arrives before its rate is changed.
fn profile_of(rate: &str) -> PyResult<Profile> {
    if rate.is_empty() { Ok(Profile::constant(0.0)) } else { read(rate) }
}

/// The highest rate that a text asks for, and after how many seconds it is over (None: never). Errors: ValueError, with the place marked,
/// if it is no rate.
#[pyfunction]
fn check_arrival_rate(text: &str) -> PyResult<(f64, Option<f64>)> {
    let profile = read(text)?;
    Ok((profile.highest(), profile.ends_at()))
}

/// The corners of the curve that a text asks for, as (seconds, rate); one without an end goes on as the last is. Errors: ValueError, if it
/// is no rate.
#[pyfunction]
fn arrival_corners(text: &str) -> PyResult<Vec<(f64, f64)>> {
    Ok(read(text)?.corners())
}

/// How many arrive within so many seconds at the rate that a text asks for, and parts of one. Errors: ValueError, if it is no rate.
#[pyfunction]
fn arrivals_until(text: &str, seconds: f64) -> PyResult<f64> {
    Ok(read(text)?.arrivals_until(seconds))
}

/// Begins an open run. `lanes`: each a rate, and the names and weights of the classes that share it. `most`: users at a time. `seed`: of a
/// Poisson process; None: at even distances. `start`: called with the classes of which users are to be started. `elapsed`: since the
/// begin, when it began elsewhere. `share`: from how many seconds after the begin on arrivals are this process's, its number,
/// and the count of processes. `reads_intended`: whether statistics count the time since the intended start. `keep_awake`: whether idle processors are
/// kept awake until the end. Whether they are: the system may have no way to, or not let this user. Errors: ValueError if a rate is none.
#[expect(clippy::too_many_arguments, reason = "named in Python")]
#[pyfunction]
#[pyo3(signature = (lanes, most, seed, start, elapsed=0.0, share=None, reads_intended=true, keep_awake=false))]
fn begin_open_run(
    py: Python<'_>,
    lanes: Vec<(String, Vec<(String, f64)>)>,
    most: usize,
    seed: Option<u64>,
    start: Py<PyAny>,
    elapsed: f64,
    share: Option<(f64, u64, u64)>,
    reads_intended: bool,
    keep_awake: bool,
) -> PyResult<bool> {
    let pattern = seed.map_or(Pattern::Constant, |seed| Pattern::Poisson { seed });
    let mut classes: Vec<String> = Vec::new();
    let mut made = Vec::with_capacity(lanes.len());
    for (rate, members) in lanes {
        let mut numbers = Vec::with_capacity(members.len());
        for (name, weight) in members {
            numbers.push((classes.len(), weight));
            classes.push(name);
        }
        let mut schedule = Schedule::new(profile_of(&rate)?, pattern);
        if let Some((from, index, of)) = share {
            // What was due before is others' to have begun.
            let block = schedule.block_at(from);
            schedule.share_from(0, Share::NONE);
            schedule.share_from(block, Share { index, of });
        }
        made.push(Lane::new(schedule, &numbers));
    }
    let now = Instant::now();
    let origin = now.checked_sub(after(now, elapsed) - now).unwrap_or(now);
    let pool = Pool::new(made, classes.len(), most, origin);
    let number = RUNS.fetch_add(1, Ordering::Relaxed);
    let awake = if keep_awake { Awake::keep().ok() } else { None };
    let is_awake = awake.is_some();
    let run = Open {
        number,
        pool,
        origin,
        counts_from: origin,
        classes,
        start,
        late: 0,
        delays: Delays::default(),
        most_users: 0,
        most_lately: 0,
        book: Book::open(reads_intended),
        _awake: awake,
    };
    drop(RUN.with(|place| place.borrow_mut().replace(Box::new(run))));
    IS_ON.store(true, Ordering::Relaxed);
    look_again(py)?;
    Ok(is_awake)
}

/// From that many seconds after the begin on, arrivals are those of process number `index` of so many.
#[pyfunction]
fn share_open_run(py: Python<'_>, seconds: f64, index: u64, of: u64) -> PyResult<()> {
    with(|open| {
        for lane in open.pool.lanes_mut() {
            let block = lane.schedule().block_at(seconds);
            lane.schedule_mut().share_from(block, Share { index, of });
        }
    });
    look_again(py)
}

/// From that many seconds after the begin on, the rate is so many per second: of the first lane.
#[pyfunction]
fn change_arrival_rate(py: Python<'_>, seconds: f64, per_second: f64) -> PyResult<()> {
    with(|open| {
        if let Some(lane) = open.pool.lanes_mut().first_mut() {
            lane.schedule_mut().change_rate(seconds, per_second);
        }
    });
    look_again(py)
}

/// So many users at a time, from now on. None is ended for it.
#[pyfunction]
fn limit_open_run(most: usize) {
    with(|open| open.pool.set_most(most));
}

/// A user of this class was to be started, and could not.
#[pyfunction]
fn could_not_start(class: &str) {
    with(|open| {
        if let Some(class) = open.classes.iter().position(|name| name == class) {
            open.pool.failed_to_start(class);
        }
    });
}

/// Seconds since the begin; None: there is no open run.
#[pyfunction]
fn open_run_elapsed() -> Option<f64> {
    with(|open| open.origin.elapsed().as_secs_f64())
}

/// What has become of the arrivals until now; None: there is no open run.
#[pyfunction]
fn open_run_totals(py: Python<'_>) -> PyResult<Option<Bound<'_, PyDict>>> {
    let known = with(|open| {
        let rate = if open.pool.is_over() { 0.0 } else { open.pool.rate_at(Instant::now()) };
        (open.pool.totals(), open.late, open.delays, rate, open.most_users)
    });
    let Some((totals, late, delays, rate, most_users)) = known else { return Ok(None) };
    let dict = PyDict::new(py);
    dict.set_item(intern!(py, "due"), totals.due)?;
    dict.set_item(intern!(py, "begun"), totals.begun)?;
    dict.set_item(intern!(py, "late"), late)?;
    dict.set_item(intern!(py, "dropped"), totals.dropped)?;
    dict.set_item(intern!(py, "waiting"), totals.waiting)?;
    dict.set_item(intern!(py, "rate"), rate)?;
    dict.set_item(intern!(py, "most_users"), most_users)?;
    dict.set_item(intern!(py, "delays"), delays.counts.to_vec())?;
    dict.set_item(intern!(py, "delay_sum"), delays.nanos as f64 / 1e6)?;
    dict.set_item(intern!(py, "delay_max"), delays.most_nanos as f64 / 1e6)?;
    Ok(Some(dict))
}

/// Most users at a time since this was last asked: a master whose numbers have begun anew adds them up.
#[pyfunction]
fn open_run_most_lately() -> usize {
    with(|open| std::mem::replace(&mut open.most_lately, open.pool.users())).unwrap_or(0)
}

/// What has become of arrivals counts from zero, and so do latencies: statistics have been reset.
#[pyfunction]
fn count_open_run_anew() {
    with(|open| {
        open.pool.count_anew();
        open.counts_from = Instant::now();
        (open.late, open.delays) = (0, Delays::default());
        open.most_users = open.pool.users();
        open.most_lately = open.most_users;
        open.book.count_anew();
    });
}

/// How many arrivals one process of several had after `from`, until its share became others' at `until`, in seconds since the begin.
/// `rates`: of each lane. `seed` as for `begin_open_run`. `shares`: from when on, which number, of how many. `changes` of the first
/// lane's rate. Errors: ValueError if a rate is none.
#[pyfunction]
fn count_arrivals(
    rates: Vec<String>,
    seed: Option<u64>,
    shares: Vec<(f64, u64, u64)>,
    changes: Vec<(f64, f64)>,
    from: f64,
    until: f64,
) -> PyResult<u64> {
    let pattern = seed.map_or(Pattern::Constant, |seed| Pattern::Poisson { seed });
    let shares: Vec<(f64, Share)> =
        shares.into_iter().map(|(begin, index, of)| (begin, Share { index, of })).collect();
    let mut count = 0;
    for (lane, rate) in rates.iter().enumerate() {
        let mut schedule = Schedule::new(profile_of(rate)?, pattern);
        for &(at, per_second) in changes.iter().filter(|_| lane == 0) {
            schedule.change_rate(at, per_second);
        }
        count += schedule.count(&shares, from, until);
    }
    Ok(count)
}

/// Whether all stages of the rate are over, and all that was to begin has begun or was dropped.
#[pyfunction]
fn open_run_is_through() -> bool {
    with(|open| open.pool.is_through()).unwrap_or(true)
}

/// No more iterations begin; what waits for a user is dropped. What has begun goes on.
#[pyfunction]
fn end_open_run(py: Python<'_>) -> PyResult<()> {
    with(|open| open.pool.end(Instant::now()));
    look_again(py)
}

/// The open run is over, and its users have ended: others are users of closed runs.
#[pyfunction]
fn forget_open_run(py: Python<'_>) -> PyResult<()> {
    IS_ON.store(false, Ordering::Relaxed);
    let run = RUN.with(|place| place.borrow_mut().take());
    drop(run);
    Book::close();
    look_again(py)
}

pub(in crate::user) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    super::latency::register(m)?;
    m.add_function(wrap_pyfunction!(check_arrival_rate, m)?)?;
    m.add_function(wrap_pyfunction!(arrival_corners, m)?)?;
    m.add_function(wrap_pyfunction!(arrivals_until, m)?)?;
    m.add_function(wrap_pyfunction!(begin_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(share_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(change_arrival_rate, m)?)?;
    m.add_function(wrap_pyfunction!(limit_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(could_not_start, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_elapsed, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_totals, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_most_lately, m)?)?;
    m.add_function(wrap_pyfunction!(open_run_is_through, m)?)?;
    m.add_function(wrap_pyfunction!(count_open_run_anew, m)?)?;
    m.add_function(wrap_pyfunction!(count_arrivals, m)?)?;
    m.add_function(wrap_pyfunction!(end_open_run, m)?)?;
    m.add_function(wrap_pyfunction!(forget_open_run, m)?)
}
