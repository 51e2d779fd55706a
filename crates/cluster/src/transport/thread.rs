//! The thread of a socket, and how it is told to end.

use std::future::Future;
use std::io;
use std::sync::mpsc;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::oneshot;

/// How long somebody who closes a socket waits for it to be closed; far more than it takes.
const CLOSING: Duration = Duration::from_secs(2);

/// Asks a thread to end.
#[derive(Debug)]
pub(super) struct Ending {
    /// How long it may take to send what waits; without an end if none.
    pub(super) linger: Option<Duration>,
    /// Told when nothing is listened on any more.
    pub(super) closed: mpsc::Sender<()>,
}

/// A thread that runs one socket.
#[derive(Debug)]
pub(super) struct Thread {
    ask: Mutex<Option<oneshot::Sender<Ending>>>,
    ended: Mutex<mpsc::Receiver<()>>,
    // A child process has the memory of this, but not the thread.
    process: u32,
}

impl Thread {
    /// Starts `run` on a thread of its own.
    pub(super) fn start<F, T>(name: &str, run: F) -> io::Result<Self>
    where
        F: FnOnce(oneshot::Receiver<Ending>) -> T + Send + 'static,
        T: Future<Output = ()>,
    {
        let (ask, asked) = oneshot::channel();
        let (end, ended) = mpsc::channel();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            runtime.block_on(async { run(asked).await });
            // A name that is just being looked up is not waited for.
            runtime.shutdown_background();
            drop(end);
        })?;
        Ok(Self { ask: Mutex::new(Some(ask)), ended: Mutex::new(ended), process: std::process::id() })
    }

    /// True in a child process: the thread is the parent's, and so are the descriptors that both have.
    pub(super) fn is_elsewhere(&self) -> bool {
        self.process != std::process::id()
    }

    /// Asks it to end; returns when nothing is listened on any more.
    pub(super) fn end(&self, linger: Option<Duration>) {
        let ask = self.ask.lock().unwrap_or_else(PoisonError::into_inner).take();
        let (closed, wait) = mpsc::channel();
        if let Some(ask) = ask
            && ask.send(Ending { linger, closed }).is_ok()
        {
            let _ = wait.recv_timeout(CLOSING);
        }
    }

    /// Waits for its end, after it was asked for. False: it has not ended in that time.
    pub(super) fn has_ended(&self, within: Duration) -> bool {
        let ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        self.is_elsewhere() || ended.recv_timeout(within) == Err(mpsc::RecvTimeoutError::Disconnected)
    }
}

/// Waits until `linger` has passed; for ever if there is none.
pub(super) async fn passed(linger: Option<Duration>) {
    match linger {
        Some(linger) => tokio::time::sleep(linger).await,
        None => std::future::pending().await,
    }
}
