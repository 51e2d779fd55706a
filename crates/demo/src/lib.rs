//! The sample blog that `make demo` load-tests: embedded in the wheel, so that a newcomer needs no other server.
//!
//! A home page with `a.article-title` links, posts, a login form with a CSRF token, a form for new posts, a page that is
//! slow on purpose and one that fails on purpose. Everything is kept in memory and bounded; each connection has a thread
//! of its own, which is plenty for the few hundred users of a demonstration and keeps the code plain.
//!
//! [`wire`] and [`server`] know nothing of blogs: the misbehaving server of `gregaria-testkit` reads its requests with them.

mod blog;
mod page;
pub mod server;
pub mod wire;

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};
use std::sync::Arc;

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
        let blog = Arc::new(Blog::new());
        let server = Server::start(address, Arc::new(move |request: &_| blog.answer(request)))?;
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
