//! The block at the foot of a terminal that shows how a run goes: figures in, lines out.
//!
//! Words and precision are the page's ([`crate::figures`], `docs/quantities.md`); the tables that Locust prints are in
//! [`crate::stats_lines`] and know nothing of this.

mod cells;

pub use cells::Look;

use crate::cells::{clean, fit, width};
use crate::figures::{NONE, count, millis_with_unit, percent, rate};
use crate::thresholds::Threshold;
use cells::{Line, Style};

/// Most names that a block has room for.
pub const MOST_NAMES: usize = 6;
/// Most lines of a block; it never takes more than half of the terminal.
const MOST_LINES: usize = 18;
/// Thresholds that are told of one by one.
const MOST_BROKEN: usize = 3;
/// Eyes do not follow longer lines.
const MOST_COLUMNS: usize = 120;
/// A smaller terminal has no block.
const FEWEST: (usize, usize) = (4, 16);

/// The figures of a name, or of all.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveRow {
    /// Method and name.
    pub label: String,
    /// Requests since the statistics began.
    pub requests: u64,
    /// Failed ones.
    pub failures: u64,
    /// Requests per second: at present, or of a run that is over.
    pub rps: f64,
    /// Median, ms.
    pub p50: Option<f64>,
    /// 95th percentile, ms.
    pub p95: Option<f64>,
}

/// What the block shows.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct LiveBlock {
    /// Locust's word for the state.
    pub state: String,
    /// Whether a run has begun and ended.
    pub over: bool,
    /// Name of the script.
    pub script: Option<String>,
    /// Base URL of the system under test.
    pub host: Option<String>,
    /// Name of the shape class.
    pub shape: Option<String>,
    /// Seconds since the run began, or how long it was.
    pub elapsed: Option<f64>,
    /// Length wanted, in seconds.
    pub run_time: Option<f64>,
    /// Seconds until the end of a warm-up, of which nothing is among the figures; `None`: there is none, or it is over.
    pub warm_up_left: Option<f64>,
    /// Users that run.
    pub users: u64,
    /// Users wanted.
    pub target: Option<u64>,
    /// Workers that are there, and all that are known; `None`: there are none to be.
    pub workers: Option<(u64, u64)>,
    /// Iterations of an open run that were to begin, and those that were dropped.
    pub arrivals: Option<(u64, u64)>,
    /// All requests.
    pub total: LiveRow,
    /// The slowest names by their 95th percentile, at most [`MOST_NAMES`].
    pub slowest: Vec<LiveRow>,
    /// How many names there are.
    pub names: usize,
    /// How the thresholds stand.
    pub thresholds: Vec<Threshold>,
    /// What speaks against the numbers, in a sentence.
    pub warning: Option<String>,
    /// Address of the page.
    pub page: Option<String>,
    /// Whether keys are listened to.
    pub keys: bool,
}

/// The lines, each narrower than the terminal; none where there is no room for any. The first is empty where there is room: what is
/// written above keeps its distance.
pub fn block_lines(block: &LiveBlock, look: &Look) -> Vec<String> {
    if look.rows < FEWEST.0 || look.columns < FEWEST.1 {
        return Vec::new();
    }
    let look = &Look { columns: look.columns.min(MOST_COLUMNS), ..*look };
    let most = (look.rows / 2).min(MOST_LINES);
    let figures = flow(figures(block), block.total.requests, look);
    let bar = bar(block, look);
    let mut above = vec![head(block, look)];
    above.extend(bar);
    above.extend(figures);
    if above.len() >= most {
        // In one line, the most important first.
        above = if most < 3 { vec![short(block)] } else { above[..most].to_vec() };
        return above.iter().map(|line| line.shown(look)).collect();
    }
    let mut left = most - above.len() - 1;
    let mut take = |lines: Vec<Line>, most: usize| {
        let taken: Vec<Line> = lines.into_iter().take(most.min(left)).collect();
        left -= taken.len();
        taken
    };
    // What is wrong first, then what can be done, the slowest names, and what is right.
    let (mut wrong, right) = thresholds(block, look);
    wrong = take(wrong, 1 + MOST_BROKEN);
    let warning = take(warning(block, look), 1);
    let keys = take(keys(block), 1);
    let names = take(names(block, look), MOST_NAMES + 1);
    // A heading alone says nothing.
    let names = if names.len() < 2 { Vec::new() } else { names };
    let right = take(right, MOST_BROKEN);
    let first = [Line::default()].into_iter().chain(above);
    let all = first.chain(names).chain(wrong).chain(right).chain(warning).chain(keys);
    all.map(|line| line.shown(look)).collect()
}

fn state_style(block: &LiveBlock) -> Style {
    match &*block.state {
        "running" => Style::Good,
        "spawning" => Style::Accent,
        "stopping" | "cleanup" | "missing" => Style::Warn,
        _ => Style::Dim,
    }
}

fn dot(look: &Look) -> &'static str {
    if look.unicode { " · " } else { " - " }
}

