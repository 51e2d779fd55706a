//! A thread that sends one thing after the other, and what waits for it.

use std::collections::VecDeque;
use std::fmt;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What may wait to be sent: two minutes of seconds.
const MOST: usize = 120;
/// How long to wait before something is tried again; the last of them from then on.
const PAUSES: [Duration; 4] =
    [Duration::from_millis(500), Duration::from_secs(1), Duration::from_secs(2), Duration::from_secs(5)];

/// Why a body was not taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Trouble {
    /// Trying again may help: nobody listens, or it has too much to do.
    Passing(String),
    /// It would be refused again.
    Lasting(String),
}

/// Whoever brings a body to a receiver.
pub trait Post: Send + 'static {
    /// Brings it there, and waits for the answer.
    ///
    /// # Errors
    /// If it was not taken.
    fn post(&mut self, body: &[u8]) -> Result<(), Trouble>;
}

#[derive(Default)]
struct State {
    waiting: VecDeque<Vec<u8>>,
    /// Something is on its way.
    busy: bool,
    /// Nothing more will come: what cannot be sent at once is not tried again.
    closing: bool,
    /// Could not be sent, or had no place.
    lost: u64,
    /// For the user.
    words: Vec<String>,
}

#[derive(Default)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What is put in is sent in order, by a thread of its own.
#[derive(Clone)]
pub struct Feed(Arc<Shared>);

impl fmt::Debug for Feed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Feed")
    }
}

impl Feed {
    /// Starts the thread. `place` is how the receiver is called in words for the user.
    ///
    /// # Errors
    /// If there can be no thread.
    pub fn start(post: impl Post, place: String) -> std::io::Result<Self> {
        let shared = Arc::new(Shared::default());
        let sender = Sender { shared: Arc::clone(&shared), post, place, told: false };
        std::thread::Builder::new().name("gregaria-out".into()).spawn(move || sender.run())?;
        Ok(Self(shared))
    }

    /// Has it sent, without waiting. If too much waits, the oldest goes.
    pub fn put(&self, body: Vec<u8>) {
        let mut state = self.0.lock();
        if state.waiting.len() >= MOST {
            state.waiting.pop_front();
            state.lost += 1;
        }
        state.waiting.push_back(body);
        self.0.changed.notify_all();
    }

    /// Waits until everything is sent, or as long as `patience`; nothing is sent after that.
    pub fn finish(&self, patience: Duration) {
        let until = Instant::now() + patience;
        let mut state = self.0.lock();
        while state.busy || !state.waiting.is_empty() {
            let Some(left) = until.checked_duration_since(Instant::now()).filter(|left| !left.is_zero())
            else {
                break;
            };
            state = self.0.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
        state.closing = true;
        state.lost += state.waiting.len() as u64 + u64::from(state.busy);
        state.waiting.clear();
        self.0.changed.notify_all();
    }

    /// What the user has to know, since this was last called.
    pub fn take_words(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lock().words)
    }

    /// How many bodies were not taken.
    pub fn lost(&self) -> u64 {
        self.0.lock().lost
    }
}

struct Sender<P> {
    shared: Arc<Shared>,
    post: P,
    place: String,
    /// The user knows that something is wrong.
    told: bool,
}

impl<P: Post> Sender<P> {
    fn run(mut self) {
        while let Some(body) = self.next() {
            let taken = self.send(&body);
            let mut state = self.shared.lock();
            state.busy = false;
            // After the end everything that was left has been counted already.
            if !taken && !state.closing {
                state.lost += 1;
            }
            self.shared.changed.notify_all();
        }
    }

