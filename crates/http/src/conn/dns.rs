//! Looking hosts up: `getaddrinfo` on a few threads, answers kept for a short while.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::io;
use std::net::{IpAddr, ToSocketAddrs};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::queue::{Command, CommandQueue, lock};
use super::slab::Key;
use crate::error::{ErrorKind, Failure};

/// The answer to a look-up: at least one address, in the order of preference, or what went wrong.
pub(crate) type Lookup = Result<Arc<[IpAddr]>, Failure>;

/// How long a thread with nothing to look up stays around.
const IDLE: Duration = Duration::from_secs(10);

/// The most answers kept; beyond it, expired ones are thrown out, and if that is not enough, all.
const MAX_ANSWERS: usize = 4096;

/// A client's resolver.
#[derive(Debug)]
pub(crate) struct Resolver {
    ttl: Duration,
    max_threads: usize,
    hosts: HashMap<Box<str>, Arc<[IpAddr]>>,
    state: Mutex<State>,
    work: Condvar,
}

#[derive(Debug, Default)]
struct State {
    answers: HashMap<Box<str>, (Instant, Arc<[IpAddr]>)>,
    /// Hosts to look up, in order.
    queue: VecDeque<Box<str>>,
    /// Who waits for which host, whether queued or being looked up.
    waiting: HashMap<Box<str>, Vec<(Arc<CommandQueue>, Key)>>,
    threads: usize,
    idle: usize,
}

impl Resolver {
    pub(crate) fn new(ttl: Duration, max_threads: usize, hosts: HashMap<Box<str>, Vec<IpAddr>>) -> Self {
        let hosts = hosts.into_iter().map(|(name, addresses)| (name, addresses.into())).collect();
        let max_threads = max_threads.max(1);
        Self { ttl, max_threads, hosts, state: Mutex::default(), work: Condvar::new() }
    }

    /// The addresses if they are known; otherwise `Command::Resolved` will come for `connection`.
    pub(crate) fn resolve(
        self: &Arc<Self>,
        host: &str,
        now: Instant,
        queue: &Arc<CommandQueue>,
        connection: Key,
    ) -> Option<Lookup> {
        if let Ok(address) = host.parse::<IpAddr>() {
            return Some(Ok(Arc::from([address])));
        }
        if let Some(addresses) = self.hosts.get(host) {
            return Some(Ok(Arc::clone(addresses)));
        }
        let mut state = lock(&self.state);
        if let Some((at, addresses)) = state.answers.get(host)
            && now.saturating_duration_since(*at) < self.ttl
        {
            return Some(Ok(Arc::clone(addresses)));
        }
        let waiter = (Arc::clone(queue), connection);
        if let Some(waiting) = state.waiting.get_mut(host) {
            waiting.push(waiter);
            return None;
        }
        state.waiting.insert(host.into(), vec![waiter]);
        state.queue.push_back(host.into());
        if state.idle >= state.queue.len() {
            self.work.notify_one();
        } else if state.threads < self.max_threads {
            let resolver = Arc::clone(self);
            let spawned =
                std::thread::Builder::new().name("gregaria-dns".into()).spawn(move || resolver.work());
            match spawned {
                Ok(_) => state.threads += 1,
                // The threads there are will come to it.
                Err(_) if state.threads > 0 => {}
                Err(error) => {
                    state.queue.pop_back();
                    state.waiting.remove(host);
                    return Some(Err(Failure::connect(&error)));
                }
            }
        }
        None
    }

    fn work(&self) {
        let mut state = lock(&self.state);
        loop {
            while let Some(host) = state.queue.pop_front() {
                drop(state);
                let answer = look_up(&host);
                state = lock(&self.state);
                if let Ok(addresses) = &answer
                    && !self.ttl.is_zero()
                {
                    state.remember(&host, addresses, self.ttl);
                }
                for (queue, connection) in state.waiting.remove(&host).unwrap_or_default() {
                    // A client that was shut down does not care any more.
                    let _ = queue.push(Command::Resolved { connection, lookup: answer.clone() });
                }
            }
            state.idle += 1;
            let (guard, timeout) =
                self.work.wait_timeout(state, IDLE).unwrap_or_else(PoisonError::into_inner);
            state = guard;
            state.idle -= 1;
            if timeout.timed_out() && state.queue.is_empty() {
                state.threads -= 1;
                return;
            }
        }
    }
}