/// State, script and target; at the right how long it goes on.
fn head(block: &LiveBlock, look: &Look) -> Line {
    let mut line = Line::of(Style::Bold, " ").and(state_style(block), block.state.clone());
    if let Some(left) = block.warm_up_left {
        line = line.and(Style::Warn, format!("{}warm-up, {} left", dot(look), clock(left.ceil())));
    }
    for text in [&block.script, &block.shape, &block.host].into_iter().flatten() {
        line = line.and(Style::Dim, format!("{}{}", dot(look), clean(text, look.unicode)));
    }
    let Some(elapsed) = block.elapsed else { return line };
    let limit = block.run_time.map_or(String::new(), |limit| format!(" / {}", clock(limit)));
    let right = Line::of(Style::Bold, clock(elapsed)).and(Style::Dim, limit);
    ends(line, right, look)
}

/// Both ends of a line; the left one gives way.
fn ends(left: Line, right: Line, look: &Look) -> Line {
    let left = left.cut(look.columns.saturating_sub(3 + right.width()), look.unicode);
    let gap = look.columns.saturating_sub(1 + left.width() + right.width());
    left.and(Style::Plain, " ".repeat(gap)).join(right)
}

/// How much of the run is over.
fn bar(block: &LiveBlock, look: &Look) -> Option<Line> {
    let (elapsed, limit) = (block.elapsed?, block.run_time.filter(|limit| *limit > 0.0)?);
    let done = if block.over { 1.0 } else { (elapsed / limit).clamp(0.0, 1.0) };
    let left = (limit - elapsed).max(0.0).ceil();
    let says = match (block.over, left > 0.0) {
        (true, _) => " over".to_owned(),
        (false, true) => format!(" {}%{}{} left", (done * 100.0).floor(), dot(look), clock(left)),
        (false, false) => " 100%".to_owned(),
    };
    let columns = look.columns.saturating_sub(2 + width(&says));
    let full = ((done * columns as f64).floor() as usize).min(columns);
    let (filled, rest) = if look.unicode { ("━", "─") } else { ("#", "-") };
    Some(
        Line::of(Style::Plain, " ")
            .and(Style::Accent, filled.repeat(full))
            .and(Style::Dim, rest.repeat(columns - full))
            .and(Style::Plain, says),
    )
}

fn time(ms: Option<f64>) -> String {
    ms.map_or_else(|| NONE.to_owned(), millis_with_unit)
}

fn figures(block: &LiveBlock) -> Vec<Line> {
    let figure =
        |name: &str, value: String, style: Style| Line::of(Style::Dim, format!("{name} ")).and(style, value);
    let total = &block.total;
    let users = match block.target.filter(|target| *target != block.users && !block.over) {
        Some(target) => format!("{} / {}", count(block.users), count(target)),
        None => count(block.users),
    };
    let failed = if total.failures > 0 { Style::Bad } else { Style::Bold };
    let share = if total.requests > 0 { total.failures as f64 / total.requests as f64 } else { 0.0 };
    let mut all = vec![
        figure("Users", users, Style::Bold),
        figure(if block.over { "Avg RPS" } else { "RPS" }, rate(total.rps), Style::Bold),
        figure("Failures", format!("{} ({})", count(total.failures), percent(share)), failed),
        figure("p50", time(total.p50), Style::Bold),
        figure("p95", time(total.p95), Style::Bold),
    ];
    if let Some((present, known)) = block.workers {
        let (text, style) = if present < known {
            (format!("{} / {}", count(present), count(known)), Style::Bad)
        } else {
            (count(present), if present == 0 { Style::Warn } else { Style::Bold })
        };
        all.insert(1, figure("Workers", text, style));
    }
    if let Some((due, dropped)) = block.arrivals {
        all.push(figure("Arrivals", count(due), Style::Bold));
        if dropped > 0 {
            all.push(figure("Dropped", count(dropped), Style::Bad));
        }
    }
    all
}

/// One after the other, in as many lines as they need; the number of requests where there is room left.
fn flow(all: Vec<Line>, requests: u64, look: &Look) -> Vec<Line> {
    let fits = |line: &Line, one: &Line| line.width() + 3 + one.width() < look.columns;
    let mut lines: Vec<Line> = Vec::new();
    for one in all {
        match lines.last_mut() {
            Some(last) if fits(last, &one) => {
                *last = std::mem::take(last).and(Style::Plain, "   ").join(one);
            }
            _ => lines.push(Line::of(Style::Plain, " ").join(one)),
        }
    }
    let requests = Line::of(Style::Dim, "Requests ").and(Style::Bold, count(requests));
    if let Some(last) = lines.last_mut().filter(|last| fits(last, &requests)) {
        *last = std::mem::take(last).and(Style::Plain, "   ").join(requests);
    }
    lines
}

/// All that one has to know, in one line.
fn short(block: &LiveBlock) -> Line {
    let total = &block.total;
    let mut line = Line::of(Style::Plain, " ").and(state_style(block), block.state.clone());
    if let Some(elapsed) = block.elapsed {
        line = line.and(Style::Bold, format!(" {}", clock(elapsed)));
    }
    let failed = if total.failures > 0 { Style::Bad } else { Style::Plain };
    line.and(Style::Plain, format!("  {} users  {} RPS", count(block.users), rate(total.rps)))
        .and(failed, format!("  {} failed", count(total.failures)))
        .and(Style::Plain, format!("  p95 {}", time(total.p95)))
}

