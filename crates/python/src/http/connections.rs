//! The connections of a session, for each thread that uses it.

use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use gregaria_http::{ConnectionPool, PoolOptions, RequestId, Session, SessionOptions};
use pyo3::prelude::*;

use crate::gevent::Bridge;

/// Opened at their first use. Completions arrive at the bridge that connections were opened for, so each thread (and each
/// process after a fork) has its own; the cookies are the same.
#[derive(Debug, Default)]
pub(super) struct Connections {
    /// Those of the first thread, nearly always the only one, and the number of its bridge.
    first: OnceLock<(u64, Session)>,
    elsewhere: Mutex<Vec<(u64, Arc<Session>)>>,
}

/// A session's connections, as one thread uses them.
pub(super) enum Live<'a> {
    /// The first thread's.
    First(&'a Session),
    /// Another thread's.
    Elsewhere(Arc<Session>),
}

impl std::ops::Deref for Live<'_> {
    type Target = Session;

    fn deref(&self) -> &Session {
        match self {
            Self::First(session) => session,
            Self::Elsewhere(session) => session,
        }
    }
}

impl Connections {
    /// Those for `bridge`. `options`: how many, and whose if they are shared and that pool is of the same bridge.
    pub(super) fn of(
        &self,
        bridge: &Bridge,
        options: impl Fn() -> (PoolOptions, Option<(u64, ConnectionPool)>),
    ) -> Live<'_> {
        let (number, first) = self.first.get_or_init(|| {
            let (connections, pool) = options();
            let pool = pool.filter(|(number, _)| *number == bridge.number()).map(|(_, pool)| pool);
            (bridge.number(), bridge.client().session(SessionOptions { connections, pool }))
        });
        if *number == bridge.number() {
            return Live::First(first);
        }
        let (connections, _) = options();
        let mut elsewhere = self.elsewhere();
        if let Some((_, session)) = elsewhere.iter().find(|(number, _)| *number == bridge.number()) {
            return Live::Elsewhere(Arc::clone(session));
        }
        let session = bridge.client().session(SessionOptions { connections, pool: None });
        let session = Arc::new(session.with_cookies(Arc::clone(first.cookies())));
        elsewhere.push((bridge.number(), Arc::clone(&session)));
        Live::Elsewhere(session)
    }

    /// Gives up a request that was made at the bridge of this number.
    pub(super) fn cancel(&self, bridge: u64, id: RequestId) {
        match self.first.get() {
            Some((number, session)) if *number == bridge => session.cancel(id),
            _ => {
                if let Some((_, session)) = self.elsewhere().iter().find(|(number, _)| *number == bridge) {
                    session.cancel(id);
                }
            }
        }
    }

    /// Closes idle connections now and busy ones after their response.
    pub(super) fn close(&self) {
        if let Some((_, session)) = self.first.get() {
            session.close_connections();
        }
        for (_, session) in &*self.elsewhere() {
            session.close_connections();
        }
    }

    fn elsewhere(&self) -> MutexGuard<'_, Vec<(u64, Arc<Session>)>> {
        self.elsewhere.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Connections for several sessions to share: what a `pool_manager` or `client_pool` stands for.
#[pyclass(frozen, module = "locust._engine")]
#[derive(Debug)]
pub(crate) struct SharedPool {
    pub(super) bridge: u64,
    pub(super) pool: ConnectionPool,
}

#[pymethods]
impl SharedPool {
    /// `keep`: how many are kept to each host; `limit`: how many there may be at a time, None for any number.
    #[new]
    #[pyo3(signature = (keep, limit=None))]
    fn new(py: Python<'_>, keep: usize, limit: Option<usize>) -> PyResult<Self> {
        let bridge = Bridge::current(py)?;
        Ok(Self { bridge: bridge.number(), pool: bridge.client().pool(PoolOptions { keep, limit }) })
    }

    /// Closes the idle connections now and the busy ones after their response.
    fn close(&self) {
        self.pool.close_connections();
    }
}

pub(super) fn register(m: &Bound<'_, PyModule>) -> PyResult<()> {
    m.add_class::<SharedPool>()
}
