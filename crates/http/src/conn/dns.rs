//! Looking hosts up: `getaddrinfo` on a few threads, answers kept for a short while.

use std::collections::HashMap;
use std::collections::VecDeque;
use std::net::IpAddr;
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::time::{Duration, Instant};

use dns_lookup::{AddrInfoHints, LookupError, LookupErrorKind, SockType, getaddrinfo};

use super::queue::{Command, CommandQueue, lock};
use super::slab::Key;
use crate::error::{ErrorKind, Failure};

/// The answer to a look-up: at least one address, in the order of preference, or what went wrong.
pub(crate) type Lookup = Result<Arc<[IpAddr]>, Failure>;

/// How long a thread with nothing to look up stays around.
const IDLE: Duration = Duration::from_secs(10);

/// The most answers kept; beyond it, expired ones are thrown out, and if that is not enough, all.
const MAX_ANSWERS: usize = 4096;

/// The I/O thread and the connection that wait for an answer.
type Waiter = (Arc<CommandQueue>, Key);

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
    /// Hosts to look up, in order; for a connection that wants an answer of its own, with that.
    queue: VecDeque<(Box<str>, Option<Waiter>)>,
    /// Who waits for which host, whether queued or being looked up.
    waiting: HashMap<Box<str>, Vec<Waiter>>,
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
        // Where nothing is kept each look-up is for one connection: balancing by DNS gives each its own answer.
        let shared = !self.ttl.is_zero();
        if shared && let Some(waiting) = state.waiting.get_mut(host) {
            waiting.push(waiter);
            return None;
        }
        let alone = if shared {
            state.waiting.insert(host.into(), vec![waiter]);
            None
        } else {
            Some(waiter)
        };
        state.queue.push_back((host.into(), alone));
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
            while let Some((host, alone)) = state.queue.pop_front() {
                drop(state);
                let answer = look_up(&host);
                state = lock(&self.state);
                if let Ok(addresses) = &answer
                    && !self.ttl.is_zero()
                {
                    state.remember(&host, addresses, self.ttl);
                }
                let waiting = match alone {
                    Some(waiter) => vec![waiter],
                    None => state.waiting.remove(&host).unwrap_or_default(),
                };
                for (queue, connection) in waiting {
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
    let hints = AddrInfoHints { socktype: SockType::Stream.into(), ..AddrInfoHints::default() };
    let found = match getaddrinfo(Some(host), None, Some(hints)) {
        Ok(found) => found,
        Err(error) => return Err(failure(error)),
    };
    let mut addresses: Vec<IpAddr> = Vec::new();
    for address in found.flatten().map(|found| found.sockaddr.ip()) {
        if !addresses.contains(&address) {
            addresses.push(address);
        }
    }
    if addresses.is_empty() { Err(not_known()) } else { Ok(addresses.into()) }
}

fn not_known() -> Failure {
    resolve(-2, "Name or service not known")
}

fn resolve(code: i32, text: &str) -> Failure {
    Failure::new(ErrorKind::Resolve { code, text: text.into() })
}

/// The code and the words of glibc, which scripts and error tables know, whatever C library this is.
fn failure(error: LookupError) -> Failure {
    let (code, text) = match error.kind() {
        LookupErrorKind::Badflags => (-1, "Bad value for ai_flags"),
        LookupErrorKind::NoName => (-2, "Name or service not known"),
        LookupErrorKind::Again => (-3, "Temporary failure in name resolution"),
        LookupErrorKind::Fail => (-4, "Non-recoverable failure in name resolution"),
        LookupErrorKind::NoData => (-5, "No address associated with hostname"),
        LookupErrorKind::Family => (-6, "ai_family not supported"),
        LookupErrorKind::Socktype => (-7, "ai_socktype not supported"),
        LookupErrorKind::Service => (-8, "Servname not supported for ai_socktype"),
        LookupErrorKind::Memory => (-10, "Memory allocation failure"),
        LookupErrorKind::System | LookupErrorKind::Unknown | LookupErrorKind::IO => return other(error),
    };
    resolve(code, text)
}

/// An error that is none of the resolver's own.
fn other(error: LookupError) -> Failure {
    // A host with a NUL byte or the like never reaches the resolver, and Python calls that unknown, too.
    if error.error_num() == 0 {
        return not_known();
    }
    let message = std::io::Error::from(error).to_string().into();
    Failure { message, ..resolve(-11, "System error") }
}

#[cfg(test)]
mod tests {
    use super::super::slab::Slab;
    use super::*;

    #[test]
    fn what_the_resolver_says_is_told_in_glibcs_words() {
        let refused = look_up("no-such-host.invalid").unwrap_err();
        let ErrorKind::Resolve { code, text } = &refused.kind else { panic!("{refused:?}") };
        // Where there is no name server, that is what it says.
        assert!(matches!(
            (code, &**text),
            (-2, "Name or service not known") | (-3, "Temporary failure in name resolution")
        ));
        assert_eq!(refused.kind.to_string(), format!("[Errno {code}] {text}"));
        let unspeakable = look_up("nul\0byte").unwrap_err().kind;
        assert_eq!(unspeakable, ErrorKind::Resolve { code: -2, text: "Name or service not known".into() });
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
        let queue = Arc::new(CommandQueue::new(waker, Arc::default()));
        let asked = |now| resolver.resolve("known.invalid", now, &queue, Slab::new().insert(()));
        assert_eq!(asked(before + ttl / 2).unwrap().unwrap(), known);
        assert!(asked(Instant::now() + ttl).is_none(), "it is looked up again");
    }
}
