//! One write for however many rings come before somebody looks.

use crate::sync::{AtomicBool, Line, Ordering};

/// Makes its line readable, once until it is acknowledged.
#[derive(Debug)]
pub struct Bell {
    line: Line,
    /// Whether the line is readable, or somebody is about to make it so.
    pending: AtomicBool,
}

impl Bell {
    /// A bell that nobody has rung.
    pub fn new(line: Line) -> Self {
        Self { line, pending: AtomicBool::new(false) }
    }

    /// What to watch.
    pub fn line(&self) -> &Line {
        &self.line
    }

    /// Says that there is something to look at; to be called after it has been put there.
    pub fn ring(&self) {
        if !self.pending.swap(true, Ordering::SeqCst) {
            self.line.raise();
        }
    }

    /// Takes note of the rings so far; to be called before looking.
    ///
    /// Only who has lowered the line may say that nothing is pending. Somebody may have announced a ring and not raised the
    /// line yet: if it counted as heard, the line would become readable with nothing pending, nobody would ever lower it, and
    /// an event loop that is told so turns and turns.
    pub fn acknowledge(&self) {
        if self.pending.load(Ordering::SeqCst) && self.line.lower() {
            // A swap: it hears what came with a ring just before it.
            self.pending.swap(false, Ordering::SeqCst);
        }
    }
}
