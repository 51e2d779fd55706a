//! A block of figures at the foot of the terminal in which a run was started.
//!
//! What programs write goes to the terminal as ever, by whatever way: nothing is in between. The terminal itself keeps it above the
//! block, by its scrolling region ([`screen`](self)). A thread paints: when the recorder has looked at the numbers, and when the
//! size has changed. Design: `docs/design/0012-a-block-in-the-terminal.md`.

#![forbid(unsafe_code)]

mod guard;
mod painter;
mod screen;
mod tty;

use std::sync::{Arc, PoisonError};

use gregaria_record::{Output, Second, dto};
use gregaria_report::live_block::LiveBlock;

use painter::{Canvas, Shared};

/// How the block looks, and what it offers.
#[derive(Debug, Clone, Default)]
pub struct Settings {
    /// Whether colours are wanted.
    pub colours: bool,
    /// Whether the terminal shows more letters than ASCII's.
    pub unicode: bool,
    /// Whether keys are listened to.
    pub keys: bool,
    /// Address of the page.
    pub page: Option<String>,
}

/// The terminal of this process while a block is in it.
#[derive(Debug)]
pub struct Terminal {
    shared: Arc<Shared>,
}

impl Terminal {
    /// Takes the terminal that stdout and stderr are. Nothing is painted before the first figures are there. `None`: they are no terminal,
    /// or not the same one.
    ///
    /// # Errors
    /// If the terminal cannot be had, or there can be no thread.
    pub fn open(settings: Settings) -> std::io::Result<Option<Self>> {
        let Some(tty) = tty::Tty::open()? else { return Ok(None) };
        let guard = guard::Guard::start(&tty).ok();
        let shared = Arc::new(Shared::new(Canvas::new(tty, guard, settings)));
        painter::start(Arc::clone(&shared))?;
        Ok(Some(Self { shared }))
    }

    /// What shows it a run.
    pub fn output(&self) -> impl Output + use<> {
        Feed(Arc::clone(&self.shared))
    }

    /// Gives the terminal back for a while: the program is about to be stopped.
    pub fn pause(&self) {
        self.shared.canvas().pause();
    }

    /// Takes it again; also when nobody has paused, for a terminal that was somebody else's meanwhile.
    pub fn resume(&self) {
        self.shared.canvas().resume();
        self.shared.wake();
    }

    /// Looks at the size now.
    pub fn resized(&self) {
        self.shared.wake();
    }

    /// Gives the terminal back. Nothing is painted from now on.
    pub fn close(&self) {
        self.shared.canvas().close();
        self.shared.end();
    }
}

struct Feed(Arc<Shared>);

impl Output for Feed {
    fn second(&mut self, second: &Second<'_>) {
        let block: LiveBlock = second.run.glance(second.status, second.at, second.lag);
        self.0.show(block);
    }

    fn end(&mut self, _run: &dto::RunDetail) {}
}

/// What a lock holds is whole, whoever panicked with it.
fn held<T>(lock: Result<T, PoisonError<T>>) -> T {
    lock.unwrap_or_else(PoisonError::into_inner)
}
