//! A thread that works at one thing, in order, so that nobody else has to wait for a disk.

use std::sync::mpsc::{self, Sender};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// The thread and what it works with. Dropped, it finishes what it was given and ends.
#[derive(Debug)]
pub struct Scribe<T> {
    sender: Sender<Task<T>>,
    waiting: Arc<Waiting>,
}

type Work<T> = Box<dyn FnOnce(&mut T) + Send>;
type Then = Box<dyn FnOnce() + Send>;

struct Task<T> {
    work: Work<T>,
    done: Done,
}

/// How many tasks are not done.
#[derive(Debug, Default)]
struct Waiting {
    count: Mutex<usize>,
    changed: Condvar,
}

impl Waiting {
    fn lock(&self) -> MutexGuard<'_, usize> {
        self.count.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Says that a task is done, or that it never will be, when it is dropped.
struct Done(Arc<Waiting>, Option<Then>);

impl Drop for Done {
    fn drop(&mut self) {
        *self.0.lock() -= 1;
        self.0.changed.notify_all();
        if let Some(then) = self.1.take() {
            then();
        }
    }
}

impl<T: Send + 'static> Scribe<T> {
    /// Starts the thread.
    ///
    /// # Errors
    /// If there can be none.
    pub fn start(name: &str, mut with: T) -> std::io::Result<Self> {
        let (sender, receiver) = mpsc::channel::<Task<T>>();
        std::thread::Builder::new().name(name.to_owned()).spawn(move || {
            for Task { work, done } in receiver {
                work(&mut with);
                drop(done);
            }
        })?;
        Ok(Self { sender, waiting: Arc::default() })
    }

    /// Gives the thread something to do. `then` is called when it is done, or will never be.
    pub fn give(&self, work: impl FnOnce(&mut T) + Send + 'static, then: impl FnOnce() + Send + 'static) {
        *self.waiting.lock() += 1;
        let done = Done(Arc::clone(&self.waiting), Some(Box::new(then)));
        // Should the thread have ended by a panic, the task comes back, and is dropped as never done.
        drop(self.sender.send(Task { work: Box::new(work), done }));
    }

    /// How much of it is not done yet.
    pub fn waiting(&self) -> usize {
        *self.waiting.lock()
    }

    /// Waits until all of it is done.
    pub fn wait(&self) {
        let count = self.waiting.lock();
        drop(self.waiting.changed.wait_while(count, |count| *count > 0));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn works_in_order_and_can_be_waited_for() {
        let scribe = Scribe::start("scribe", Vec::new()).unwrap();
        let (sender, receiver) = mpsc::channel();
        for i in 0..100 {
            let sender = sender.clone();
            scribe.give(
                move |list: &mut Vec<i32>| list.push(i),
                move || {
                    let _ = sender.send(i);
                },
            );
        }
        scribe.wait();
        // That the last one is done may be told a moment later.
        drop(sender);
        assert_eq!(receiver.iter().collect::<Vec<_>>(), (0..100).collect::<Vec<_>>());
        let (sender, list) = mpsc::channel();
        scribe.give(move |all| drop(sender.send(all.clone())), || {});
        assert_eq!(list.recv().unwrap(), (0..100).collect::<Vec<_>>());
    }

    #[test]
    fn a_panic_leaves_nobody_waiting() {
        let scribe = Scribe::start("scribe", ()).unwrap();
        let told = Arc::new(Mutex::new(0));
        for _ in 0..3 {
            let told = Arc::clone(&told);
            scribe.give(|()| panic!("this panic is part of a test"), move || *told.lock().unwrap() += 1);
        }
        scribe.wait();
        while *told.lock().unwrap() < 3 {
            std::thread::yield_now();
        }
    }
}