    fn next(&self) -> Option<Vec<u8>> {
        let mut state = self.shared.lock();
        loop {
            if let Some(body) = state.waiting.pop_front() {
                state.busy = true;
                return Some(body);
            }
            if state.closing {
                return None;
            }
            state = self.shared.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    /// Sends it, and tries again while that may help; whether it was taken.
    fn send(&mut self, body: &[u8]) -> bool {
        let mut pauses = PAUSES.into_iter().chain(std::iter::repeat(PAUSES[PAUSES.len() - 1]));
        loop {
            let (words, is_over) = match self.post.post(body) {
                Ok(()) => {
                    if std::mem::take(&mut self.told) {
                        self.say(format!("{} takes the numbers again (--out)", self.place));
                    }
                    return true;
                }
                Err(Trouble::Passing(words)) => (words, false),
                Err(Trouble::Lasting(words)) => (words, true),
            };
            if !std::mem::replace(&mut self.told, true) {
                self.say(format!("{} does not take the numbers (--out): {words}", self.place));
            }
            if is_over || !self.pause(pauses.next().unwrap_or_default()) {
                return false;
            }
        }
    }

    fn say(&self, words: String) {
        self.shared.lock().words.push(words);
    }

    /// Waits; false if it is the end.
    fn pause(&self, pause: Duration) -> bool {
        let state = self.shared.lock();
        let waited = self.shared.changed.wait_timeout_while(state, pause, |state| !state.closing);
        !waited.unwrap_or_else(PoisonError::into_inner).0.closing
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Answers what it was told to, then takes everything.
    struct Receiver {
        answers: Vec<Trouble>,
        taken: Arc<Mutex<Vec<Vec<u8>>>>,
    }

    impl Post for Receiver {
        fn post(&mut self, body: &[u8]) -> Result<(), Trouble> {
            if let Some(trouble) = self.answers.pop() {
                return Err(trouble);
            }
            self.taken.lock().unwrap().push(body.to_vec());
            Ok(())
        }
    }

    fn feed(answers: Vec<Trouble>) -> (Feed, Arc<Mutex<Vec<Vec<u8>>>>) {
        let taken = Arc::default();
        let receiver = Receiver { answers, taken: Arc::clone(&taken) };
        (Feed::start(receiver, "http://there".into()).unwrap(), taken)
    }

    #[test]
    fn what_is_put_in_arrives_in_order() {
        let (feed, taken) = feed(Vec::new());
        for number in 0..100 {
            feed.put(vec![number]);
        }
        feed.finish(Duration::from_secs(30));
        assert_eq!(*taken.lock().unwrap(), (0..100).map(|number| vec![number]).collect::<Vec<_>>());
        assert_eq!((feed.lost(), feed.take_words().len()), (0, 0));
    }

    #[test]
    fn a_passing_trouble_is_tried_again_and_told_once() {
        let passing = || Trouble::Passing("nobody is there".into());
        let (feed, taken) = feed(vec![passing(), passing()]);
        feed.put(vec![1]);
        feed.finish(Duration::from_secs(30));
        assert_eq!((taken.lock().unwrap().len(), feed.lost()), (1, 0));
        let warned = feed.take_words();
        assert_eq!(warned.len(), 2, "{warned:?}");
        assert!(warned[0].contains("http://there does not take the numbers (--out): nobody is there"));
        assert!(warned[1].contains("again"));
    }

    #[test]
    fn a_lasting_trouble_costs_one_body() {
        let (feed, taken) = feed(vec![Trouble::Lasting("400 Bad Request".into())]);
        feed.put(vec![1]);
        feed.put(vec![2]);
        feed.finish(Duration::from_secs(30));
        assert_eq!((taken.lock().unwrap().clone(), feed.lost()), (vec![vec![2]], 1));
    }

    #[test]
    fn nobody_waits_for_a_receiver_that_is_gone_and_what_is_too_much_goes() {
        let gone = (0..1_000).map(|_| Trouble::Passing("gone".into())).collect();
        let (feed, taken) = feed(gone);
        for number in 0..200_u8 {
            feed.put(vec![number]);
        }
        let since = Instant::now();
        feed.finish(Duration::from_millis(50));
        assert!(since.elapsed() < Duration::from_secs(20));
        assert_eq!((feed.lost(), taken.lock().unwrap().len()), (200, 0));
    }
}