impl State {
    fn remember(&mut self, host: &str, addresses: &Arc<[IpAddr]>, ttl: Duration) {
        let now = Instant::now();
        if self.answers.len() >= MAX_ANSWERS {
            self.answers.retain(|_, (at, _)| now.saturating_duration_since(*at) < ttl);
            if self.answers.len() >= MAX_ANSWERS {
                self.answers.clear();
            }
        }
        self.answers.insert(host.into(), (now, Arc::clone(addresses)));
    }
}

fn look_up(host: &str) -> Lookup {
    match (host, 0_u16).to_socket_addrs() {
        Ok(found) => {
            let mut addresses: Vec<IpAddr> = Vec::new();
            for address in found.map(|found| found.ip()) {
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
            if addresses.is_empty() { Err(not_known()) } else { Ok(addresses.into()) }
        }
        Err(error) => Err(failure(&error)),
    }
}

fn not_known() -> Failure {
    let (code, text) = EAI[1];
    Failure::new(ErrorKind::Resolve { code, text: text.into() })
}

/// What glibc's `gai_strerror` says for each code. Rust's standard library passes the text on, not the code.
const EAI: [(i32, &str); 11] = [
    (-1, "Bad value for ai_flags"),
    (-2, "Name or service not known"),
    (-3, "Temporary failure in name resolution"),
    (-4, "Non-recoverable failure in name resolution"),
    (-5, "No address associated with hostname"),
    (-6, "ai_family not supported"),
    (-7, "ai_socktype not supported"),
    (-8, "Servname not supported for ai_socktype"),
    (-9, "Address family for hostname not supported"),
    (-10, "Memory allocation failure"),
    (-11, "System error"),
];

/// The same for other C libraries, where they differ.
const ELSEWHERE: [(&str, usize); 6] = [
    // musl
    ("Name does not resolve", 1),
    ("Try again", 2),
    ("Non-recoverable error", 3),
    ("Name has no usable address", 4),
    // the BSDs and macOS
    ("nodename nor servname provided, or not known", 1),
    ("Non-recoverable failure in name resolution", 3),
];

fn failure(error: &io::Error) -> Failure {
    let text = error.to_string();
    let text = text.strip_prefix("failed to lookup address information: ").unwrap_or(&text);
    let known = EAI.iter().find(|(_, known)| *known == text);
    let elsewhere = || ELSEWHERE.iter().find(|(known, _)| *known == text).map(|(_, index)| &EAI[*index]);
    match known.or_else(elsewhere) {
        Some((code, text)) => Failure::new(ErrorKind::Resolve { code: *code, text: (*text).into() }),
        // A host with a NUL byte or the like never reaches the resolver, and Python calls that unknown, too.
        None if error.kind() == io::ErrorKind::InvalidInput => not_known(),
        None => {
            let os_error = error.raw_os_error();
            let kind = ErrorKind::Resolve { code: os_error.unwrap_or(-4), text: text.into() };
            Failure { kind, os_error, message: Box::default() }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::slab::Slab;
    use super::*;

    #[test]
    fn the_code_is_found_by_the_text() {
        let told = |text: &str| failure(&io::Error::other(text)).kind;
        let expected = ErrorKind::Resolve { code: -2, text: "Name or service not known".into() };
        assert_eq!(told("failed to lookup address information: Name or service not known"), expected);
        assert_eq!(told("failed to lookup address information: Name does not resolve"), expected);
        assert_eq!(expected.to_string(), "[Errno -2] Name or service not known");
        let ErrorKind::Resolve { code, .. } = told("failed to lookup address information: Try again") else {
            panic!("not a look-up failure")
        };
        assert_eq!(code, -3);
    }

    #[test]
    fn localhost_is_found_and_nonsense_is_not() {
        assert!(look_up("localhost").unwrap().iter().all(IpAddr::is_loopback));
        assert!(look_up("no such host").is_err());
    }

    #[test]
    fn an_answer_is_kept_until_it_is_too_old() {
        let ttl = Duration::from_secs(10);
        let resolver = Arc::new(Resolver::new(ttl, 1, HashMap::new()));
        let known: Arc<[IpAddr]> = Arc::from(["192.0.2.7".parse().unwrap()]);
        let before = Instant::now();
        lock(&resolver.state).remember("known.invalid", &known, ttl);
        let poll = mio::Poll::new().unwrap();
        let waker = mio::Waker::new(poll.registry(), mio::Token(0)).unwrap();
        let queue = Arc::new(CommandQueue::new(waker));
        let asked = |now| resolver.resolve("known.invalid", now, &queue, Slab::new().insert(()));
        assert_eq!(asked(before + ttl / 2).unwrap().unwrap(), known);
        assert!(asked(Instant::now() + ttl).is_none(), "it is looked up again");
    }
}
