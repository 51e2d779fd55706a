//! The thread that paints, and what it shares with those who tell it what.

use std::ops::ControlFlow;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::Duration;

use gregaria_report::live_block::{LiveBlock, Look, block_lines};

use crate::guard::Guard;
use crate::screen::Screen;
use crate::tty::{Size, Tty};
use crate::{Settings, held};

/// How often the size is looked at: whoever drags a window sees the block follow.
const LOOK: Duration = Duration::from_millis(50);

/// What the thread is told.
#[derive(Debug, Default)]
struct News {
    /// Figures that have not been painted.
    block: Option<Box<LiveBlock>>,
    woken: bool,
    ended: bool,
}

#[derive(Debug)]
pub(crate) struct Shared {
    news: Mutex<News>,
    changed: Condvar,
    canvas: Mutex<Canvas>,
}

impl Shared {
    pub(crate) fn new(canvas: Canvas) -> Self {
        Self { news: Mutex::default(), changed: Condvar::new(), canvas: Mutex::new(canvas) }
    }

    /// Whoever holds it is the one who writes; the terminal may take its time.
    pub(crate) fn canvas(&self) -> MutexGuard<'_, Canvas> {
        held(self.canvas.lock())
    }

    /// Has these figures painted. Does not wait.
    pub(crate) fn show(&self, block: LiveBlock) {
        held(self.news.lock()).block = Some(Box::new(block));
        self.changed.notify_all();
    }

    pub(crate) fn wake(&self) {
        held(self.news.lock()).woken = true;
        self.changed.notify_all();
    }

    pub(crate) fn end(&self) {
        held(self.news.lock()).ended = true;
        self.changed.notify_all();
    }

    /// Waits for new figures, or a while. `Break`: it is over.
    fn wait(&self) -> ControlFlow<(), Option<Box<LiveBlock>>> {
        let quiet = |news: &mut News| news.block.is_none() && !news.woken && !news.ended;
        let mut news = held(self.changed.wait_timeout_while(held(self.news.lock()), LOOK, quiet)).0;
        news.woken = false;
        if news.ended { ControlFlow::Break(()) } else { ControlFlow::Continue(news.block.take()) }
    }
}

pub(crate) fn start(shared: Arc<Shared>) -> std::io::Result<()> {
    let paint = move || {
        while let ControlFlow::Continue(news) = shared.wait() {
            shared.canvas().refresh(news.map(|block| *block));
        }
    };
    std::thread::Builder::new().name("gregaria-block".into()).spawn(paint).map(drop)
}

/// The terminal, and what is to be seen in it.
#[derive(Debug)]
pub(crate) struct Canvas {
    tty: Tty,
    guard: Option<Guard>,
    screen: Screen,
    settings: Settings,
    block: Option<LiveBlock>,
    size: Option<Size>,
    paused: bool,
    closed: bool,
}

impl Canvas {
    pub(crate) fn new(tty: Tty, guard: Option<Guard>, settings: Settings) -> Self {
        let screen = Screen::default();
        Self { tty, guard, screen, settings, block: None, size: None, paused: false, closed: false }
    }

    fn refresh(&mut self, news: Option<LiveBlock>) {
        let is_new = news.is_some();
        if let Some(mut block) = news {
            block.keys = self.settings.keys;
            block.page.clone_from(&self.settings.page);
            self.block = Some(block);
        }
        let Some(block) = &self.block else { return };
        if self.paused || self.closed {
            return;
        }
        if !self.tty.is_ours() {
            self.screen.forget();
            self.size = None;
            return;
        }
        let size = self.tty.size();
        if !is_new && self.size == Some(size) {
            return;
        }
        self.size = Some(size);
        let look = Look {
            columns: size.columns.into(),
            rows: size.rows.into(),
            colours: self.settings.colours,
            unicode: self.settings.unicode,
        };
        let bytes = self.screen.paint(size, &block_lines(block, &look));
        self.write(&bytes);
    }

    fn write(&mut self, bytes: &str) {
        if self.tty.write(bytes.as_bytes()).is_err() {
            // Its window was closed: there is nobody to show anything to.
            self.closed = true;
        }
    }

    pub(crate) fn pause(&mut self) {
        self.leave();
        self.paused = true;
    }

    fn leave(&mut self) {
        if !self.closed && self.tty.is_ours() {
            let bytes = self.screen.leave();
            self.write(&bytes);
        }
    }

    pub(crate) fn resume(&mut self) {
        if std::mem::take(&mut self.paused) {
            self.screen.forget();
        }
        self.size = None;
    }

    pub(crate) fn close(&mut self) {
        self.leave();
        self.closed = true;
        self.guard = None;
    }
}