/// A heading, its width, and what stands below it.
type Column = (&'static str, usize, fn(&LiveRow) -> String);

/// The slowest names under a heading.
fn names(block: &LiveBlock, look: &Look) -> Vec<Line> {
    if block.slowest.is_empty() {
        return Vec::new();
    }
    // What there is no room for goes first from the left.
    let columns: &[Column] = &[
        ("Requests", 11, |row| count(row.requests)),
        ("RPS", 9, |row| rate(row.rps)),
        ("p50", 10, |row| time(row.p50)),
        ("Failures", 10, |row| count(row.failures)),
        ("p95", 10, |row| time(row.p95)),
    ];
    let skipped = match look.columns {
        86.. => 0,
        70..86 => 1,
        54..70 => 2,
        42..54 => 3,
        _ => 4,
    };
    let columns = &columns[skipped..];
    let figures: usize = columns.iter().map(|(_, width, _)| width).sum();
    let room = look.columns.saturating_sub(2 + figures);
    let title = if block.names > block.slowest.len() {
        format!("Slowest of {} names", count(block.names as u64))
    } else {
        "Slowest by p95".to_owned()
    };
    let heads =
        columns.iter().fold(String::new(), |heads, (head, width, _)| format!("{heads}{head:>width$}"));
    let mut lines = vec![Line::of(Style::Dim, format!(" {}{heads}", fit(&title, room, look.unicode)))];
    lines.extend(block.slowest.iter().take(MOST_NAMES).map(|row| {
        let mut line =
            Line::of(Style::Plain, format!(" {}", fit(&clean(&row.label, look.unicode), room, look.unicode)));
        for (head, columns, cell) in columns {
            let bad = *head == "Failures" && row.failures > 0;
            let text = cell(row);
            let gap = " ".repeat(columns.saturating_sub(width(&text)));
            line = line.and(if bad { Style::Bad } else { Style::Plain }, format!("{gap}{text}"));
        }
        line
    }));
    lines
}

/// How many are kept and those that are not; then the others.
fn thresholds(block: &LiveBlock, look: &Look) -> (Vec<Line>, Vec<Line>) {
    if block.thresholds.is_empty() {
        return (Vec::new(), Vec::new());
    }
    let mut all: Vec<&Threshold> = block.thresholds.iter().collect();
    all.sort_by_key(|one| (!one.fails_the_run(), !one.is_broken(), one.outcome == "ok"));
    let broken = all.iter().filter(|one| one.is_broken()).count();
    let kept = all.iter().filter(|one| one.outcome == "ok").count();
    let mut line = Line::of(Style::Dim, " Thresholds ").and(Style::Good, format!("{kept} ok"));
    if broken > 0 {
        line = line.and(Style::Plain, dot(look)).and(Style::Bad, format!("{broken} broken"));
    }
    if kept + broken < all.len() {
        let waiting = all.len() - kept - broken;
        line = line.and(Style::Plain, dot(look)).and(Style::Dim, format!("{waiting} waiting"));
    }
    let mut lines = vec![line];
    lines.extend(all.iter().map(|one| {
        let style = match (one.fails_the_run(), one.is_broken(), &*one.outcome) {
            (true, ..) => Style::Bad,
            (false, true, _) => Style::Warn,
            (.., "ok") => Style::Good,
            _ => Style::Dim,
        };
        let text = format!(" {} {} {}: {}", one.subject, one.metric, one.required, one.measured());
        Line::of(style, format!(" {:<8}", one.verdict())).and(Style::Plain, clean(&text, look.unicode))
    }));
    let right = lines.split_off(1 + broken);
    (lines, right)
}

fn warning(block: &LiveBlock, look: &Look) -> Vec<Line> {
    let lines = block.warning.iter();
    lines.map(|text| Line::of(Style::Warn, format!(" {}", clean(text, look.unicode)))).collect()
}

/// What can be done.
fn keys(block: &LiveBlock) -> Vec<Line> {
    let mut says = Vec::new();
    let page = block
        .page
        .as_ref()
        .map(|address| if block.keys { format!("Enter: {address}") } else { format!("Page: {address}") });
    says.extend(page);
    if block.keys && block.arrivals.is_none() {
        says.push("w/W: 1/10 users more   s/S: 1/10 fewer".to_owned());
    }
    says.push("Ctrl-C: end".to_owned());
    vec![Line::of(Style::Dim, format!(" {}", says.join("   ")))]
}

/// Seconds as the page writes them: `0:42`, `1:02:03`.
fn clock(seconds: f64) -> String {
    if !seconds.is_finite() {
        return NONE.to_owned();
    }
    let whole = seconds.max(0.0) as u64;
    let (hours, minutes, seconds) = (whole / 3_600, whole / 60 % 60, whole % 60);
    if hours > 0 { format!("{hours}:{minutes:02}:{seconds:02}") } else { format!("{minutes}:{seconds:02}") }
}

#[cfg(test)]
mod tests;
