//! The sample blog that `make demo` load-tests: embedded in the wheel, so that a newcomer needs no other server.
//!
//! A home page with `a.article-title` links, posts, a login form with a CSRF token, a form for new posts, a page that is
//! slow on purpose and one that fails on purpose. Everything is kept in memory and bounded; each connection has a thread
//! of its own, which is plenty for the few hundred users of a demonstration and keeps the code plain.
//!
//! Answers take a few milliseconds, as if the pages came from a database: from memory alone every figure of the demonstration
//! would be zero.
//!
//! [`wire`] and [`server`] know nothing of blogs: the misbehaving server of `gregaria-testkit` reads its requests with them.
#![forbid(unsafe_code)]

mod blog;
mod page;
pub mod server;
pub mod wire;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::Duration;

use crate::blog::Blog;
use crate::server::Server;

/// A running blog. Dropping it stops the server and closes its connections.
#[derive(Debug)]
pub struct BlogServer {
    server: Server,
}

impl BlogServer {
    /// Starts the blog on `address` (port 0 takes a free one) and returns once it listens.
    ///
    /// # Errors
    /// The operating system's, when the address cannot be resolved or bound.
    pub fn start(address: impl ToSocketAddrs) -> io::Result<Self> {
        let blog = Blog::new();
        let pace = Pace::default();
        let answer = move |request: &_| {
            thread::sleep(pace.next());
            blog.answer(request)
        };
        let server = Server::start(address, Arc::new(answer))?;
        Ok(Self { server })
    }

    /// The address it listens on, with the real port.
    pub fn address(&self) -> SocketAddr {
        self.server.address()
    }

    /// Stops listening, closes all connections and waits for the accepting thread.
    pub fn stop(&self) {
        self.server.stop();
    }
}

/// How long the next answer takes: 2 to 10 ms, the longer the rarer, the same sequence in each run.
#[derive(Debug, Default)]
struct Pace(AtomicU64);

impl Pace {
    fn next(&self) -> Duration {
        // Weyl's sequence: evenly spread, without a generator's state to share.
        let turn = self.0.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed) >> 40;
        let share = turn as f64 / f64::from(1 << 24);
        Duration::from_secs_f64(0.002 + 0.008 * share * share * share)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_take_two_to_ten_milliseconds_and_mostly_few() {
        let pace = Pace::default();
        let mut all: Vec<Duration> = (0..1000).map(|_| pace.next()).collect();
        all.sort();
        assert!(all[0] >= Duration::from_millis(2) && all[999] <= Duration::from_millis(10));
        assert!(all[500] < Duration::from_micros(3_500), "{:?}", all[500]);
        assert!(all[990] > Duration::from_millis(9), "{:?}", all[990]);
    }
}
