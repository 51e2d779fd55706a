//! What is written to a terminal so that a block stays at its foot.
//!
//! The rows above the block are the terminal's scrolling region: lines that leave it at the top go where lines always go when they leave
//! the screen. The cursor stays where the program's output has it; it is only borrowed, within one write, to paint. Pure functions of
//! what is on the screen.

use std::fmt::Write as _;

use crate::tty::Size;

// Taken and given back: with the cursor go its colours.
const SAVE: &str = "\x1b7";
const RESTORE: &str = "\x1b8";
// Terminals that know it show all of it at once.
const BEGIN: &str = "\x1b[?2026h";
const END: &str = "\x1b[?2026l";
const WRAP_OFF: &str = "\x1b[?7l";
const WRAP_ON: &str = "\x1b[?7h";
const WHOLE_REGION: &str = "\x1b[r";
const CLEAR_BELOW: &str = "\x1b[J";
const CLEAR_REST: &str = "\x1b[K";
const NO_STYLE: &str = "\x1b[0m";
/// One row down, in the same column; at the end of the region it scrolls.
const DOWN: &str = "\x1bD";

/// What gives a terminal back whose block somebody has left in it, for a shell's `printf`.
pub(crate) const GIVE_BACK: &str = r"\0337\033[r\0338\033[J\033[?7h";

/// What is on the screen.
#[derive(Debug, Default)]
pub(crate) struct Screen {
    /// Size and rows of the block; `None`: there is none.
    shown: Option<(Size, usize)>,
}

impl Screen {
    /// Forgets what it knows: somebody else has had the terminal.
    pub(crate) fn forget(&mut self) {
        self.shown = None;
    }

    /// Paints these lines at the foot of a terminal of that size.
    pub(crate) fn paint(&mut self, size: Size, lines: &[String]) -> String {
        let mut out = String::from(BEGIN);
        if lines.is_empty() || lines.len() >= usize::from(size.rows) {
            out.push_str(&self.leave());
            out.push_str(END);
            return out;
        }
        let (before, is_resized) = match self.shown {
            Some((known, rows)) if known == size => (rows, false),
            Some(_) => (0, true),
            None => (0, false),
        };
        if is_resized {
            // Where the old block is now only the terminal knows, but it is below the cursor.
            out.push_str(&self.leave());
        }
        // It never gets smaller while it is shown: what is above would jump.
        let rows = lines.len().max(before);
        let more = rows - before;
        if more > 0 {
            // Room below the cursor. What has to make place for it leaves the screen at the top, as it does for any line.
            out.extend(std::iter::repeat_n(DOWN, more));
            // Writing to a String cannot fail.
            let _ = write!(out, "\x1b[{more}A{SAVE}\x1b[1;{}r{RESTORE}", usize::from(size.rows) - rows);
        } else {
            // Programs that drew on the whole screen may have taken the region away.
            let _ = write!(out, "{SAVE}\x1b[1;{}r{RESTORE}", usize::from(size.rows) - rows);
        }
        let _ = write!(out, "{SAVE}{WRAP_OFF}");
        let first = usize::from(size.rows) - rows + 1;
        // The block stands at the bottom of its rows.
        let blank = rows - lines.len();
        let all = std::iter::repeat_n("", blank).chain(lines.iter().map(String::as_str));
        for (row, line) in (first..).zip(all) {
            let _ = write!(out, "\x1b[{row};1H{NO_STYLE}{line}{CLEAR_REST}");
        }
        let _ = write!(out, "{WRAP_ON}{RESTORE}{END}");
        self.shown = Some((size, rows));
        out
    }

    /// Takes the block away: the terminal is as if it had never been there. Nothing, if it is not there.
    pub(crate) fn leave(&mut self) -> String {
        match self.shown.take() {
            Some(_) => format!("{SAVE}{WHOLE_REGION}{RESTORE}{CLEAR_BELOW}"),
            None => String::new(),
        }
    }
}

#[cfg(test)]
mod tests;
